import type { Conn, TapFrame } from '../../index.js'
import type { Show } from './show.js'

/** Shows every frame of a connection, both ways, and what compression made of messages. */
export function watchFrames(conn: Conn, show: Show, since: () => number): () => void {
  const isText = { in: false, out: false }
  /** What the message under way is, which a continuation does not tell. */
  const textOf = ({ direction, frame }: TapFrame): boolean | undefined => {
    if (frame.isControl) return undefined
    if (!frame.isContinuation) isText[direction] = frame.isText
    return isText[direction]
  }
  return conn.tap((event) => {
    const direction = event.direction === 'in' ? 'received' : 'sent'
    if (event.kind === 'frame')
      show.frame({ frame: event.frame, direction, at: since(), isText: textOf(event) })
    else show.coded(direction, event.plainLength, event.codedLength)
  })
}
