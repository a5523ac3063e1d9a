import { hash, randomBytes } from 'node:crypto'
import { wrongType } from '../errors.js'

/** The fixed GUID of RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const KEY_LENGTH = 24

/** A fresh `Sec-WebSocket-Key`: 16 random bytes in base64 (§4.1). */
export const createHandshakeKey = (): string => randomBytes(16).toString('base64')

/**
 * Whether a `Sec-WebSocket-Key` is the base64 of 16 bytes (§4.2.1): 22 letters of the alphabet and `==`. The four
 * spare bits of the last letter may be anything, as for most decoders.
 */
export function isHandshakeKey(key: string): boolean {
  if (typeof key !== 'string' || key.length !== KEY_LENGTH || !key.endsWith('==')) return false
  for (let i = 0; i < KEY_LENGTH - 2; i++) if (!isBase64(key.charCodeAt(i))) return false
  return true
}

function isBase64(char: number): boolean {
  if (char >= 0x61) return char <= 0x7a
  if (char >= 0x41) return char <= 0x5a
  if (char >= 0x30) return char <= 0x39
  return char === 0x2b || char === 0x2f
}

/**
 * The `Sec-WebSocket-Accept` that answers a key (§4.2.2).
 *
 * @example
 * acceptFor('dGhlIHNhbXBsZSBub25jZQ==') // 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
 */
export function acceptFor(key: string): string {
  if (typeof key !== 'string') throw wrongType('key', 'a string', key)
  return hash('sha1', key + GUID, 'base64')
}
