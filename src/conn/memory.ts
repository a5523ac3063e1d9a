// Hot: run benchmarks/e2e before and after any edit. Every message that waits for a reader is copied here once.
import { EMPTY } from '../frame/bytes.js'
import { copyBytes } from '../frame/copy.js'
import { headerSize } from '../frame/header.js'
import { headedMessage, type Message, ownMessage } from './message.js'
import { SEAL_SIZE, seal } from './put-off.js'
import { holdTogether } from './together.js'

/**
 * Messages of like size share memory: making a Buffer costs more than copying a few kilobytes. One that is kept holds
 * its whole slab, so small messages never share with large ones.
 */
class Slab {
  readonly #size: number
  #memory: Buffer
  #used = SEAL_SIZE

  constructor(size: number) {
    this.#size = size
    this.#memory = newShared(size)
  }

  /**
   * Room for a message, behind room for its header: it begins as far behind a word's border as `skew` tells, so that words
   * can be copied as words. Messages that lay side by side on the wire do so here. It is to be filled before more is taken:
   * who fills it may change up to three bytes behind it.
   */
  take(length: number, skew: number): number {
    const header = headerSize(length, false)
    let at = alike(this.#used + header, skew)
    // It is shorter than it was made when somebody was given some of it, and it went.
    if (at + length > this.#memory.length) {
      this.#memory = newShared(this.#size)
      at = alike(SEAL_SIZE + header, skew)
    }
    this.#used = at + length
    kept = this.#memory
    return at
  }
}

const newShared = (size: number): Buffer => seal(holdTogether(Buffer.allocUnsafeSlow(size)))

/** The first place from `at` on that lies so far behind a word's border. */
const alike = (at: number, skew: number): number => at + ((skew - at) & 3)

const SMALL = 1 << 10
const MEDIUM = 16 << 10

let kept: Buffer = EMPTY
const smallSlab = new Slab(8 << 10)
const mediumSlab = new Slab(64 << 10)

/** The memory that `keepBytes()` last copied to, or `reserveKept()` gave room in. */
export const keptIn = (): Buffer => kept

/** Copies `bytes[start, end)` to memory where nobody writes to them again; returns where in `keptIn()` they begin. */
export function keepBytes(bytes: Buffer, start: number, end: number): number {
  const at = reserveKept(end - start, start & 3)
  copyBytes(bytes, start, end, kept, at)
  return at
}

/**
 * Room for so many bytes, to be filled at once, in memory where nobody writes to them again; returns where in `keptIn()` it
 * begins: so far behind a word's border.
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
