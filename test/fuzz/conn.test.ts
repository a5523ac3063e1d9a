import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import * as ws from 'ws'
import type { Conn } from '../../src/conn/conn.js'
import type { Role } from '../../src/frame/rules.js'
import { hex, type Random, seededFor, turn } from '../support/index.js'
import { agree, keep, observe, WAYS } from './conn-observe.js'
import { judge, type Received, utf8State } from './conn-reference.js'
import { randomLimits, randomStream } from './conn-streams.js'
import { DIFFERENCES } from './differences.js'

/** Exported by ws, but not in its types. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable
}

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 1)

/** Runs a body with fresh random numbers for some seconds, or once with `FASTWS_SEED`. A failure names its seed. */
async function fuzz(t: TestContext, body: (random: Random) => Promise<void>): Promise<void> {
  t.diagnostic(`${await seededFor(SECONDS * 1000, body)} runs`)
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
