import { ProtocolError } from '../errors.js'
import { MAX_CONTROL_PAYLOAD, MAX_HEADER } from '../frame/header.js'
import type { ResolvedConnOptions } from './options.js'

/** What has come in so far. */
export interface Incoming {
  readonly framesIn: number
  readonly messagesIn: number
  readonly pingsIn: number
  readonly pongsIn: number
  readonly bytesIn: number
  /** Bytes that belong to no whole frame yet. */
  readonly decoder: { readonly buffered: number }
  /** Whether a frame or a message has begun and not ended. */
  readonly isInside: boolean
  readonly isPaused: boolean
}

/** Whoever sends little besides control frames does not bring a message on. */
const MAX_CONTROL_FRAME = MAX_HEADER + MAX_CONTROL_PAYLOAD

/**
 * Sees to it that a message that has begun comes on: within `messageTimeout` it is whole, or enough of it came to go on
 * for as long again. It is looked at once in that time and costs a message nothing.
 */
export class MessageWatch {
  readonly #options: ResolvedConnOptions
  readonly #incoming: Incoming
  #since: number
  #messages: number
  #bytes: number

  constructor(options: ResolvedConnOptions, incoming: Incoming, now: number) {
    this.#options = options
    this.#incoming = incoming
    this.#since = now
    this.#messages = incoming.messagesIn
    this.#bytes = this.#dataBytes() - incoming.decoder.buffered // what it began with counts
  }

  get due(): number {
    return this.#since + this.#options.messageTimeout
  }

  /** From now on it has all the time again. */
  renew(now: number): void {
    this.#since = now
    this.#messages = this.#incoming.messagesIn
    this.#bytes = this.#dataBytes()
  }

  /** The error for a message that stands still. */
  check(now: number): ProtocolError | undefined {
    if (now < this.due || this.#comesOn(now)) return undefined
    const { messageTimeout, minByteRate } = this.#options
    const took = Math.round(now - this.#since)
    return new ProtocolError(
      'WS_ERR_MESSAGE_TIMEOUT',
      1008,
      `Cannot wait longer for the rest of a message: ${this.#came()} bytes of it came in ${took} ms, ` +
        `messageTimeout is ${messageTimeout} ms, minByteRate is ${minByteRate}`,
      { breach: { option: 'messageTimeout', limit: messageTimeout, value: took } },
    )
  }

  /** A peer that we have stopped ourselves is not to blame. */
  #comesOn(now: number): boolean {
    const { isPaused, messagesIn } = this.#incoming
    if (isPaused || messagesIn !== this.#messages) return true
    return this.#came() >= Math.max(1, (this.#options.minByteRate * (now - this.#since)) / 1000)
  }

  #came(): number {
    return Math.max(0, this.#dataBytes() - this.#bytes)
  }

  #dataBytes(): number {
    const { bytesIn, pingsIn, pongsIn } = this.#incoming
    return bytesIn - (pingsIn + pongsIn) * MAX_CONTROL_FRAME
  }
}
