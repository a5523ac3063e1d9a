import { types } from 'node:util'

/** Bytes in any of the forms Node has them. */
export type Bytes = Uint8Array | ArrayBufferView | ArrayBuffer | SharedArrayBuffer

/** The same memory as a Buffer, without copying; undefined when it is none of these forms. */
export function toBuffer(data: unknown): Buffer | undefined {
  if (Buffer.isBuffer(data)) return data
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  if (types.isAnyArrayBuffer(data)) return Buffer.from(data)
  return undefined
}

/** The bytes of text or of any form of bytes, in memory nobody else writes to; undefined for anything else. */
export function copyBytes(data: unknown): Buffer | undefined {
  if (typeof data === 'string') return Buffer.from(data)
  const bytes = toBuffer(data)
  return bytes && Buffer.from(bytes)
}

/** How many bytes several buffers have together. */
export function sizeOf(buffers: readonly Buffer[] | undefined): number {
  let size = 0
  if (buffers !== undefined) for (const buffer of buffers) size += buffer.length
  return size
}
