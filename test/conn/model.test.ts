import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CompressOptions } from '../../src/conn/compress-options.js'
import type { Conn } from '../../src/conn/conn.js'
import { pair } from '../../src/conn/pair.js'
import { Frame } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { Extension } from '../../src/protocol/extension.js'
import { fc } from '../support/fast-check.js'
import { TAKEOVER } from './compress-support.js'
import { settle, watchUnhandled } from './support.js'

/** What one direction must do: everything that was sent arrives once, in order, as it was. */
interface Direction {
  readonly sent: string[]
  readonly received: string[]
}

/** One end, its calls under way, and what it is to hear. */
class End {
  readonly conn: Conn
  readonly out: Direction
  readonly in: Direction
  /** Reads in call order; a cancelled one gives undefined. */
  readonly #reads: Promise<string | undefined>[] = []
  readonly calls: Promise<unknown>[] = []

  constructor(conn: Conn, out: Direction, incoming: Direction) {
    this.conn = conn
    this.out = out
    this.in = incoming
  }

  send(text: string): void {
    if (!this.conn.isOpen) return
    this.out.sent.push(text)
    this.calls.push(this.conn.send(text.length % 2 === 0 ? text : Buffer.from(text)))
  }

  stream(parts: readonly string[]): void {
    if (!this.conn.isOpen) return
    this.out.sent.push(parts.join(''))
    async function* source(): AsyncGenerator<string> {
      for (const part of parts) {
        if (part.length % 3 === 0) await settle()
        yield part
      }
    }
    this.calls.push(this.conn.send(source()))
  }

  writer(parts: readonly string[]): void {
    if (!this.conn.isOpen) return
    this.out.sent.push(parts.join(''))
    const writer = this.conn.writer('text')
    for (const part of parts) this.calls.push(writer.write(part))
    this.calls.push(writer.end())
  }

  frames(parts: readonly string[]): void {
    if (!this.conn.isOpen || parts.length === 0) return
    this.out.sent.push(parts.join(''))
    for (const [i, payload] of parts.entries())
      this.calls.push(
        this.conn.writeFrame(new Frame({ opcode: i === 0 ? 1 : 0, fin: i === parts.length - 1, payload })),
      )
  }

  ping(): void {
    this.calls.push(this.conn.ping())
  }

  read(cancelled: boolean): void {
    const controller = new AbortController()
    const read = this.conn.read({ signal: controller.signal }).then((message) => message?.text())
    this.#note(read)
    if (cancelled) controller.abort()
  }

  parts(): void {
    const read = this.conn.reader().then(async (reader) => {
      if (reader === null) return undefined
      let text = ''
      for await (const part of reader) text += part.toString('latin1')
      return text
    })
    this.#note(read)
  }

  #note(read: Promise<string | undefined>): void {
    this.#reads.push(read.catch(() => undefined))
  }

  /** Waits for all that was called, and reads what is left, by message or by frame. */
  async finish(byFrame: boolean): Promise<void> {
    for (const read of this.#reads) {
      const text = await read
      if (text !== undefined) this.in.received.push(text)
    }
    if (byFrame) return this.#readFrames()
    for await (const message of this.conn) this.in.received.push(message.text())
  }

  async #readFrames(): Promise<void> {
    let text = ''
    for (let frame = await this.conn.nextFrame(); frame !== null; frame = await this.conn.nextFrame()) {
      if (frame.isData) text += frame.text()
      if (frame.isData && frame.fin) {
        this.in.received.push(text)
        text = ''
      }
      releaseFrame(frame)
    }
  }
}

/** How long a run may take, besides many turns: the thread pool of a busy machine takes its time. */
let patience = 60_000

/** Waits turn by turn, and not for ever: then the run that hangs is found and shrunk. */
async function soon(done: () => boolean, otherwise: string): Promise<void> {
  const until = performance.now() + patience
  for (let turns = 0; !done(); turns++) {
    if (turns >= 500_000 && performance.now() >= until) {
      patience = 0 // the runs that follow only make it smaller
      assert.fail(otherwise)
    }
    await settle()
  }
}

async function settles(promises: readonly Promise<unknown>[], otherwise: string): Promise<void> {
  let settled = false
  const all = Promise.allSettled(promises).then(() => {
    settled = true
  })
  await soon(() => settled, otherwise)
  await all
}

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 }),
  fc.integer({ min: 100, max: 30_000 }).map((length) => 'x'.repeat(length)),
)
const parts = fc.array(text, { minLength: 1, maxLength: 4 })
const side = fc.constantFrom<'client' | 'server'>('client', 'server')
type Act = (end: End) => unknown
const act = fc.oneof(
  {
    weight: 6,
    arbitrary: text.map(
      (value): Act =>
        (end) =>
          end.send(value),
    ),
  },
  {
    weight: 2,
    arbitrary: parts.map(
      (value): Act =>
        (end) =>
          end.stream(value),
    ),
  },
  {
    weight: 2,
    arbitrary: parts.map(
      (value): Act =>
        (end) =>
          end.writer(value),
    ),
  },
  {
    weight: 1,
    arbitrary: parts.map(
      (value): Act =>
        (end) =>
          end.frames(value),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Act>((end) => end.ping()) },
  {
    weight: 4,
    arbitrary: fc.boolean().map(
      (cancelled): Act =>
        (end) =>
          end.read(cancelled),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Act>((end) => end.parts()) },
  { weight: 4, arbitrary: fc.constant<Act>(() => settle()) },
)
const steps = fc.array(fc.tuple(side, act), { maxLength: 60 })
/** Sees every frame, and takes its time now and then. */
const hook: Extension = {
  name: 'hook',
  start: () => ({
    decode: (frame) => (frame.length % 2 === 1 ? settle() : undefined),
    encode: (frame) => (frame.isData && frame.length % 3 === 1 ? settle() : undefined),
  }),
}
const limits = fc.record({
  extensions: fc.constantFrom([], [], [hook], [hook, { ...hook, name: 'second' }]),
  compress: fc.constantFrom<CompressOptions | boolean>(
    false,
    { threshold: 10 },
    { ...TAKEOVER, threshold: 0 },
    TAKEOVER,
  ),
  maxInboxFrames: fc.constantFrom(1, 3, 16),
  maxInboxBytes: fc.constantFrom(1, 1000, 1 << 18),
  highWaterMark: fc.constantFrom(1, 1000, 1 << 16),
  fragmentSize: fc.constantFrom(100, 5000, Infinity),
})

test('two connected ends give every message once, in order and unharmed, whatever is called on them', async (t) => {
  const check = watchUnhandled(t)
  await fc.assert(
    fc.asyncProperty(steps, limits, side, fc.boolean(), async (calls, options, closer, byFrame) => {
      const { client, server } = pair({
        ...options,
        maxOutboxBytes: Infinity,
        maxMessage: Infinity,
        maxFragments: Infinity,
        closeTimeout: 0, // soon() waits for the end: the thread pool of a busy machine takes its time
      })
      const up: Direction = { sent: [], received: [] }
      const down: Direction = { sent: [], received: [] }
      const ends = { client: new End(client, up, down), server: new End(server, down, up) }
      for (const [who, run] of calls) await run(ends[who])
      // Frames show what is on the wire, and that may be compressed.
      const showsText = options.compress === false
      const finished = [ends.client.finish(showsText && byFrame), ends.server.finish(showsText && !byFrame)]
      for (const done of finished) done.catch(() => undefined) // looked at below
      // Once a side has sent Close it may drop what still comes; what it sent itself goes before.
      const { in: incoming, conn } = ends[closer]
      await soon(() => incoming.received.length === incoming.sent.length, 'a message does not arrive')
      void conn.close(1000)
      await settles([client.closed, server.closed], 'an end does not close')
      await settles(finished, 'a read is not answered')
      await settles([...ends.client.calls, ...ends.server.calls], 'a write is not answered')
      await Promise.all(finished)
      for (const { closeInfo } of [client, server])
        assert.deepEqual([closeInfo?.code, closeInfo?.clean], [1000, true])
      assert.deepEqual(up.received, up.sent)
      assert.deepEqual(down.received, down.sent)
      assert.deepEqual([client.bufferedAmount, server.bufferedAmount], [0, 0])
    }),
    { numRuns: 60, includeErrorInReport: true },
  )
  check()
})
