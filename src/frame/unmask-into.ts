// Hot: run benchmarks/micro/mask.ts before and after any edit. The naive twin stands in test/frame/unmask-into.test.ts.
import { EMPTY } from './bytes.js'
import { readInt32 } from './header.js'
import { foldLanes, longWord, maskBlindly, maskUnchecked, swap, turn, UNSEEN } from './mask.js'
import { areKept, littleEndian, longSkew, longsOf, skew, wordsOf } from './words.js'

/** Below this length the word loop costs more to enter than it saves. */
const WORDWISE_FROM = 16

/** Up to here bytes one by one are cheaper than two steps. */
const BYTEWISE_UP_TO = 64

/** From here on 64 bits at a time are cheaper, even where somebody has to look at the bytes once more. */
const LONGWISE_FROM = 512

// The words of the two buffers that were last asked for: nearly always the same two are.
let lastFrom: Buffer = EMPTY
let lastTo: Buffer = EMPTY
let source: Int32Array | undefined
let target: Int32Array | undefined
let fromSkew = 0
let toSkew = 0

/**
 * Writes the payload `from[start, end)` to `to`, beginning at `at`, without its mask, the key of which are the four bytes in
 * front of it: in one pass over the bytes where they lie alike, else in two. Up to three bytes of `to` behind that may be
 * changed; the ranges must not overlap.
 *
 * Returns the OR of the bytes, as `mask()` does, or `UNSEEN`.
 */
export function unmaskInto(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const length = end - start
  if (length < WORDWISE_FROM || !littleEndian) return acrossBytes(from, start, end, to, at, start - 4)
  if (length >= LONGWISE_FROM) return acrossLongs(from, start, end, to, at)
  if (from !== lastFrom || to !== lastTo) lookUp(from, to, length)
  const begin = start + fromSkew
  const stop = end + fromSkew
  const ahead = at + toSkew - begin
  const isAlike = (ahead & 3) === 0 && source !== undefined && target !== undefined
  // The last word may lie half behind the memory: then it is in no view.
  if (isAlike && (stop + 3) >>> 2 <= source!.length && (stop + ahead + 3) >>> 2 <= target!.length)
    return acrossWords(source!, begin, stop, target!, ahead >> 2)
  if (length <= BYTEWISE_UP_TO) return acrossBytes(from, start, end, to, at, start - 4)
  from.copy(to, at, start, end)
  return maskUnchecked(to, at, at + length, readInt32(from, start - 4))
}

function lookUp(from: Buffer, to: Buffer, length: number): void {
  source = wordsOf(from, length)
  fromSkew = skew
  target = wordsOf(to, length)
  toSkew = skew
  const isKept = areKept(from, to)
  lastFrom = isKept ? from : EMPTY
  lastTo = isKept ? to : EMPTY
}

// biome-ignore-start lint/suspicious/noAssignInExpressions: helper functions here are not inlined any more, at a fifth of the speed
/** From byte `begin` to byte `stop` of the words; the target lies `ahead` words further on. */
function acrossWords(
  source: Int32Array,
  begin: number,
  stop: number,
  target: Int32Array,
  ahead: number,
): number {
  const first = begin >>> 2
  const last = stop >>> 2
  const mine = -1 << ((begin & 3) << 3)
  // The key lies across the two words as the payload does across its own: it need not be turned.
  const word = source[first]!
  const key = (source[first - 1]! & mine) | (word & ~mine)
  const own = (word ^ key) & mine
  target[first + ahead] = (target[first + ahead]! & ~mine) | own
  let seen = own
  let i = first + 1
  for (; i + 4 <= last; i += 4)
    seen |=
      (target[i + ahead] = source[i]! ^ key) |
      (target[i + ahead + 1] = source[i + 1]! ^ key) |
      (target[i + ahead + 2] = source[i + 2]! ^ key) |
      (target[i + ahead + 3] = source[i + 3]! ^ key)
  for (; i < last; i++) seen |= target[i + ahead] = source[i]! ^ key
  if ((stop & 3) !== 0) seen |= (target[last + ahead] = source[last]! ^ key) & ~(-1 << ((stop & 3) << 3))
  return foldLanes(seen)
}

/** One by one; the key begins at `keyAt`, and was used for all bytes between. */
function acrossBytes(
  from: Buffer,
  start: number,
  end: number,
  to: Buffer,
  at: number,
  keyAt: number,
): number {
  let seen = 0
  for (let i = start, o = at; i < end; i++, o++) seen |= to[o] = from[i]! ^ from[keyAt + ((i - keyAt) & 3)]!
  return seen
}
// biome-ignore-end lint/suspicious/noAssignInExpressions: as above

function acrossLongs(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const source = longsOf(from)
  const begin = start + longSkew
  const target = longsOf(to)
  const ahead = at + longSkew - begin
  const key = readInt32(from, start - 4)
  if ((ahead & 7) !== 0) {
    from.copy(to, at, start, end)
    return maskBlindly(to, at, at + end - start, key)
  }
  const first = (begin + 7) >>> 3
  const lead = (first << 3) - begin
  const last = (end - start + begin) >>> 3
  const done = (last << 3) - begin
  acrossBytes(from, start, start + lead, to, at, start - 4)
  xorAcross(source, first, last, swap(turn(key, lead)), target, ahead >> 3)
  acrossBytes(from, start + done, end, to, at + done, start - 4)
  return UNSEEN
}

function xorAcross(
  source: BigInt64Array,
  from: number,
  to: number,
  word: number,
  target: BigInt64Array,
  ahead: number,
): void {
  const key = longWord(word)
  let i = from
  for (; i + 8 <= to; i += 8) {
    target[i + ahead] = source[i]! ^ key
    target[i + ahead + 1] = source[i + 1]! ^ key
    target[i + ahead + 2] = source[i + 2]! ^ key
    target[i + ahead + 3] = source[i + 3]! ^ key
    target[i + ahead + 4] = source[i + 4]! ^ key
    target[i + ahead + 5] = source[i + 5]! ^ key
    target[i + ahead + 6] = source[i + 6]! ^ key
    target[i + ahead + 7] = source[i + 7]! ^ key
  }
  for (; i < to; i++) target[i + ahead] = source[i]! ^ key
}
