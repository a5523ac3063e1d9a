import type { HandshakeResponse } from '../handshake/client.js'
import { headerValues, listHas } from '../handshake/tokens.js'

/** So much of a body is kept. */
export const MAX_BODY_BYTES = 64 << 10

/** Longest line between chunks, with its extensions. */
const MAX_CHUNK_LINE = 256

const LF = 0x0a
const CR = 0x0d

/**
 * Reads the body of a response that refuses a handshake, for the error that tells of it (RFC 9112 §6). It is information
 * only: where the framing is wrong, or the limit is reached, the body just ends.
 */
export class BodyReader {
  readonly #chunked: boolean
  #memory = Buffer.alloc(0)
  #kept = 0
  /** Bytes still to come of the body, or of the present chunk. */
  #left: number
  /** The line between two chunks. */
  #line = ''
  #behindChunk = false
  #done = false

  constructor(response: HandshakeResponse) {
    this.#chunked = headerValues(response.rawHeaders, 'transfer-encoding').some((value) =>
      listHas(value, 'chunked'),
    )
    this.#left = this.#chunked ? 0 : contentLength(response)
    // These have no body, whatever their headers say (RFC 9112 §6.3).
    const bodyless = response.status < 200 || response.status === 204 || response.status === 304
    this.#done = bodyless || (!this.#chunked && this.#left === 0)
  }

  /** Nothing more is wanted. */
  get done(): boolean {
    return this.#done
  }

  /** What has been read. */
  get body(): Buffer {
    return Buffer.from(this.#memory.subarray(0, this.#kept))
  }

  append(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#done; )
      at += this.#left > 0 ? this.#takeData(chunk, at) : this.#takeLine(chunk[at]!)
  }

  #takeData(chunk: Buffer, at: number): number {
    const length = Math.min(chunk.length - at, this.#left, MAX_BODY_BYTES - this.#kept)
    this.#reserve(this.#kept + length)
    this.#kept += chunk.copy(this.#memory, this.#kept, at, at + length)
    this.#left -= length
    this.#behindChunk = true
    this.#done = this.#kept === MAX_BODY_BYTES || (!this.#chunked && this.#left === 0)
    return length
  }

  /** Grows by doubling, so that a body in tiny pieces costs no more than a whole one. */
  #reserve(size: number): void {
    if (size <= this.#memory.length) return
    const larger = Buffer.allocUnsafe(Math.min(Math.max(size, 2 * this.#memory.length), MAX_BODY_BYTES))
    this.#memory.copy(larger, 0, 0, this.#kept)
    this.#memory = larger
  }

  #takeLine(char: number): number {
    if (char === LF) this.#endLine()
    else if (this.#line.length === MAX_CHUNK_LINE) this.#done = true
    else if (char !== CR) this.#line += String.fromCharCode(char)
    return 1
  }

  #endLine(): void {
    const line = this.#line
    this.#line = ''
    if (this.#behindChunk) {
      this.#behindChunk = false
      this.#done = line !== ''
      return
    }
    this.#left = parseHex(line.split(';', 1)[0]!.trim())
    this.#done = this.#left === 0
  }
}

/** Bytes of the body; Infinity when it ends with the connection. */
function contentLength(response: HandshakeResponse): number {
  const values = headerValues(response.rawHeaders, 'content-length')
  return values.length === 0 ? Infinity : parseDigits(values[0]!, 10)
}

const parseHex = (text: string): number => parseDigits(text, 16)

/** 0 for what is no number, or too long to be one. */
function parseDigits(text: string, radix: 10 | 16): number {
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf(text.charCodeAt(i))
    if (digit >= radix) return 0
    value = value * radix + digit
  }
  return Number.isSafeInteger(value) ? value : 0
}

function digitOf(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30
  const lower = char | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 16
}
