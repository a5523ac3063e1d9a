import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import type { CloseError } from '../../src/errors.js'
import type { Frame } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, closePayload, seeded } from '../support/index.js'
import { checkMessage, drawSent, onWire } from './sent.js'
import { onLine, settle } from './support.js'

const texts = (from: number, to: number): Buffer[] =>
  Array.from({ length: to - from }, (_, i) => clientFrame(1, String(from + i)))

describe('messages that are taken straight out of what was left undecoded', () => {
  test('come in order, with pings between them answered and fragments among them joined', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    const fragments = [clientFrame(1, 'fra', { fin: false }), clientFrame(9, 'in'), clientFrame(0, 'gment')]
    line.receive(Buffer.concat([...texts(0, 40), clientFrame(9, 'x'), ...fragments, ...texts(40, 80)]))
    const got: (string | undefined)[] = []
    for (let i = 0; i < 81; i++) got.push((await conn.read())?.text())
    assert.deepEqual(got, [
      ...Array.from({ length: 40 }, (_, i) => String(i)),
      'fragment',
      ...Array.from({ length: 40 }, (_, i) => String(40 + i)),
    ])
    await settle()
    assert.equal(line.take().toString('latin1'), '\x8a\x01x\x8a\x02in')
    assert.equal(line.paused, false)
    assert.equal(conn.stats.messagesIn, 81)
  })

  test('are given before what is wrong behind them ends the connection', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    line.receive(Buffer.concat([...texts(0, 5), Buffer.from('ff80', 'hex'), Buffer.alloc(4), ...texts(5, 9)]))
    for (let i = 0; i < 5; i++) assert.equal((await conn.read())?.text(), String(i))
    await assert.rejects(conn.read(), (error: CloseError) => error.code === 1002)
  })

  test('are given before the peer closes behind them', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    line.receive(Buffer.concat([...texts(0, 5), clientFrame(8, closePayload(1000))]))
    const got: string[] = []
    for await (const message of conn) got.push(message.text())
    assert.deepEqual(got, ['0', '1', '2', '3', '4'])
  })

  test('leave the rest to be looked at when the turn is over, whether anybody reads on or not', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 4 })
    line.receive(Buffer.concat([...texts(0, 6), clientFrame(9, 'x')]))
    await settle()
    assert.equal(line.take().length, 0)
    for (let i = 0; i < 3; i++) assert.equal((await conn.read())?.text(), String(i))
    await settle()
    assert.equal(line.take().toString('latin1'), '\x8a\x01x')
  })

  test('lose nothing to readers who wait in line', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    const first = [conn.read(), conn.read()]
    line.receive(Buffer.concat(texts(0, 20)))
    const rest = Array.from({ length: 18 }, () => conn.read())
    const got = (await Promise.all([...first, ...rest])).map((message) => message?.text())
    assert.deepEqual(
      got,
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
  })
})

describe('messages that are taken straight out, of every kind and size,', () => {
  for (const validateText of [true, false])
    test(`are what was sent, and stay so, ${validateText ? 'text looked at' : 'unseen'}`, () =>
      seeded(async (random) => {
        const { conn, line } = onLine({ maxInboxFrames: random.int(1, 4), validateText })
        const sent = Array.from({ length: 60 }, () => drawSent(random))
        const got: Message[] = []
        while (got.length < sent.length) {
          const some = sent.slice(got.length, got.length + random.int(1, 12))
          line.receive(onWire(some))
          for (const _ of some) got.push((await conn.read())!)
        }
        for (const [i, message] of got.entries()) checkMessage(message, sent[i]!, `message ${i}`)
      }, 5))

  for (const size of [20, 2000])
    test(`are no text that is no UTF-8, ${size} bytes: those before are given`, async () => {
      const { conn, line } = onLine({ maxInboxFrames: 1 })
      const broken = Buffer.alloc(size, 'ä').fill(0xff, size - 1)
      line.receive(Buffer.concat([...texts(0, 5), clientFrame(1, broken), ...texts(5, 9)]))
      for (let i = 0; i < 5; i++) assert.equal((await conn.read())?.text(), String(i))
      await assert.rejects(conn.read(), (error: CloseError) => error.code === 1007)
      assert.equal(conn.stats.messagesIn, 5)
    })
})

describe('frames that are taken straight out of what was left undecoded', () => {
  const shown = async (conn: Conn): Promise<string> => {
    const frame = await conn.nextFrame()
    if (frame === null) return 'end'
    const text = `${frame.opcode}${frame.fin ? '' : '…'} ${frame.text()}`
    releaseFrame(frame)
    return text
  }

  test('come in order, control frames among them, answered already', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    const first = shown(conn)
    line.receive(
      ...texts(0, 30),
      clientFrame(9, 'x'),
      clientFrame(1, 'fra', { fin: false }),
      clientFrame(10, 'y'),
      clientFrame(0, 'gment'),
      ...texts(30, 33),
      clientFrame(8, closePayload(1000)),
    )
    const got = [await first]
    while (got.at(-1) !== 'end') got.push(await shown(conn))
    const numbers = Array.from({ length: 33 }, (_, i) => `1 ${i}`)
    assert.deepEqual(got.slice(0, 34), [...numbers.slice(0, 30), '9 x', '1… fra', '10 y', '0 gment'])
    assert.deepEqual(got.slice(34), [...numbers.slice(30), `8 ${closePayload(1000)}`, 'end'])
    await settle()
    assert.equal(line.take().subarray(0, 3).toString('latin1'), '\x8a\x01x')
    assert.equal(conn.stats.messagesIn, 34)
    assert.equal(conn.stats.framesIn, 38)
  })

  test('stay as they are while they are held, whatever comes in meanwhile', () =>
    seeded(async (random) => {
      const { conn, line } = onLine({ maxInboxFrames: random.int(1, 8) })
      const sent: string[] = []
      const held: Promise<Frame | null>[] = []
      const give = (): void => {
        const texts = Array.from({ length: random.int(1, 30) }, () =>
          String(random.int(0, 1e9)).repeat(random.int(0, 300)),
        )
        sent.push(...texts)
        line.receive(...texts.map((text) => clientFrame(1, text)))
      }
      const take = async (): Promise<void> => {
        const asked = conn.nextFrame()
        held.push(asked)
        if (held.length <= sent.length) await asked
      }
      for (let step = 0; step < 100; step++) await random.pick([give, take, take, take, take, settle])()
      while (held.length > sent.length) give()
      while (held.length < sent.length) await take()
      for (const [i, asked] of held.entries()) assert.equal((await asked)?.text(), sent[i], `frame ${i}`)
    }))

  test('are the next ones for whoever reads messages', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    const first = shown(conn)
    line.receive(...texts(0, 6))
    assert.deepEqual([await first, await shown(conn)], ['1 0', '1 1'])
    assert.equal((await conn.read())?.text(), '2')
    const both = [conn.read(), shown(conn)]
    assert.equal(((await both[0]) as { text(): string }).text(), '3')
    assert.deepEqual([await both[1], await shown(conn)], ['1 4', '1 5'])
  })

  test('are given before what is wrong behind them ends the connection', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    const first = shown(conn)
    line.receive(...texts(0, 4), Buffer.from('ff80', 'hex'), Buffer.alloc(4))
    assert.deepEqual(
      [await first, await shown(conn), await shown(conn), await shown(conn)],
      ['1 0', '1 1', '1 2', '1 3'],
    )
    await assert.rejects(conn.nextFrame(), (error: CloseError) => error.code === 1002)
  })
})
