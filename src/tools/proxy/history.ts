import { encodedSize, Frame, isUtf8, opcodeName } from '../../frame/index.js'
import { annotateLine, closeInWords, dump, preview } from '../annotate.js'
import type { Head } from '../check/http-head.js'
import type { FrameEvent, WireEvent } from '../recording/events.js'
import { linesOf } from '../recording/lines.js'

/** One line of the page's table. */
export interface Row {
  readonly id: number
  readonly conn: number
  readonly at: number
  readonly kind: WireEvent['type']
  readonly direction: 'sent' | 'received' | null
  /** The opcode in words; for what is no frame, what it is. */
  readonly name: string
  readonly fin: boolean
  readonly rsv: string
  readonly masked: boolean
  readonly length: number | null
  /** What the message was before it was compressed. */
  readonly inflated: number | null
  readonly preview: string
  readonly faults: number
}

/** What the page shows of the row that is chosen. */
export interface Details {
  readonly id: number
  readonly title: string
  /** Names and values. */
  readonly facts: readonly (readonly [string, string])[]
  readonly faults: readonly string[]
  /** Blocks of text with a heading each. */
  readonly blocks: readonly (readonly [string, string])[]
}

/** Rows that are kept, and what their details may take together. */
export const MAX_ROWS = 2000
const MAX_BYTES = 32 << 20
/** Bytes of a payload that are kept, and shown in hex. */
const KEPT = 64 << 10
const SHOWN_IN_HEX = 4096
const PREVIEW = 120

interface Kept {
  readonly row: Row
  readonly event: WireEvent
  readonly size: number
}

/** What has happened of late: a page that comes later sees it, too. Memory is bounded by count and by size. */
export class History {
  readonly #kept = new Map<number, Kept>()
  #size = 0
  #last = 0

  add(event: WireEvent): Row {
    const row = rowOf(++this.#last, event)
    const own = event.type === 'frame' ? shortened(event) : event
    const size = sizeOf(own) + 512
    this.#kept.set(row.id, { row, event: own, size })
    this.#size += size
    for (const [id, kept] of this.#kept) {
      if (this.#kept.size <= MAX_ROWS && this.#size <= MAX_BYTES) break
      this.#kept.delete(id)
      this.#size -= kept.size
    }
    return row
  }

  rows(): Row[] {
    return [...this.#kept.values()].map(({ row }) => row)
  }

  /** Undefined for what is not kept any more. */
  details(id: number): Details | undefined {
    const event = this.#kept.get(id)?.event
    return event && (event.type === 'frame' ? frameDetails(id, event) : otherDetails(id, event))
  }
}

/** What is kept of an event, roughly. */
function sizeOf(event: WireEvent): number {
  if (event.type === 'frame') return event.frame.payload.length + (event.inflated?.length ?? 0)
  if (event.type !== 'handshake') return event.type === 'stop' ? event.reason.length : 0
  return [event.request, event.response].reduce((size, head) => size + (head ? headSize(head) : 0), 0)
}

/** Each field is two strings, which take memory of their own. */
const headSize = ({ line, fields }: Head): number =>
  fields.reduce((size, [name, value]) => size + name.length + value.length + 100, line.length)

/** The frame in memory of its own, so that it does not hold on to all that came with it. */
function shortened(event: FrameEvent): FrameEvent {
  const { message: _, ...rest } = event
  const { fin, rsv1, rsv2, rsv3, opcode, masked, maskKey, length, lengthSize } = event.frame
  const payload = Buffer.from(event.frame.payload.subarray(0, KEPT))
  const frame = new Frame({ fin, rsv1, rsv2, rsv3, opcode, masked, maskKey, payload })
  frame.length = length
  frame.lengthSize = lengthSize
  const text = event.inflated ?? (event.frame.isContinuation ? event.message?.data : undefined)
  return { ...rest, frame, ...(text && { inflated: Buffer.from(text.subarray(0, KEPT)) }) }
}

function rowOf(id: number, event: WireEvent): Row {
  const base = { id, conn: event.conn, at: event.at ?? 0, kind: event.type }
  const none = { fin: false, rsv: '', masked: false, length: null, inflated: null }
  if (event.type === 'frame') return { ...base, ...frameRow(event) }
  const direction = event.type === 'handshake' ? null : (event.direction ?? null)
  const [first = ''] = linesOf(
    { ...event, at: undefined },
    { isLong: false, showsConn: false, shown: PREVIEW },
  )
  const faults = event.type === 'handshake' ? event.faults.length : event.type === 'stop' ? 1 : 0
  return { ...base, ...none, direction, name: event.type, preview: first.slice(2, PREVIEW * 2), faults }
}

function frameRow(event: FrameEvent): Omit<Row, 'id' | 'conn' | 'at' | 'kind'> {
  const { frame, direction, inflated, faults } = event
  return {
    direction,
    name: opcodeName(frame.opcode),
    fin: frame.fin,
    rsv: rsvOf(frame),
    masked: frame.masked,
    length: frame.length,
    inflated: inflated?.length ?? null,
    preview: previewOf(event),
    faults: faults.length,
  }
}

const rsvOf = ({ rsv1, rsv2, rsv3 }: Frame): string => [rsv1, rsv2, rsv3].map(Number).join('')

function previewOf({ frame, inflated, isText = frame.isText }: FrameEvent): string {
  if (inflated !== undefined) return preview(inflated, isText, PREVIEW)
  if (frame.isClose && frame.payload.length >= 2) return closeInWords(frame.payload, PREVIEW)
  return frame.payload.length === 0 ? '' : preview(frame.payload, isText && !frame.rsv1, PREVIEW)
}

function frameDetails(id: number, event: FrameEvent): Details {
  const { frame, faults, offset, direction, inflated } = event
  const { payload } = frame
  const facts: [string, string][] = [
    ['from', direction === 'sent' ? 'the client' : 'the server'],
    ['connection', String(event.conn)],
    ['time', `${(event.at ?? 0).toFixed(1)} ms`],
    ['FIN', frame.fin ? '1, the last frame of its message' : '0, more will follow'],
    ['RSV1 RSV2 RSV3', rsvOf(frame).split('').join(' ')],
    ['opcode', `${frame.opcode}, ${opcodeName(frame.opcode)}`],
    ['MASK', frame.masked ? `1, key ${frame.maskKey.toString(16).padStart(8, '0')}` : '0'],
    ['length', `${frame.length} bytes, told in ${frame.lengthSize} bits`],
    ['begins', `at byte ${offset ?? '?'}`],
    ['header', `${encodedSize(frame) - payload.length} bytes`],
  ]
  if (inflated !== undefined)
    facts.push([frame.rsv1 || !frame.isContinuation ? 'inflated' : 'message', `${inflated.length} bytes`])
  return { id, title: annotateLine({ frame }, { shown: 16 }), facts, faults, blocks: blocksOf(event) }
}

function blocksOf({ frame, inflated, isText = frame.isText }: FrameEvent): (readonly [string, string])[] {
  const { payload } = frame
  const hex = dump(payload, SHOWN_IN_HEX).map((line) => line.trimStart())
  const text = inflated ?? payload
  const blocks: (readonly [string, string])[] = []
  if (isText && text.length > 0 && (inflated !== undefined || !frame.rsv1))
    blocks.push(['Text', text.toString()])
  else if (inflated !== undefined) blocks.push(['Inflated', dump(inflated, SHOWN_IN_HEX).join('\n')])
  if (frame.isClose && payload.length > 2 && isUtf8(payload.subarray(2)))
    blocks.push(['Reason', payload.toString('utf8', 2)])
  if (payload.length > 0) blocks.push([frame.masked ? 'Payload, unmasked' : 'Payload', hex.join('\n')])
  if (payload.length < frame.length)
    blocks.push(['', `${frame.length - payload.length} bytes more are not kept`])
  return blocks
}

function otherDetails(id: number, event: Exclude<WireEvent, FrameEvent>): Details {
  const [title = '', ...lines] = linesOf(event, { isLong: false, showsConn: false, shown: undefined })
  const faults = event.type === 'handshake' ? event.faults : []
  const shown = lines.filter((line) => !line.startsWith('    !')).map((line) => line.trimStart())
  const blocks = shown.length === 0 ? [] : [['Headers', shown.join('\n')] as const]
  return { id, title: title.trimStart(), facts: [['connection', String(event.conn)]], faults, blocks }
}
