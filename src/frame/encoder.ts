// Hot: run benchmarks/micro/encode.ts before and after any edit.
import { isUint8Array } from 'node:util/types'
import { outOfRange, wrongType } from '../errors.js'
import { checkPresent } from './copy.js'
import { bytesOf, checkFrame, endOf, type Frame, headOf, isSpecial, startOf } from './frame.js'
import { headerSize, maskBit, writeHeader, writeLongLength, writeUint32 } from './header.js'
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
  checkFrame(frame)
  const start = sizeOfHeader(frame)
  const bytes = Buffer.allocUnsafe(start + endOf(frame) - startOf(frame))
  writeFrame(frame, bytes, 0, start)
  return bytes
}

/**
 * Encodes a frame into memory of yours; returns where it ends. Its payload may lie in that same memory.
 *
 * @throws RangeError when it does not fit; nothing is written then.
 */
export function encodeFrameInto(frame: Frame, into: Uint8Array, at: number): number {
  checkFrame(frame)
  // Not `Buffer.isBuffer()`, which alone costs a quarter of encoding a small frame.
  if (!isUint8Array(into)) throw wrongType('into', 'a Buffer or Uint8Array', into)
  const start = at + sizeOfHeader(frame)
  const end = start + endOf(frame) - startOf(frame)
  // False, too, for what is no number, or none that counts bytes.
  if (!(Number.isInteger(at) && at >= 0 && end <= into.length)) throw doesNotFit(into, at, end - at)
  return writeFrame(frame, into, at, start)
}

function doesNotFit(bytes: Uint8Array, at: number, needed: number): Error {
  if (typeof at !== 'number') return wrongType('at', 'a number', at)
  if (!Number.isInteger(at) || at < 0 || at > bytes.length)
    return outOfRange('at', `an integer from 0 to ${bytes.length}`, at)
  return outOfRange('into', `at least ${needed} bytes long behind offset ${at}`, bytes.length)
}

function sizeOfHeader(frame: Frame): number {
  if (!isSpecial(frame)) return headerSize(endOf(frame) - startOf(frame), frame.masked)
  const size = frame.lengthSize
  const lengthBytes = size === 7 ? 0 : size === 16 ? 2 : 8
  return 2 + lengthBytes + (frame.masked ? 4 : 0)
}

function writeFrame(frame: Frame, into: Uint8Array, at: number, start: number): number {
  // The payload goes first: where it lies in `into` itself, the header may be written over it.
  const end = copyPayload(frame, into, start)
  const bit = maskBit(frame.masked)
  if (isSpecial(frame)) {
    into[at] = headOf(frame)
    writeLongLength(into, at + 1, frame.length, bit, frame.lengthSize)
  } else writeHeader(into, at, headOf(frame), end - start, bit)
  if (!frame.masked) return end
  writeUint32(into, start - 4, frame.maskKey)
  mask(into, start, end, frame.maskKey)
  return end
}

/** Copies the payload to `into`, where it may lie itself; returns where it ends there. */
function copyPayload(frame: Frame, into: Uint8Array, at: number): number {
  const bytes = bytesOf(frame)
  const start = startOf(frame)
  const end = endOf(frame)
  checkPresent(bytes, end)
  if (start === 0 && end === bytes.length) into.set(bytes, at)
  else bytes.copy(into, at, start, end)
  return at + end - start
}
