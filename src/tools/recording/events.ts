/** What happens on a wire, as the tools see it: shown, recorded and replayed in the same words. */
import type { FrameDirection, SeenFrame } from '../annotate.js'
import type { Head } from '../check/http-head.js'

/** A message that is whole, inflated where it was compressed. */
export interface Whole {
  readonly isText: boolean
  readonly data: Buffer
}

interface Happening {
  /** Which connection, counted from 1. */
  readonly conn: number
  /** Milliseconds since the beginning; undefined where nobody has looked at a clock. */
  readonly at: number | undefined
}

/** Both heads of an opening handshake, or the one there is. */
export interface HandshakeEvent extends Happening {
  readonly type: 'handshake'
  readonly request: Head | undefined
  readonly response: Head | undefined
  readonly faults: readonly string[]
}

export interface FrameEvent extends Happening, Omit<SeenFrame, 'at'> {
  readonly type: 'frame'
  readonly direction: FrameDirection
  /** Where it begins among the bytes of its direction, those of the handshake included; undefined where it is not known. */
  readonly offset: number | undefined
  /** Every rule that it breaks, with its section. */
  readonly faults: readonly string[]
  /** The message that ends with this frame. */
  readonly message?: Whole | undefined
  /** The payload was too long to be looked at: it is not here. */
  readonly isSkipped?: boolean
}

/** One direction could not be told apart into frames any further. */
export interface StopEvent extends Happening {
  readonly type: 'stop'
  readonly direction: FrameDirection
  readonly offset: number
  readonly reason: string
}

/** The connection is over. */
export interface EndEvent extends Happening {
  readonly type: 'end'
  /** Which side ended it first: the client has 'sent' its end; undefined when it was ended in between. */
  readonly direction: FrameDirection | undefined
  /** How: 'end' for a proper end of TCP, else the code of the error. */
  readonly how: string
  /** Bytes that went either way. */
  readonly sent: number
  readonly received: number
}

export type WireEvent = HandshakeEvent | FrameEvent | StopEvent | EndEvent
