import type { Clock } from './clock.js'
import { ignore } from './quiet.js'

interface Ping {
  readonly payload: Buffer
  readonly sentAt: number
  readonly resolve: (milliseconds: number) => void
  readonly reject: (error: Error) => void
}

/** Pings on their way, oldest first. A pong answers the ping with the same payload and all before it (RFC 6455 §5.5.3). */
export class Pings {
  readonly #clock: Clock
  readonly #waiting: Ping[] = []
  /** The last keepalive ping: nobody waits for it, and a peer that never answers must not fill memory. */
  #keepalive: { readonly payload: Buffer; readonly sentAt: number } | undefined
  #serial = 0
  /** The last round trip that was measured, in milliseconds. */
  lastRoundTrip: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A payload that tells this ping from the others. */
  nextPayload(): Buffer {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(this.#serial++ >>> 0)
    return payload
  }

  /** Notes a ping as sent; the promise for its round trip needs no one to look at it. */
  add(payload: Buffer): Promise<number> {
    const promise = new Promise<number>((resolve, reject) => {
      this.#waiting.push({ payload, sentAt: this.#clock.now(), resolve, reject })
    })
    promise.catch(ignore)
    return promise
  }

  /** The payload of a keepalive ping that is sent now. */
  keepalive(): Buffer {
    const payload = this.nextPayload()
    this.#keepalive = { payload, sentAt: this.#clock.now() }
    return payload
  }

  /** Whether it answers a ping of ours. */
  onPong(payload: Buffer): boolean {
    if (this.#keepalive?.payload.equals(payload) !== true) return this.#answer(payload)
    this.lastRoundTrip = this.#clock.now() - this.#keepalive.sentAt
    this.#keepalive = undefined
    return true
  }

  #answer(payload: Buffer): boolean {
    const index = this.#waiting.findLastIndex((ping) => ping.payload.equals(payload))
    if (index < 0) return false // unsolicited pongs are allowed and mean nothing (§5.5.3)
    const now = this.#clock.now()
    this.lastRoundTrip = now - this.#waiting[index]!.sentAt
    for (const ping of this.#waiting.splice(0, index + 1)) ping.resolve(now - ping.sentAt)
    return true
  }

  fail(error: Error): void {
    for (const ping of this.#waiting.splice(0)) ping.reject(error)
  }
}
