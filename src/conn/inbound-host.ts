import type { DeliveryHost } from './delivery-host.js'
import type { Pace, Paced } from './pace.js'

/** What the inbound side needs from the connection around it. */
export interface InboundHost extends DeliveryHost {
  /** Stops and starts the peer. */
  pause(): void
  resume(): void
  /** A control frame came in; its payload is the receiver's. */
  onPing(payload: Buffer): void
  onPong(payload: Buffer): void
  onClose(payload: Buffer): void
  /** Whoever sees to it that the peer does not send too fast, made when there is reason to. */
  paceOf(inbound: Paced): Pace | undefined
}
