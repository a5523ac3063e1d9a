import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { isParked, keepRest, parkRest, settleRest } from '../../src/conn/rest.js'
import { FAIR_SHARE, FrameDecoder } from '../../src/frame/decoder.js'
import { Frame } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, GUARD, type Random, seeded } from '../support/index.js'
import { checkMessage, drawSent, onWire, type Sent } from './sent.js'
import { crossed, type Line, onLine, settle } from './support.js'

const LONG = FAIR_SHARE

const ascii = (fill: string, length = LONG): Sent => ({ opcode: 1, payload: Buffer.alloc(length, fill) })
const other = (fill: string, length = LONG): Sent => ({
  opcode: 1,
  payload: Buffer.from(fill.repeat(Math.ceil(length / Buffer.byteLength(fill)))),
})
const bytes = (fill: number, length = LONG): Sent => ({ opcode: 2, payload: Buffer.alloc(length, fill) })

function checkFrame(frame: Frame, { opcode, payload }: Sent, what: string): void {
  assert.equal(frame.opcode, opcode, what)
  assert.ok(frame.payload.equals(payload), what)
  releaseFrame(frame)
}

/** A connection that somebody reads in a loop. */
function looped() {
  const { conn, line } = onLine()
  const got: Message[] = []
  const over = (async () => {
    for await (const message of conn) got.push(message)
  })()
  return { conn, line, got, over }
}

/** A connection that is read by messages and by frames, whatever may be here already. */
class Mixed {
  readonly #random: Random
  readonly #sent: Sent[] = []
  readonly #asked: Promise<Message | Frame | null>[] = []
  readonly #conn: Conn
  readonly #line: Line

  constructor(random: Random) {
    this.#random = random
    const { conn, line } = onLine({ maxInboxFrames: random.int(1, 20) })
    this.#conn = conn
    this.#line = line
  }

  give(): void {
    const some = Array.from({ length: this.#random.int(1, 12) }, () => drawSent(this.#random))
    this.#sent.push(...some)
    this.#line.receive(onWire(some))
  }

  async take(): Promise<void> {
    const next = this.#random.chance(4) ? this.#conn.nextFrame() : this.#conn.read()
    this.#asked.push(next)
    if (this.#asked.length <= this.#sent.length) await next
  }

  async finish(): Promise<void> {
    while (this.#sent.length < this.#asked.length) this.give()
    while (this.#asked.length < this.#sent.length) await this.take()
  }

  async check(): Promise<void> {
    for (const [i, sent] of this.#sent.entries()) {
      const got = (await this.#asked[i])!
      if (got instanceof Frame) checkFrame(got, sent, `frame ${i}`)
      else checkMessage(got, sent, `message ${i}`)
    }
  }
}

/** A decoder that has given one frame, with so many behind it, and where they lie. */
function begun(count: number): { decoder: FrameDecoder; memory: Buffer } {
  const memory = onWire(Array.from({ length: count + 1 }, (_, i) => ascii(`${i}`)))
  const decoder = new FrameDecoder({ role: 'server' })
  decoder.append(memory)
  releaseFrame(decoder.next()!)
  return { decoder, memory }
}

/** The room has nobody in it once all turns are over. */
async function checkFree(): Promise<void> {
  await settle()
  const { decoder, memory } = begun(1)
  parkRest(decoder, memory, memory.length)
  assert.ok(isParked(decoder))
  settleRest(decoder)
}

describe('what a read has left for a reader that comes back in the same turn', GUARD, () => {
  test('is given whole, and stays as it is when others are read from behind it', async () => {
    const first = looped()
    const second = looped()
    const one = [
      ascii('a'),
      other('ä'),
      bytes(1),
      ascii('b', 5000),
      other('€', 5000),
      bytes(2, 5000),
      ascii('c', 9),
    ]
    const two = [
      ascii('x'),
      bytes(3),
      ascii('d', 20_000),
      bytes(4, 20_000),
      ascii('e'),
      other('😀', 20_000),
      bytes(5, 9),
    ]
    first.line.receive(onWire(one))
    await settle()
    second.line.receive(onWire(two))
    await settle()
    assert.deepEqual([first.got.length, second.got.length], [one.length, two.length])
    for (const [i, sent] of one.entries()) checkMessage(first.got[i], sent, `first ${i}`)
    for (const [i, sent] of two.entries()) checkMessage(second.got[i], sent, `second ${i}`)
    await checkFree()
  })

  test('is kept apart from that of others who are read from in the same turn', async () => {
    const loops = Array.from({ length: 4 }, looped)
    const all = loops.map((_, i) => [ascii(`${i}`), bytes(i, 3000), other('ö', 3000), ascii(`${i + 4}`, 70)])
    for (const [i, { line }] of loops.entries()) line.receive(onWire(all[i]!))
    await settle()
    for (const [i, { got }] of loops.entries())
      for (const [j, sent] of all[i]!.entries()) checkMessage(got[j], sent, `${j} of ${i}`)
  })

  test('is joined with what comes behind it in the same turn', async () => {
    const { line, got } = looped()
    const sent = [ascii('a'), bytes(1), ascii('b', 100), other('ä'), ascii('c'), bytes(2, 70_000), ascii('d')]
    const wire = onWire(sent)
    for (const [from, to] of [
      [0, 3000],
      [3000, 3001],
      [3001, 5000],
      [5000, wire.length],
    ])
      line.receive(wire.subarray(from, to))
    await settle()
    for (const [i, message] of sent.entries()) checkMessage(got[i], message, `${i}`)
  })

  test('is no less for being more than there is room for', async () => {
    const { line, got } = looped()
    const sent = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? ascii('x', 5000 + i) : bytes(i, 5000)))
    line.receive(onWire(sent))
    await settle()
    for (const [i, message] of sent.entries()) checkMessage(got[i], message, `${i}`)
  })

  test('stays when the reader does not come back in that turn', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    const sent = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? ascii(`${i}`) : bytes(i)))
    const first = conn.read()
    line.receive(onWire(sent))
    checkMessage(await first, sent[0]!, 'first')
    await settle()
    const behind = looped()
    behind.line.receive(onWire([ascii('x', 20_000), ascii('y', 20_000)]))
    await settle()
    for (const [i, message] of sent.slice(1).entries()) checkMessage(await conn.read(), message, `${i + 1}`)
    await checkFree()
  })

  test('takes no room where nothing is left, or nobody reads', async () => {
    const alone = looped()
    alone.line.receive(onWire([ascii('a')]))
    await settle()
    checkMessage(alone.got[0], ascii('a'), 'alone')
    await checkFree()
    const { line } = onLine({ maxInboxFrames: 1 })
    line.receive(onWire([ascii('a'), ascii('b'), ascii('c')]))
    await checkFree()
  })

  test('is held by frames as well, whoever reads them behind messages', async () => {
    const { conn, line } = onLine()
    const sent = Array.from({ length: 8 }, (_, i) => ascii(`${i}`, 2000))
    const first = conn.read()
    line.receive(onWire(sent))
    checkMessage(await first, sent[0]!, 'first')
    const held: Frame[] = []
    for (let i = 1; i < 4; i++) held.push((await conn.nextFrame())!)
    checkMessage(await conn.read(), sent[4]!, 'fifth')
    held.push((await conn.nextFrame())!)
    await settle() // the room is free again
    const behind = looped()
    behind.line.receive(onWire([ascii('x', 2000), ascii('y', 20_000), ascii('z', 20_000)]))
    await settle()
    for (const [i, frame] of held.entries()) checkFrame(frame, sent[i < 3 ? i + 1 : 5]!, `frame ${i}`)
    checkMessage(await conn.read(), sent[6]!, 'seventh')
    await checkFree()
  })

  test('goes away with a connection that is dropped, and harms nobody', async () => {
    const { conn, line, over } = looped()
    line.receive(onWire([ascii('a'), ascii('b'), ascii('c')]))
    conn.terminate()
    const behind = looped()
    behind.line.receive(onWire([ascii('x'), ascii('y'), bytes(1)]))
    await assert.rejects(over)
    checkMessage(behind.got[0], ascii('x'), 'first')
    checkMessage(behind.got[1], ascii('y'), 'second')
    checkMessage(behind.got[2], bytes(1), 'third')
    await checkFree()
  })

  test('is shown as it is to who has others read in between', async () => {
    const [near, far] = crossed()
    const server = Conn.over(near, { role: 'server' })
    const client = Conn.over(far, { role: 'client' })
    const echoed: string[] = []
    void (async () => {
      for await (const message of server) echoed.push(message.text().slice(0, 3))
    })()
    const { conn, line, got } = looped()
    const shown: string[] = []
    conn.tap((event) => {
      if (event.kind !== 'frame' || event.direction !== 'in') return
      for (const fill of ['p', 'q', 'r']) void client.send(fill.repeat(3000))
      shown.push(event.frame.text())
    })
    let more = 5
    server.tap((event) => {
      if (event.direction === 'in' && more-- > 0) void client.send('more'.repeat(1000))
    })
    const sent = Array.from({ length: 6 }, (_, i) => ascii(`${i}`, 2000 + i))
    line.receive(onWire(sent))
    await settle()
    for (const [i, message] of sent.entries()) checkMessage(got[i], message, `${i}`)
    assert.deepEqual(
      shown,
      sent.map(({ payload }) => payload.toString()),
    )
    while (echoed.length < 23) await settle()
    const others = echoed.filter((text) => text !== 'mor')
    assert.deepEqual(others, Array.from({ length: 6 }, () => ['ppp', 'qqq', 'rrr']).flat())
    await client.close()
    await checkFree()
  })

  test('stays as it is where a job of the turn throws and the process goes on', async () => {
    const thrown: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    const first = looped()
    const second = looped()
    process.nextTick(() => {
      throw new Error('on purpose')
    })
    const one = [ascii('a'), bytes(1), other('ä')]
    const two = [ascii('b', 20_000), bytes(2, 20_000), ascii('c')]
    first.line.receive(onWire(one))
    await settle()
    second.line.receive(onWire(two))
    await settle()
    await settle()
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
    assert.equal((thrown[0] as Error).message, 'on purpose')
    for (const [i, sent] of one.entries()) checkMessage(first.got[i], sent, `first ${i}`)
    for (const [i, sent] of two.entries()) checkMessage(second.got[i], sent, `second ${i}`)
    await checkFree()
  })

  test('comes whole and stays so, whoever reads it in whichever way and order', () =>
    seeded(async (random) => {
      const all = Array.from({ length: 3 }, () => new Mixed(random))
      const give = (one: Mixed): void => one.give()
      const take = (one: Mixed): Promise<void> => one.take()
      for (let step = 0; step < 60; step++)
        await random.pick([give, give, take, take, take, take, take, settle])(random.pick(all))
      for (const one of all) await one.finish()
      for (const one of all) await one.check()
      await checkFree()
    }, 20))
})

describe('the room for what is left', () => {
  test('is given to one at a time, until its turn is over', () => {
    const one = begun(2)
    const two = begun(2)
    parkRest(one.decoder, one.memory, one.memory.length)
    parkRest(two.decoder, two.memory, two.memory.length)
    assert.deepEqual([isParked(one.decoder), isParked(two.decoder)], [true, false])
    settleRest(two.decoder) // it has no room to give back
    const three = begun(2)
    parkRest(three.decoder, three.memory, three.memory.length)
    assert.deepEqual([isParked(one.decoder), isParked(three.decoder)], [true, false])
    settleRest(one.decoder)
    assert.equal(isParked(one.decoder), false)
    parkRest(two.decoder, two.decoder.chunk, two.decoder.chunk.length)
    assert.equal(isParked(two.decoder), true)
    settleRest(two.decoder)
    for (const { decoder } of [one, two]) {
      assert.equal(decoder.next()?.text(), '1'.repeat(LONG))
      assert.equal(decoder.next()?.text(), '2'.repeat(LONG))
      assert.equal(decoder.next(), undefined)
    }
  })

  test('is not for what had to be joined', () => {
    const { decoder, memory } = begun(2)
    decoder.append(clientFrame(1, 'behind'))
    parkRest(decoder, memory, memory.length)
    assert.equal(isParked(decoder), false)
    for (const text of ['1'.repeat(LONG), '2'.repeat(LONG), 'behind'])
      assert.equal(decoder.next()?.text(), text)
  })

  test('is free again when all that lay there was taken', () => {
    const one = begun(1)
    parkRest(one.decoder, one.memory, one.memory.length)
    assert.equal(one.decoder.next()?.text(), '1'.repeat(LONG))
    settleRest(one.decoder)
    const two = begun(1)
    parkRest(two.decoder, two.memory, two.memory.length)
    assert.equal(isParked(two.decoder), true)
    keepRest(two.decoder)
    settleRest(two.decoder)
    assert.equal(two.decoder.next()?.text(), '1'.repeat(LONG))
  })
})
