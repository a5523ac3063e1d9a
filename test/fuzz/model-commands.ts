import assert from 'node:assert/strict'
import { Frame } from '../../src/frame/frame.js'
import { fc } from '../support/fast-check.js'
import { closePayload, Random, type WireFrame } from '../support/index.js'
import { type Asked, type Model, settle, type World } from './model.js'

type Command = fc.AsyncCommand<Model, World>

/** A step that may be taken when `may` says so; afterwards everything is held against the model. */
function step(
  name: string,
  may: (model: Model) => boolean,
  take: (model: Model, world: World) => unknown,
): Command {
  return {
    check: may,
    async run(model, world) {
      await take(model, world)
      await world.check(model)
    },
    toString: () => name,
  }
}

const always = (): boolean => true

/** Text that shows where it comes from, of a length that matters. */
const text = fc
  .tuple(fc.constantFrom('a', 'b', 'c', 'ä'), fc.constantFrom(0, 1, 7, 125, 126, 127, 1000, 20_000))
  .map(([letter, length]) => letter.repeat(length))

const latin1 = (given: string): string => Buffer.from(given).toString('latin1')

// The application.

/** A message is to go out if the connection is open; else the call fails, and nothing of it goes out. */
function sends(
  model: Model,
  world: World,
  given: string,
  call: () => Promise<unknown>,
  isStreamed = false,
): void {
  const wasOpen = world.conn.isOpen
  assert.ok(wasOpen || !model.isOpen, 'nobody has ended it')
  const called = call()
  if (wasOpen) {
    model.sent.push({ isStreamed, text: latin1(given), isWhole: true })
    world.calls.push(orRefused(called))
  } else world.calls.push(assert.rejects(called, refused))
}

const refused = (error: { name?: string; code?: unknown }): boolean =>
  error.name === 'CloseError' || error.code === 'WS_ERR_STATE'

/** What was taken may still be lost with the connection; and nothing else may go wrong. */
const orRefused = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: Error) => assert.ok(refused(error), String(error)))

const send = text.map((given) =>
  step(`send(${given.length} letters)`, always, (model, world) =>
    sends(model, world, given, () => world.conn.send(given)),
  ),
)

const sendBytes = text.map((given) =>
  step(`send(${given.length} bytes, changed afterwards)`, always, (model, world) => {
    const bytes = Buffer.from(given)
    sends(model, world, given, () => world.conn.send(bytes))
    bytes.fill(0xbb)
  }),
)

const sendStream = fc.array(text, { maxLength: 4 }).map((parts) =>
  step(`send(stream of ${parts.length})`, always, (model, world) => {
    async function* source(): AsyncGenerator<string> {
      for (const part of parts) {
        await settle(part.length % 2)
        yield part
      }
    }
    sends(model, world, parts.join(''), () => world.conn.send(source(), { text: true }), true)
  }),
)

const writeFrame = text.map((payload) =>
  step(`writeFrame(${payload.length} letters)`, always, (model, world) =>
    sends(model, world, payload, () => world.conn.writeFrame(new Frame({ opcode: 1, payload }))),
  ),
)

const openWriter = fc.constant(
  step(
    'writer()',
    (model) => model.writer === undefined,
    (model, world) => {
      if (!world.conn.isOpen) return
      const entry = { isStreamed: true, text: '', isWhole: false }
      model.sent.push(entry)
      model.writer = { handle: world.conn.writer('text'), entry }
    },
  ),
)

const writePart = text.map((given) =>
  step(
    `write(${given.length} letters)`,
    (model) => model.writer !== undefined,
    ({ writer }, { calls }) => {
      const { handle, entry } = writer!
      entry.text += latin1(given)
      calls.push(orRefused(handle.write(given)))
    },
  ),
)

/** Ends the message that is being written. */
export function endWriter(model: Model, { calls }: World): void {
  const { handle, entry } = model.writer!
  model.writer = undefined
  entry.isWhole = true
  calls.push(orRefused(handle.end()))
}

const endWriting = fc.constant(step('end()', (model) => model.writer !== undefined, endWriter))

const ping = fc.constant(
  step('ping()', always, (model, { conn, calls }) => {
    const payload = `own ${model.ownPings.length}`
    calls.push(orRefused(conn.ping(payload)))
    model.ownPings.push(payload)
  }),
)

const pong = fc.constant(
  step('pong()', always, (_model, { conn, calls }) => void calls.push(orRefused(conn.pong('own')))),
)

/** Notes how a read comes out. */
function note(asked: Asked, read: Promise<string | undefined>): Promise<void> {
  return read.then(
    (given) => {
      asked.state = given === undefined ? 'ended' : 'served'
      if (given !== undefined) asked.text = given
    },
    (error: { name?: string }) => {
      asked.state = error.name === 'AbortError' ? 'cancelled' : 'failed'
      assert.ok(['AbortError', 'CloseError'].includes(error.name ?? ''), String(error))
    },
  )
}

function ask(
  model: Model,
  { calls }: World,
  read: (signal: AbortSignal) => Promise<string | undefined>,
): void {
  const asked: Asked = { controller: new AbortController(), state: 'waits' }
  model.asked.push(asked)
  calls.push(note(asked, read(asked.controller.signal)))
}

/** Reads one message. */
export const readOne = (model: Model, world: World): void =>
  ask(model, world, async (signal) => (await world.conn.read({ signal }))?.data.toString('latin1'))

const read = fc.constant(step('read()', always, readOne))

const readParts = fc.constant(
  step('reader()', always, (model, world) =>
    ask(model, world, async (signal) => {
      const reader = await world.conn.reader({ signal })
      if (reader === null) return undefined
      const parts: Buffer[] = []
      for await (const part of reader) parts.push(Buffer.from(part))
      return Buffer.concat(parts).toString('latin1')
    }),
  ),
)

const cancelRead = fc.nat(3).map((which) =>
  step(
    `a read is cancelled`,
    ({ asked }) => asked.some(({ state }) => state === 'waits'),
    ({ asked }) => {
      const waiting = asked.filter(({ state }) => state === 'waits')
      waiting[which % waiting.length]!.controller.abort()
    },
  ),
)

const close = fc.constantFrom(1000, 1001, 4001).map((code) =>
  step(`close(${code})`, always, (model, world) => {
    if (world.conn.isOpen) model.endings.add(`${code} local`)
    model.hasClosed = true
    world.calls.push(world.conn.close(code))
  }),
)

const terminate = fc.constant(
  step('terminate()', always, (model, { conn }) => {
    model.endings.add('1006 local')
    model.hasClosed = true
    model.peerIsDone = true
    model.isRough = true
    conn.terminate()
  }),
)

// The peer.

const seed = fc.integer({ min: 0, max: 2 ** 31 })
const speaks = (model: Model): boolean => !model.peerIsDone

const peerSends = fc
  .tuple(text, fc.array(fc.nat(25_000), { maxLength: 3 }), fc.boolean(), seed)
  .map(([given, cuts, hasPings, start]) =>
    step(`the peer sends ${given.length} letters in ${cuts.length + 1} frames`, speaks, (model, world) => {
      const bytes = Buffer.from(given)
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b)
      const frames: WireFrame[] = []
      for (let i = 0; i + 1 < at.length; i++) {
        const isLast = i + 2 === at.length
        frames.push({ opcode: i === 0 ? 1 : 0, fin: isLast, payload: bytes.subarray(at[i], at[i + 1]) })
        if (hasPings && !isLast) frames.push(peerPings(model))
      }
      model.arrived.push(bytes.toString('latin1'))
      world.bring(frames, new Random(start))
    }),
  )

function peerPings(model: Model): WireFrame {
  const payload = `${model.pings.length}`
  model.pings.push(payload)
  return { opcode: 9, payload }
}

const peerPing = seed.map((start) =>
  step('the peer pings', speaks, (model, world) => world.bring([peerPings(model)], new Random(start))),
)

const peerPong = fc
  .constantFrom('', 'own 0', 'own 1', 'own 7')
  .map((payload) =>
    step('the peer pongs', speaks, (_model, world) => world.bring([{ opcode: 10, payload }], new Random(0))),
  )

const peerCloses = fc.constantFrom(1000, 1001, 1011, 3000, 4999).map((code) =>
  step(`the peer closes with ${code}`, speaks, (model, world) => {
    model.endings.add(`${code} remote`).add(`${code} local`)
    model.peerIsDone = true
    model.peerClosed = true
    world.bring([{ opcode: 8, payload: closePayload(code, 'bye') }], new Random(code))
  }),
)

const VIOLATIONS: readonly (readonly [name: string, code: number, frame: WireFrame])[] = [
  ['an opcode that is none', 1002, { opcode: 3 }],
  ['a reserved bit', 1002, { opcode: 1, rsv: 2 }],
  ['a continuation of nothing', 1002, { opcode: 0 }],
  ['a ping in fragments', 1002, { opcode: 9, fin: false }],
  ['a ping that is too long', 1002, { opcode: 9, payload: 'x'.repeat(126) }],
  ['a Close of one byte', 1002, { opcode: 8, payload: 'x' }],
  ['a Close code that may not travel', 1002, { opcode: 8, payload: closePayload(1006) }],
  ['text that is none', 1007, { opcode: 1, payload: Buffer.from([0xff]) }],
  ['a claim of 2 MiB', 1009, { opcode: 2, length: 2 << 20 }],
  ['a length in too many bytes', 1002, { opcode: 2, payload: 'x', lengthBits: 16 }],
]

const peerBreaks = fc.constantFrom(...VIOLATIONS).map(([name, code, frame]) =>
  step(`the peer sends ${name}`, speaks, (model, world) => {
    model.endings.add(`${code} local`)
    model.peerIsDone = true
    model.isRough = true
    world.bring([frame], new Random(code))
  }),
)

const peerEnds = fc.constant(
  step('the peer ends its side', speaks, (model, { line }) => {
    model.endings.add('1006 remote').add('1006 local')
    model.peerIsDone = true
    model.isRough = true
    line.fin()
  }),
)

// The line, and time.

const stick = fc.constant(step('the line sticks', always, (_model, { line }) => line.stick()))
const flow = fc.constant(step('the line flows', always, (_model, { line }) => line.flow()))
const wait = fc.constant(step('a moment passes', always, () => settle(6)))
const time = fc.constantFrom(1, 1000, 6000).map((milliseconds) =>
  step(`${milliseconds} ms pass`, always, (model, { clock }) => {
    // Whoever has begun to close, or has heard a Close, has five seconds for the rest.
    if (model.hasClosed || model.peerIsDone) {
      model.endings.add('1006 local').add('1006 remote')
      model.isRough = true
    }
    clock.advance(milliseconds)
  }),
)

/** Everything that may be done, the likely things more often. */
export const commands = fc.commands(
  [
    ...[send, send, sendBytes, sendStream, writeFrame, openWriter, writePart, writePart, endWriting],
    ...[ping, pong, read, read, read, readParts, cancelRead, close],
    ...[peerSends, peerSends, peerSends, peerPing, peerPong, peerCloses, stick, flow, flow, wait, time],
    // These end it: they are one choice together, or there would be nothing else.
    fc.oneof(
      { weight: 1, arbitrary: terminate },
      { weight: 2, arbitrary: peerBreaks },
      { weight: 1, arbitrary: peerEnds },
    ),
  ],
  { maxCommands: 40, size: 'max' },
)
