import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import type { Role } from '../../src/frame/rules.js'
import { hex, type Random, seededFor, type WireFrame, wireFrame } from '../support/index.js'
import { judge } from './conn-reference.js'
import { randomStream } from './conn-streams.js'
import { DIFFERENCES } from './differences.js'
import { askFastws, askWs, type Seen } from './endpoints.js'
import { messagesIn, PACKED_DIFFERENCES } from './packed-differences.js'

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 1.5)

/** Runs a body with fresh random numbers until the time is over, or once with `FASTWS_SEED`. */
const fuzz = (body: (random: Random) => Promise<void>): Promise<number> => seededFor(SECONDS * 1000, body)

const MAX = 1_000

for (const role of ['server', 'client'] as const)
  test(`fuzz: fastws and ws as ${role} say the same to the same bytes, or differ for a reason that is known`, async (t) => {
    const runs = await fuzz(async (random) => {
      const stream = randomStream(random, role)
      const pieces = random.split(stream)
      const limits = { maxMessage: MAX, compress: false }
      const [ours, theirs] = await Promise.all([askFastws(role, pieces, limits), askWs(role, pieces, limits)])
      if (isSame(ours, theirs)) return
      const expected = judge(stream, role, { maxFrame: MAX, maxMessage: MAX, maxFragments: Infinity })
      const verdict = { code: theirs.close ?? 1006 }
      if (DIFFERENCES.some(({ explains }) => explains(expected, verdict))) return
      assert.deepEqual(ours, theirs, stream.toString('hex'))
    })
    t.diagnostic(`${runs} streams`)
  })

const isSame = (one: Seen, other: Seen): boolean =>
  one.close === other.close &&
  one.echoes.join() === other.echoes.join() &&
  one.pongs.join() === other.pongs.join()

/**
 * With the fast paths off, messages are inflated in the thread pool while what comes behind them is read: a wrong frame
 * there may end the connection before they are answered, or found to be wrong themselves, and a ping be answered before.
 */
const isOvertaken = (ours: Seen, theirs: Seen): boolean =>
  process.env.FASTWS_PORTABLE === '1' &&
  [1002, 1007, 1009].includes(ours.close ?? 0) &&
  [1002, 1007, 1009].includes(theirs.close ?? 0) &&
  ours.echoes.every((echo, i) => echo === theirs.echoes[i])

const pack = (payload: Buffer, level: number): Buffer =>
  deflateRawSync(payload, { level, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)

/** A message that is compressed, in one frame or several, some of them wrong. */
function packedMessage(random: Random): WireFrame[] {
  const text = Buffer.from('hello again '.repeat(random.pick([0, 1, 5, 90])))
  const payload = random.chance() ? text : random.bytes(random.int(0, 200))
  let packed = pack(payload, random.int(0, 9))
  if (random.chance(6)) packed = deflateRawSync(payload) // with a final block
  if (random.chance(4) && packed.length > 0) packed[random.int(0, packed.length - 1)] = random.int(0, 255)
  const pieces = random.chance(3) ? random.split(packed) : [packed]
  if (pieces.length === 0) pieces.push(Buffer.alloc(0))
  const rsvOfOthers = random.chance(20) ? 4 : 0
  const isText = payload === text && random.chance()
  return pieces.map((piece, i) => ({
    opcode: i > 0 ? 0 : isText ? 1 : 2,
    fin: i === pieces.length - 1,
    rsv: i === 0 ? (random.chance(30) ? 0 : 4) : rsvOfOthers,
    payload: piece,
  }))
}

function packedStream(random: Random, role: Role): Buffer {
  const frames = Array.from({ length: random.int(1, 4) }, () => packedMessage(random)).flat()
  if (random.chance(4))
    frames.splice(random.int(0, frames.length), 0, { opcode: 9, payload: 'p', rsv: random.chance(6) ? 4 : 0 })
  const key = (): number => random.int(0, 2 ** 32 - 1)
  return Buffer.concat(
    frames.map((frame) => wireFrame(role === 'server' ? { ...frame, mask: key() } : frame)),
  )
}

for (const role of ['server', 'client'] as const)
  test(`fuzz: fastws and ws as ${role} say the same to compressed messages, or differ for a reason that is known`, async (t) => {
    const runs = await fuzz(async (random) => {
      const stream = packedStream(random, role)
      const pieces = random.split(stream)
      const limits = { maxMessage: MAX, compress: true }
      const [ours, theirs] = await Promise.all([askFastws(role, pieces, limits), askWs(role, pieces, limits)])
      if (isSame(ours, theirs) || isOvertaken(ours, theirs)) return
      const messages = await messagesIn(stream)
      if (PACKED_DIFFERENCES.some(({ explains }) => explains(ours, theirs, messages))) return
      assert.deepEqual(ours, theirs, stream.toString('hex'))
    })
    t.diagnostic(`${runs} streams`)
  })

for (const { why, example, explains } of PACKED_DIFFERENCES)
  test(`a known difference in compression: ${why}`, async () => {
    const limits = { maxMessage: MAX, compress: true }
    const ours = await askFastws('server', [hex(example)], limits)
    const theirs = await askWs('server', [hex(example)], limits)
    assert.equal(isSame(ours, theirs), false)
    assert.ok(explains(ours, theirs, await messagesIn(hex(example))), JSON.stringify([ours, theirs]))
  })
