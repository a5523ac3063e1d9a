import { acceptFor, isHandshakeKey } from '../frame/handshake-key.js'
import { type ExtensionEntry, parseExtensions } from './extensions.js'
import { HandshakeFields } from './fields.js'
import { isHostField } from './origin.js'
import type { Refusal } from './refusal.js'
import { type HeaderLine, hasListed, headerValues, listHas, parseTokenList } from './tokens.js'

/** The only protocol version there is (RFC 6455 §4.1). */
const VERSION = '13'

/** What is known of an HTTP request; every header may be missing, doubled or garbage. */
export interface RequestFacts {
  readonly method?: string | undefined
  readonly httpVersion: string
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
}

/** What a client asks for in its opening handshake. */
export interface HandshakeOffer {
  /** `Sec-WebSocket-Key`. */
  readonly key: string
  /** `Host`. */
  readonly host: string
  /** `Origin`: browsers send it, others need not. */
  readonly origin: string | undefined
  /** Subprotocols, best first; each one once. */
  readonly protocols: readonly string[]
  /** Extensions with their parameters, as the client lists them. */
  readonly extensions: readonly ExtensionEntry[]
}

/** Whether a request asks for a WebSocket at all: `Upgrade` names it. */
export const wantsWebSocket = (facts: RequestFacts): boolean =>
  hasListed(facts.rawHeaders, 'upgrade', 'websocket')

/** Judges an opening handshake (§4.2.1): what it offers, or how to refuse it. */
export function judge(facts: RequestFacts): HandshakeOffer | Refusal {
  const fields = new HandshakeFields(facts.rawHeaders)
  return checkRequest(facts, fields) ?? checkFields(fields) ?? readOffer(fields)
}

/** Tells the two outcomes of `judge()` apart. */
export const isRefusal = (verdict: object): verdict is Refusal => 'status' in verdict

const badRequest = (body: string): Refusal => ({ status: 400, body: `${body}\n` })

/** Refuses what is no HTTP request for a WebSocket. */
function checkRequest(facts: RequestFacts, fields: HandshakeFields): Refusal | undefined {
  if (facts.method !== 'GET')
    return { status: 405, headers: { Allow: 'GET' }, body: 'Only GET opens a WebSocket\n' }
  if (fields.upgrade === undefined || !listHas(fields.upgrade, 'websocket'))
    return { status: 426, headers: { Upgrade: 'websocket' }, body: 'This is a WebSocket endpoint\n' }
  if (fields.connection === undefined || !listHas(fields.connection, 'upgrade'))
    return badRequest('Connection does not name Upgrade: a proxy may have removed it')
  if (facts.httpVersion !== '1.1') return badRequest('A WebSocket is opened with HTTP/1.1')
  // The bytes behind the headers are frames: nothing else may lay claim to them.
  if (fields.transferEncoding !== undefined || (fields.contentLength ?? '0') !== '0')
    return badRequest('A request that opens a WebSocket has no body')
  return undefined
}

/** Whether a request says that a body follows. */
export function hasBody(rawHeaders: readonly string[]): boolean {
  if (headerValues(rawHeaders, 'transfer-encoding').length > 0) return true
  return headerValues(rawHeaders, 'content-length').some((value) => value !== '0')
}

/** Refuses fields that must be there exactly once, and right. */
function checkFields({ host, originLines, version, key }: HandshakeFields): Refusal | undefined {
  // RFC 9112 §3.2.
  if (host === undefined || !isHostField(host))
    return badRequest('There must be one Host, a name or address and perhaps a port')
  if (originLines > 1) return badRequest('There may be one Origin at most')
  if (version !== VERSION) return refuseVersion(version)
  if (key === undefined || !isHandshakeKey(key))
    return badRequest('There must be one Sec-WebSocket-Key, 16 bytes in base64')
  return undefined
}

/** A version we do not know is answered with the one we do (§4.4). */
function refuseVersion(version: string | undefined): Refusal {
  const headers = { 'Sec-WebSocket-Version': VERSION }
  if (version === undefined || !isVersion(version))
    return { status: 400, headers, body: 'There must be one Sec-WebSocket-Version, a number\n' }
  return {
    status: 426,
    headers: { Upgrade: 'websocket', ...headers },
    body: 'Only version 13 is spoken here\n',
  }
}

/** A number from 0 to 255 without leading zeros (§4.3). */
function isVersion(text: string): boolean {
  const number = Number(text)
  return Number.isInteger(number) && String(number) === text && number >= 0 && number <= 255
}

const NOTHING: readonly never[] = Object.freeze([])

function readOffer(fields: HandshakeFields): HandshakeOffer | Refusal {
  // A list may be spread over several lines, which count as one (§11.3.2, §11.3.4).
  const protocols = fields.protocols === undefined ? NOTHING : parseTokenList(fields.protocols)
  if (protocols === undefined) return badRequest('Sec-WebSocket-Protocol is no list of tokens')
  // "MUST all be unique strings" (§4.1).
  if (protocols.length > 1 && new Set(protocols).size !== protocols.length)
    return badRequest('Sec-WebSocket-Protocol names one protocol twice')
  const extensions = fields.extensions === undefined ? NOTHING : parseExtensions(fields.extensions)
  if (extensions === undefined) return badRequest('Sec-WebSocket-Extensions is malformed')
  return { key: fields.key!, host: fields.host!, origin: fields.origin, protocols, extensions }
}

/** What the handshake came to, for the 101 response. */
export interface Acceptance {
  readonly key: string
  /** The subprotocol in use; empty for none. */
  readonly protocol: string
  /** `Sec-WebSocket-Extensions`; empty for none. */
  readonly extensions: string
  readonly lines: readonly HeaderLine[]
}

/** What the 101 response sets by itself. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
  'transfer-encoding',
  'upgrade',
])

/** Writes the response that opens the WebSocket (§4.2.2); all of it is ASCII. */
export function encodeAcceptance({ key, protocol, extensions, lines }: Acceptance): string {
  let text =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptFor(key)}\r\n`
  if (protocol !== '') text += `Sec-WebSocket-Protocol: ${protocol}\r\n`
  if (extensions !== '') text += `Sec-WebSocket-Extensions: ${extensions}\r\n`
  for (const [name, value] of lines) text += `${name}: ${value}\r\n`
  return `${text}\r\n`
}
