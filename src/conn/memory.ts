// Hot: run benchmarks/e2e before and after any edit. Every message that waits for a reader is copied here once.
import { EMPTY } from '../frame/bytes.js'
import { copyBytes } from '../frame/copy.js'
import { headerSize } from '../frame/header.js'
import { headedMessage, type Message, ownMessage } from './message.js'
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

  /**
   * Room behind that for a header, which begins as far behind a word's border as `skew` tells, so that words can be copied
   * as words. What lay side by side on the wire does so here.
   */
  take(length: number, skew: number): number {
    const header = headerSize(length, false)
    let at = alike(this.#used + header, skew)
    // Shorter than it was made: somebody has transferred it, mark or not.
    if (at + length > this.#memory.length) {
      this.#memory = holdTogether(Buffer.allocUnsafeSlow(this.#size))
      at = alike(header, skew)
    }
    this.#used = at + length
    kept = this.#memory
    return at
  }
}

/** The first place from `at` on that lies so far behind a word's border. */
const alike = (at: number, skew: number): number => at + ((skew - at) & 3)

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
 * Room for so many bytes in memory that nobody writes to again; returns where in `keptIn()` it begins: so far behind a
 * word's border.
 */
export function reserveKept(length: number, skew: number): number {
  if (length <= SMALL) return smallSlab.take(length, skew)
  if (length <= MEDIUM) return mediumSlab.take(length, skew)
  kept = Buffer.allocUnsafeSlow(length)
  return 0
}

/** The message whose bytes lie in the room that was last given. */
export const keptMessage = (isText: boolean, isAscii: boolean, start: number, end: number): Message =>
  (end - start <= MEDIUM ? headedMessage : ownMessage)(isText, isAscii, kept, start, end)
