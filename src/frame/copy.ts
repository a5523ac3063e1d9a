// Hot: run benchmarks/micro/copy.ts before and after any edit. The naive twin stands in test/frame/copy.test.ts.
import { outOfRange } from '../errors.js'
import { littleEndian, skew, wordsOf } from './words.js'

/** Below this length bytes are copied one by one. */
const WORDWISE_FROM = 12

// From these lengths on native code is cheaper, to call which takes as long as to copy 32 bytes one by one: than words
// that lie alike, where the target is known as words and where it has to be asked for; than words that do not; than bytes.
const NATIVE_FROM_ALIKE = 512
const NATIVE_FROM = 160
const NATIVE_FROM_SHIFTED = 80
const NATIVE_FROM_BYTES = 32

/** Indices are 32-bit integers: what lies further on is left to native code. */
const FAR = 2 ** 31

/**
 * Throws when `bytes` ends before `end`: memory can go away under a view (transferred to a worker, or shrunk), and
 * uninitialised bytes would be sent in its place.
 */
export function checkPresent(bytes: Uint8Array, end: number): void {
  if (end > bytes.length)
    throw outOfRange(
      'payload',
      `${end} bytes long as when it was set, not transferred or shrunk`,
      bytes.length,
    )
}

/** Copies `from[start, end)` to `to`, beginning at `at`. The ranges must not overlap. */
export function copyBytes(from: Buffer, start: number, end: number, to: Uint8Array, at: number): void {
  checkPresent(from, end)
  const length = end - start
  if (length < WORDWISE_FROM) copyEach(from, start, end, to, at)
  else if (length >= NATIVE_FROM || end > FAR || at > FAR || !copyWords(from, start, end, to, at))
    from.copy(to, at, start, end)
}

/** Memory that can be written word by word. */
export interface WordMemory {
  readonly bytes: Buffer
  readonly words: Int32Array
}

/** Memory of at least so many bytes, with nothing of meaning in it. */
export function newWordMemory(size: number): WordMemory {
  const bytes = Buffer.allocUnsafeSlow((size + 3) & ~3)
  return { bytes, words: new Int32Array(bytes.buffer) }
}

/**
 * Copies `from[start, end)` near the beginning of memory with at least 6 bytes more: as far behind a word's border as it
 * lay before, so that whole words can be copied. Returns where it begins.
 */
export function copyAlike(from: Buffer, start: number, end: number, to: WordMemory): number {
  checkPresent(from, end)
  const source = end - start < NATIVE_FROM_ALIKE && end <= FAR ? wordsOf(from, end - start) : undefined
  const first = (start + skew) >>> 2
  const last = (end + skew + 3) >>> 2
  if (source === undefined || last > source.length) {
    copyBytes(from, start, end, to.bytes, 0)
    return 0
  }
  const { words } = to
  for (let i = first; i < last; i++) words[i - first] = source[i]!
  return (start + skew) & 3
}

function copyEach(from: Buffer, start: number, end: number, to: Uint8Array, at: number): void {
  for (let i = start, o = at; i < end; i++, o++) to[o] = from[i]!
}

/** Word by word where words can be had; false where native code is cheaper. */
function copyWords(from: Buffer, start: number, end: number, to: Uint8Array, at: number): boolean {
  const length = end - start
  const source = wordsOf(from, length)
  const sourceSkew = skew
  const target = wordsOf(to, length)
  if (source === undefined || target === undefined || !littleEndian) {
    if (length >= NATIVE_FROM_BYTES) return false
    copyEach(from, start, end, to, at)
    return true
  }
  const begin = at + skew
  const stop = begin + length
  // Word `i` of the target begins `low` bits behind the beginning of word `i + ahead` of the source.
  const ahead = (start + sourceSkew - begin) >> 2
  const low = ((start + sourceSkew - begin) & 3) << 3
  const isInside = (begin >>> 2) + ahead >= 0 && (stop >>> 2) + ahead + 1 < source.length
  // The last word may lie half behind the memory: then it is in no view.
  if (!isInside || stop >>> 2 >= target.length || (low !== 0 && length >= NATIVE_FROM_SHIFTED)) return false
  if (low === 0) moveWords(source, target, begin, stop, ahead)
  else shiftWords(source, target, begin, stop, ahead, low)
  return true
}

/** Puts those bits into a word that `mine` tells. */
const merge = (word: number, mine: number, bits: number): number => (word & ~mine) | (bits & mine)

const firstBits = (begin: number): number => -1 << ((begin & 3) << 3)
const lastBits = (stop: number): number => ~(-1 << ((stop & 3) << 3))

/** To byte `begin` up to byte `stop` of the target's words; the bytes around are left as they are. */
function moveWords(source: Int32Array, target: Int32Array, begin: number, stop: number, ahead: number): void {
  const first = begin >>> 2
  const last = stop >>> 2
  target[first] = merge(target[first]!, firstBits(begin), source[first + ahead]!)
  for (let i = first + 1; i < last; i++) target[i] = source[i + ahead]!
  target[last] = merge(target[last]!, lastBits(stop), source[last + ahead]!)
}

/** The same where each word of the target lies across two of the source. */
function shiftWords(
  source: Int32Array,
  target: Int32Array,
  begin: number,
  stop: number,
  ahead: number,
  low: number,
): void {
  const high = 32 - low
  const first = begin >>> 2
  const last = stop >>> 2
  let next = source[first + ahead + 1]!
  target[first] = merge(target[first]!, firstBits(begin), (source[first + ahead]! >>> low) | (next << high))
  for (let i = first + 1; i < last; i++) {
    const word = next
    next = source[i + ahead + 1]!
    target[i] = (word >>> low) | (next << high)
  }
  const bits = (next >>> low) | (source[last + ahead + 1]! << high)
  target[last] = merge(target[last]!, lastBits(stop), bits)
}
