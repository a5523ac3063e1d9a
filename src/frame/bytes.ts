import { isUint8Array } from 'node:util/types'
import { outOfRange, wrongType } from '../errors.js'

/** The one empty payload: there is nothing in it that could be written to. */
export const EMPTY = Buffer.alloc(0)

/** The same memory as a Buffer; nothing is copied. */
export function asBuffer(argument: string, value: Uint8Array, expected = 'a Buffer or Uint8Array'): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (isUint8Array(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw wrongType(argument, expected, value)
}

/** Throws unless `[start, end)` lies within `bytes`: behind a view there may be somebody else's memory. */
export function checkRange(argument: string, bytes: Uint8Array, start: number, end: number): void {
  if (!isUint8Array(bytes)) throw wrongType(argument, 'a Buffer or Uint8Array', bytes)
  if (Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= bytes.length)
    return
  if (!Number.isInteger(start) || start < 0 || start > bytes.length)
    throw outOfRange('start', `an integer from 0 to ${bytes.length}`, start)
  throw outOfRange('end', `an integer from ${start} to ${bytes.length}`, end)
}
