// Hot: run benchmarks/e2e before and after any edit. Every message that waits for a reader is copied here once.
import { EMPTY } from '../frame/bytes.js'
import { copyBytes } from '../frame/copy.js'
import { holdTogether } from './together.js'

/**
 * Messages of like size share memory: making a Buffer costs more than copying a few kilobytes. One that is kept holds
 * its whole slab, so small messages never share with large ones.
 */
class Slab {
  readonly #size: number
  #memory: Buffer
  #used = 0

  constructor(size: number) {
    this.#size = size
    this.#memory = holdTogether(Buffer.allocUnsafeSlow(size))
  }

  /** Room that begins at the given distance from a word's border, so that words can be copied as words. */
  take(length: number, skew: number): number {
    if (this.#used + skew + length > this.#size) {
      this.#memory = holdTogether(Buffer.allocUnsafeSlow(this.#size))
      this.#used = 0
    }
    const at = this.#used + skew
    this.#used = (at + length + 3) & ~3
    kept = this.#memory
    return at
  }
}

const SMALL = 1 << 10
const MEDIUM = 16 << 10

let kept: Buffer = EMPTY
const smallSlab = new Slab(8 << 10)
const mediumSlab = new Slab(64 << 10)

/** The memory that `keepBytes()` last copied to, or `reserveKept()` gave room in. */
export const keptIn = (): Buffer => kept

/** Copies `bytes[start, end)` to memory that nobody writes to again; returns where in `keptIn()` they begin. */
export function keepBytes(bytes: Buffer, start: number, end: number): number {
  const at = reserveKept(end - start, start & 3)
  copyBytes(bytes, start, end, kept, at)
  return at
}

/**
 * Room for so many bytes, up to a word's border, in memory that nobody writes to again; returns where in `keptIn()` it begins:
 * so far behind a word's border.
 */
export function reserveKept(length: number, skew: number): number {
  if (length <= SMALL) return smallSlab.take(length, skew)
  if (length <= MEDIUM) return mediumSlab.take(length, skew)
  kept = Buffer.allocUnsafeSlow(length)
  return 0
}
