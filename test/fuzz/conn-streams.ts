import type { Role } from '../../src/frame/rules.js'
import { closePayload, hex, type Random, type WireFrame, wireFrame } from '../support/index.js'
import type { Limits } from './conn-reference.js'

const LETTERS = ['a', 'b', '\0', 'ä', 'ß', '€', '\uffff', '𤭢', '\u{10ffff}', '\ufeff']
const LENGTHS = [0, 0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 124, 125, 126, 127, 128, 300, 1000]

const lengthOf = (random: Random): number => {
  if (random.chance(300)) return random.pick([65535, 65536, 70_000])
  return random.chance() ? random.pick(LENGTHS) : random.int(0, 40)
}

function textOf(random: Random): Buffer {
  const length = lengthOf(random)
  let text = ''
  while (text.length < length) text += random.chance(3) ? random.pick(LETTERS) : 'abcdefgh'
  return Buffer.from(text)
}

function controlFrame(random: Random): WireFrame {
  return { opcode: random.pick([9, 9, 10]), payload: random.bytes(random.pick([0, 1, 4, 30, 125])) }
}

/** A message in one frame or in several, cut anywhere, with control frames between. */
function message(random: Random): WireFrame[] {
  const isText = random.chance()
  const payload = isText ? textOf(random) : random.bytes(lengthOf(random))
  const pieces = random.chance(3) ? random.split(payload) : [payload]
  if (random.chance(8)) pieces.splice(random.int(0, pieces.length), 0, Buffer.alloc(0))
  if (pieces.length === 0) pieces.push(Buffer.alloc(0))
  return pieces.flatMap((piece, i) => {
    const opcode = i > 0 ? 0 : isText ? 1 : 2
    const frame = { opcode, fin: i === pieces.length - 1, payload: piece }
    return random.chance(5) ? [frame, controlFrame(random)] : [frame]
  })
}

function closeFrame(random: Random): WireFrame {
  if (random.chance(4)) return { opcode: 8 }
  const code = random.chance(4)
    ? random.int(0, 65535)
    : random.pick([1000, 1001, 1011, 1015, 3000, 4999, 5000])
  return { opcode: 8, payload: closePayload(code, random.pick(['', 'bye', '€'.repeat(41)])) }
}

/** Frames as a well-behaved peer sends them. */
function goodFrames(random: Random): WireFrame[] {
  const frames: WireFrame[] = []
  for (let left = random.int(1, 8); left > 0; left--)
    frames.push(...(random.chance(4) ? [controlFrame(random)] : message(random)))
  if (random.chance(3)) frames.push(closeFrame(random))
  if (random.chance(20)) frames.push(...message(random))
  return frames
}

type Change = (random: Random, frame: WireFrame) => WireFrame

/** Bytes at the edges of UTF-8, most of them wrong. */
const NASTY = [
  'f490',
  'f48f',
  'eda0',
  'ed9f',
  'e080',
  'e0a0',
  'f080',
  'f090',
  'c0',
  'c1',
  'c2',
  'f5',
  '80',
  'ff',
]

function nastyText(random: Random): Buffer {
  const nasty = hex(random.pick(NASTY) + '80'.repeat(random.int(0, 2)))
  return Buffer.concat([textOf(random), nasty, textOf(random)])
}

/** Ways to make a frame wrong. */
const CHANGES: readonly Change[] = [
  (random, frame) => ({ ...frame, opcode: random.int(0, 15) }),
  (random, frame) => ({ ...frame, rsv: random.int(0, 7) }),
  (_random, frame) => ({ ...frame, fin: frame.fin === false }),
  (random, frame) => ({ ...frame, payload: nastyText(random) }),
  (random, frame) => ({ ...frame, payload: random.bytes(random.pick([0, 1, 2, 125, 126, 200])) }),
  (random, frame) => ({
    ...frame,
    lengthBits: random.pick([16, 64] as const),
    payload: random.bytes(random.int(0, 130)),
  }),
  (random, frame) => ({
    ...frame,
    lengthBits: 64,
    length: BigInt(random.int(0, 2 ** 32 - 1)) << BigInt(random.int(0, 32)),
  }),
  (random, frame) =>
    frame.mask === undefined ? { ...frame, mask: random.int(0, 2 ** 32 - 1) } : unmasked(frame),
]

function unmasked(frame: WireFrame): WireFrame {
  const { mask: _, ...rest } = frame
  return rest
}

/** Ways to make bytes wrong. */
const DAMAGES: readonly ((random: Random, bytes: Buffer) => Buffer)[] = [
  (random, bytes) => {
    const at = random.int(0, bytes.length - 1)
    bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 7))
    return bytes
  },
  (random, bytes) => {
    const at = random.int(0, bytes.length - 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 8))])
  },
  (random, bytes) => {
    const at = random.int(0, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), random.bytes(random.int(1, 8)), bytes.subarray(at)])
  },
  (random, bytes) => bytes.subarray(0, random.int(0, bytes.length - 1)),
  (random, bytes) => Buffer.concat([bytes, bytes.subarray(random.int(0, bytes.length - 1))]),
]

/** The bytes of a peer of that role's other side: right, or wrong in some way. */
export function randomStream(random: Random, role: Role): Buffer {
  const key = (): number => (random.chance(10) ? 0 : random.int(0, 2 ** 32 - 1))
  const frames = goodFrames(random).map((frame) => (role === 'server' ? { ...frame, mask: key() } : frame))
  const kind = random.int(0, 2)
  if (kind === 1) {
    const at = random.int(0, frames.length - 1)
    frames[at] = random.pick(CHANGES)(random, frames[at] as WireFrame)
    if (random.chance(4)) frames.splice(random.int(0, frames.length - 1), 1)
  }
  let bytes = Buffer.concat(frames.map(wireFrame))
  for (let left = kind === 2 ? random.int(1, 3) : 0; left > 0 && bytes.length > 0; left--)
    bytes = Buffer.from(random.pick(DAMAGES)(random, bytes))
  return bytes
}

/** Limits as they are by default, or so tight that they are met. */
export function randomLimits(random: Random): Limits {
  const tight = (least: number, most: number, none: number): number =>
    random.chance(3) ? random.int(least, most) : none
  return {
    maxFrame: tight(0, 200, 1 << 20),
    maxMessage: tight(0, 300, 1 << 20),
    maxFragments: tight(1, 6, 1024),
  }
}
