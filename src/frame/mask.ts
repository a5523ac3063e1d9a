// Hot: run benchmarks/micro/mask.ts before and after any edit. The naive twin stands in test/frame/mask.test.ts.
import { randomFillSync } from 'node:crypto'
import { outOfRange, wrongType } from '../errors.js'
import { checkRange } from './bytes.js'
import { littleEndian, longSkew, longsOf, skew, wordsOf } from './words.js'

/** Below this length the word loop costs more to enter than it saves. */
const WORDWISE_FROM = 16

/** Indices are 32-bit integers: longer ranges go piece by piece. */
const LONGEST = 1 << 30

/** Stands for what `mask()` returns where nobody has looked at the bytes yet. @internal */
export const UNSEEN = 0x100

/** From here on native code looks whether bytes are text, which costs less than to find out while they are unmasked. @internal */
export const LOOK_LATER_FROM = 1 << 10

/** From here on 64 bits at a time are cheaper; where nobody asks for the OR, as that would double the work. */
const LONGWISE_FROM = 512

/**
 * XORs `bytes[start, end)` in place with a masking key (RFC 6455 §5.3).
 *
 * `key` is the four key bytes read as a big-endian number; `phase` is how many payload bytes were masked before `start`.
 * Returns the OR of all resulting bytes: below 0x80 means that all of them are ASCII.
 */
export function mask(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  checkRange('bytes', bytes, start, end)
  if (typeof key !== 'number') throw wrongType('key', 'a number', key)
  return maskUnchecked(bytes, start, end, key, phase)
}

/** `mask()` for ranges that are known to lie within the bytes. @internal */
export function maskUnchecked(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  if (end > LONGEST) return maskFar(bytes, start, end, key, phase)
  if (end - start < WORDWISE_FROM || !littleEndian) return maskBytes(bytes, start, end, turn(key, phase))
  const words = wordsOf(bytes, end - start)
  if (words === undefined) return maskBytes(bytes, start, end, turn(key, phase))
  const from = start + skew
  const to = end + skew
  const last = to >>> 2
  // The last word may lie half behind the memory: then it is in no view.
  if (last >= words.length) return maskToEnd(words, bytes, start, end, key, phase)
  const word = swap(turn(key, phase - from))
  const first = from >>> 2
  // What is XORed with 0 stays as it is: so the words at the ends need no loop over their bytes.
  const inFirst = -1 << ((from & 3) << 3)
  const inLast = ~(-1 << ((to & 3) << 3))
  const seen = maskWords(words, first + 1, last, word)
  const seenFirst = (words[first]! ^= word & inFirst) & inFirst
  const seenLast = (words[last]! ^= word & inLast) & inLast
  return foldLanes(seen | seenFirst | seenLast)
}

/** The bytes at the ends one by one. */
function maskToEnd(
  words: Int32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  phase: number,
): number {
  const first = (start + skew + 3) >>> 2
  const last = (end + skew) >>> 2
  const wordsStart = (first << 2) - skew
  const wordsEnd = (last << 2) - skew
  return (
    maskBytes(bytes, start, wordsStart, turn(key, phase)) |
    foldLanes(maskWords(words, first, last, swap(turn(key, phase + wordsStart - start)))) |
    maskBytes(bytes, wordsEnd, end, turn(key, phase + wordsEnd - start))
  )
}

/** The same where nobody asks for the OR of the bytes; returns `UNSEEN`. @internal */
export function maskBlindly(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  const isShort = end - start < LONGWISE_FROM
  if (isShort || end > LONGEST || !littleEndian) maskUnchecked(bytes, start, end, key, phase)
  else maskLongs(bytes, start, end, key, phase)
  return UNSEEN
}

function maskFar(bytes: Uint8Array, start: number, end: number, key: number, phase: number): number {
  let seen = 0
  for (let at = start; at < end; at += LONGEST) {
    const piece = bytes.subarray(at, Math.min(end, at + LONGEST))
    seen |= maskUnchecked(piece, 0, piece.length, key, phase + at - start)
  }
  return seen
}

/** The key as it stands after so many bytes. @internal */
export function turn(key: number, phase: number): number {
  const bits = (phase & 3) << 3
  return (key << bits) | (key >>> (32 - bits))
}

/** The OR of the four bytes of a word. @internal */
export const foldLanes = (seen: number): number =>
  (seen | (seen >>> 8) | (seen >>> 16) | (seen >>> 24)) & 0xff

/** The four bytes of a word in reverse. @internal */
export const swap = (word: number): number =>
  (word >>> 24) | ((word >>> 8) & 0xff00) | ((word & 0xff00) << 8) | (word << 24)

// biome-ignore-start lint/suspicious/noAssignInExpressions: helper functions here are not inlined any more, at a fifth of the speed
function maskBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  const k0 = key >>> 24
  const k1 = (key >>> 16) & 0xff
  const k2 = (key >>> 8) & 0xff
  const k3 = key & 0xff
  let seen = 0
  let i = start
  for (; i + 4 <= end; i += 4)
    seen |= (bytes[i]! ^= k0) | (bytes[i + 1]! ^= k1) | (bytes[i + 2]! ^= k2) | (bytes[i + 3]! ^= k3)
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
  return seen
}

// The way from a number to 64 bits that leaves no object on the heap.
const halves = new Int32Array(2)
const whole = new BigInt64Array(halves.buffer)

/** A word twice, as 64 bits. @internal */
export function longWord(word: number): bigint {
  halves[0] = halves[1] = word
  return whole[0]!
}

function maskLongs(bytes: Uint8Array, start: number, end: number, key: number, phase: number): void {
  const longs = longsOf(bytes)
  const first = (start + longSkew + 7) >>> 3
  const last = (end + longSkew) >>> 3
  const longsStart = (first << 3) - longSkew
  const longsEnd = (last << 3) - longSkew
  maskBytes(bytes, start, longsStart, turn(key, phase))
  xorLongs(longs, first, last, swap(turn(key, phase + longsStart - start)))
  maskBytes(bytes, longsEnd, end, turn(key, phase + longsEnd - start))
}

function xorLongs(longs: BigInt64Array, from: number, to: number, word: number): void {
  const key = longWord(word)
  let i = from
  for (; i + 8 <= to; i += 8) {
    longs[i]! ^= key
    longs[i + 1]! ^= key
    longs[i + 2]! ^= key
    longs[i + 3]! ^= key
    longs[i + 4]! ^= key
    longs[i + 5]! ^= key
    longs[i + 6]! ^= key
    longs[i + 7]! ^= key
  }
  for (; i < to; i++) longs[i]! ^= key
}
// biome-ignore-end lint/suspicious/noAssignInExpressions: as above

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
export function fixedMask(key: number): MaskSource {
  if (!Number.isInteger(key) || key < 0 || key > 0xffff_ffff)
    throw outOfRange('key', 'an integer from 0 to 2^32 - 1', key)
  return () => key
}
