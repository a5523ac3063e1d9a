import { bytesOf, copyIntoFrame, endOf, type Frame, lendToFrame, startOf } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import type { EncodeHints } from '../protocol/extension.js'
import type { ContextBudget } from './budget.js'
import type { Deflater, DeflaterSettings } from './engine.js'
import { type Direction, NAME } from './params.js'
import type { EnginePool, Pools } from './pool.js'
import type { DeflateSettings } from './settings.js'

/** What every flush ends with, and no message on the wire (RFC 7692 §7.2.1). */
const TAIL_LENGTH = 4

/** What is left of an empty block without its tail (§7.2.3.6). */
const EMPTY = Buffer.from([0x00])

/** Compresses the messages that one connection sends. */
export class Compressor {
  readonly #settings: DeflateSettings
  readonly #made: DeflaterSettings
  readonly #takesOver: boolean
  readonly #pools: Pools
  readonly #pool: EnginePool<Deflater>
  readonly #budget: ContextBudget
  /** With the context of this connection, as long as it is kept. */
  #kept: Deflater | undefined
  /** At work on a message that is not complete. */
  #current: Deflater | undefined
  /** Nothing has gone through the kept one. */
  #isFresh = true
  #closed = false
  readonly aloneKey: string

  constructor(direction: Direction, settings: DeflateSettings, pools: Pools, budget: ContextBudget) {
    const { windowBits, takesOver } = direction
    const { level, memLevel, threshold } = settings
    this.#settings = settings
    this.#made = { windowBits, level, memLevel }
    this.#takesOver = takesOver
    this.#pools = pools
    this.#pool = pools.deflaters(this.#made)
    this.#pool.join()
    this.#budget = budget
    this.aloneKey = `${NAME} ${windowBits} ${level} ${memLevel} ${threshold}`
  }

  /** Bytes of the context that it keeps, or is at work with (as zconf.h counts them). */
  get memory(): number {
    if (this.#kept === undefined && this.#current === undefined) return 0
    const { windowBits, memLevel } = this.#made
    return (1 << (windowBits + 2)) + (1 << (memLevel + 9))
  }

  encode(frame: Frame, hints: EncodeHints): void | Promise<void> {
    if (frame.isControl) return
    const isFirst = frame.opcode !== Opcode.Continuation
    if (isFirst) {
      if (!this.#wants(frame, hints)) return
      const keeps = this.#mayKeep()
      if (frame.fin && !keeps) return this.encodeAlone(frame, hints)
      this.#current = keeps ? this.#kept : this.#pool.acquire()
      this.#isFresh = false
    }
    if (this.#current !== undefined) return this.#encodePart(frame, this.#current, isFirst)
  }

  /** A whole message that owes nothing to those before it. */
  encodeAlone(frame: Frame, hints: EncodeHints): void | Promise<void> {
    if (!this.#wants(frame, hints)) return
    const deflater = this.#pool.acquire()
    return this.#deflate(deflater, frame, (packed) => {
      // Where nothing builds on it, a message that compression makes longer can go as it is.
      if (packed.length - TAIL_LENGTH < endOf(frame) - startOf(frame)) finish(frame, packed, true)
      this.#pool.release(deflater)
    })
  }

  /** A message goes out that the context does not know of. */
  forget(): void {
    if (!this.#isFresh) this.#kept?.reset()
    this.#isFresh = true
  }

  /** The context can be made again, at the price of a longer message. */
  idle(): void {
    if (this.#current === undefined) this.#drop()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#current !== this.#kept) this.#current?.close()
    this.#drop()
    this.#pool.leave()
  }

  /** A message in several frames is of unknown length, and taken for a long one. An empty one cannot get shorter. */
  #wants(frame: Frame, { compress }: EncodeHints): boolean {
    const length = endOf(frame) - startOf(frame)
    if (compress === false || (frame.fin && length === 0)) return false
    return compress === true || !frame.fin || length >= this.#settings.threshold
  }

  /** Whether the context is kept for the next message. When the budget is spent it is not, which needs no agreement. */
  #mayKeep(): boolean {
    if (!this.#takesOver || this.#closed) return false
    if (this.#kept !== undefined) return true
    if (!this.#budget.take()) return false
    this.#kept = this.#pools.newDeflater(this.#made)
    return true
  }

  #encodePart(frame: Frame, deflater: Deflater, isFirst: boolean): void | Promise<void> {
    return this.#deflate(deflater, frame, (packed) => {
      const { fin } = frame
      finish(frame, packed, isFirst)
      if (!fin) return
      this.#current = undefined
      if (deflater !== this.#kept) this.#pool.release(deflater)
    })
  }

  #deflate(deflater: Deflater, frame: Frame, done: (packed: Buffer) => void): void | Promise<void> {
    const packed = deflater.deflate(bytesOf(frame), startOf(frame), endOf(frame))
    return packed instanceof Promise ? packed.then(done) : done(packed)
  }

  #drop(): void {
    if (this.#kept === undefined) return
    this.#kept.close()
    this.#kept = undefined
    this.#budget.give()
  }
}

/** Puts what was compressed into its frame. */
function finish(frame: Frame, packed: Buffer, isFirst: boolean): void {
  if (isFirst) frame.rsv1 = true // of the first frame of a message only (§6)
  if (!frame.fin) copyIntoFrame(frame, packed, 0, packed.length)
  else if (packed.length === 0) lendToFrame(frame, EMPTY, 0, EMPTY.length)
  else copyIntoFrame(frame, packed, 0, packed.length - TAIL_LENGTH)
}
