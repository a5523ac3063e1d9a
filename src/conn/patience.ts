import { type Breach, ProtocolError, WebSocketError } from '../errors.js'
import { type Incoming, MAX_CONTROL_FRAME } from './message-watch.js'
import type { ResolvedConnOptions } from './options.js'

/** What those who wait for the peer look at, and what they do when time is up. */
export interface PatienceHost {
  readonly inbound: Incoming
  /** Whether anybody waits for the peer to say something, and how many who waited were served so far. */
  readonly delivery: { readonly isAwaited: boolean; readonly isEmpty: boolean; readonly served: number }
  /** Bytes that wait for the peer, and bytes on their way so far. */
  readonly outbox: { readonly waiting: number; readonly bytesOut: number }
  readonly sender: { readonly messagesOut: number }
  readonly ending: PatienceEnding
}

/** How a connection ends when patience is over. */
export interface PatienceEnding {
  fail(error: Error): void
  terminate(error: WebSocketError): void
  retire(error: WebSocketError): void
}

/** Whether there is nothing to be impatient about. */
export const isPatient = (options: ResolvedConnOptions): boolean =>
  options.readTimeout === 0 &&
  options.writeTimeout === 0 &&
  options.idleTimeout === 0 &&
  options.maxLifetime === 0

/** The limits on reading, writing, silence and age of one connection. Most have none of them. */
export class Patience {
  readonly #options: ResolvedConnOptions
  readonly #host: PatienceHost
  readonly #openedAt: number
  /** How often to look. */
  readonly #polling: number
  #awaitingSince = Infinity
  #served = 0
  #stuckSince = Infinity
  #left = 0
  #idleSince: number
  #seen: string

  constructor(options: ResolvedConnOptions, host: PatienceHost, now: number) {
    this.#options = options
    this.#host = host
    this.#openedAt = this.#idleSince = now
    this.#seen = this.#activity()
    const { readTimeout, writeTimeout, idleTimeout } = options
    const shortest = Math.min(readTimeout || Infinity, writeTimeout || Infinity)
    const often = shortest === Infinity ? Infinity : Math.min(1000, shortest / 4)
    this.#polling = Math.max(1, Math.min(often, idleTimeout === 0 ? Infinity : idleTimeout / 16))
  }

  nextDue(now: number): number {
    const { maxLifetime } = this.#options
    return Math.min(now + this.#polling, maxLifetime === 0 ? Infinity : this.#openedAt + maxLifetime)
  }

  check(now: number): void {
    this.#checkRead(now)
    this.#checkIdle(now)
    this.#checkLifetime(now)
  }

  checkWrite(now: number): void {
    const { writeTimeout } = this.#options
    if (writeTimeout === 0) return
    const { waiting, bytesOut } = this.#host.outbox
    const left = bytesOut - waiting
    if (waiting === 0) this.#stuckSince = Infinity
    else if (left !== this.#left || this.#stuckSince === Infinity) this.#stuckSince = now
    this.#left = left
    const stuck = now - this.#stuckSince
    if (stuck < writeTimeout) return
    this.#host.ending.terminate(
      new WebSocketError(
        'WS_ERR_WRITE_TIMEOUT',
        `Cannot send: the peer took none of ${waiting} waiting bytes, writeTimeout is ${writeTimeout} ms`,
        { breach: breach('writeTimeout', writeTimeout, stuck) },
      ),
    )
  }

  #checkRead(now: number): void {
    const { readTimeout } = this.#options
    if (readTimeout === 0) return
    const served = this.#host.delivery.served
    if (!this.#host.delivery.isAwaited) this.#awaitingSince = Infinity
    else if (this.#awaitingSince === Infinity || served !== this.#served) this.#awaitingSince = now
    this.#served = served
    const waited = now - this.#awaitingSince
    if (waited < readTimeout) return
    this.#host.ending.fail(
      new ProtocolError(
        'WS_ERR_READ_TIMEOUT',
        1008,
        `Cannot wait longer for a message: readTimeout is ${readTimeout} ms`,
        { breach: breach('readTimeout', readTimeout, waited) },
      ),
    )
  }

  #checkIdle(now: number): void {
    const { idleTimeout } = this.#options
    if (idleTimeout === 0) return
    const seen = this.#activity()
    if (seen !== this.#seen) this.#idleSince = now
    this.#seen = seen
    const idle = now - this.#idleSince
    if (idle < idleTimeout) return
    this.#host.ending.retire(
      new WebSocketError(
        'WS_ERR_IDLE_TIMEOUT',
        `Cannot keep an idle connection: no message for ${Math.round(idle)} ms, idleTimeout is ${idleTimeout} ms`,
        { breach: breach('idleTimeout', idleTimeout, idle) },
      ),
    )
  }

  /** Changes with every data frame, either way, and while a long one is on its way. */
  #activity(): string {
    const { inbound, sender, outbox } = this.#host
    const left = outbox.waiting === 0 ? 0 : outbox.bytesOut - outbox.waiting
    const dataFrames = inbound.framesIn - inbound.pingsIn - inbound.pongsIn
    const partial = inbound.partial > MAX_CONTROL_FRAME ? inbound.partial : 0 // less may be half a ping
    return [dataFrames, partial, sender.messagesOut, left].join()
  }

  #checkLifetime(now: number): void {
    const { maxLifetime } = this.#options
    const age = now - this.#openedAt
    if (maxLifetime === 0 || age < maxLifetime) return
    this.#host.ending.retire(
      new WebSocketError(
        'WS_ERR_MAX_LIFETIME',
        `Cannot keep the connection any longer: it is ${Math.round(age)} ms old, maxLifetime is ${maxLifetime} ms`,
        { breach: breach('maxLifetime', maxLifetime, age) },
      ),
    )
  }
}

const breach = (option: string, limit: number, value: number): Breach => ({
  option,
  limit,
  value: Math.round(value),
})
