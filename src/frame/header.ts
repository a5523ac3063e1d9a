// Hot: run benchmarks/micro/header.ts before and after any edit.
import { ProtocolError } from '../errors.js'

/** FIN, the highest bit of a frame's first byte (RFC 6455 §5.2). */
export const FIN = 0x80
export const RSV1 = 0x40
export const RSV2 = 0x20
export const RSV3 = 0x10
/** The reserved bits as they stand in a frame's first byte (§5.2): what an extension claims with `rsv`. */
export const Rsv = {
  /** The first one: compression uses it. */
  Rsv1: RSV1,
  /** The second one. */
  Rsv2: RSV2,
  /** The third one. */
  Rsv3: RSV3,
} as const
/** The three reserved bits together. */
export const RSV = 0x70
/** MASK, the highest bit of a frame's second byte. */
export const MASKED = 0x80
/** A header never takes more: 2 bytes, 8 of extended length, 4 of masking key. */
export const MAX_HEADER = 14
/** Control frames carry at most this many bytes (§5.5). */
export const MAX_CONTROL_PAYLOAD = 125

/** Which form the length takes on the wire: in the second byte itself, or 16 or 64 bits behind it. */
export type LengthSize = 7 | 16 | 64

/** The shortest form that holds `length`, the only one §5.2 allows. */
export function minimalLengthSize(length: number): LengthSize {
  if (length < 126) return 7
  return length < 0x10000 ? 16 : 64
}

/** The highest number that fits into a form. 126 and 127 fit into 7 bits too: there they announce a longer form. */
export function longestOf(size: LengthSize): number {
  if (size === 7) return 0x7f
  return size === 16 ? 0xffff : Number.MAX_SAFE_INTEGER
}

/** The first byte of a header with everything in it. */
export const packHead = (fin: boolean, rsv: number, opcode: number): number =>
  (fin ? FIN : 0) | (rsv & RSV) | opcode

/** MASK as it stands in the second byte of a header. */
export const maskBit = (masked: boolean): number => (masked ? MASKED : 0)

/** Size of a minimal header for a payload of `length` bytes. */
export function headerSize(length: number, masked: boolean): number {
  const size = length < 126 ? 2 : length < 0x10000 ? 4 : 10
  return masked ? size + 4 : size
}

/** Writes a minimal header at `at`, without a masking key; returns where it ends. `head` is the first byte as it goes on the wire. */
export function writeHeader(
  into: Uint8Array,
  at: number,
  head: number,
  length: number,
  maskBit: number,
): number {
  into[at] = head
  if (length < 126) {
    into[at + 1] = maskBit | length
    return at + 2
  }
  return writeLongLength(into, at + 1, length, maskBit, length < 0x10000 ? 16 : 64)
}

/** Writes the second byte and the extended length behind it, in a form that holds it; returns where they end. */
export function writeLongLength(
  into: Uint8Array,
  at: number,
  length: number,
  maskBit: number,
  size: LengthSize,
): number {
  if (size === 7) {
    into[at] = maskBit | length
    return at + 1
  }
  if (size === 16) {
    into[at] = maskBit | 126
    into[at + 1] = length >>> 8
    into[at + 2] = length
    return at + 3
  }
  into[at] = maskBit | 127
  writeUint32(into, at + 1, Math.floor(length / 0x1_0000_0000))
  writeUint32(into, at + 5, length)
  return at + 9
}

/** Writes the low 32 bits of a number, highest byte first. */
export function writeUint32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
  return at + 4
}

/** Reads 32 bits, highest byte first. */
export const readUint32 = (from: Uint8Array, at: number): number => readInt32(from, at) >>> 0

/** The same bits as a signed number, which never takes room on the heap. */
export function readInt32(from: Uint8Array, at: number): number {
  return (from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!
}

/** Size of a whole header, as its second byte tells. */
export function sizeOfHeader(second: number): number {
  const short = second & 0x7f
  const size = short < 126 ? 2 : short === 126 ? 4 : 10
  return second >= MASKED ? size + 4 : size
}

/** The form of an extended length where a shorter one would have been enough; `short` is 126 or 127. */
export function longForm(short: number, length: number): LengthSize | undefined {
  const form = short === 126 ? 16 : 64
  return form === minimalLengthSize(length) ? undefined : form
}

export const readLength16 = (from: Uint8Array, at: number): number => (from[at]! << 8) | from[at + 1]!

/** Reads 64 bits as a number. The high half is looked at alone: joined with the low one it could lose bits. */
export function readLength64(from: Uint8Array, at: number): number {
  const high = readUint32(from, at)
  if (high >= 0x8000_0000)
    throw new ProtocolError('WS_ERR_LENGTH', 1002, 'Length has its highest bit set (§5.2)')
  if (high > 0x1f_ffff)
    throw new ProtocolError('WS_ERR_MAX_FRAME', 1009, 'Cannot accept a frame of 2^53 bytes or more')
  return high * 0x1_0000_0000 + readUint32(from, at + 4)
}
