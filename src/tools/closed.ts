import type { CloseReport } from '../index.js'
import { quote } from './annotate.js'

/** How a connection ended, in one line. */
export function closedInWords({ code, reason, initiator, clean, cause }: CloseReport): string {
  const words = reason === '' ? String(code) : `${code} ${quote(reason)}`
  if (clean) return `closed by ${initiator === 'local' ? 'us' : 'the peer'}: ${words}`
  return `closed without a closing handshake: ${cause === undefined ? words : `${words}, ${cause.message}`}`
}
