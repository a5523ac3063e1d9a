import type { WebSocketError } from '../errors.js'
import type { Frame } from '../frame/frame.js'
import type { Message } from './message.js'

/** What the delivery needs from the connection around it. */
export interface DeliveryHost {
  /** What readers are told at an end that is not peaceful. */
  error(): Error | undefined
  /** What came in cannot be read. */
  fail(error: unknown): void
  /** More may be held here than before. */
  onHolding(): void
  /** The application's own function threw. */
  handlerFailed(error: unknown): void
}

/** Where frames come from. */
export interface DeliverySource {
  /** More is wanted: decoding may go on, if it was stopped. */
  refill(): void
  /** The turn is over: what was left undecoded is to stay. */
  settle(): void
  /** The next message, straight out of what was left undecoded, if that begins with a whole one. */
  pull(): Message | undefined
  /** The same for the next data frame. */
  pullFrame(): Frame | undefined
  /** Whether anything was left undecoded. */
  readonly isStopped: boolean
}

/** What the inbound side needs from the connection around it. */
export interface InboundHost extends DeliveryHost {
  /** Stops and starts the peer. */
  pause(): void
  resume(): void
  /** Until now it was not up to the peer that nothing came on. */
  excuse(): void
  /** The peer was stopped because it is too fast; the error tells of what. */
  onTooFast(errorOf: () => WebSocketError): void
  /** A control frame came in; its payload is the receiver's. */
  onPing(payload: Buffer): void
  onPong(payload: Buffer): void
  onClose(payload: Buffer): void
}
