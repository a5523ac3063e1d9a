import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { clientFrame, seeded } from '../support/index.js'
import { brief, type Line, onLine, settle } from './support.js'

const LARGE = 150_000

/** A message as a client sends it, whole or in fragments of a size, and its bytes. */
function incoming(length: number, fragment = length): { wire: Buffer[]; data: Buffer } {
  const data = Buffer.alloc(length)
  for (let i = 0; i < length; i += 7) data[i] = i >>> 3
  return { wire: cut(data, fragment), data }
}

/** The frames of a message. */
function cut(data: Buffer, fragment: number, opcode = 2): Buffer[] {
  const wire: Buffer[] = []
  for (let at = 0; at === 0 || at < data.length; at += fragment)
    wire.push(
      clientFrame(at === 0 ? opcode : 0, Buffer.from(data.subarray(at, at + fragment)), {
        fin: at + fragment >= data.length,
      }),
    )
  return wire
}

/** Gives bytes to a line as a socket does that reads into the room it is given; returns whose memory that was. */
function feed(line: Line, wire: readonly Buffer[]): Set<ArrayBufferLike> {
  const bytes = Buffer.concat(wire)
  const memory = new Set<ArrayBufferLike>()
  for (let at = 0; at < bytes.length; ) {
    const room = line.events.room()
    if (room !== undefined) memory.add(room.buffer)
    const count = Math.min(bytes.length - at, room?.length ?? 60_000)
    if (room === undefined) line.receive(bytes.subarray(at, at + count))
    else line.events.bytes(room, 0, bytes.copy(room, 0, at, at + count))
    at += count
  }
  return memory
}

const shapes = [
  ['whole', LARGE],
  ['in large fragments', 40_000],
  ['in large fragments and a small one', 70_000],
  ['in small fragments', 3000],
] as const

for (const [shape, fragment] of shapes)
  describe(`a large message ${shape}`, () => {
    test('has its bytes in every form', async () => {
      const { conn, line } = onLine({ maxFragments: 100 })
      const { wire, data } = incoming(LARGE, fragment)
      feed(line, [...wire, ...wire])
      const first = (await conn.read())!
      assert.equal(first.length, LARGE)
      assert.equal(first.text(), data.toString())
      assert.ok(first.data.equals(data))
      const second = (await conn.read())!
      assert.ok(second.keep().data.equals(data))
      assert.equal(second.data, second.data)
    })

    test('that was sent on leaves as it was, whatever is done with it before it has left', async () => {
      const { conn, line } = onLine({ maxOutboxBytes: Infinity, maxFragments: 100 })
      const { wire, data } = incoming(LARGE, fragment)
      feed(line, wire)
      const message = (await conn.read())!
      line.stuck = true
      for (let i = 0; i < 2; i++) void conn.send(message)
      assert.ok(message.data.equals(data))
      message.data.fill(1)
      void conn.send(message)
      message.data.fill(2)
      line.unstick()
      const sent = (await line.frames()).map(({ payload }) => payload)
      assert.deepEqual(
        sent.map((payload) => payload.equals(data)),
        [true, true, false],
      )
      assert.ok(sent[2]?.equals(Buffer.alloc(LARGE, 1)), 'as it was when it was sent')
    })

    test('of an event stays where it was kept, or not looked at, and leaves as it was', async () => {
      const seen: Message[] = []
      const { line } = onLine({
        maxOutboxBytes: Infinity,
        maxFragments: 100,
        events: {
          message: (conn, message) => {
            if (seen.push(message) > 1) void conn.send(message.keep())
          },
        },
      })
      const { wire, data } = incoming(LARGE, fragment)
      line.stuck = true
      feed(line, [...wire, ...wire])
      for (const message of seen) {
        assert.ok(message.data.equals(data))
        message.data.fill(1)
      }
      line.unstick()
      const [sent] = await line.frames()
      assert.ok(sent?.payload.equals(data))
    })

    test('is sent as one frame, with nothing but whole frames in front of it and behind it', async () => {
      const { conn, line } = onLine({ maxOutboxBytes: Infinity, maxFragments: 100 })
      const { wire, data } = incoming(LARGE, fragment)
      feed(line, wire)
      const message = (await conn.read())!
      line.stuck = true
      void conn.send('first')
      await settle()
      for (let i = 0; i < 3; i++) {
        void conn.send(message)
        void conn.ping(`${i}`)
        line.drain() // one write at a time leaves: whatever is next may be a control frame
      }
      void conn.send('last')
      for (let i = 0; i < 60; i++) line.drain()
      line.unstick()
      const frames = await line.frames()
      const large = frames.filter(({ payload }) => payload.length === LARGE)
      assert.equal(large.length, 3)
      for (const { payload, opcode } of large) assert.ok(opcode === 2 && payload.equals(data))
      const others = frames.filter(({ payload }) => payload.length < LARGE).map(brief)
      assert.deepEqual(others.sort(), ['ping 0', 'ping 1', 'ping 2', 'text first', 'text last'])
      assert.equal(brief(frames.at(-1)!), 'text last')
      assert.equal(conn.bufferedAmount, 0)
      assert.equal(
        conn.stats.bytesOut,
        frames.reduce((sum, { payload }) => sum + sizeOf(payload), 0),
      )
    })
  })

/** What a frame of a server takes on the wire. */
const sizeOf = ({ length }: Buffer): number => length + (length < 126 ? 2 : length < 65_536 ? 4 : 10)

test('a large message is cut to the fragment size, and masked by a client', async () => {
  for (const options of [{ fragmentSize: 60_000 }, { role: 'client' }] as const) {
    const source = onLine()
    const { wire, data } = incoming(LARGE, 50_000)
    feed(source.line, wire)
    const { conn, line } = onLine(options)
    void conn.send((await source.conn.read())!)
    const frames = await line.frames()
    assert.equal(frames.length, 'role' in options ? 1 : 3)
    assert.ok(Buffer.concat(frames.map(({ payload }) => payload)).equals(data))
  }
})

test('a large message that waits is dropped with the rest when the connection is', async () => {
  const { conn, line } = onLine({ maxOutboxBytes: Infinity })
  const { wire } = incoming(LARGE, 50_000)
  feed(line, wire)
  const message = (await conn.read())!
  line.stuck = true
  for (let i = 0; i < 3; i++) void conn.send(message)
  assert.ok(conn.bufferedAmount > 3 * LARGE)
  conn.terminate()
  await settle()
  line.unstick()
  assert.equal(conn.bufferedAmount, 0)
})

/** A connection, and what has been sent on it. */
class End {
  readonly #sent: Buffer[] = []
  readonly #conn: Conn
  readonly line: Line

  constructor() {
    const { conn, line } = onLine({ maxOutboxBytes: Infinity })
    this.#conn = conn
    this.line = line
  }

  async receive(length: number, fragment: number): Promise<Held> {
    const { wire, data } = incoming(length, fragment)
    feed(this.line, wire)
    const message = await this.#conn.read()
    assert.ok(message)
    return { message, data }
  }

  send({ message, data }: Held): void {
    void this.#conn.send(message)
    this.#sent.push(Buffer.from(data))
  }

  async check(): Promise<void> {
    this.line.unstick()
    const frames = await this.line.frames()
    assert.equal(frames.length, this.#sent.length)
    for (const [i, { payload }] of frames.entries()) assert.ok(payload.equals(this.#sent[i]!), `message ${i}`)
  }
}

interface Held {
  readonly message: Message
  readonly data: Buffer
}

test('large messages that go back and forth between connections keep their bytes', () =>
  seeded(async (random) => {
    const ends = [new End(), new End(), new End()]
    const held = [await ends[0]!.receive(LARGE, LARGE)]
    for (let i = 0; i < 40; i++) {
      const end = random.pick(ends)
      const length = random.int(30_000, 200_000)
      if (random.chance(3)) held.push(await end.receive(length, random.pick([length, 20_000, 5000])))
      if (random.chance(4)) end.line.stuck = !end.line.stuck
      if (!end.line.stuck) end.line.drain()
      const one = random.pick(held)
      if (random.chance(6)) one.message.data.fill(i).copy(one.data)
      end.send(one)
    }
    for (const end of ends) await end.check()
  }, 10))

test('what comes in while a large message is handled is handled behind it', () => {
  const seen: number[] = []
  const { line } = onLine({
    events: {
      message: (_, message) => {
        seen.push(message.length)
        if (message.length === LARGE) line.receive(clientFrame(1, 'next'), clientFrame(1, 'after'))
        seen.push(0)
      },
    },
  })
  feed(line, incoming(LARGE).wire)
  assert.deepEqual(seen, [LARGE, 0, 4, 0, 5, 0])
})

type Use = (conn: Conn, message: Message) => unknown

/** What an application does with the large message of an event, and whether its memory is free again behind that. */
const uses: readonly [what: string, use: Use, isFree: boolean][] = [
  ['sends it on', (conn, message) => void conn.send(message), true],
  ['sends it on twice', (conn, message) => void [conn.send(message), conn.send(message)], true],
  ['reads its text', (_, message) => void message.text(), true],
  ['reads its text and sends it on', (conn, message) => void [message.text(), conn.send(message)], true],
  ['does nothing', () => undefined, false],
  ['keeps it', (_, message) => void message.keep(), false],
  ['looks at its bytes', (_, message) => void message.data, false],
  ['sends it on and keeps it', (conn, message) => void [conn.send(message), message.keep()], false],
  ['keeps it and sends it on', (conn, message) => void conn.send(message.keep()), false],
  ['looks at its bytes and sends it on', (conn, message) => void [message.data, conn.send(message)], false],
  ['sends it on and looks at its bytes', (conn, message) => void [conn.send(message), message.data], false],
  ['takes its time', settle, false],
  ['sends it on and takes its time', (conn, message) => [conn.send(message), settle()][1], false],
]

describe('a large message of an event, of which somebody', () => {
  for (const [what, use, isFree] of uses)
    for (const [shape, fragment, stuck] of [
      ['', LARGE, false],
      [' while nothing leaves', LARGE, true],
      [', in fragments', 100_000, false],
      [', in fragments, while nothing leaves', 100_000, true],
    ] as const)
      test(`${what}${shape}`, async () => {
        const messages: Message[] = []
        const { line } = onLine({
          maxOutboxBytes: Infinity,
          events: {
            message: (conn, message) => (messages.push(message) === 1 ? use(conn, message) : message.keep()),
          },
        })
        const data = Buffer.alloc(LARGE, 'first')
        const other = Buffer.alloc(LARGE, 'other')
        line.stuck = stuck
        const before = feed(line, cut(data, fragment, 1))
        await settle()
        const after = feed(line, cut(other, fragment, 1))
        await settle()

        const isUsedAgain = [...after].some((memory) => before.has(memory))
        const isText = what.includes('text')
        const isOnItsWay = stuck && what.includes('sends')
        const isJoined = isText && fragment < LARGE
        assert.equal(isUsedAgain, isFree && !isOnItsWay && !isJoined)
        if (isFree && !isOnItsWay && !isText)
          assert.throws(() => messages[0]!.data, { code: 'WS_ERR_RELEASED' })
        else assert.ok(messages[0]!.data.equals(data))
        assert.equal(messages[1]!.text(), 'other'.repeat(LARGE / 5))
        line.unstick()
        for (const { payload } of await line.frames()) assert.ok(payload.equals(data))
      })
})

test('large messages of events keep their bytes, whatever is done with others, here and on their way out', () =>
  seeded(async (random) => {
    const ends = [new End(), new End()]
    const held: Held[] = []
    let data = Buffer.alloc(0)
    const send = (message: Message): void => {
      for (const end of ends) if (random.chance()) end.send({ message, data })
    }
    const hold = (message: Message): number => held.push({ message: message.keep(), data })
    const actions: ((message: Message) => unknown)[] = [
      send,
      hold,
      (message) => [send(message), hold(message)],
      (message) => [hold(message), send(message)],
      (message) => [assert.ok(message.data.equals(data)), send(message)],
      (message) => [assert.equal(message.text(), data.toString()), send(message)],
      (message) => [message.data.fill(1).copy(data), send(message)],
      (message) => [send(message), message.data.fill(1)],
      (message) => settle().then(() => send(message)),
    ]
    const { line } = onLine({
      maxOutboxBytes: Infinity,
      events: { message: (_, message) => random.pick(actions)(message) },
    })
    for (let i = 0; i < 40; i++) {
      for (const { line } of ends) {
        if (random.chance(4)) line.stuck = !line.stuck
        if (!line.stuck) line.drain()
      }
      const length = random.pick([70_000, 100_000, random.int(30_000, 250_000)])
      data = Buffer.alloc(length, `${i} `)
      feed(line, cut(data, random.pick([length, length, 40_000]), random.int(1, 2)))
      await settle()
    }
    for (const { message, data } of held) assert.ok(message.data.equals(data))
    for (const end of ends) await end.check()
  }, 20))
