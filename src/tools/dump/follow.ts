import type { FrameDirection } from '../annotate.js'
import { agreementFrom } from '../recording/agreement.js'
import type { WireEvent } from '../recording/events.js'
import { Exchange } from '../recording/exchange.js'
import type { Segment } from './hex.js'

export interface FollowSettings {
  /** Who sent what does not say it itself. */
  readonly from: FrameDirection | undefined
  /** What was agreed on, where no handshake is there. */
  readonly extensions: string | undefined
  readonly maxFrame: number
}

/** What happened on a wire, as its bytes tell. */
export function followBytes(segments: readonly Segment[], settings: FollowSettings): WireEvent[] {
  const { extensions, maxFrame } = settings
  const events: WireEvent[] = []
  const exchange = new Exchange({
    conn: 1,
    maxFrame,
    maxEarly: Number.POSITIVE_INFINITY,
    onEvent: (event) => events.push(event),
  })
  const begins = new Set(segments.map(({ bytes }) => headOf(bytes)))
  const agreed = extensions === undefined ? undefined : agreementFrom(extensions)
  if (!begins.has('sent') && !begins.has('received'))
    exchange.begin(agreed ?? agreementFrom(''), agreed !== undefined)
  for (const { direction, bytes } of segments)
    exchange.push(direction ?? settings.from ?? headOf(bytes) ?? masker(bytes), bytes)
  exchange.finish(agreed)
  return events
}

/** Whose head of HTTP this begins with, if it does. */
function headOf(bytes: Buffer): FrameDirection | undefined {
  const begin = bytes.toString('latin1', 0, 5)
  if (begin.startsWith('GET ')) return 'sent'
  return begin === 'HTTP/' ? 'received' : undefined
}

/** A client masks its first frame. */
const masker = (bytes: Buffer): FrameDirection => ((bytes[1] ?? 0) >= 0x80 ? 'sent' : 'received')
