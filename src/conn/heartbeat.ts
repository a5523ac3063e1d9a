import { ProtocolError } from '../errors.js'
import { MessageWatch } from './message-watch.js'
import type { ResolvedConnOptions } from './options.js'
import { isPatient, Patience, type PatienceEnding, type PatienceHost } from './patience.js'
import type { Timed, Timekeeper } from './timekeeper.js'

/** What the heartbeat looks at, and what it does when time is up. */
export interface HeartbeatHost extends PatienceHost {
  sendKeepalive(): void
  readonly ending: HeartbeatEnding
}

/** How the heartbeat ends a connection. */
export interface HeartbeatEnding extends PatienceEnding {
  onCloseTimeout(limit: number): void
}

/**
 * All deadlines of one connection, behind one number for the timekeeper: keepalive, messages under way, closing, and
 * what there is patience for.
 */
export class Heartbeat implements Timed {
  readonly #options: ResolvedConnOptions
  readonly #keeper: Timekeeper
  readonly #host: HeartbeatHost
  /** Only with one of the limits that most connections do without. */
  readonly #patience: Patience | undefined
  // Undefined, not Infinity, until they are needed: a field for a fraction costs three words, and few connections ever
  // have one of these.
  #pingedAt: number | undefined = undefined
  /** When the peer was last excused for being silent. */
  #excusedAt: number | undefined = undefined
  #closeBy: number | undefined = undefined
  /** While a message is under way. */
  #message: MessageWatch | undefined = undefined
  /** How much the peer had taken at the last look, if anything waited for it. */
  #taken: number | undefined = undefined

  /** When the last byte came in, accurate to one tick. */
  lastIn: number
  due: number
  place = -1

  constructor(options: ResolvedConnOptions, keeper: Timekeeper, host: HeartbeatHost) {
    this.#options = options
    this.#keeper = keeper
    this.#host = host
    this.lastIn = keeper.sync()
    this.#patience = isPatient(options) ? undefined : new Patience(options, host, this.lastIn)
    this.due = this.#nextDue(this.lastIn)
    keeper.add(this)
  }

  /** Bytes came in: the peer lives. */
  heard(): void {
    this.lastIn = this.#keeper.now
  }

  /** What came in ends inside a message. Called often: it does nothing but for the first time. */
  watchMessage(): void {
    if (this.#message !== undefined || this.#options.messageTimeout === 0) return
    this.#message = new MessageWatch(this.#options, this.#host.inbound, this.#keeper.sync())
    this.due = Math.min(this.due, this.#message.due)
    this.#keeper.moved(this)
  }

  /** Until now it was not up to the peer that a message did not come on. */
  excuse(): void {
    this.#message?.renew(this.#keeper.sync())
  }

  /** The closing handshake has so much time from now on, once; Infinity where somebody else keeps it. */
  startClosing(within = this.#options.closeTimeout): void {
    if (this.#closeBy !== undefined || within === 0) return
    this.#closeBy = this.#keeper.sync() + within
    this.due = Math.min(this.due, this.#closeBy)
    this.#keeper.moved(this)
  }

  stop(): void {
    this.due = Infinity
    this.#keeper.delete(this)
  }

  onDue(now: number): void {
    this.due = Infinity
    const closeBy = this.#closeBy
    if (closeBy !== undefined && now >= closeBy)
      return this.#host.ending.onCloseTimeout(this.#options.closeTimeout)
    if (closeBy === undefined) {
      this.#patience?.check(now)
      this.#checkMessage(now)
      this.#checkKeepalive(now)
    }
    this.#patience?.checkWrite(now)
    this.due = this.#nextDue(now)
  }

  #nextDue(now: number): number {
    const patience = this.#patience?.nextDue(now) ?? Infinity
    if (this.#closeBy !== undefined) return Math.min(this.#closeBy, patience)
    return Math.min(this.#nextLook(now), patience, this.#message?.due ?? Infinity)
  }

  /** A pong comes while we wait for `timeout`: with a longer one, the next ping would be late. */
  #nextLook(now: number): number {
    const due = this.#keepaliveDue()
    return this.#pingedAt === undefined ? due : Math.min(due, now + this.#options.keepaliveInterval)
  }

  #checkMessage(now: number): void {
    const message = this.#message
    if (message === undefined || now < message.due) return
    if (!this.#host.inbound.isInside) {
      this.#message = undefined
      return
    }
    const error = this.#isRestAwaited() ? message.check(now) : undefined
    if (error === undefined) message.renew(now)
    else this.#host.ending.fail(error)
  }

  /** A frame has to come on by itself; what is taken part by part, or waits for us, may take its time in between. */
  #isRestAwaited(): boolean {
    const { inbound, delivery } = this.#host
    return inbound.partial > 0 || (delivery.isAwaited && !delivery.isEmpty)
  }

  #keepaliveDue(): number {
    const { keepaliveInterval, keepaliveTimeout } = this.#options
    if (keepaliveInterval === 0) return Infinity
    if (this.#pingedAt === undefined) return this.#lastSign() + keepaliveInterval
    return this.#pingedAt + (keepaliveTimeout === 0 ? keepaliveInterval : keepaliveTimeout)
  }

  /** When the peer last showed that it lives. */
  #lastSign(): number {
    return Math.max(this.lastIn, this.#excusedAt ?? -Infinity)
  }

  #checkKeepalive(now: number): void {
    if (this.#takesBytes()) this.#excusedAt = now
    if (this.#pingedAt !== undefined && this.#lastSign() >= this.#pingedAt) this.#pingedAt = undefined
    if (now < this.#keepaliveDue()) return
    const { keepaliveInterval, keepaliveTimeout } = this.#options
    // A peer that we have stopped ourselves cannot be heard. It is pinged all the same: that shows when it is gone.
    if (this.#pingedAt !== undefined && keepaliveTimeout !== 0 && this.#host.inbound.pausedBy === undefined)
      return this.#host.ending.fail(
        new ProtocolError(
          'WS_ERR_KEEPALIVE',
          1011,
          `Cannot keep the connection: nothing came in for ${Math.round(now - this.lastIn)} ms, ` +
            `keepalive.interval is ${keepaliveInterval} ms, keepalive.timeout is ${keepaliveTimeout} ms`,
          {
            breach: {
              option: 'keepalive.timeout',
              limit: keepaliveTimeout,
              value: Math.round(now - this.#pingedAt),
            },
          },
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
    const before = this.#taken
    const taken = bytesOut - waiting
    this.#taken = waiting > 0 ? taken : undefined
    return before !== undefined && taken > before
  }
}
