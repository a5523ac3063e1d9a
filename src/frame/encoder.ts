// Hot: run benchmarks/micro/encode.ts before and after any edit.
import { outOfRange } from '../errors.js'
import { bytesOf, endOf, type Frame, headOf, maskBit, startOf } from './frame.js'
import { writeLongLength, writeUint32 } from './header.js'
import { mask } from './mask.js'

/** How many bytes a frame takes on the wire. */
export function encodedSize(frame: Frame): number {
  const size = frame.lengthSize
  const lengthBytes = size === 7 ? 0 : size === 16 ? 2 : 8
  return 2 + lengthBytes + (frame.masked ? 4 : 0) + endOf(frame) - startOf(frame)
}

/**
 * Encodes a frame exactly as it is, valid or not (RFC 6455 §5.2): its bits, the length it claims, and its payload,
 * masked when `masked` is set.
 *
 * @example
 * encodeFrame(new Frame({ opcode: Opcode.Text, payload: 'Hello' })).toString('hex') // '810548656c6c6f'
 */
export function encodeFrame(frame: Frame): Buffer {
  const bytes = Buffer.allocUnsafe(encodedSize(frame))
  encodeFrameInto(frame, bytes, 0)
  return bytes
}

/**
 * Encodes a frame into memory of yours; returns where it ends.
 *
 * @throws RangeError when it does not fit.
 */
export function encodeFrameInto(frame: Frame, into: Uint8Array, at: number): number {
  const needed = encodedSize(frame)
  if (at < 0 || at + needed > into.length)
    throw outOfRange('into', `at least ${needed} bytes long behind offset ${at}`, into.length)
  into[at] = headOf(frame)
  let start = writeLongLength(into, at + 1, frame.length, maskBit(frame.masked), frame.lengthSize)
  if (frame.masked) start = writeUint32(into, start, frame.maskKey)
  const end = at + needed
  bytesOf(frame).copy(into, start, startOf(frame), endOf(frame))
  if (frame.masked) mask(into, start, end, frame.maskKey)
  return end
}
