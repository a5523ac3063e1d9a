/** What a recorded client did, as something that can be done again, and what it got for it. */
import { CloseCode, type Frame } from '../../frame/index.js'
import { type Head, valuesOf } from '../check/http-head.js'
import type { FrameEvent, HandshakeEvent, Whole, WireEvent } from '../recording/events.js'

/** One thing the client did. */
export type Action =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A compressed message: it is compressed anew, as that depends on what is agreed on. */
  | { readonly kind: 'message'; readonly message: Whole }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }

export interface Step {
  readonly action: Action
  /** Milliseconds since the connection was opened. */
  readonly at: number
  /** So many messages of the server had come before. */
  readonly after: number
}

/** One connection of a recording. */
export interface Script {
  readonly conn: number
  /** Milliseconds after the first connection. */
  readonly at: number
  readonly request: Head | undefined
  /** permessage-deflate was agreed on. */
  readonly isCompressed: boolean
  readonly steps: readonly Step[]
  /** What the server sent. */
  readonly expected: readonly Whole[]
  /** The code of the server's Close frame, where it was recorded. */
  readonly closeCode: number | undefined
  /** What cannot be done again, and why. */
  readonly left: readonly string[]
}

/** The connections of a recording that have anything to play. */
export function scriptsOf(events: readonly WireEvent[]): Script[] {
  const first = events.find(({ at }) => at !== undefined)?.at ?? 0
  const byConn = new Map<number, WireEvent[]>()
  for (const event of events) {
    const own = byConn.get(event.conn)
    if (own === undefined) byConn.set(event.conn, [event])
    else own.push(event)
  }
  return [...byConn]
    .sort(([one], [other]) => one - other)
    .flatMap(([conn, own]) => (own.some(({ type }) => type === 'frame') ? [scriptOf(conn, own, first)] : []))
}

function scriptOf(conn: number, events: readonly WireEvent[], first: number): Script {
  const handshake = events.find((event): event is HandshakeEvent => event.type === 'handshake')
  const frames = events.filter((event): event is FrameEvent => event.type === 'frame')
  const begin = handshake?.at ?? frames[0]?.at ?? first
  const left: string[] = []
  const steps: Step[] = []
  const expected: Whole[] = []
  let isCompressing = false
  for (const event of frames) {
    if (event.direction === 'received') {
      if (event.message !== undefined) expected.push(event.message)
      continue
    }
    if (!event.frame.isControl && !event.frame.isContinuation) isCompressing = event.frame.rsv1
    const action = actionOf(event, isCompressing)
    if (typeof action === 'string') left.push(action)
    else if (action !== undefined)
      steps.push({ action, at: Math.max(0, (event.at ?? begin) - begin), after: expected.length })
  }
  const close = frames.find(({ direction, frame }) => direction === 'received' && frame.isClose)
  const answer = handshake?.response && valuesOf(handshake.response, 'sec-websocket-extensions').join()
  return {
    conn,
    at: Math.max(0, begin - first),
    request: handshake?.request,
    isCompressed: answer?.includes('permessage-deflate') ?? frames.some(({ frame }) => frame.rsv1),
    steps,
    expected,
    closeCode: close && closeOf(close.frame)?.code,
    left,
  }
}

/** Undefined for what happens by itself, or with the end of its message; a text for what cannot be done. */
function actionOf(event: FrameEvent, isCompressing: boolean): Action | string | undefined {
  const { frame, message, isSkipped = false } = event
  // The connection answers pings by itself.
  if (frame.isPong) return undefined
  if (isSkipped) return `a frame of ${frame.length} bytes, which is not in the recording`
  const close = frame.isClose ? closeOf(frame) : undefined
  // One without a code is sent as it is: close() always gives one.
  if (close !== undefined && close.code !== CloseCode.NoStatus) return { kind: 'close', ...close }
  if (frame.isControl || !isCompressing) return { kind: 'frame', frame }
  if (!frame.fin) return undefined
  return message === undefined
    ? 'a compressed message, which could not be inflated'
    : { kind: 'message', message }
}

/** Undefined when the frame is no proper Close: then it is sent as it is. */
function closeOf(frame: Frame): { readonly code: number; readonly reason: string } | undefined {
  try {
    return frame.fin && frame.lengthSize === 7 ? frame.closeStatus : undefined
  } catch {
    return undefined
  }
}
