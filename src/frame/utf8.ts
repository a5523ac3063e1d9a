import { isAscii as nativeIsAscii, isUtf8 as nativeIsUtf8 } from 'node:buffer'
import { checkRange } from './bytes.js'

/** Up to here a loop is cheaper than a call into native code. */
const SCAN_UP_TO = 48

/** From here on it costs little to ask first whether text is nothing but ASCII. */
const ASK_FROM = 1 << 10

/** Whether `bytes[start, end)` is valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
export function isUtf8(bytes: Uint8Array, start = 0, end = bytes?.length): boolean {
  checkRange('bytes', bytes, start, end)
  return isValid(bytes, start, end)
}

/** Whether text is certainly nothing but ASCII; false where finding out costs as much as `isUtf8()`. @internal */
export function isPlainAscii(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= SCAN_UP_TO) return isAscii(bytes, start, end)
  return end - start >= ASK_FROM && nativeIsAscii(bytes.subarray(start, end))
}

function isValid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= SCAN_UP_TO && isAscii(bytes, start, end)) return true
  return nativeIsUtf8(bytes.subarray(start, end))
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let seen = 0
  for (let i = start; i < end; i++) seen |= bytes[i]!
  return seen < 0x80
}

/**
 * Validates UTF-8 that arrives in pieces, and finds an error at the first byte that cannot be right, as RFC 6455 §8.1
 * lets a receiver do.
 *
 * @example
 * const validator = new Utf8Validator()
 * validator.append(Buffer.from([0xe2, 0x82])) // true: half of a euro sign so far
 * validator.isComplete                        // false
 * validator.append(Buffer.from([0xac]))       // true
 * validator.isComplete                        // true
 */
export class Utf8Validator {
  /** Continuation bytes still owed, and the range the next one must lie in (Unicode, table 3-7). */
  #owed = 0
  #low = 0x80
  #high = 0xbf
  /** The bytes so far begin no valid UTF-8, whatever comes behind them. */
  #broken = false

  /** Whether the bytes so far are valid UTF-8 and end between two characters. */
  get isComplete(): boolean {
    return this.#owed === 0 && !this.#broken
  }

  /** Takes the next bytes; false as soon as all so far cannot be the start of valid UTF-8, and from then on. */
  append(bytes: Uint8Array, start = 0, end = bytes?.length): boolean {
    checkRange('bytes', bytes, start, end)
    if (!this.#broken) this.#broken = !this.#take(bytes, start, end)
    return !this.#broken
  }

  /** Starts over. */
  reset(): void {
    this.#owed = 0
    this.#low = 0x80
    this.#high = 0xbf
    this.#broken = false
  }

  #take(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start
    while (at < end && this.#owed > 0) if (!this.#step(bytes[at++]!)) return false
    const cut = lastBoundary(bytes, at, end)
    if (!isValid(bytes, at, cut)) return false
    for (let i = cut; i < end; i++) if (!this.#step(bytes[i]!)) return false
    return true
  }

  #step(byte: number): boolean {
    if (this.#owed === 0) return this.#lead(byte)
    if (byte < this.#low || byte > this.#high) return false
    this.#owed--
    this.#low = 0x80
    this.#high = 0xbf
    return true
  }

  /** Never called for ASCII: what is stepped through begins with a lead byte, and only continuation bytes follow. */
  #lead(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false
    this.#owed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3
    if (byte === 0xe0) this.#low = 0xa0
    if (byte === 0xed) this.#high = 0x9f
    if (byte === 0xf0) this.#low = 0x90
    if (byte === 0xf4) this.#high = 0x8f
    return true
  }
}

/** Where the last character that may be incomplete begins; `end` when there is none. */
function lastBoundary(bytes: Uint8Array, start: number, end: number): number {
  const earliest = Math.max(start, end - 3)
  for (let i = end - 1; i >= earliest; i--) {
    const byte = bytes[i]!
    if (byte < 0x80) return end
    if (byte >= 0xc0) return i
  }
  return end
}
