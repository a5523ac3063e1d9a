import { acceptFor, isHandshakeKey } from '../frame/handshake-key.js'
import { type ExtensionEntry, parseExtensions } from './extensions.js'
import { isHostField } from './origin.js'
import { type Refusal, responseHead } from './refusal.js'
import { type HeaderLine, headerValues, listHas, parseTokenList } from './tokens.js'

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
  readonly extensions: readonly ExtensionEntry[]
}

/** Whether a request asks for a WebSocket at all: `Upgrade` names it. */
export const wantsWebSocket = (facts: RequestFacts): boolean =>
  headerValues(facts.rawHeaders, 'upgrade').some((value) => listHas(value, 'websocket'))

/** Judges an opening handshake (§4.2.1): what it offers, or how to refuse it. */
export function judge(facts: RequestFacts): HandshakeOffer | Refusal {
  return checkRequest(facts) ?? checkFields(facts.rawHeaders) ?? readOffer(facts.rawHeaders)
}

/** Tells the two outcomes of `judge()` apart. */
export const isRefusal = (verdict: object): verdict is Refusal => 'status' in verdict

const badRequest = (body: string): Refusal => ({ status: 400, body: `${body}\n` })

/** Refuses what is no HTTP request for a WebSocket. */
function checkRequest(facts: RequestFacts): Refusal | undefined {
  const { method, httpVersion, rawHeaders } = facts
  if (method !== 'GET')
    return { status: 405, headers: { Allow: 'GET' }, body: 'Only GET opens a WebSocket\n' }
  if (!wantsWebSocket(facts))
    return { status: 426, headers: { Upgrade: 'websocket' }, body: 'This is a WebSocket endpoint\n' }
  if (!headerValues(rawHeaders, 'connection').some((value) => listHas(value, 'upgrade')))
    return badRequest('Connection does not name Upgrade: a proxy may have removed it')
  if (httpVersion !== '1.1') return badRequest('A WebSocket is opened with HTTP/1.1')
  // The bytes behind the headers are frames: nothing else may lay claim to them.
  if (hasBody(rawHeaders)) return badRequest('A request that opens a WebSocket has no body')
  return undefined
}

/** Whether a request says that a body follows. */
export function hasBody(rawHeaders: readonly string[]): boolean {
  if (headerValues(rawHeaders, 'transfer-encoding').length > 0) return true
  return headerValues(rawHeaders, 'content-length').some((value) => value !== '0')
}

/** Refuses fields that must be there exactly once, and right. */
function checkFields(rawHeaders: readonly string[]): Refusal | undefined {
  const hosts = headerValues(rawHeaders, 'host')
  // RFC 9112 §3.2.
  if (hosts.length !== 1 || !isHostField(hosts[0]!))
    return badRequest('There must be one Host, a name or address and perhaps a port')
  if (headerValues(rawHeaders, 'origin').length > 1) return badRequest('There may be one Origin at most')
  const refusal = checkVersion(headerValues(rawHeaders, 'sec-websocket-version'))
  if (refusal !== undefined) return refusal
  const keys = headerValues(rawHeaders, 'sec-websocket-key')
  if (keys.length !== 1 || !isHandshakeKey(keys[0]!))
    return badRequest('There must be one Sec-WebSocket-Key, 16 bytes in base64')
  return undefined
}

/** A version we do not know is answered with the one we do (§4.4). */
function checkVersion(versions: readonly string[]): Refusal | undefined {
  const [version] = versions
  if (versions.length === 1 && version === VERSION) return undefined
  const headers = { 'Sec-WebSocket-Version': VERSION }
  if (versions.length !== 1 || !isVersion(version!))
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

function readOffer(rawHeaders: readonly string[]): HandshakeOffer | Refusal {
  const protocols = readList(rawHeaders, 'sec-websocket-protocol', parseTokenList)
  if (protocols === undefined) return badRequest('Sec-WebSocket-Protocol is no list of tokens')
  // "MUST all be unique strings" (§4.1).
  if (new Set(protocols).size !== protocols.length)
    return badRequest('Sec-WebSocket-Protocol names one protocol twice')
  const extensions = readList(rawHeaders, 'sec-websocket-extensions', parseExtensions)
  if (extensions === undefined) return badRequest('Sec-WebSocket-Extensions is malformed')
  return {
    key: headerValues(rawHeaders, 'sec-websocket-key')[0]!,
    host: headerValues(rawHeaders, 'host')[0]!,
    origin: headerValues(rawHeaders, 'origin')[0],
    protocols,
    extensions,
  }
}

/** A list may be spread over several lines, which count as one (§11.3.2, §11.3.4). */
function readList<T>(
  rawHeaders: readonly string[],
  name: string,
  parse: (value: string) => T[] | undefined,
): T[] | undefined {
  const values = headerValues(rawHeaders, name)
  return values.length === 0 ? [] : parse(values.join(','))
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

/** Writes the response that opens the WebSocket (§4.2.2). */
export function encodeAcceptance(acceptance: Acceptance): Buffer {
  const lines: HeaderLine[] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', acceptFor(acceptance.key)],
  ]
  if (acceptance.protocol !== '') lines.push(['Sec-WebSocket-Protocol', acceptance.protocol])
  if (acceptance.extensions !== '') lines.push(['Sec-WebSocket-Extensions', acceptance.extensions])
  return responseHead(101, [...lines, ...acceptance.lines])
}
