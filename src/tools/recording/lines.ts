/** Events of a wire as lines of text, and as the records that are kept. */
import { annotateLine, annotateLong, frameRecord, preview } from '../annotate.js'
import type { Head } from '../check/http-head.js'
import type { EndEvent, FrameEvent, HandshakeEvent, StopEvent, WireEvent } from './events.js'

export interface LineOptions {
  /** Frames byte by byte. */
  readonly isLong: boolean
  /** Says which connection: where there can be several. */
  readonly showsConn: boolean
  /** Bytes of a payload that are shown at most. */
  readonly shown: number | undefined
}

/** What a person is told of an event. */
export function linesOf(event: WireEvent, options: LineOptions): readonly string[] {
  const [first = '', ...rest] = bodyOf(event, options)
  return [`${options.showsConn ? `#${event.conn} ` : ''}${first}`, ...rest]
}

function bodyOf(event: WireEvent, options: LineOptions): readonly string[] {
  switch (event.type) {
    case 'handshake':
      return handshakeLines(event)
    case 'frame':
      return frameLines(event, options)
    case 'stop':
      return [`${time(event)}! byte ${event.offset} from the ${sender(event)}: ${event.reason}`]
    case 'end':
      return [endLine(event)]
  }
}

const time = ({ at }: WireEvent): string => (at === undefined ? '' : `${at.toFixed(1).padStart(9)} ms `)

const sender = ({ direction }: StopEvent | EndEvent): string =>
  direction === undefined ? 'proxy' : direction === 'sent' ? 'client' : 'server'

function frameLines(event: FrameEvent, { isLong, shown }: LineOptions): readonly string[] {
  const lines = isLong ? annotateLong(event, { shown }) : [annotateLine(event, { shown })]
  const [first = '', ...rest] = lines
  const parts = !event.frame.isControl && !event.frame.rsv1 && event.inflated === undefined
  const whole = parts && event.frame.isContinuation ? event.message : undefined
  return [
    event.offset === undefined || !isLong ? first : `${first} at byte ${event.offset}`,
    ...rest,
    ...(whole === undefined
      ? []
      : [`    message of ${whole.data.length} bytes ${preview(whole.data, whole.isText, shown ?? 64)}`]),
    ...event.faults.map((fault) => `    ! ${fault}`),
  ]
}

function handshakeLines(event: HandshakeEvent): readonly string[] {
  const { request, response, faults } = event
  return [
    `${time(event)}* ${[request, response].flatMap((head) => head?.line ?? []).join(' -> ')}`,
    ...fieldLines('>', request),
    ...fieldLines('<', response),
    ...faults.map((fault) => `    ! ${fault}`),
  ]
}

const fieldLines = (arrow: string, head: Head | undefined): string[] =>
  (head?.fields ?? []).map(([name, value]) => `    ${arrow} ${name}: ${value}`)

function endLine(event: EndEvent): string {
  const how = event.how === 'end' ? 'ended the connection' : `broke the connection: ${event.how}`
  return `${time(event)}* the ${sender(event)} ${how} (${event.sent} bytes sent, ${event.received} received)`
}

/** An event as it is recorded, and printed with --json. */
export function recordOf(event: WireEvent): object {
  const { conn, at = null } = event
  const base = { conn, at: at === null ? null : Math.round(at * 10) / 10 }
  switch (event.type) {
    case 'handshake': {
      const { request = null, response = null, faults } = event
      return {
        type: 'handshake',
        ...base,
        request: headRecord(request),
        response: headRecord(response),
        faults,
      }
    }
    case 'frame': {
      const { offset = null, faults, isSkipped = false } = event
      return { ...frameRecord(event), conn, offset, skipped: isSkipped, faults }
    }
    case 'stop':
      return { type: 'stop', ...base, direction: event.direction, offset: event.offset, reason: event.reason }
    case 'end': {
      const { direction, how, sent, received } = event
      return { type: 'end', ...base, direction: direction ?? null, how, sent, received }
    }
  }
}

const headRecord = (head: Head | null): object | null => head && { line: head.line, headers: head.fields }

/** The first line of a recording. */
export const sessionRecord = (program: string, started: Date, target: string | null): object => ({
  type: 'session',
  version: 1,
  program,
  started: started.toISOString(),
  target,
})
