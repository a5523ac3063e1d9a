import { readFileSync } from 'node:fs'
import { constants, deflateRawSync } from 'node:zlib'
import type { Token } from './lexer.js'
import { ScriptError } from './script.js'

/** What the bytes of a payload can be written as. */
export const PAYLOAD_HELP = '"text", hex:01ff, base64:…, file:PATH'

const PREFIXES: Readonly<Record<string, (token: Token, rest: Buffer) => Buffer>> = {
  hex: hexOf,
  base64: base64Of,
  file: fileOf,
}

/** The bytes that a token stands for; undefined when it is no payload. */
export function payloadOf(token: Token): Buffer | undefined {
  if (token.kind === 'string') return token.bytes
  const colon = token.text.indexOf(':')
  const prefix = colon < 0 ? '' : token.text.slice(0, colon)
  if (!Object.hasOwn(PREFIXES, prefix)) return undefined
  return PREFIXES[prefix]?.(token, token.bytes ?? Buffer.from(token.text.slice(colon + 1)))
}

function hexOf(token: Token, rest: Buffer): Buffer {
  const digits = rest.toString().replace(/[\s:]/g, '')
  if (/^(?:[0-9a-f]{2})*$/i.test(digits)) return Buffer.from(digits, 'hex')
  throw new ScriptError(
    token,
    `'${token.text}' is not bytes in hex; expected pairs of digits, as in hex:01ff`,
  )
}

function base64Of(token: Token, rest: Buffer): Buffer {
  const digits = rest.toString()
  if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(digits)) return Buffer.from(digits, 'base64')
  throw new ScriptError(token, `'${token.text}' is not base64`)
}

function fileOf(token: Token, rest: Buffer): Buffer {
  try {
    return readFileSync(rest.toString())
  } catch (error) {
    throw new ScriptError(token, error instanceof Error ? error.message : String(error))
  }
}

/** Bytes over and over, until there are so many. */
export const filled = (bytes: Buffer, size: number): Buffer =>
  size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, bytes.length === 0 ? 'x' : bytes)

/** A message on its own, as permessage-deflate wants it (RFC 7692 §7.2.1). */
export function deflated(bytes: Buffer): Buffer {
  const compressed = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  return compressed.subarray(0, compressed.length - 4)
}
