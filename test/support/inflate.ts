/** What a deflate stream was made of. */
export interface Inflated {
  readonly data: Buffer
  /** How far back it refers at most; 0 without a reference. */
  readonly reach: number
}

/** Reads bits as RFC 1951 §3.1.1 packs them. */
class Bits {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length * 8
  }

  bit(): number {
    const byte = this.#bytes[this.#at >> 3]
    if (byte === undefined) throw new RangeError('The stream ends inside a block')
    const bit = (byte >> (this.#at & 7)) & 1
    this.#at++
    return bit
  }

  number(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value |= this.bit() << i
    return value
  }

  align(): void {
    this.#at = (this.#at + 7) & ~7
  }
}

/** A Huffman code by the lengths of its words (§3.2.2): from word, with a 1 in front, to symbol. */
function codeOf(lengths: readonly number[]): Map<number, number> {
  const code = new Map<number, number>()
  let word = 0
  for (let length = 1; length <= 15; length++) {
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue
      code.set((1 << length) | word, symbol)
      word++
    }
    word <<= 1
  }
  return code
}

function symbolOf(bits: Bits, code: Map<number, number>): number {
  for (let word = 1; ; ) {
    word = (word << 1) | bits.bit()
    const symbol = code.get(word)
    if (symbol !== undefined) return symbol
    if (word >= 1 << 16) throw new RangeError('There is no such word')
  }
}

const FIXED = codeOf(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)))
const FIXED_DISTANCES = codeOf(Array.from({ length: 30 }, () => 5))
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
]
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

type Codes = readonly [literals: Map<number, number>, distances: Map<number, number>]

/** The two codes of a block (§3.2.7). */
function dynamicCodes(bits: Bits): Codes {
  const literals = bits.number(5) + 257
  const distances = bits.number(5) + 1
  const lengthLengths: number[] = Array(19).fill(0)
  const count = bits.number(4) + 4
  for (let i = 0; i < count; i++) lengthLengths[ORDER[i]!] = bits.number(3)
  const lengthCode = codeOf(lengthLengths)
  const lengths: number[] = []
  while (lengths.length < literals + distances) {
    const symbol = symbolOf(bits, lengthCode)
    if (symbol < 16) lengths.push(symbol)
    else if (symbol === 16) lengths.push(...Array(bits.number(2) + 3).fill(lengths.at(-1)))
    else lengths.push(...Array(symbol === 17 ? bits.number(3) + 3 : bits.number(7) + 11).fill(0))
  }
  return [codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals))]
}

class Output {
  readonly #data: number[] = []
  reach = 0

  get data(): Buffer {
    return Buffer.from(this.#data)
  }

  push(byte: number): void {
    this.#data.push(byte)
  }

  copy(length: number, distance: number): void {
    if (distance > this.#data.length) throw new RangeError('A reference to what was before the beginning')
    this.reach = Math.max(this.reach, distance)
    for (let i = 0; i < length; i++) this.#data.push(this.#data[this.#data.length - distance]!)
  }
}

function stored(bits: Bits, out: Output): void {
  bits.align()
  const length = bits.number(16)
  bits.number(16)
  for (let i = 0; i < length; i++) out.push(bits.number(8))
}

function coded(bits: Bits, out: Output, [literals, distances]: Codes): void {
  for (let symbol = symbolOf(bits, literals); symbol !== 256; symbol = symbolOf(bits, literals)) {
    if (symbol < 256) out.push(symbol)
    else {
      const length = LENGTH_BASE[symbol - 257]! + bits.number(LENGTH_BITS[symbol - 257]!)
      const code = symbolOf(bits, distances)
      const extra = code < 2 ? 0 : (code >> 1) - 1
      const base = code < 2 ? code + 1 : 1 + ((2 + (code & 1)) << extra)
      out.copy(length, base + bits.number(extra))
    }
  }
}

/**
 * Inflates bit by bit, as RFC 1951 says, without zlib, so that it can tell how far a compressor refers back. It reads
 * blocks up to the end of the stream, which has to be the end of a block, as it is behind a flush.
 */
export function inflateByHand(stream: Uint8Array): Inflated {
  const bits = new Bits(stream)
  const out = new Output()
  let isFinal = false
  while (!isFinal && !bits.isDone) {
    isFinal = bits.bit() === 1
    const type = bits.number(2)
    if (type === 0) stored(bits, out)
    else coded(bits, out, type === 1 ? [FIXED, FIXED_DISTANCES] : dynamicCodes(bits))
  }
  return { data: out.data, reach: out.reach }
}
