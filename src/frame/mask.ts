// Hot: run benchmarks/micro/mask.ts before and after any edit. The naive twin stands in test/frame/mask.test.ts.
import { randomFillSync } from 'node:crypto'
import { skew, wordsOf } from './words.js'

/** Below this length the word loop costs more to enter than it saves. */
const WORDWISE_FROM = 16

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/**
 * XORs `bytes[start, end)` in place with a masking key (RFC 6455 §5.3).
 *
 * `key` is the four key bytes read as a big-endian number; `phase` is how many payload bytes were masked before `start`.
 * Returns the OR of all resulting bytes (possibly with other low bits set): below 0x80 means that all of them are ASCII.
 */
export function mask(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  if (end - start < WORDWISE_FROM || !littleEndian) return maskBytes(bytes, start, end, key, phase)
  const words = wordsOf(bytes, end - start)
  if (words === undefined) return maskBytes(bytes, start, end, key, phase)
  const first = (start + skew + 3) >>> 2
  const last = (end + skew) >>> 2
  const wordsStart = (first << 2) - skew
  const wordsEnd = (last << 2) - skew
  return (
    maskBytes(bytes, start, wordsStart, key, phase) |
    maskWords(words, first, last, swapBytes(rotate(key, phase + wordsStart - start))) |
    maskBytes(bytes, wordsEnd, end, key, phase + wordsEnd - start)
  )
}

/** The key as it applies after `phase` bytes. */
function rotate(key: number, phase: number): number {
  const bits = (phase & 3) << 3
  return bits === 0 ? key : (key << bits) | (key >>> (32 - bits))
}

/** The key's bytes in the order in which a little-endian word has them. */
const swapBytes = (key: number): number =>
  (key << 24) | ((key << 8) & 0xff0000) | ((key >>> 8) & 0xff00) | (key >>> 24)

function maskBytes(bytes: Uint8Array, start: number, end: number, key: number, phase: number): number {
  let seen = 0
  let rotated = rotate(key, phase)
  for (let i = start; i < end; i++) {
    seen |= bytes[i]! ^= rotated >>> 24
    rotated = (rotated << 8) | (rotated >>> 24)
  }
  return seen & 0xff
}

function maskWords(words: Int32Array, from: number, to: number, key: number): number {
  let seen = 0
  let i = from
  for (; i + 8 <= to; i += 8)
    seen |=
      (words[i]! ^= key) |
      (words[i + 1]! ^= key) |
      (words[i + 2]! ^= key) |
      (words[i + 3]! ^= key) |
      (words[i + 4]! ^= key) |
      (words[i + 5]! ^= key) |
      (words[i + 6]! ^= key) |
      (words[i + 7]! ^= key)
  for (; i < to; i++) seen |= words[i]! ^= key
  // Fold the four lanes into one byte.
  return (seen | (seen >>> 8) | (seen >>> 16) | (seen >>> 24)) & 0xff
}

/** Gives masking keys, each a 32-bit number. */
export type MaskSource = () => number

const POOLED_KEYS = 2048

/**
 * A source of unpredictable keys (RFC 6455 §10.3 asks for strong entropy), drawn from the system's generator
 * 2,048 at a time.
 */
export function secureMasks(): MaskSource {
  const keys = new Uint32Array(POOLED_KEYS)
  let used = POOLED_KEYS
  return () => {
    if (used === POOLED_KEYS) {
      randomFillSync(keys)
      used = 0
    }
    const key = keys[used]!
    keys[used++] = 0 // a spent key stays nowhere
    return key
  }
}

/** The process-wide secure source. */
export const secureMask: MaskSource = secureMasks()

/** A source that always gives the same key: for tests and for reproducing a byte stream. */
export const fixedMask =
  (key: number): MaskSource =>
  () =>
    key >>> 0
