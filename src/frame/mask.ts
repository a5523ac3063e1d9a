// Hot: run benchmarks/micro/mask.ts before and after any edit. The naive twin stands in test/frame/mask.test.ts.
import { randomFillSync } from 'node:crypto'

/** Below this length the word loop costs more to enter than it saves. */
const WORDWISE_FROM = 16

/** Views over larger buffers are not kept: a cached view pins its whole buffer. */
const KEEP_VIEW_BELOW = 1 << 20

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

// Reading and writing alternate between two long-lived buffers; making a view costs more than masking 100 bytes.
let recent: Int32Array = new Int32Array(0)
let older: Int32Array = new Int32Array(0)

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (recent.buffer === buffer) return recent
  if (older.buffer === buffer) {
    const found = older
    older = recent
    recent = found
    return found
  }
  const words = new Int32Array(buffer, 0, buffer.byteLength >>> 2)
  if (buffer.byteLength > KEEP_VIEW_BELOW) return words
  older = recent
  return (recent = words)
}

/**
 * XORs `bytes[start, end)` in place with a masking key (RFC 6455 §5.3).
 *
 * `key` is the four key bytes read as a big-endian number; `phase` is how many payload bytes were masked before `start`.
 * Returns the OR of all resulting bytes (possibly with other low bits set): below 0x80 means that all of them are ASCII.
 */
export function mask(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  const k0 = (key >>> (24 - ((phase & 3) << 3))) & 0xff
  const k1 = (key >>> (24 - (((phase + 1) & 3) << 3))) & 0xff
  const k2 = (key >>> (24 - (((phase + 2) & 3) << 3))) & 0xff
  const k3 = (key >>> (24 - (((phase + 3) & 3) << 3))) & 0xff
  if (end - start < WORDWISE_FROM || !littleEndian) return maskBytes(bytes, start, end, k0, k1, k2, k3)
  const misaligned = (bytes.byteOffset + start) & 3
  if (misaligned !== 0) {
    const aligned = start + 4 - misaligned
    const seen = maskBytes(bytes, start, aligned, k0, k1, k2, k3)
    return seen | mask(bytes, aligned, end, key, phase + 4 - misaligned)
  }
  const wordsEnd = start + ((end - start) & ~3)
  const words = wordsOf(bytes.buffer)
  const base = bytes.byteOffset
  const seen = maskWords(
    words,
    (base + start) >>> 2,
    (base + wordsEnd) >>> 2,
    k0 | (k1 << 8) | (k2 << 16) | (k3 << 24),
  )
  return seen | maskBytes(bytes, wordsEnd, end, k0, k1, k2, k3)
}

function maskBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  k0: number,
  k1: number,
  k2: number,
  k3: number,
): number {
  let seen = 0
  let i = start
  for (; i + 4 <= end; i += 4) {
    seen |= bytes[i]! ^= k0
    seen |= bytes[i + 1]! ^= k1
    seen |= bytes[i + 2]! ^= k2
    seen |= bytes[i + 3]! ^= k3
  }
  if (i < end) seen |= bytes[i]! ^= k0
  if (i + 1 < end) seen |= bytes[i + 1]! ^= k1
  if (i + 2 < end) seen |= bytes[i + 2]! ^= k2
  return seen
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
