import { acceptFor } from '../../frame/index.js'
import { type Agreement, agreeAsClient } from '../check/deflate.js'
import { type Head, statusOf, tokensOf, valuesOf } from '../check/http-head.js'

/** What a handshake comes to for the frames behind it. */
export interface Agreed {
  /** permessage-deflate: `ours` is the client's way, `theirs` the server's. */
  readonly deflate: Agreement | undefined
  /** An extension that these tools know nothing of. */
  readonly isExtended: boolean
  readonly faults: readonly string[]
}

const EXTENSIONS = 'sec-websocket-extensions'

/** Takes any answer. */
const ANY = [{ noTakeover: false, windowBits: 0 }]

/** What both heads have agreed on. Where only the request is known, what it offers is taken as accepted. */
export function agreementOf(request: Head | undefined, response: Head | undefined): Agreed {
  const answer = response ?? (request && offerAsAnswer(request))
  const deflate = answer && agreeAsClient(answer, ANY)
  const names = answer === undefined ? [] : extensionNames(answer)
  const faults = request === undefined || response === undefined ? [] : handshakeFaults(request, response)
  return {
    deflate: typeof deflate === 'string' ? undefined : deflate,
    isExtended: names.some((name) => name !== 'permessage-deflate'),
    faults: typeof deflate === 'string' ? [...faults, `The server ${deflate} (RFC 7692 §7.1)`] : faults,
  }
}

/** What a header with the outcome of a negotiation comes to, as somebody typed it, or copied it from a request. */
export const agreementFrom = (extensions: string): Agreed =>
  agreementOf(undefined, headWith(extensions.split(',').map(accepted).join(',')))

const extensionNames = (head: Head): string[] =>
  tokensOf(head, EXTENSIONS).map((entry) => entry.split(';')[0]?.trim() ?? '')

const headWith = (extensions: string): Head => ({ line: '', fields: [[EXTENSIONS, extensions]] })

/** The first offer, as if it had been accepted. */
const offerAsAnswer = (request: Head): Head => headWith(accepted(tokensOf(request, EXTENSIONS)[0] ?? ''))

/** An offer as an answer repeats it: what only tells that a client can do it says nothing there (RFC 7692 §7.1.2.2). */
function accepted(offer: string): string {
  const params = offer.split(';').map((param) => param.trim())
  return params.filter((param) => param !== 'client_max_window_bits').join('; ')
}

/** What is wrong with an answer that agrees (RFC 6455 §4.1). */
function handshakeFaults(request: Head, response: Head): string[] {
  if (statusOf(response) !== 101) return []
  const [key = ''] = valuesOf(request, 'sec-websocket-key')
  const [accept] = valuesOf(response, 'sec-websocket-accept')
  const offered = new Set(extensionNames(request))
  const protocols = valuesOf(request, 'sec-websocket-protocol').flatMap((value) => value.split(','))
  const [protocol] = valuesOf(response, 'sec-websocket-protocol')
  return [
    accept === acceptFor(key) ? undefined : 'Sec-WebSocket-Accept does not fit the key (RFC 6455 §4.1)',
    tokensOf(response, 'upgrade').includes('websocket')
      ? undefined
      : 'The answer has no Upgrade: websocket (RFC 6455 §4.1)',
    tokensOf(response, 'connection').includes('upgrade')
      ? undefined
      : 'The answer has no Connection: Upgrade (RFC 6455 §4.1)',
    extensionNames(response).every((name) => offered.has(name))
      ? undefined
      : 'An extension was accepted that was not offered (RFC 6455 §4.1)',
    protocol === undefined || protocols.some((one) => one.trim() === protocol)
      ? undefined
      : 'A subprotocol was chosen that was not offered (RFC 6455 §4.1)',
  ].filter((fault) => fault !== undefined)
}

/** Whether a request asks for a WebSocket (RFC 6455 §4.2.1). */
export const asksForWebSocket = (request: Head): boolean => tokensOf(request, 'upgrade').includes('websocket')
