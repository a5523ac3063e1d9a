import type { FrameInit } from '../../src/frame/frame.js'
import { fc } from '../support/fast-check.js'

/** A frame and its bytes. */
export type Case = readonly [name: string, digits: string, frame: FrameInit]

const KEY = 0x37fa213d
const zeros = (length: number): Buffer => Buffer.alloc(length)

/** The examples of RFC 6455 §5.7. */
export const rfcExamples: readonly Case[] = [
  ['an unmasked text', '810548656c6c6f', { opcode: 1, payload: 'Hello' }],
  ['a masked text', '818537fa213d7f9f4d5158', { opcode: 1, payload: 'Hello', masked: true, maskKey: KEY }],
  ['the first fragment of a text', '010348656c', { fin: false, opcode: 1, payload: 'Hel' }],
  ['the last fragment of a text', '80026c6f', { opcode: 0, payload: 'lo' }],
  ['a ping', '890548656c6c6f', { opcode: 9, payload: 'Hello' }],
  ['a masked pong', '8a8537fa213d7f9f4d5158', { opcode: 10, payload: 'Hello', masked: true, maskKey: KEY }],
  ['256 bytes', `827e0100${'00'.repeat(256)}`, { payload: zeros(256) }],
  ['64 KiB', `827f0000000000010000${'00'.repeat(65536)}`, { payload: zeros(65536) }],
]

/** What the examples of the RFC leave out. */
export const moreExamples: readonly Case[] = [
  ['an empty binary', '8200', {}],
  ['an empty masked ping', '898000000000', { opcode: 9, masked: true }],
  ['a close without a code', '8800', { opcode: 8 }],
  [
    'a close with code and reason',
    '880503e8627965',
    { opcode: 8, payload: Buffer.from('03e8627965', 'hex') },
  ],
  ['an empty fragment', '0000', { fin: false, opcode: 0 }],
  ['a masked byte', '828181828384ff', { payload: Buffer.from([0x7e]), masked: true, maskKey: 0x81828384 }],
  ['125 bytes', `827d${'00'.repeat(125)}`, { payload: zeros(125) }],
  ['126 bytes', `827e007e${'00'.repeat(126)}`, { payload: zeros(126) }],
  [
    '127 masked bytes',
    `82fe007f01010101${'01'.repeat(127)}`,
    { payload: zeros(127), masked: true, maskKey: 0x01010101 },
  ],
  ['65535 bytes', `827effff${'00'.repeat(65535)}`, { payload: zeros(65535) }],
]

const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.nat(40) },
  { weight: 3, arbitrary: fc.integer({ min: 120, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65530, max: 65540 }) },
)

const payloads = fc
  .tuple(lengths, fc.uint8Array({ minLength: 1, maxLength: 20 }))
  .map(([length, pattern]) => Buffer.alloc(length, pattern))

const masks = fc.record({ masked: fc.boolean(), maskKey: fc.nat(0xffff_ffff) })

/** Frames that keep to RFC 6455, but for the order in which they may come, and with any reserved bits on data. */
export const validFrames: fc.Arbitrary<FrameInit & { masked: boolean; maskKey: number; payload: Buffer }> =
  fc.oneof(
    fc
      .tuple(
        fc.record({
          fin: fc.boolean(),
          rsv1: fc.boolean(),
          rsv2: fc.boolean(),
          rsv3: fc.boolean(),
          opcode: fc.constantFrom(0, 1, 2),
          payload: payloads,
        }),
        masks,
      )
      .map(([frame, mask]) => ({ ...frame, ...mask })),
    fc
      .tuple(
        fc.record({
          opcode: fc.constantFrom(8, 9, 10),
          payload: payloads.map((payload) => payload.subarray(0, 125)),
        }),
        masks,
      )
      .map(([frame, mask]) => ({ ...frame, ...mask })),
  )
