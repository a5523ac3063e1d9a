import type { Role } from '../../src/frame/rules.js'
import { clientFrame, closePayload, hex, serverFrame, type WireFrame } from '../support/index.js'

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
export const talk = (role: Role, from = 0, to = TALK.length): Buffer =>
  Buffer.concat(
    TALK.slice(from, to).map(([opcode, payload, more]) =>
      role === 'server'
        ? clientFrame(opcode, payload, { mask: 0, ...more })
        : serverFrame(opcode, payload, more),
    ),
  )

/** Heads of frames, lengths and text at their edges. */
export const WORDS: readonly Buffer[] = [
  ...['8100', '8180', '0180', '0280', '8080', '0000', '8900', '8980', '8a80', '8880', '8882', 'c180', '8300'],
  ...['7d', '7e007d', '7e007e', 'fe007e', '7f0000000000010000', 'ff0000000000010000', '7fffffffffffffffff'],
  ...['00000000', '0a0b0c0d', '03e8', '03ed', '0bb8', '1388', 'c3', 'eda080', 'f4908080', 'efbbbf'],
].map(hex)

/** Settings stand in the first bytes of an input, so that they change by themselves. */
export const SETTINGS = 3

export const pick = <T>(choices: readonly T[], byte = 0): T => choices[byte % choices.length]!

export const inputOf = (settings: readonly number[], stream: Buffer): Buffer =>
  Buffer.concat([Buffer.from(settings), stream])

export const ROLES: readonly Role[] = ['server', 'client']
