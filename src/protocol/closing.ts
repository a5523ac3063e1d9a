import type { CloseStatus } from '../errors.js'

/** Where the closing handshake stands (RFC 6455 §7): which Close frames have travelled. */
export type Closing =
  | { readonly phase: 'open' }
  | { readonly phase: 'sent'; readonly sent: CloseStatus }
  | { readonly phase: 'received'; readonly received: CloseStatus }
  | {
      readonly phase: 'done'
      readonly sent: CloseStatus
      readonly received: CloseStatus
      readonly first: 'sent' | 'received'
    }

export const OPEN: Closing = Object.freeze({ phase: 'open' })

/** After a Close frame there are no more frames from that side (§5.5.1). */
export const maySend = (closing: Closing): boolean => closing.phase === 'open' || closing.phase === 'received'

/** We sent a Close frame. A second one brings no news. */
export function onCloseSent(now: Closing, sent: CloseStatus): Closing {
  switch (now.phase) {
    case 'open':
      return { phase: 'sent', sent }
    case 'received':
      return { phase: 'done', sent, received: now.received, first: 'received' }
    case 'sent':
    case 'done':
      return now
    /* c8 ignore next 2 -- the compiler proves that nothing arrives here */
    default:
      return unreachable(now)
  }
}

/** A Close frame came in. A second one brings no news. */
export function onCloseReceived(now: Closing, received: CloseStatus): Closing {
  switch (now.phase) {
    case 'open':
      return { phase: 'received', received }
    case 'sent':
      return { phase: 'done', sent: now.sent, received, first: 'sent' }
    case 'received':
    case 'done':
      return now
    /* c8 ignore next 2 -- the compiler proves that nothing arrives here */
    default:
      return unreachable(now)
  }
}

/** The Close frame we sent, if we did. */
export const sentOf = (closing: Closing): CloseStatus | undefined =>
  closing.phase === 'sent' || closing.phase === 'done' ? closing.sent : undefined

/** The Close frame that came in, if one did. */
export const receivedOf = (closing: Closing): CloseStatus | undefined =>
  closing.phase === 'received' || closing.phase === 'done' ? closing.received : undefined

/* c8 ignore next 3 -- the compiler proves that nothing arrives here */
function unreachable(value: never): never {
  throw new Error(`Unreachable: ${String(value)}`)
}
