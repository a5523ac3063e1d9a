import type { FrameDirection } from '../annotate.js'
import { UsageError } from '../command.js'
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

/** So many bytes are looked at before what they came to is passed on: frames and messages need not all fit into memory. */
const PIECE = 64 << 10

/** What a client may say before the answer to its handshake, when it stands before that in the input. */
const EARLY = 1 << 20

/** What happened on a wire, as its bytes tell. */
export function* followBytes(
  segments: readonly Segment[],
  settings: FollowSettings,
): Generator<WireEvent, void, undefined> {
  const { extensions, maxFrame } = settings
  const events: WireEvent[] = []
  const exchange = new Exchange({
    conn: 1,
    maxFrame,
    maxEarly: EARLY,
    onEvent: (event) => events.push(event),
  })
  const begins = new Set(segments.map(({ bytes }) => headOf(bytes)))
  const agreed = extensions === undefined ? undefined : agreementFrom(extensions)
  for (const fault of agreed?.faults ?? []) throw new UsageError(`--extensions: ${fault}`)
  if (!begins.has('sent') && !begins.has('received'))
    exchange.begin(agreed ?? agreementFrom(''), agreed !== undefined)
  const sided = segments.map(({ direction, bytes }) => ({
    direction: direction ?? settings.from ?? headOf(bytes) ?? masker(bytes),
    bytes,
  }))
  const hasServer = sided.some(({ direction }) => direction === 'received')
  for (const { direction, bytes } of sided)
    for (let at = 0; at < bytes.length; at += PIECE) {
      exchange.push(direction, bytes.subarray(at, at + PIECE))
      if (!hasServer) exchange.presume(agreed)
      yield* events.splice(0)
    }
  exchange.finish(agreed)
  yield* events
}

/** Whose head of HTTP this begins with, if it does. */
function headOf(bytes: Buffer): FrameDirection | undefined {
  const begin = bytes.toString('latin1', 0, 5)
  if (begin.startsWith('GET ')) return 'sent'
  return begin === 'HTTP/' ? 'received' : undefined
}

/** A client masks its first frame. */
const masker = (bytes: Buffer): FrameDirection => ((bytes[1] ?? 0) >= 0x80 ? 'sent' : 'received')
