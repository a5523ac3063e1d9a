// Hot: run benchmarks/micro/mask.ts before and after any edit. The naive twin stands in test/frame/mask.test.ts.
import { randomFillSync } from 'node:crypto'
import { outOfRange, wrongType } from '../errors.js'
import { checkRange, EMPTY } from './bytes.js'

/** Below this length the word loop costs more to enter than it saves. */
const WORDWISE_FROM = 16

/** From here on a view pays even where it is used only once. */
const WORTH_A_VIEW = 256

/** Words are not kept for larger buffers: they pin the whole of them. */
const KEEP_UP_TO = 1 << 20

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** The memory behind `bytes` as words; `bytes[0]` lies `offset` bytes behind the first of them. */
interface Words {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly words: Int32Array
}

// Reading and writing alternate between two long-lived buffers. They are known by their Buffer object, as merely asking
// one for its ArrayBuffer takes as long as masking 20 bytes.
let recent: Words = { bytes: EMPTY, offset: 0, words: new Int32Array(0) }
let older: Words = recent
/** Was masked once without words: a second time makes them worth it. */
let seenOnce: Uint8Array = EMPTY

/**
 * XORs `bytes[start, end)` in place with a masking key (RFC 6455 §5.3).
 *
 * `key` is the four key bytes read as a big-endian number; `phase` is how many payload bytes were masked before `start`.
 * Returns the OR of all resulting bytes: below 0x80 means that all of them are ASCII.
 */
export function mask(bytes: Uint8Array, start: number, end: number, key: number, phase = 0): number {
  checkRange('bytes', bytes, start, end)
  if (typeof key !== 'number') throw wrongType('key', 'a number', key)
  const turned = turn(key, phase)
  if (end - start < WORDWISE_FROM || !littleEndian) return maskBytes(bytes, start, end, turned)
  const words = recent.bytes === bytes ? recent : wordsOf(bytes, start, end)
  return words === undefined
    ? maskBytes(bytes, start, end, turned)
    : maskMostlyWords(words, bytes, start, end, turned)
}

/** The key as it stands after so many bytes. */
function turn(key: number, phase: number): number {
  const bits = (phase & 3) << 3
  return (key << bits) | (key >>> (32 - bits))
}

function wordsOf(bytes: Uint8Array, start: number, end: number): Words | undefined {
  if (older.bytes === bytes) return promote(older)
  const buffer = bytes.buffer
  const kept = buffer.byteLength <= KEEP_UP_TO && !changesLength(buffer)
  if (end - start < WORTH_A_VIEW && bytes !== seenOnce) {
    if (kept) seenOnce = bytes
    return undefined
  }
  const offset = bytes.byteOffset
  if (kept) return promote({ bytes, offset, words: new Int32Array(buffer, 0, buffer.byteLength >>> 2) })
  // Only the words of this range: their indices stay small however large the buffer is.
  const from = start + toBoundary(offset + start)
  return { bytes, offset: -from, words: new Int32Array(buffer, offset + from, Math.floor((end - from) / 4)) }
}

function promote(words: Words): Words {
  older = recent
  recent = words
  return words
}

/** A resizable buffer grows under words made before, and leaves its new part out of them. */
function changesLength(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { resizable?: boolean; growable?: boolean }
  return resizable === true || growable === true
}

/** How many bytes are missing to the next multiple of four. */
const toBoundary = (at: number): number => -at & 3

function maskMostlyWords(
  { words, offset }: Words,
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
): number {
  const from = start + toBoundary(offset + start)
  const to = end - ((end - from) & 3)
  const turned = turn(key, from - start)
  let seen = 0
  if (start < from) seen = maskBytes(bytes, start, from, key)
  seen |= maskWords(words, (offset + from) / 4, (offset + to) / 4, swap(turned))
  return to < end ? seen | maskBytes(bytes, to, end, turned) : seen
}

/** The four bytes of a word in reverse. */
const swap = (word: number): number =>
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
  // Fold the four lanes into one byte.
  return (seen | (seen >>> 8) | (seen >>> 16) | (seen >>> 24)) & 0xff
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
