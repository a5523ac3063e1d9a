import type { Codecs } from './codecs.js'
import type { Framer } from './framer.js'
import type { Inbound } from './inbound.js'
import type { Outbox } from './outbox.js'
import type { Pings } from './pings.js'
import type { Sender } from './sender.js'

/** What a connection has done so far. */
export interface ConnStats {
  readonly framesIn: number
  readonly framesOut: number
  /** Whole messages, text and binary. */
  readonly messagesIn: number
  readonly messagesOut: number
  /** How many of the messages are text; one that has begun counts already. */
  readonly textIn: number
  readonly textOut: number
  readonly pingsIn: number
  readonly pingsOut: number
  readonly pongsIn: number
  readonly pongsOut: number
  /** Bytes on the wire, headers included, those of the opening handshake not. */
  readonly bytesIn: number
  readonly bytesOut: number
  /**
   * Of payloads that extensions changed, most often by compression: the bytes on the wire, and those of the application.
   * What comes in counts when it is read.
   */
  readonly codedBytesIn: number
  readonly plainBytesIn: number
  readonly codedBytesOut: number
  readonly plainBytesOut: number
  /** The last round trip that was measured, in milliseconds, by `ping()` or keepalive. */
  readonly lastRoundTrip: number | undefined
}

/** Asks the parts of a connection that count. */
export function statsOf(
  inbound: Inbound,
  framer: Framer,
  sender: Sender,
  outbox: Outbox,
  codecs: Codecs | undefined,
  pings: Pings | undefined,
): ConnStats {
  return {
    framesIn: inbound.framesIn,
    framesOut: framer.framesOut,
    messagesIn: inbound.messagesIn,
    messagesOut: sender.messagesOut,
    textIn: inbound.textIn,
    textOut: framer.textOut,
    pingsIn: inbound.pingsIn,
    pingsOut: framer.pingsOut,
    pongsIn: inbound.pongsIn,
    pongsOut: framer.pongsOut,
    bytesIn: inbound.bytesIn,
    bytesOut: outbox.bytesOut,
    codedBytesIn: codecs?.codedBytesIn ?? 0,
    plainBytesIn: codecs?.plainBytesIn ?? 0,
    codedBytesOut: codecs?.codedBytesOut ?? 0,
    plainBytesOut: codecs?.plainBytesOut ?? 0,
    lastRoundTrip: pings?.lastRoundTrip,
  }
}
