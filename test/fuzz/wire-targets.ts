import assert from 'node:assert/strict'
import type { FrameDecoderOptions } from '../../src/frame/decoder.js'
import type { Role } from '../../src/frame/rules.js'
import { decode } from '../frame/decoding.js'
import { clientFrame, closePayload, hex, serverFrame, type WireFrame } from '../support/index.js'
import { agree, observe, WAYS } from './conn-observe.js'
import { judge, type Limits } from './conn-reference.js'
import { checkError, checkFrame } from './decoder-checks.js'
import type { Target } from './guided.js'

/** Messages of every kind, in one frame and in several, control frames among them. */
const TALK: readonly (readonly [opcode: number, payload: string | Buffer, more?: Partial<WireFrame>])[] = [
  [1, 'hällo'],
  [9, 'ping'],
  [2, hex('00ff'), { fin: false }],
  [10, ''],
  [0, 'x'.repeat(130)],
  [1, '\u20ac'.repeat(9), { fin: false }],
  [0, '', { fin: false }],
  [0, '𤭢'],
  [8, closePayload(1000, 'bye')],
]

/** The bytes of such frames. Masked with zeros, a payload is seen as it is by who changes it. */
const talk = (role: Role, from = 0, to = TALK.length): Buffer =>
  Buffer.concat(
    TALK.slice(from, to).map(([opcode, payload, more]) =>
      role === 'server'
        ? clientFrame(opcode, payload, { mask: 0, ...more })
        : serverFrame(opcode, payload, more),
    ),
  )

/** Heads of frames, lengths and text at their edges. */
const WORDS: readonly Buffer[] = [
  ...['8100', '8180', '0180', '0280', '8080', '0000', '8900', '8980', '8a80', '8880', '8882', 'c180', '8300'],
  ...['7d', '7e007d', '7e007e', 'fe007e', '7f0000000000010000', 'ff0000000000010000', '7fffffffffffffffff'],
  ...['00000000', '0a0b0c0d', '03e8', '03ed', '0bb8', '1388', 'c3', 'eda080', 'f4908080', 'efbbbf'],
].map(hex)

/** Settings stand in the first bytes of an input, so that they change by themselves. */
const SETTINGS = 3

const pick = <T>(choices: readonly T[], byte = 0): T => choices[byte % choices.length]!

const inputOf = (settings: readonly number[], stream: Buffer): Buffer =>
  Buffer.concat([Buffer.from(settings), stream])

const ROLES: readonly Role[] = ['server', 'client']

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
export const wireTargets: readonly Target[] = [decoder, connection]
