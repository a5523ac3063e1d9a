// Hot: run benchmarks/e2e before and after any edit.
import { type Quiet, quietPromise, quietRejection, RESOLVED } from './quiet.js'

/** What the back-pressure needs from the connection around it. */
export interface BackPressureHost {
  /** What waited is below the high-water mark again. */
  onDrain(): void
  /** More waits than the high-water mark. */
  onHolding(): void
  /** What everybody is told once no more is taken. */
  error(): Error | undefined
}

/** The same for the outbox as a whole. */
export interface OutboxHost extends BackPressureHost {
  /** These bytes are written now: whole frames, or the next piece of one. */
  writing(bytes: Buffer): void
}

/** The promises that those who send wait for. Nobody has to look at them. */
export class BackPressure {
  readonly #host: BackPressureHost
  readonly #highWaterMark: number
  #refuses = false
  #gone: Promise<never> | undefined
  #room: Quiet | undefined
  #below: Quiet | undefined
  #empty: Quiet | undefined
  #wasAbove = false

  constructor(host: BackPressureHost, highWaterMark: number) {
    this.#host = host
    this.#highWaterMark = highWaterMark
  }

  get hasRefused(): boolean {
    return this.#refuses
  }

  /** A promise for "there is room for more", where so many bytes wait for the peer. */
  accepted(waiting: number): Promise<void> {
    if (this.#refuses) return this.#rejection()
    if (waiting <= this.#highWaterMark) return RESOLVED
    this.#host.onHolding()
    if (this.#refuses) return this.#rejection()
    this.#wasAbove = true
    this.#room ??= quietPromise()
    return this.#room.promise
  }

  /** The same for what waits for its turn, where so many bytes wait for anything at all. */
  acceptedInTurn(buffered: number): Promise<void> {
    if (this.#refuses) return this.#rejection()
    if (buffered <= this.#highWaterMark) return RESOLVED
    this.#host.onHolding()
    if (this.#refuses) return this.#rejection()
    this.#wasAbove = true
    this.#below ??= quietPromise()
    return this.#below.promise
  }

  /** A promise for "everything has left". */
  drained(buffered: number): Promise<void> {
    if (this.#refuses) return this.#rejection()
    if (buffered === 0) return RESOLVED
    this.#empty ??= quietPromise()
    return this.#empty.promise
  }

  /** Whether anybody wants to know that something has left. */
  get isAwaited(): boolean {
    return this.#wasAbove || this.#empty !== undefined
  }

  /** Something has left. Whoever's turn it is does not wait for those who wait for him. */
  settle(waiting: number, held: number): void {
    if (waiting > this.#highWaterMark) return
    this.#room?.resolve()
    this.#room = undefined
    if (waiting + held > this.#highWaterMark) return
    this.#below?.resolve()
    this.#below = undefined
    if (waiting + held === 0) this.#settleEmpty()
    if (!this.#wasAbove) return
    this.#wasAbove = false
    this.#host.onDrain()
  }

  /** No more is taken: everyone who waits or asks gets the host's error. */
  refuse(): void {
    this.#refuses = true
    this.#wasAbove = false
    for (const quiet of [this.#room, this.#below, this.#empty]) quiet?.reject(this.#host.error()!)
    this.#room = this.#below = this.#empty = undefined
  }

  #settleEmpty(): void {
    this.#empty?.resolve()
    this.#empty = undefined
  }

  /** Made when it is asked for: most connections end without anybody asking. */
  #rejection(): Promise<never> {
    this.#gone ??= quietRejection(this.#host.error()!)
    return this.#gone
  }
}
