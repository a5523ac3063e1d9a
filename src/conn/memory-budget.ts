import { ProtocolError } from '../errors.js'
import type { Codecs } from './codecs.js'
import type { Inbound } from './inbound.js'
import type { Outbox } from './outbox.js'
import type { Timed, Timekeeper } from './timekeeper.js'

/** A connection, as the budget sees it. */
export interface Holder {
  /** Bytes that it holds now; none once it is ending. */
  readonly memory: number
  /** What was last counted for it. For the budget's own use. */
  counted: number
  fail(error: Error): void
}

/** What waits to be read and to go out, and what extensions keep. */
export function memoryOf(inbound: Inbound, outbox: Outbox, codecs: Codecs | undefined): number {
  const waits = inbound.decoder.buffered + inbound.delivery.bytes + outbox.bufferedAmount
  return codecs === undefined ? waits : waits + codecs.memory
}

/** How often everything is counted anew: what somebody has read or what has left is not told to us. */
const COUNT_EVERY = 1000

/** New connections are refused once so much is used, so that those that are here can go on. */
const OPEN_UP_TO = 7 / 8

/**
 * The memory that all connections of a server may hold together: what came in and was not read, what waits to go out,
 * and what extensions keep. When there is no more, the connection that holds the most has to go.
 */
export class MemoryBudget implements Timed {
  readonly limit: number
  readonly #keeper: Timekeeper
  readonly #holders = new Set<Holder>()
  #used = 0
  #countedAt = -Infinity
  due = Infinity
  place = -1

  constructor(limit: number, keeper: Timekeeper) {
    this.limit = limit
    this.#keeper = keeper
  }

  get used(): number {
    return this.#used
  }

  add(holder: Holder): void {
    this.#holders.add(holder)
    if (this.#holders.size > 1) return
    this.due = this.#keeper.sync() + COUNT_EVERY
    this.#keeper.add(this)
  }

  delete(holder: Holder): void {
    if (!this.#holders.delete(holder)) return
    this.#used -= holder.counted
    holder.counted = 0
    if (this.#holders.size === 0) this.#keeper.delete(this)
  }

  /** A connection may hold more than before. */
  look(holder: Holder): void {
    if (!this.#holders.has(holder)) return
    this.#count(holder)
    if (this.#used > this.limit) this.#makeRoom()
  }

  /** Whether there is room for one connection more. */
  get hasRoom(): boolean {
    if (this.#used < this.limit * OPEN_UP_TO) return true
    // Whoever asks often is not to keep us counting.
    if (this.#keeper.sync() - this.#countedAt >= COUNT_EVERY / 10) this.#countAll()
    return this.#used < this.limit * OPEN_UP_TO
  }

  onDue(now: number): void {
    this.due = now + COUNT_EVERY
    this.#countAll()
    if (this.#used > this.limit) this.#makeRoom()
  }

  #count(holder: Holder): void {
    const { memory } = holder
    this.#used += memory - holder.counted
    holder.counted = memory
  }

  #countAll(): void {
    this.#countedAt = this.#keeper.now
    for (const holder of this.#holders) this.#count(holder)
  }

  #makeRoom(): void {
    this.#countAll()
    while (this.#used > this.limit) {
      const largest = this.#largest()
      if (largest === undefined) return
      largest.fail(this.#usedUp(largest.counted))
      this.#count(largest)
    }
  }

  #largest(): Holder | undefined {
    let largest: Holder | undefined
    for (const holder of this.#holders) if (holder.counted > (largest?.counted ?? 0)) largest = holder
    return largest
  }

  #usedUp(bytes: number): ProtocolError {
    return new ProtocolError(
      'WS_ERR_MAX_MEMORY',
      1013,
      `Cannot hold ${bytes} bytes for a connection: ${this.#used} are held for all, maxMemory is ${this.limit}`,
      { breach: { option: 'maxMemory', limit: this.limit, value: this.#used } },
    )
  }
}
