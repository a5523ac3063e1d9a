/**
 * Bytes from hex digits; white space between them is ignored, so that the parts of a frame can be told apart.
 *
 *     hex('81 85 37fa213d 7f9f4d5158') // a masked text frame: header, key, payload
 */
export function hex(digits: string): Buffer {
  const compact = digits.replaceAll(/\s/g, '')
  const bytes = Buffer.from(compact, 'hex')
  if (bytes.length * 2 !== compact.length)
    throw new RangeError(`Cannot use hex '${digits}': it has odd or foreign digits`)
  return bytes
}

/** The hex digits of bytes, without spaces. */
export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** Hex digits as they are, bytes as they are. */
export const asBytes = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? hex(data) : data
