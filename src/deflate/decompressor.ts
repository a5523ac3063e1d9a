import { ProtocolError } from '../errors.js'
import { bytesOf, copyIntoFrame, endOf, type Frame, lendToFrame, startOf } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import { messageTooBig } from '../protocol/session.js'
import type { ContextBudget } from './budget.js'
import type { Inflater } from './engine.js'
import type { Direction } from './params.js'
import type { EnginePool, Pools } from './pool.js'

/** Up to here a message may grow as it likes: `maxRatio` is about memory and time, and so little costs neither. */
const RATIO_COUNTS_FROM = 64 << 10

/** Inflates the messages that one connection receives. */
export class Decompressor {
  readonly #windowBits: number
  readonly #takesOver: boolean
  readonly #maxRatio: number
  readonly #pools: Pools
  readonly #pool: EnginePool<Inflater>
  readonly #budget: ContextBudget
  #kept: Inflater | undefined
  /** At work on a message that is not complete. */
  #current: Inflater | undefined
  #closed = false
  /** Bytes of the message at hand so far: as they came, and inflated. */
  #came = 0
  #made = 0
  /** Bytes that have come out of the frame at hand. */
  #making = 0

  constructor(direction: Direction, maxRatio: number, pools: Pools, budget: ContextBudget) {
    this.#windowBits = direction.windowBits
    this.#takesOver = direction.takesOver
    this.#maxRatio = maxRatio
    this.#pools = pools
    this.#pool = pools.inflaters(direction.windowBits)
    this.#pool.join()
    this.#budget = budget
    if (direction.takesOver) budget.reserve()
  }

  /** Bytes of the context that it keeps, or is at work with, and of what is being inflated. */
  get memory(): number {
    const context = this.#kept === undefined && this.#current === undefined ? 0 : 1 << this.#windowBits
    return context + this.#making
  }

  decode(frame: Frame, limit: number): void | Promise<void> {
    if (frame.isControl) return
    if (frame.opcode === Opcode.Continuation) {
      if (frame.rsv1) throw notFirst()
    } else if (frame.rsv1) this.#begin()
    if (this.#current === undefined) return
    return this.#decodePart(frame, this.#current, limit)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#current !== this.#kept) this.#current?.close()
    this.#kept?.close()
    this.#current = undefined
    this.#kept = undefined
    this.#pool.leave()
    if (this.#takesOver) this.#budget.give()
  }

  #begin(): void {
    this.#came = 0
    this.#made = 0
    if (this.#takesOver) this.#kept ??= this.#pools.newInflater(this.#windowBits)
    this.#current = this.#kept ?? this.#pool.acquire()
  }

  #decodePart(frame: Frame, inflater: Inflater, limit: number): void | Promise<void> {
    const bytes = bytesOf(frame)
    const start = startOf(frame)
    const end = endOf(frame)
    const { fin } = frame
    this.#came += end - start
    const before = this.#made
    const check = (length: number): void => this.#check(before, length, limit)
    try {
      const made = inflater.inflate(bytes, start, end, fin, check)
      if (!(made instanceof Promise)) {
        copyIntoFrame(frame, made, 0, made.length)
        return this.#done(frame, inflater)
      }
      return made.then(
        (owned) => {
          lendToFrame(frame, owned, 0, owned.length)
          this.#done(frame, inflater)
        },
        (error) => {
          this.#fail(inflater)
          throw error
        },
      )
    } catch (error) {
      this.#fail(inflater)
      throw error
    }
  }

  #done(frame: Frame, inflater: Inflater): void {
    frame.rsv1 = false
    this.#making = 0
    this.#made += frame.length
    if (!frame.fin) return
    this.#current = undefined
    if (inflater !== this.#kept && !this.#closed) this.#pool.release(inflater)
  }

  /** What was read so far is worth nothing without the rest: the connection is about to fail. */
  #fail(inflater: Inflater): void {
    inflater.close()
    this.#making = 0
    if (inflater === this.#kept) this.#kept = undefined
    this.#current = undefined
  }

  /** Called while a message is inflated, before more memory is spent on it. */
  #check(before: number, length: number, limit: number): void {
    if (length > limit) throw messageTooBig(before + length, before + limit)
    this.#making = length
    const made = before + length
    if (made > RATIO_COUNTS_FROM && made > this.#came * this.#maxRatio)
      throw grows(made, made / this.#came, this.#maxRatio)
  }
}

const notFirst = (): ProtocolError =>
  new ProtocolError('WS_ERR_RSV', 1002, 'RSV1 is set on a frame that begins no message (RFC 7692 §6.1)')

const grows = (length: number, ratio: number, limit: number): ProtocolError =>
  new ProtocolError(
    'WS_ERR_MAX_RATIO',
    1009,
    `Cannot inflate a message to ${length} bytes or more: compress.maxRatio is ${limit}`,
    { breach: { option: 'compress.maxRatio', limit, value: Math.ceil(ratio) } },
  )
