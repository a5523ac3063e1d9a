import { CloseError, type CloseReport, WebSocketError } from '../errors.js'

/** Whether an error only says that nothing is heard of the peer any more: that is nobody's mistake. */
export const isGone = ({ code }: WebSocketError): boolean =>
  code === 'WS_ERR_KEEPALIVE' || code === 'WS_ERR_CLOSE_TIMEOUT'

/** What is asked of a connection to know an error as its own end. */
export interface EndFacts {
  readonly isOpen: boolean
  readonly report: CloseReport | undefined
}

/** Whether what a handler threw is only the news that its connection ends: that is no error of the handler. */
export function isOwnEnd(thrown: unknown, facts: EndFacts): boolean {
  if (thrown instanceof CloseError) return thrown.report === facts.report
  if (thrown instanceof WebSocketError) return thrown.code === 'WS_ERR_STATE' && !facts.isOpen
  // What was given conn.signal ends with an AbortError that has the signal's reason as its cause.
  return thrown instanceof Error && thrown.name === 'AbortError' && isOwnEnd(thrown.cause, facts)
}
