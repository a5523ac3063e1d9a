import { HandshakeError, type HandshakeFacts, outOfRange, toError } from '../errors.js'
import { acceptFor } from '../frame/handshake-key.js'
import type { ActiveExtension, Extension, ExtensionParams } from '../protocol/extension.js'
import {
  closeExtensions,
  type ExtensionEntry,
  formatExtensions,
  isLocal,
  parseExtensions,
  startExtension,
} from './extensions.js'
import { type HeaderFields, type HeaderLine, headerLines, headerValues, listHas } from './tokens.js'

/** An extension and what it offers: nothing when it is local to this side. */
export interface OfferedExtension {
  readonly extension: Extension
  readonly offers: readonly ExtensionParams[]
}

/** What a client asks for in its opening handshake (RFC 6455 §4.1). */
export interface ClientOffer {
  /** The `Host` header. */
  readonly host: string
  /** `Sec-WebSocket-Key`, fresh for each request. */
  readonly key: string
  readonly origin: string | undefined
  /** `Authorization`, when the URL holds a name and password. */
  readonly authorization: string | undefined
  readonly protocols: readonly string[]
  readonly extensions: readonly OfferedExtension[]
  /** Headers of the application, checked. */
  readonly headers: readonly HeaderLine[]
}

/** Headers of a response, names in lower case, repeated ones joined as Node does. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** The head of an HTTP response. */
export interface HandshakeResponse {
  readonly version: '1.0' | '1.1'
  readonly status: number
  /** The reason phrase: for people only. */
  readonly reason: string
  readonly headers: ResponseHeaders
  /** Names and values by turns, just as they came. */
  readonly rawHeaders: readonly string[]
}

/** What came out of a handshake. */
export interface ClientAgreement {
  /** The subprotocol; empty for none. */
  readonly protocol: string
  readonly extensions: readonly ActiveExtension[]
}

/** Headers by lower-case name; as a hook sees and changes them. */
export type MutableHeaders = Record<string, string | string[]>

/** Part of the handshake itself: nobody else may set them. */
const HANDSHAKE_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
])

const isOwn = (name: string): boolean => HANDSHAKE_HEADERS.has(name.toLowerCase())

/** What applications may not set: the handshake's own, and whatever announces a body, for there is none. */
export const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  ...HANDSHAKE_HEADERS,
  'sec-websocket-accept',
  'content-length',
  'transfer-encoding',
  'trailer',
  'te',
  'expect',
])

/** More than one of them would leave it to the server which one counts. */
const SINGLE_HEADERS: readonly string[] = ['host', 'origin', 'authorization']

/** Header lines by lower-case name; a later name replaces an earlier one. */
type HeaderTable = Map<string, HeaderLine[]>

/** The headers of the request in order: what the application sets goes before what the handshake would. */
export function offerHeaders(offer: ClientOffer): HeaderLine[] {
  const table: HeaderTable = new Map()
  replace(table, [
    ['Host', offer.host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', offer.key],
    ['Sec-WebSocket-Version', '13'],
    ...optional('Origin', offer.origin),
    ...optional('Sec-WebSocket-Protocol', offer.protocols.join(', ')),
    ...optional('Sec-WebSocket-Extensions', formatExtensions(offer.extensions.flatMap(entriesOf))),
    ...optional('Authorization', offer.authorization),
  ])
  replace(table, offer.headers)
  return flatten('headers', table)
}

const optional = (name: string, value: string | undefined): HeaderLine[] =>
  value === undefined || value === '' ? [] : [[name, value]]

/** Asks every extension for its offers, once for a dial. */
export const offerExtensions = (extensions: readonly Extension[]): OfferedExtension[] =>
  extensions.map((extension) => ({ extension, offers: extension.offer?.() ?? [] }))

const entriesOf = ({ extension, offers }: OfferedExtension): ExtensionEntry[] =>
  offers.map((params) => ({ name: extension.name, params }))

function replace(table: HeaderTable, lines: readonly HeaderLine[]): void {
  const seen = new Set<string>()
  for (const line of lines) {
    const name = line[0].toLowerCase()
    if (!seen.has(name)) table.set(name, [])
    seen.add(name)
    table.get(name)!.push(line)
  }
}

function flatten(argument: string, table: HeaderTable): HeaderLine[] {
  for (const name of SINGLE_HEADERS)
    if ((table.get(name)?.length ?? 0) > 1) throw outOfRange(`${argument}['${name}']`, 'one value', undefined)
  return [...table.values()].flat()
}

/** Header lines in the shape in which a hook may change them. */
export function toMutableHeaders(lines: readonly HeaderLine[]): MutableHeaders {
  const headers: MutableHeaders = Object.create(null)
  for (const [name, value] of lines) {
    const key = name.toLowerCase()
    const before = headers[key]
    headers[key] = before === undefined ? value : [before, value].flat()
  }
  return headers
}

/**
 * The header lines after a hook has been at them.
 *
 * @throws RangeError when the handshake's own headers were changed, or a new one cannot be sent.
 */
export function fromMutableHeaders(changed: HeaderFields, before: readonly HeaderLine[]): HeaderLine[] {
  const own = toMutableHeaders(before)
  for (const name of HANDSHAKE_HEADERS)
    if (changed[name] !== own[name])
      throw outOfRange(`${HOOKED}['${name}']`, 'left as it is: the handshake sets it', undefined)
  const free = Object.entries(changed).filter(([name]) => !HANDSHAKE_HEADERS.has(name))
  const wireNames = new Map(before.map(([name]) => [name.toLowerCase(), name]))
  const lines = headerLines(HOOKED, Object.fromEntries(free), RESERVED_HEADERS)
  const table: HeaderTable = new Map()
  replace(
    table,
    before.filter(([name]) => isOwn(name)),
  )
  replace(
    table,
    lines.map(([name, value]) => [wireNames.get(name) ?? name, value]),
  )
  return flatten(HOOKED, table)
}

/** How the headers are called where a hook changes them. */
const HOOKED = 'request.headers'

/** The bytes of the request, as latin1 text; whatever is in it has been checked. */
export function formatRequest(
  method: 'GET' | 'CONNECT',
  target: string,
  lines: readonly HeaderLine[],
): string {
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (const [name, value] of lines) text += `${name}: ${value}\r\n`
  return `${text}\r\n`
}

/** Says what a response without a WebSocket was. */
export const describeStatus = (response: HandshakeResponse): string =>
  `${response.status} ${response.reason}`.trimEnd()

const refuse = (response: HandshakeResponse, why: string, more?: HandshakeFacts): HandshakeError =>
  new HandshakeError('WS_ERR_HANDSHAKE', `Cannot open a WebSocket: ${why}`, {
    status: response.status,
    headers: response.headers,
    ...more,
  })

/** The error for a response that is no 101. */
export const refusal = (response: HandshakeResponse, body?: Buffer): HandshakeError =>
  refuse(response, `server answered ${describeStatus(response)}`, { body })

/**
 * Decides over the answer to an opening handshake, rule by rule in the order of RFC 6455 §4.1. The extensions that it
 * gives have been started: whoever does not open a connection with them closes them.
 *
 * @throws HandshakeError saying what was expected and what came.
 */
export function acceptResponse(response: HandshakeResponse, offer: ClientOffer): ClientAgreement {
  const header = (name: string): string[] => headerValues(response.rawHeaders, name)
  if (response.status !== 101) throw refusal(response)
  if (response.version !== '1.1')
    throw refuse(response, '101 came with HTTP/1.0, which cannot switch protocols')
  checkSwitch(response, header('upgrade'), header('connection'))
  checkAccept(response, header('sec-websocket-accept'), acceptFor(offer.key))
  const protocol = chooseProtocol(response, header('sec-websocket-protocol'), offer.protocols)
  const extensions = chooseExtensions(response, header('sec-websocket-extensions'), offer.extensions)
  return { protocol, extensions }
}

function checkSwitch(response: HandshakeResponse, upgrade: string[], connection: string[]): void {
  if (upgrade.length !== 1 || upgrade[0]!.toLowerCase() !== 'websocket')
    throw refuse(response, `101 without one header Upgrade: websocket (${count(upgrade)})`)
  if (!connection.some((value) => listHas(value, 'upgrade')))
    throw refuse(response, `101 without a header Connection: Upgrade (${count(connection)})`)
}

function checkAccept(response: HandshakeResponse, accept: string[], expected: string): void {
  if (accept.length !== 1)
    throw refuse(response, `101 must have one header Sec-WebSocket-Accept (${count(accept)})`)
  if (accept[0] !== expected)
    throw refuse(response, 'Sec-WebSocket-Accept does not answer the key that was sent')
}

const count = (values: readonly string[]): string =>
  `there ${values.length === 1 ? 'is' : 'are'} ${values.length}`

function chooseProtocol(response: HandshakeResponse, chosen: string[], asked: readonly string[]): string {
  if (chosen.length === 0) return ''
  if (chosen.length > 1)
    throw refuse(response, `server chose ${chosen.length} subprotocols, one is the limit`)
  if (!asked.includes(chosen[0]!)) throw refuse(response, 'server chose a subprotocol that was not asked for')
  return chosen[0]!
}

function chooseExtensions(
  response: HandshakeResponse,
  values: string[],
  offered: readonly OfferedExtension[],
): ActiveExtension[] {
  const answer = values.length === 0 ? [] : parseExtensions(values.join(','))
  if (answer === undefined) throw refuse(response, 'Sec-WebSocket-Extensions cannot be read')
  const agreed = matchExtensions(response, answer, offered)
  const active: ActiveExtension[] = []
  try {
    for (const [extension, params] of inPlace(offered, agreed))
      active.push(startExtension(extension, params, 'client'))
    return active
  } catch (thrown) {
    closeExtensions(active)
    throw refuse(response, 'an extension cannot take what the server chose', { cause: toError(thrown) })
  }
}

/** What the server chose, in the order of its answer. */
type Agreed = Map<Extension, ExtensionParams>

/** Each answer must belong to an offer, once, and no two may use the same reserved bit (§9.1). */
function matchExtensions(
  response: HandshakeResponse,
  answer: readonly ExtensionEntry[],
  offered: readonly OfferedExtension[],
): Agreed {
  const agreed: Agreed = new Map()
  let taken = 0
  for (const { name, params } of answer) {
    const extension = offered.find((one) => one.extension.name === name && one.offers.length > 0)?.extension
    if (extension === undefined) throw refuse(response, 'server chose an extension that was not offered')
    if (agreed.has(extension)) throw refuse(response, `server chose extension ${name} twice`)
    const rsv = extension.rsv ?? 0
    if ((rsv & taken) !== 0) throw refuse(response, `extension ${name} needs a reserved bit that is taken`)
    taken |= rsv
    agreed.set(extension, params)
  }
  return agreed
}

const NO_PARAMS: ExtensionParams = Object.freeze([])

/**
 * Negotiated extensions run in the order of the server's answer (§9.1); local ones keep their places in our list
 * between them.
 */
function inPlace(offered: readonly OfferedExtension[], agreed: Agreed): [Extension, ExtensionParams][] {
  const answers = agreed.entries()
  const placed: [Extension, ExtensionParams][] = []
  for (const { extension } of offered) {
    if (isLocal(extension)) placed.push([extension, NO_PARAMS])
    else if (agreed.has(extension)) placed.push(answers.next().value!)
  }
  return placed
}
