// Hot: run benchmarks/micro/copy.ts before and after any edit. The naive twin stands in test/frame/copy.test.ts.
import { outOfRange } from '../errors.js'
import { skew, wordsOf } from './words.js'

/** Below this length bytes are copied one by one; from the other on native code is cheaper than any loop. */
const WORDWISE_FROM = 12
const NATIVE_FROM = 256
/** The same where the target is known as words. */
const NATIVE_FROM_ALIKE = 512

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
  if (length >= NATIVE_FROM) from.copy(to, at, start, end)
  else if (length < WORDWISE_FROM || !copyWords(from, start, end, to, at)) copyEach(from, start, end, to, at)
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
  const source = end - start < NATIVE_FROM_ALIKE ? wordsOf(from, end - start) : undefined
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

/** Words between, bytes at the ends; false when the ranges do not begin at the same distance from a word's border. */
function copyWords(from: Buffer, start: number, end: number, to: Uint8Array, at: number): boolean {
  const source = wordsOf(from, end - start)
  const sourceSkew = skew
  const target = wordsOf(to, end - start)
  if (source === undefined || target === undefined || ((start + sourceSkew - at - skew) & 3) !== 0)
    return false
  const first = (start + sourceSkew + 3) >>> 2
  const last = (end + sourceSkew) >>> 2
  const shift = ((at + skew + 3) >>> 2) - first
  for (let i = first; i < last; i++) target[i + shift] = source[i]!
  copyEach(from, start, (first << 2) - sourceSkew, to, at)
  const rest = (last << 2) - sourceSkew
  copyEach(from, rest, end, to, at + rest - start)
  return true
}
