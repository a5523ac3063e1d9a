import { ProtocolError, WebSocketError } from '../errors.js'
import type { ResolvedConnOptions } from './options.js'
import type { Timed, Timekeeper } from './timekeeper.js'

/** What the heartbeat looks at, and what it does when time is up. */
export interface HeartbeatHost {
  /** Whether anybody waits for the peer to say something, and how many who waited were served so far. */
  isReading(): boolean
  readsServed(): number
  /** Whether we stopped the peer ourselves: then its silence means nothing. */
  isPaused(): boolean
  /** Bytes that wait for the peer, and bytes on their way so far. */
  readonly outbox: { readonly waiting: number; readonly bytesOut: number }
  sendKeepalive(): void
  readonly ending: HeartbeatEnding
}

/** How the heartbeat ends a connection. */
export interface HeartbeatEnding {
  fail(error: Error): void
  terminate(error: WebSocketError): void
  onCloseTimeout(limit: number): void
}

/**
 * All deadlines of one connection, behind one number for the timekeeper: keepalive, read, write and close timeouts.
 */
export class Heartbeat implements Timed {
  readonly #options: ResolvedConnOptions
  readonly #keeper: Timekeeper
  readonly #host: HeartbeatHost
  /** How often read and write timeouts are looked at; Infinity without any. */
  readonly #polling: number
  #pingedAt = Infinity
  /** When the peer was last excused for being silent. */
  #excusedAt = -Infinity
  #awaitingSince = Infinity
  #served = 0
  #stuckSince = Infinity
  #left = 0
  #closeBy = Infinity
  #waited = false
  #taken = 0

  /** When the last byte came in, accurate to one tick. */
  lastIn: number
  due = Infinity

  constructor(options: ResolvedConnOptions, keeper: Timekeeper, host: HeartbeatHost) {
    this.#options = options
    this.#keeper = keeper
    this.#host = host
    const shortest = Math.min(options.readTimeout || Infinity, options.writeTimeout || Infinity)
    this.#polling = Math.max(1, Math.min(1000, shortest / 4))
    if (shortest === Infinity) this.#polling = Infinity
    this.lastIn = keeper.sync()
    this.due = this.#nextDue(this.lastIn)
    keeper.add(this)
  }

  /** Bytes came in: the peer lives. */
  heard(): void {
    this.lastIn = this.#keeper.now
  }

  /** The closing handshake has so much time from now on, once. */
  startClosing(): void {
    if (this.#closeBy !== Infinity || this.#options.closeTimeout === 0) return
    this.#closeBy = this.#keeper.sync() + this.#options.closeTimeout
    this.due = Math.min(this.due, this.#closeBy)
    this.#keeper.moved(this)
  }

  stop(): void {
    this.due = Infinity
    this.#keeper.delete(this)
  }

  onDue(now: number): void {
    this.due = Infinity
    if (now >= this.#closeBy) return this.#host.ending.onCloseTimeout(this.#options.closeTimeout)
    if (this.#closeBy === Infinity) {
      this.#checkRead(now)
      this.#checkKeepalive(now)
    }
    this.#checkWrite(now)
    this.due = this.#nextDue(now)
  }

  #nextDue(now: number): number {
    return Math.min(this.#closeBy, now + this.#polling, this.#keepaliveDue())
  }

  #keepaliveDue(): number {
    const { keepaliveInterval, keepaliveTimeout } = this.#options
    if (keepaliveInterval === 0 || this.#closeBy !== Infinity) return Infinity
    if (this.#pingedAt === Infinity) return Math.max(this.lastIn, this.#excusedAt) + keepaliveInterval
    return this.#pingedAt + (keepaliveTimeout === 0 ? keepaliveInterval : keepaliveTimeout)
  }

  #checkKeepalive(now: number): void {
    if (this.#takesBytes()) this.#excusedAt = now
    if (this.#pingedAt !== Infinity && Math.max(this.lastIn, this.#excusedAt) >= this.#pingedAt)
      this.#pingedAt = Infinity
    if (now < this.#keepaliveDue()) return
    const { keepaliveInterval, keepaliveTimeout } = this.#options
    // A peer that we have stopped ourselves cannot be heard. It is pinged all the same: that shows when it is gone.
    if (this.#pingedAt !== Infinity && keepaliveTimeout !== 0 && !this.#host.isPaused())
      return this.#host.ending.fail(
        new ProtocolError(
          'WS_ERR_KEEPALIVE',
          1011,
          `Cannot keep the connection: nothing came in for ${Math.round(now - this.lastIn)} ms, ` +
            `keepalive.interval is ${keepaliveInterval} ms, keepalive.timeout is ${keepaliveTimeout} ms`,
        ),
      )
    this.#pingedAt = now
    this.#host.sendKeepalive()
  }

  /**
   * Whether the peer has taken bytes since the last look: while some wait here, those that leave make room for others
   * that it has acknowledged. Who is busy with a large message has no time to answer.
   */
  #takesBytes(): boolean {
    const { waiting, bytesOut } = this.#host.outbox
    const taken = bytesOut - waiting
    const takes = this.#waited && taken > this.#taken
    this.#waited = waiting > 0
    this.#taken = taken
    return takes
  }

  #checkRead(now: number): void {
    const { readTimeout } = this.#options
    if (readTimeout === 0) return
    const served = this.#host.readsServed()
    if (!this.#host.isReading()) this.#awaitingSince = Infinity
    else if (this.#awaitingSince === Infinity || served !== this.#served) this.#awaitingSince = now
    this.#served = served
    if (now - this.#awaitingSince < readTimeout) return
    this.#host.ending.fail(
      new ProtocolError(
        'WS_ERR_READ_TIMEOUT',
        1008,
        `Cannot wait longer for a message: readTimeout is ${readTimeout} ms`,
      ),
    )
  }

  #checkWrite(now: number): void {
    const { writeTimeout } = this.#options
    if (writeTimeout === 0) return
    const { waiting, bytesOut } = this.#host.outbox
    const left = bytesOut - waiting
    if (waiting === 0) this.#stuckSince = Infinity
    else if (left !== this.#left || this.#stuckSince === Infinity) this.#stuckSince = now
    this.#left = left
    if (now - this.#stuckSince < writeTimeout) return
    this.#host.ending.terminate(
      new WebSocketError(
        'WS_ERR_WRITE_TIMEOUT',
        `Cannot send: the peer took none of ${waiting} waiting bytes, writeTimeout is ${writeTimeout} ms`,
      ),
    )
  }
}
