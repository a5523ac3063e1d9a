// Hot: run benchmarks/micro/copy.ts before and after any edit. The naive twin stands in test/frame/copy.test.ts.
import { outOfRange } from '../errors.js'
import { skew, wordsOf } from './words.js'

/** Below this length bytes are copied one by one; from the other on native code is cheaper than any loop. */
const WORDWISE_FROM = 12
const NATIVE_FROM = 256

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
