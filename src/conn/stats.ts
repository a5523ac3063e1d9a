import type { Codecs } from './codecs.js'
import type { Framer } from './framer.js'
import type { Inbound } from './inbound.js'
import type { Outbox } from './outbox.js'
import type { Pings } from './pings.js'
import type { Sender } from './sender.js'

/** What a connection has done so far. */
export interface ConnStats {
  /** Frames that came in, control frames too. */
  readonly framesIn: number
  /** Frames that were sent, control frames too. */
  readonly framesOut: number
  /** Whole messages, text and binary. */
  readonly messagesIn: number
  /** Messages that were sent. */
  readonly messagesOut: number
  /** How many of the messages are text; one that has begun counts already. */
  readonly textIn: number
  /** How many of those that were sent are text. */
  readonly textOut: number
  /** Pings that came in. */
  readonly pingsIn: number
  /** Pings that were sent, those of keepalive too. */
  readonly pingsOut: number
  /** Pongs that came in. */
  readonly pongsIn: number
  /** Pongs that were sent. */
  readonly pongsOut: number
  /** Bytes on the wire, headers included, those of the opening handshake not. */
  readonly bytesIn: number
  /** The same on the way out. */
  readonly bytesOut: number
  /**
   * Of payloads that extensions changed, most often by compression: the bytes on the wire, and those of the application.
   * What comes in counts when it is read.
   */
  readonly codedBytesIn: number
  /** What they were for the application. */
  readonly plainBytesIn: number
  /** The same on the way out. */
  readonly codedBytesOut: number
  /** The same on the way out. */
  readonly plainBytesOut: number
  /** How often the peer was paused because it sent faster than a rate allows. */
  readonly ratePauses: number
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
    ratePauses: inbound.ratePauses,
    lastRoundTrip: pings?.lastRoundTrip,
  }
}
