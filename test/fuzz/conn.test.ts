import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import * as ws from 'ws'
import type { Conn } from '../../src/conn/conn.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { Role } from '../../src/frame/rules.js'
import { closePayload, hex, type Random, readWireFrame, seeded, toHex, turn } from '../support/index.js'
import { openLine, type TestLine } from './conn-line.js'
import { type Judgement, judge, type Limits, type Received, utf8State } from './conn-reference.js'
import { randomLimits, randomStream } from './conn-streams.js'
import { DIFFERENCES } from './differences.js'

/** Exported by ws, but not in its types. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable
}

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 1)

/** Runs a body with fresh random numbers for some seconds, or once with `FASTWS_SEED`. A failure names its seed. */
async function fuzz(t: TestContext, body: (random: Random) => Promise<void>): Promise<void> {
  const until = performance.now() + SECONDS * 1000
  let runs = 0
  do {
    await seeded(async (random) => {
      runs++
      await body(random)
    })
  } while (performance.now() < until && process.env.FASTWS_SEED === undefined)
  t.diagnostic(`${runs} runs`)
}

const keep = (messages: Received[], isText: boolean, data: Buffer): void =>
  void messages.push({ isText, data: Buffer.from(data) })

/** Ways to read everything there is; all of them must see the same. */
const READERS: Readonly<Record<string, (conn: Conn, messages: Received[]) => Promise<void>>> = {
  loop: async (conn, messages) => {
    for await (const message of conn) keep(messages, message.isText, message.data)
  },
  'slow loop': async (conn, messages) => {
    for await (const message of conn) {
      keep(messages, message.isText, message.data)
      await turn()
    }
  },
  parts: async (conn, messages) => {
    for (let reader = await conn.reader(); reader !== null; reader = await conn.reader()) {
      const parts: Buffer[] = []
      for await (const part of reader) parts.push(part)
      keep(messages, reader.isText, Buffer.concat(parts))
    }
  },
  frames: async (conn, messages) => {
    let parts: Buffer[] = []
    let isText = false
    for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) {
      if (frame.isData) {
        if (!frame.isContinuation) isText = frame.isText
        parts.push(frame.copyPayload())
        if (frame.fin) keep(messages, isText, Buffer.concat(parts))
        if (frame.fin) parts = []
      }
      releaseFrame(frame)
    }
  },
}
const WAYS = ['events', ...Object.keys(READERS)]

interface Observed {
  readonly messages: readonly Received[]
  readonly out: Buffer
  readonly conn: Conn
}

/** Brings a stream to a connection in pieces, and sees it through to its end. */
async function observe(
  role: Role,
  pieces: readonly Buffer[],
  limits: Limits,
  way: string,
): Promise<Observed> {
  const messages: Received[] = []
  const events = {
    message: (_conn: Conn, message: { isText: boolean; data: Buffer }) =>
      keep(messages, message.isText, message.data),
  }
  const { line, conn } = openLine(role, limits, way === 'events' ? events : undefined)
  const reading = READERS[way]?.(conn, messages).catch((error: unknown) => {
    assert.equal((error as { name?: unknown }).name, 'CloseError', String(error))
  })
  await bringAll(line, pieces)
  await conn.closed
  await reading
  return { messages, out: line.out, conn }
}

async function bringAll(line: TestLine, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) await line.bring(piece)
  await turn()
  await line.finish()
}

/** The frames that came out, as a list of opcode and payload; their headers must be right. */
async function readOut(role: Role, bytes: Buffer): Promise<(readonly [number, string])[]> {
  const frames: (readonly [number, string])[] = []
  let at = 0
  const read = async (count: number): Promise<Buffer> => {
    assert.ok(at + count <= bytes.length, 'what goes out is whole frames')
    at += count
    return bytes.subarray(at - count, at)
  }
  while (at < bytes.length) {
    const { fin, rsv, opcode, masked, payload } = await readWireFrame(read)
    assert.deepEqual({ fin, rsv, masked }, { fin: true, rsv: 0, masked: role === 'client' })
    frames.push([opcode, toHex(payload)])
  }
  return frames
}

const PONG = 10
const CLOSE = 8

/** The connection did just what the reference says. */
async function agree(role: Role, { messages, out, conn }: Observed, expected: Judgement): Promise<void> {
  assert.deepEqual(messages, expected.messages, 'messages')
  const frames = await readOut(role, out)
  const pongs = expected.pings.map((payload) => [PONG, toHex(payload)] as const)
  const report = await conn.closed
  const { outcome } = expected
  if (outcome.kind === 'open') {
    assert.deepEqual(frames, pongs, 'pongs, and no Close')
    assert.deepEqual([report.code, report.clean], [1006, false])
  } else if (outcome.kind === 'closed') {
    assert.deepEqual(frames, [...pongs, [CLOSE, toHex(outcome.payload)]], 'pongs and the same Close')
    assert.deepEqual([report.clean, report.initiator], [true, 'remote'])
  } else {
    assert.ok(
      outcome.codes.has(report.code),
      `${report.code} is none of ${[...outcome.codes]}: ${outcome.why}`,
    )
    const told = toHex(closePayload(report.code, report.reason))
    assert.deepEqual(frames, [...pongs, [CLOSE, told]], 'pongs and one Close with the code')
    assert.deepEqual([report.clean, report.initiator], [false, 'local'])
  }
}

for (const role of ['server', 'client'] as const)
  test(`Conn as ${role} does with any bytes, however cut and read, what RFC 6455 says`, (t) =>
    fuzz(t, async (random) => {
      const stream = randomStream(random, role)
      const limits = randomLimits(random)
      const pieces = random.chance(3) ? [Buffer.from(stream)] : random.split(stream)
      const way = random.pick(WAYS)
      const observed = await observe(role, pieces, limits, way)
      await agree(role, observed, judge(stream, role, limits))
    }))

test('utf8State knows a cut character from a wrong one', () => {
  const states = {
    '': 'whole',
    c3a9: 'whole',
    c3: 'cut',
    e282: 'cut',
    f48f: 'cut',
    f490: 'wrong',
    eda0: 'wrong',
    c0: 'wrong',
    '80': 'wrong',
  }
  for (const [bytes, state] of Object.entries(states)) assert.equal(utf8State(hex(bytes)), state, bytes)
})

/** What the receiver of ws makes of a stream. */
interface Theirs {
  readonly messages: readonly Received[]
  /** The code of the violation it saw, or of the Close frame that came; 1006 for neither. */
  readonly code: number
}

const WS_CODES: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
}

async function askWs(role: Role, pieces: readonly Buffer[], maxPayload: number): Promise<Theirs> {
  const receiver = new Receiver({ isServer: role === 'server', maxPayload })
  const messages: Received[] = []
  let code = 1006
  receiver.on('message', (data: Buffer, isBinary: boolean) => keep(messages, !isBinary, data))
  receiver.on('conclude', (received: number) => {
    code = received
  })
  receiver.on('error', (error: { code?: string }) => {
    code = WS_CODES[error.code ?? ''] ?? 1002
  })
  for (const piece of pieces)
    if (!receiver.destroyed && !receiver.writableEnded) receiver.write(Buffer.from(piece))
  await turn()
  return { messages, code }
}

const sameAs = (conn: Conn, messages: readonly Received[], theirs: Theirs): boolean =>
  conn.closeInfo?.code === theirs.code &&
  messages.length === theirs.messages.length &&
  messages.every(
    ({ isText, data }, i) => isText === theirs.messages[i]?.isText && data.equals(theirs.messages[i].data),
  )

test('Conn and the receiver of ws come to the same verdict, or differ for a reason that is known', (t) =>
  fuzz(t, async (random) => {
    const role = random.pick(['server', 'client'] as const)
    const maxMessage = random.pick([100, 1000, 1 << 20])
    const limits = { maxMessage, maxFrame: maxMessage, maxFragments: Infinity }
    const stream = randomStream(random, role)
    const pieces = random.split(stream)
    const copies = pieces.map((piece) => Buffer.from(piece))
    const observed = await observe(role, copies, limits, 'events')
    const expected = judge(stream, role, limits)
    await agree(role, observed, expected)
    const { messages, conn } = observed
    const theirs = await askWs(role, pieces, maxMessage)
    if (sameAs(conn, messages, theirs)) return
    const known = DIFFERENCES.some(({ explains }) => explains(expected, theirs))
    assert.ok(
      known,
      `ours ${conn.closeInfo?.code} and ${messages.length} messages, theirs ${theirs.code} and ${theirs.messages.length}`,
    )
  }))

for (const { why, example, ours, theirs, explains } of DIFFERENCES)
  test(`a known difference: ${why}`, async () => {
    const limits = { maxMessage: 1000, maxFrame: 1000, maxFragments: Infinity }
    const { conn } = await observe('server', [hex(example)], limits, 'events')
    const verdict = await askWs('server', [hex(example)], 1000)
    assert.deepEqual([conn.closeInfo?.code, verdict.code], [ours, theirs])
    assert.ok(explains(judge(hex(example), 'server', limits), verdict))
  })
