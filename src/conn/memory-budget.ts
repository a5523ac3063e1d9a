import { ProtocolError } from '../errors.js'
import type { Codecs } from './codecs.js'
import type { Inbound } from './inbound.js'
import type { Outbox } from './outbox.js'
import type { Timed, Timekeeper } from './timekeeper.js'

/** A connection, as the budget sees it. */
export interface Holder {
  /** Bytes that it holds now. */
  readonly memory: number
  /** Whether it has failed or is over: what it holds goes away by itself. */
  readonly ending: { readonly isEnding: boolean }
  /** What was last counted for it. For the budget's own use. */
  counted: number
  fail(error: Error): void
}

/** What has come and waits to be read, what waits to go out, and what extensions keep. */
export function memoryOf(inbound: Inbound, outbox: Outbox, codecs: Codecs | undefined): number {
  const { decoder, arrived, abandoned, delivery } = inbound
  const came = decoder.buffered + arrived + abandoned + delivery.memory
  const goes = outbox.bufferedAmount + (outbox.waits?.unused ?? 0)
  return came + goes + (codecs?.memory ?? 0)
}

/** How often everything is counted anew: what somebody has read or what has left is not told to us. */
const COUNT_EVERY = 1000

/** New connections are refused once so much is used, so that those that are here can go on. */
const OPEN_UP_TO = 7 / 8

/**
 * The memory that all connections of a server may hold together: what came in and was not read, what waits to go out,
 * and what extensions keep. When there is no more, the connection that holds the most has to go. What those hold that are
 * on their way out is used as well, until it has gone; but nobody else has to go for it.
 */
export class MemoryBudget implements Timed {
  readonly limit: number
  readonly #keeper: Timekeeper
  readonly #staying = new Set<Holder>()
  readonly #leaving = new Set<Holder>()
  /** The transport is gone, and something may still be read, if anybody has the connection. */
  readonly #gone = new Map<WeakRef<Holder>, number>()
  /** What those who stay hold together, and the others. */
  #held = 0
  #left = 0
  #countedAt = -Infinity
  due = Infinity
  place = -1

  constructor(limit: number, keeper: Timekeeper) {
    this.limit = limit
    this.#keeper = keeper
  }

  get used(): number {
    return this.#held + this.#left
  }

  add(holder: Holder): void {
    this.#staying.add(holder)
    if (this.due !== Infinity) return
    this.due = this.#keeper.sync() + COUNT_EVERY
    this.#keeper.add(this)
  }

  /** The transport of a connection is gone. */
  delete(holder: Holder): void {
    this.#leave(holder)
    if (!this.#leaving.delete(holder)) return
    this.#left -= holder.counted
    holder.counted = 0
    const { memory } = holder
    if (memory > 0) this.#gone.set(new WeakRef(holder), memory)
    this.#left += memory
    this.#rest()
  }

  /** A connection may hold more than before. */
  look(holder: Holder): void {
    if (!this.#staying.has(holder)) return
    this.#count(holder)
    if (this.#held > this.limit) this.#makeRoom()
  }

  /** Whether there is room for one connection more. */
  get hasRoom(): boolean {
    if (this.used < this.limit * OPEN_UP_TO) return true
    // Whoever asks often is not to keep us counting.
    if (this.#keeper.sync() - this.#countedAt >= COUNT_EVERY / 10) this.#countAll()
    return this.used < this.limit * OPEN_UP_TO
  }

  onDue(now: number): void {
    this.due = now + COUNT_EVERY
    this.#countAll()
    if (this.#held > this.limit) this.#makeRoom()
    this.#rest()
  }

  #count(holder: Holder): void {
    if (holder.ending.isEnding) this.#leave(holder)
    const grown = holder.memory - holder.counted
    if (this.#staying.has(holder)) this.#held += grown
    else this.#left += grown
    holder.counted += grown
  }

  #leave(holder: Holder): void {
    if (!this.#staying.delete(holder)) return
    this.#leaving.add(holder)
    this.#held -= holder.counted
    this.#left += holder.counted
  }

  #countAll(): void {
    this.#countedAt = this.#keeper.now
    for (const holder of this.#leaving) this.#count(holder)
    for (const holder of this.#staying) this.#count(holder)
    for (const [ref, bytes] of this.#gone) {
      const now = ref.deref()?.memory ?? 0
      this.#left += now - bytes
      if (now === 0) this.#gone.delete(ref)
      else this.#gone.set(ref, now)
    }
  }

  #makeRoom(): void {
    this.#countAll()
    while (this.#held > this.limit) {
      const largest = this.#largest()
      if (largest === undefined) return
      const error = this.#usedUp(largest.counted)
      this.#leave(largest)
      largest.fail(error)
      if (this.#leaving.has(largest)) this.#count(largest)
    }
  }

  /** When nobody is left, there is nothing to be counted. */
  #rest(): void {
    if (this.#staying.size + this.#leaving.size + this.#gone.size > 0) return
    this.#keeper.delete(this)
    this.due = Infinity
  }

  #largest(): Holder | undefined {
    let largest: Holder | undefined
    for (const holder of this.#staying) if (holder.counted > (largest?.counted ?? 0)) largest = holder
    return largest
  }

  #usedUp(bytes: number): ProtocolError {
    return new ProtocolError(
      'WS_ERR_MAX_MEMORY',
      1013,
      `Cannot hold ${bytes} bytes for a connection: ${this.used} are held for all, maxMemory is ${this.limit}`,
      { breach: { option: 'maxMemory', limit: this.limit, value: this.used } },
    )
  }
}
