import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { catchUp, putOff } from '../../src/conn/put-off.js'
import type { ReadFrame } from '../support/index.js'
import { deferred, type Random, seeded } from '../support/index.js'
import { drawSent, onWire, type Sent } from './sent.js'
import { brief, type Line, onLine, readFrames, settle } from './support.js'

test('copies that are put off do what copies at once do', () =>
  seeded((random) => {
    const sources = [random.bytes(3000), random.bytes(3000)]
    const targets = [Buffer.alloc(9000), Buffer.alloc(9000)]
    const naive = [Buffer.alloc(9000), Buffer.alloc(9000)]
    let [source, target, start, at] = [0, 0, 0, 0]
    for (let i = 0; i < 200; i++) {
      if (random.chance(8)) source = random.int(0, 1)
      if (random.chance(8)) target = random.int(0, 1)
      if (random.chance(8)) start = random.int(0, 2500)
      if (random.chance(8)) at = random.int(0, 8000)
      const end = Math.min(3000, start + random.int(0, 40))
      putOff(sources[source]!, start, end, targets[target]!, at)
      sources[source]!.copy(naive[target]!, at, start, end)
      at = Math.min(8900, at + end - start)
      start = end
      if (!random.chance(10)) continue
      catchUp()
      assert.deepEqual(targets, naive, `after ${i}`)
    }
    catchUp()
    assert.deepEqual(targets, naive)
  }, 50))

/** A connection that messages are sent to, and what its peer has to see of them. */
class Peer {
  readonly conn: Conn
  readonly line: Line
  readonly due: string[] = []
  isGone = false

  constructor(random: Random) {
    const fragmentSize = random.pick([Infinity, Infinity, Infinity, 30, 700])
    const role = random.chance(5) ? 'client' : 'server'
    const opened = onLine({ role, fragmentSize, maxOutboxBytes: 64 << 20, maxInboxFrames: random.int(1, 9) })
    this.conn = opened.conn
    this.line = opened.line
  }

  send(data: Message | string | Buffer, due: Sent): void {
    if (this.isGone) return
    void this.conn.send(data)
    this.due.push(inShort(due))
  }

  /** Drops it; what was sent and has not left, has not. */
  drop(): void {
    this.isGone = true
    this.conn.terminate()
  }

  async check(): Promise<void> {
    this.line.unstick()
    await settle()
    const seen = wholeMessages(await readFrames(this.line.take()))
    if (this.isGone) assert.deepEqual(seen, this.due.slice(0, seen.length))
    else assert.deepEqual(seen, this.due)
    this.due.length = 0
  }
}

const inShort = ({ opcode, payload }: Sent): string => `${opcode} ${payload.toString('hex')}`

function wholeMessages(frames: readonly ReadFrame[]): string[] {
  const messages: string[] = []
  let parts: Buffer[] = []
  let opcode = 0
  for (const frame of frames) {
    if (frame.opcode !== 0) opcode = frame.opcode
    parts.push(frame.payload)
    if (!frame.fin) continue
    messages.push(inShort({ opcode, payload: Buffer.concat(parts) }))
    parts = []
  }
  return messages
}

/** A message that the application holds, and what it is to be. */
interface Held {
  readonly message: Message
  readonly sent: Sent
}

/** An application that reads from some and sends to others. */
class Relay {
  readonly #random: Random
  readonly #sources = [onLine({ maxInboxFrames: 2 }), onLine({ maxInboxFrames: 60 })]
  readonly #held: Held[] = []
  /** Nothing is put off any more out of memory of which somebody was given some. */
  readonly #looks: boolean
  #peers: Peer[]

  constructor(random: Random) {
    this.#random = random
    this.#looks = random.chance(2)
    this.#peers = Array.from({ length: 3 }, () => new Peer(random))
  }

  async read(): Promise<void> {
    const random = this.#random
    const { conn, line } = random.pick(this.#sources)
    const come = Array.from({ length: random.int(0, 12) }, () =>
      random.chance(3) ? drawSent(random) : { opcode: 2, payload: random.bytes(random.int(0, 60)) },
    )
    const readers = random.chance(2) ? come.map(() => conn.read()) : []
    line.receive(onWire(come))
    for (const [i, sent] of come.entries()) {
      const message = (await (readers[i] ?? conn.read()))!
      this.#held.push({ message, sent: { ...sent, payload: Buffer.from(sent.payload) } })
      if (random.chance(2)) random.pick(this.#peers).send(message, sent)
    }
    if (this.#held.length > 40) this.#held.splice(0, 20)
  }

  act(): void {
    const random = this.#random
    if (this.#held.length === 0) return
    const held = random.pick(this.#held)
    const { message, sent } = held
    random.pick([
      () => this.#send(message, sent),
      () => this.#send(message, sent),
      () => this.#sendAll(held),
      () => this.#sendText(held),
      ...(this.#looks ? [() => this.#change(held), () => this.#sendData(held)] : []),
    ])()
  }

  #send(data: Message | string | Buffer, due: Sent): void {
    this.#random.pick(this.#peers).send(data, due)
  }

  #sendAll({ message, sent }: Held): void {
    for (const peer of this.#peers) peer.send(message, sent)
  }

  #sendText({ message, sent }: Held): void {
    if (!message.isText) return
    assert.equal(message.text(), sent.payload.toString())
    this.#send(message.text(), sent)
  }

  #sendData({ message, sent }: Held): void {
    this.#send(message.data, { opcode: 2, payload: sent.payload })
  }

  /** From now on its bytes are ours to change: what was sent before is not to change with them. */
  #change({ message, sent }: Held): void {
    if (message.length > 0) message.data[0] = sent.payload[0] = sent.payload[0]! ^ 1
  }

  async disturb(): Promise<void> {
    const random = this.#random
    if (random.chance(3)) random.pick(this.#peers).line.stuck = true
    if (random.chance(10)) {
      const gone = random.pick(this.#peers)
      gone.drop()
      await gone.check()
      this.#peers = this.#peers.map((peer) => (peer === gone ? new Peer(random) : peer))
    }
    if (random.chance(2)) await settle()
  }

  async check(): Promise<void> {
    for (const peer of this.#peers) await peer.check()
    for (const { message, sent } of this.#held) assert.equal(message.length, sent.payload.length)
  }

  checkHeld(): void {
    for (const { message, sent } of this.#held) assert.ok(message.data.equals(sent.payload))
  }
}

/** What comes behind this lies in memory of which nobody was given anything yet. */
async function useUpMemory(): Promise<void> {
  const { conn, line } = onLine()
  const sent = Array.from({ length: 10 }, () => ({ opcode: 2, payload: Buffer.alloc(900) }))
  line.receive(onWire(sent))
  for (const _ of sent) await conn.read()
}

describe('messages that somebody reads and sends on, again and again, to others too,', () => {
  beforeEach(useUpMemory)

  test('arrive as they were when they were sent, whatever becomes of them and of others', () =>
    seeded(async (random) => {
      const relay = new Relay(random)
      for (let round = 0; round < 40; round++) {
        await relay.read()
        for (let i = random.int(0, 8); i > 0; i--) relay.act()
        await relay.disturb()
        if (random.chance(4)) await relay.check()
      }
      await relay.check()
      relay.checkHeld()
    }, 60))

  test('may be changed as soon as they are sent, and sent again', async () => {
    const { conn, line } = onLine()
    line.receive(onWire(['ab', 'cd', 'ef'].map((text) => ({ opcode: 2, payload: Buffer.from(text) }))))
    for await (const message of conn) {
      void conn.send(message)
      message.data[0] = 0x2a
      void conn.send(message)
      if (message.text() === '*f') break
    }
    const seen = (await line.frames()).map(({ payload }) => payload.toString())
    assert.deepEqual(seen, ['ab', '*b', 'cd', '*d', 'ef', '*f'])
  })

  /** A message that waited until another was handled, and was sent on then; what it was sent on. */
  async function waited(look: (message: Message) => void) {
    const first = deferred<void>()
    const got: Message[] = []
    const message = (conn: Conn, message: Message): Promise<void> | undefined => {
      got.push(message)
      if (got.length === 1) return first.promise
      look(message)
      void conn.send(message)
      return undefined
    }
    const { conn, line } = onLine({ events: { message } })
    line.receive(onWire(['first', 'second'].map((text) => ({ opcode: 1, payload: Buffer.from(text) }))))
    first.resolve()
    assert.deepEqual((await line.frames()).map(brief), ['text second'])
    return { conn, line, second: got[1]! }
  }

  test('are sent on again when they were given back, and only their text was left', async () => {
    const { conn, line, second } = await waited((message) => message.text())
    void conn.send(second)
    void conn.send(second.keep())
    void conn.send(second)
    assert.equal(String(second.data), 'second')
    assert.deepEqual((await line.frames()).map(brief), ['text second', 'text second', 'text second'])
  })

  test('are given back when an event did nothing but send them on, whenever they came', async () => {
    const { second } = await waited(() => undefined)
    assert.throws(() => second.text(), { code: 'WS_ERR_RELEASED' })
  })

  test('lie side by side on the wire in one write', async () => {
    const { conn, line } = onLine()
    const texts = Array.from({ length: 500 }, (_, i) => `message ${i}`)
    line.receive(onWire(texts.map((text) => ({ opcode: 1, payload: Buffer.from(text) }))))
    for await (const message of conn) {
      void conn.send(message)
      if (message.text() === texts.at(-1)) break
    }
    const seen = (await line.frames()).map(({ payload }) => payload.toString())
    assert.deepEqual(seen, texts)
    assert.equal(line.writes, 1)
  })

  test('arrive as they were when somebody took them while they were sent, and changed them then', async () => {
    const [source, first, second] = [onLine(), onLine(), onLine()]
    source.line.receive(onWire([{ opcode: 2, payload: Buffer.alloc(900, 0x61) }]))
    const message = (await source.conn.read())!
    let data: Buffer | undefined
    first.conn.tap(() => {
      data ??= message.data
    })
    for (const size of [32_000, 32_000, 1000]) void first.conn.send(Buffer.alloc(size))
    void second.conn.send(message) // there is no room: the others are written, and shown
    data!.fill(0x62)
    assert.deepEqual(
      (await second.line.frames()).map(({ payload }) => payload),
      [Buffer.alloc(900, 0x61)],
    )
  })

  test('arrive when they are sent while others are written', async () => {
    const [source, first, second] = [onLine(), onLine(), onLine()]
    source.line.receive(onWire(['ab', 'cd'].map((text) => ({ opcode: 1, payload: Buffer.from(text) }))))
    const [ab, cd] = [(await source.conn.read())!, (await source.conn.read())!]
    const stop = first.conn.tap(() => {
      stop()
      void second.conn.send(cd)
    })
    void first.conn.send('shown')
    void second.conn.send(ab)
    assert.deepEqual((await second.line.frames()).map(brief), ['text ab', 'text cd'])
  })

  test('leave alone what others lay where a dropped connection had its frames', async () => {
    const gone = onLine()
    const { conn, line } = onLine()
    gone.line.receive(onWire([{ opcode: 2, payload: Buffer.alloc(40, 0xaa) }]))
    void gone.conn.send((await gone.conn.read())!)
    gone.conn.terminate()
    await settle()
    void conn.send('here instead')
    await settle()
    assert.deepEqual(
      (await line.frames()).map(({ payload }) => payload.toString()),
      ['here instead'],
    )
  })
})
