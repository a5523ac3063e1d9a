// Hot: run benchmarks/micro/encode.ts before and after any edit.
import { outOfRange, wrongType } from '../errors.js'
import { asBuffer } from './bytes.js'
import { checkPresent } from './copy.js'
import { bytesOf, checkFrame, endOf, type Frame, headOf, startOf } from './frame.js'
import { maskBit, writeLongLength, writeUint32 } from './header.js'
import { mask } from './mask.js'

/** How many bytes a frame takes on the wire. */
export function encodedSize(frame: Frame): number {
  checkFrame(frame)
  return sizeOfHeader(frame) + endOf(frame) - startOf(frame)
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
  writeFrame(frame, bytes, 0)
  return bytes
}

/**
 * Encodes a frame into memory of yours; returns where it ends. Its payload may lie in that same memory.
 *
 * @throws RangeError when it does not fit; nothing is written then.
 */
export function encodeFrameInto(frame: Frame, into: Uint8Array, at: number): number {
  const needed = encodedSize(frame)
  const bytes = asBuffer('into', into)
  if (typeof at !== 'number') throw wrongType('at', 'a number', at)
  if (!Number.isInteger(at) || at < 0 || at > bytes.length)
    throw outOfRange('at', `an integer from 0 to ${bytes.length}`, at)
  if (at + needed > bytes.length)
    throw outOfRange('into', `at least ${needed} bytes long behind offset ${at}`, bytes.length)
  return writeFrame(frame, bytes, at)
}

function sizeOfHeader(frame: Frame): number {
  const size = frame.lengthSize
  const lengthBytes = size === 7 ? 0 : size === 16 ? 2 : 8
  return 2 + lengthBytes + (frame.masked ? 4 : 0)
}

function writeFrame(frame: Frame, into: Buffer, at: number): number {
  const start = at + sizeOfHeader(frame)
  const end = start + endOf(frame) - startOf(frame)
  // The payload goes first: where it lies in `into` itself, the header may be written over it.
  const bytes = bytesOf(frame)
  checkPresent(bytes, endOf(frame))
  bytes.copy(into, start, startOf(frame), endOf(frame)) // takes ranges that overlap
  into[at] = headOf(frame)
  const behindLength = writeLongLength(into, at + 1, frame.length, maskBit(frame.masked), frame.lengthSize)
  if (!frame.masked) return end
  writeUint32(into, behindLength, frame.maskKey)
  mask(into, start, end, frame.maskKey)
  return end
}
