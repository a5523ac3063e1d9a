import assert from 'node:assert/strict'
import type { FrameDecoderOptions } from '../../src/frame/decoder.js'
import { decode } from '../frame/decoding.js'
import { agree, observe, WAYS } from './conn-observe.js'
import { judge, type Limits } from './conn-reference.js'
import { checkError, checkFrame } from './decoder-checks.js'
import type { Target } from './guided.js'
import { packedConnection } from './packed-target.js'
import { inputOf, pick, ROLES, SETTINGS, talk, WORDS } from './wire-inputs.js'

const decoder: Target = {
  name: 'the frame decoder',
  seeds: [
    inputOf([0, 0, 0], talk('server')),
    inputOf([1, 0, 0], talk('client')),
    inputOf([2, 1, 1], talk('client')),
    inputOf([4, 2, 2], talk('server', 0, 4)),
  ],
  words: WORDS,
  run(input, random) {
    const role = pick([...ROLES, undefined], input[0])
    const strict = (input[0] ?? 0) % 9 < 6
    const allowedRsv = pick([0, 0x40, 0x70], input[1])
    const maxFrame = pick([1000, 125, 0], input[2])
    const options: FrameDecoderOptions = { ...(role && { role }), strict, allowedRsv, maxFrame }
    const stream = input.subarray(SETTINGS)
    const whole = decode(stream, options)
    const cuts = Array.from({ length: random.int(0, 20) }, () => random.int(0, stream.length)).sort(
      (a, b) => a - b,
    )
    for (const feeding of ['own', 'late', 'shared'] as const)
      assert.deepEqual(decode(stream, options, cuts, feeding), whole, feeding)
    if (whole.error !== undefined) checkError(whole.error, strict)
    if (strict) for (const frame of whole.frames) checkFrame(frame, role, allowedRsv, maxFrame)
  },
}

const FREE: Limits = { maxFrame: 1 << 20, maxMessage: 1 << 20, maxFragments: 1024 }
const LIMITS: readonly Limits[] = [
  FREE,
  { ...FREE, maxFrame: 30 },
  { ...FREE, maxMessage: 40 },
  { ...FREE, maxFragments: 2 },
  { maxFrame: 0, maxMessage: 0, maxFragments: 1 },
]

const connection: Target = {
  name: 'a connection',
  seeds: ROLES.flatMap((role, i) =>
    WAYS.map((_way, way) => inputOf([i, way % LIMITS.length, way], talk(role))),
  ),
  words: WORDS,
  async run(input, random) {
    const role = pick(ROLES, input[0])
    const limits = pick(LIMITS, input[1])
    const stream = input.subarray(SETTINGS)
    const pieces = random.chance(3) ? [Buffer.from(stream)] : random.split(stream)
    const observed = await observe(role, pieces, limits, pick(WAYS, input[2]))
    await agree(role, observed, judge(stream, role, limits))
  },
}

/** What reads frames, and does what they ask for. */
export const wireTargets: readonly Target[] = [decoder, connection, packedConnection]
