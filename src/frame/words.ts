// Hot: run benchmarks/micro/mask.ts before and after any edit.

/** Whether the first byte of a word is its lowest. */
export const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** Where the first byte of the buffer that `wordsOf()` was last asked for lies in its first word. */
export let skew = 0

/** A view over a small buffer is not worth making for a few bytes. */
const WORTH_BUFFER = 4 << 10
const WORTH_RANGE = 256

/** Views over larger buffers are made each time: a kept view holds its whole buffer. */
const KEEP_UP_TO = 1 << 20

// Even to ask a Buffer for its memory costs as much as masking 100 bytes. But the buffers that matter live long: one to
// read into, one to send from, one to keep messages in. Their views are kept by the identity of the buffer.
const NOTHING = new Uint8Array(0)
let firstBytes: Uint8Array = NOTHING
let firstWords: Int32Array = new Int32Array(0)
let firstSkew = 0
let secondBytes: Uint8Array = NOTHING
let secondWords: Int32Array = firstWords
let secondSkew = 0
let thirdBytes: Uint8Array = NOTHING
let thirdWords: Int32Array = firstWords
let thirdSkew = 0

/**
 * A buffer as 32-bit words, from the word border at or before its first byte: byte `i` lies in word `(i + skew) >>> 2`.
 * Undefined when `length` bytes are too few to be worth it, and for memory that other threads may share.
 */
export function wordsOf(bytes: Uint8Array, length: number): Int32Array | undefined {
  if (bytes === firstBytes) {
    skew = firstSkew
    return firstWords
  }
  if (bytes === secondBytes) {
    skew = secondSkew
    return secondWords
  }
  if (bytes === thirdBytes) {
    skew = thirdSkew
    return thirdWords
  }
  return bytes.length >= WORTH_BUFFER || length >= WORTH_RANGE ? newWords(bytes) : undefined
}

/** Whether the views of two buffers are kept: then they hold for as long as these do. */
export const areKept = (one: Uint8Array, other: Uint8Array): boolean => isKept(one) && isKept(other)

const isKept = (bytes: Uint8Array): boolean =>
  bytes === firstBytes || bytes === secondBytes || bytes === thirdBytes

/** The same for `longsOf()` and its 64-bit words. */
export let longSkew = 0

let longBytes: Uint8Array = NOTHING
let longs: BigInt64Array = new BigInt64Array(0)
let keptSkew = 0
let otherBytes: Uint8Array = NOTHING
let otherLongs: BigInt64Array = longs
let otherSkew = 0

/** A buffer as 64-bit words, as `wordsOf()` gives 32-bit ones. Two views are kept: there are many bytes to each. */
export function longsOf(bytes: Uint8Array): BigInt64Array {
  if (bytes === longBytes) {
    longSkew = keptSkew
    return longs
  }
  if (bytes === otherBytes) {
    longSkew = otherSkew
    return otherLongs
  }
  const { buffer, byteOffset } = bytes
  longSkew = byteOffset & 7
  const made = new BigInt64Array(buffer, byteOffset - longSkew, Math.floor((bytes.length + longSkew) / 8))
  if (buffer.byteLength <= KEEP_UP_TO && !changesLength(buffer)) keepLongs(bytes, made)
  return made
}

function keepLongs(bytes: Uint8Array, made: BigInt64Array): void {
  otherBytes = longBytes
  otherLongs = longs
  otherSkew = keptSkew
  longBytes = bytes
  longs = made
  keptSkew = longSkew
}

function newWords(bytes: Uint8Array): Int32Array | undefined {
  const { buffer, byteOffset } = bytes
  // Words may be written whole where only some of their bytes are meant: nobody else may be writing to the others.
  if (buffer instanceof SharedArrayBuffer) return undefined
  skew = byteOffset & 3
  const words = new Int32Array(buffer, byteOffset - skew, Math.floor((bytes.length + skew) / 4))
  if (buffer.byteLength <= KEEP_UP_TO && !changesLength(buffer)) keep(bytes, words)
  return words
}

/** A resizable buffer grows under words made before, and leaves its new part out of them. */
function changesLength(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { resizable?: boolean; growable?: boolean }
  return resizable === true || growable === true
}

function keep(bytes: Uint8Array, words: Int32Array): void {
  thirdBytes = secondBytes
  thirdWords = secondWords
  thirdSkew = secondSkew
  secondBytes = firstBytes
  secondWords = firstWords
  secondSkew = firstSkew
  firstBytes = bytes
  firstWords = words
  firstSkew = skew
}
