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
  /** Those of the frame that is under way; 0 while what has come may not be looked at. */
  readonly partial: number
  /** Why the peer was stopped, if it was. */
  readonly pausedBy: 'reader' | 'rate' | undefined
  /**
   * Whether it is not up to the peer that nothing comes on: nobody reads, or it waits for a rate with no message begun. Who
   * has begun one cannot make a rate hold it up but by control frames, which bring no message on, or by the bytes of it.
   */
  readonly isExcused: boolean
}

/** Whoever sends little besides control frames does not bring a message on. */
export const MAX_CONTROL_FRAME = MAX_HEADER + MAX_CONTROL_PAYLOAD

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

  /** Later by the time that its bytes need at `maxByteRate`. */
  get due(): number {
    const { messageTimeout, maxByteRate } = this.#options
    const bytes = Math.max(0, this.#dataBytes() - this.#bytes)
    return this.#since + messageTimeout + (1000 * bytes) / maxByteRate.rate
  }

  /** From now on it has all the time again. */
  renew(now: number): void {
    this.#since = now
    this.#messages = this.#incoming.messagesIn
    this.#bytes = this.#seenBytes()
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

  #comesOn(now: number): boolean {
    const { isExcused, messagesIn } = this.#incoming
    if (isExcused || messagesIn !== this.#messages) return true
    return this.#came() >= Math.max(1, (this.#options.minByteRate * (now - this.#since)) / 1000)
  }

  #came(): number {
    return Math.max(0, this.#seenBytes() - this.#bytes)
  }

  /** What waits for a rate may be anything: it counts when it is looked at. */
  #seenBytes(): number {
    const { decoder, partial } = this.#incoming
    return this.#dataBytes() - decoder.buffered + partial
  }

  #dataBytes(): number {
    const { bytesIn, pingsIn, pongsIn } = this.#incoming
    return bytesIn - (pingsIn + pongsIn) * MAX_CONTROL_FRAME
  }
}
