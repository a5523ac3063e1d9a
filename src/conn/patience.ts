import { ProtocolError, WebSocketError } from '../errors.js'
import type { ResolvedConnOptions } from './options.js'

/** What those who wait for the peer look at, and what they do when time is up. */
export interface PatienceHost {
  /** Whether anybody waits for the peer to say something, and how many who waited were served so far. */
  isReading(): boolean
  readsServed(): number
  /** Bytes that wait for the peer, and bytes on their way so far. */
  readonly outbox: { readonly waiting: number; readonly bytesOut: number }
  readonly ending: PatienceEnding
}

/** How a connection ends when patience is over. */
export interface PatienceEnding {
  fail(error: Error): void
  terminate(error: WebSocketError): void
}

/** The read and write timeouts of one connection. Most have neither. */
export class Patience {
  readonly #options: ResolvedConnOptions
  readonly #host: PatienceHost
  #awaitingSince = Infinity
  #served = 0
  #stuckSince = Infinity
  #left = 0

  /** How often to look. */
  readonly polling: number

  constructor(options: ResolvedConnOptions, host: PatienceHost) {
    this.#options = options
    this.#host = host
    const shortest = Math.min(options.readTimeout || Infinity, options.writeTimeout || Infinity)
    this.polling = Math.max(1, Math.min(1000, shortest / 4))
  }

  checkRead(now: number): void {
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

  checkWrite(now: number): void {
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
