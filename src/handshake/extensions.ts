import { outOfRange, toError } from '../errors.js'
import type { Role } from '../frame/rules.js'
import type { ActiveExtension, Extension, ExtensionParam, ExtensionParams } from '../protocol/extension.js'
import { endOfMember, isToken, Scanner } from './tokens.js'

/** One member of a `Sec-WebSocket-Extensions` header. */
export interface ExtensionEntry {
  readonly name: string
  readonly params: ExtensionParams
}

/**
 * Reads a `Sec-WebSocket-Extensions` header (RFC 6455 §9.1); undefined when it is malformed.
 *
 * @example
 * parseExtensions('permessage-deflate; client_max_window_bits')
 * // [{ name: 'permessage-deflate', params: [['client_max_window_bits', undefined]] }]
 */
export function parseExtensions(value: string): ExtensionEntry[] | undefined {
  const scanner = new Scanner(value)
  const entries: ExtensionEntry[] = []
  while (scanner.skip(',')) {}
  while (!scanner.done) {
    const name = scanner.token()
    const params = name === '' ? undefined : parseParams(scanner)
    if (params === undefined || !endOfMember(scanner)) return undefined
    entries.push({ name, params })
  }
  return entries.length > 0 ? entries : undefined
}

function parseParams(scanner: Scanner): ExtensionParam[] | undefined {
  const params: ExtensionParam[] = []
  while (scanner.skip(';')) {
    const name = scanner.token()
    if (name === '') return undefined
    if (!scanner.skip('=')) {
      params.push([name, undefined])
      continue
    }
    const value = parseValue(scanner)
    if (value === undefined) return undefined
    params.push([name, value])
  }
  return params
}

/** A value may be quoted, but must be a token all the same (§9.1). */
function parseValue(scanner: Scanner): string | undefined {
  const token = scanner.token()
  if (token !== '') return token
  const value = scanner.quoted()
  return value !== undefined && isToken(value) ? value : undefined
}

/**
 * Writes a `Sec-WebSocket-Extensions` header; empty for no entries.
 *
 * @throws RangeError when a name or value is no token, so that nothing else can be slipped into the header.
 */
export function formatExtensions(entries: readonly ExtensionEntry[]): string {
  return entries.map(formatEntry).join(', ')
}

function formatEntry(entry: ExtensionEntry): string {
  let text = checkToken('extension name', entry.name)
  for (const [name, value] of entry.params) {
    text += `; ${checkToken('extension parameter', name)}`
    if (value !== undefined) text += `=${checkToken(`value of extension parameter ${name}`, value)}`
  }
  return text
}

function checkToken(argument: string, text: string): string {
  if (!isToken(text)) throw outOfRange(argument, 'a token (RFC 9110 §5.6.2)', text)
  return text
}

/** What a negotiation came to: the extensions in use, in order, and the header that says so (empty for none). */
export interface Negotiated {
  readonly active: readonly ActiveExtension[]
  readonly header: string
}

/** Local extensions are on this side only: never offered, never answered. */
export const isLocal = (extension: Extension): boolean =>
  extension.offer === undefined && extension.accept === undefined

/**
 * The server's half of the negotiation (§9.1): each of our extensions, in our order, chooses among the offers of its
 * name. Frames pass through the active extensions in this order on the way out.
 *
 * @throws what `accept()` or `start()` threw; the codecs that were started are closed then.
 */
export function negotiate(extensions: readonly Extension[], offers: readonly ExtensionEntry[]): Negotiated {
  const active: ActiveExtension[] = []
  const answer: ExtensionEntry[] = []
  try {
    for (const extension of extensions) {
      const params = isLocal(extension) ? NO_PARAMS : choose(extension, offers, active)
      if (params === undefined) continue
      active.push(startExtension(extension, params, 'server'))
      if (!isLocal(extension)) answer.push({ name: extension.name, params })
    }
    return { active, header: formatExtensions(answer) }
  } catch (thrown) {
    closeExtensions(active)
    throw toError(thrown)
  }
}

const NO_PARAMS: ExtensionParams = Object.freeze([])

/** The parameters of our answer; undefined declines. */
function choose(
  extension: Extension,
  offers: readonly ExtensionEntry[],
  active: readonly ActiveExtension[],
): ExtensionParams | undefined {
  const mine = offers.filter((offer) => offer.name === extension.name).map((offer) => offer.params)
  if (mine.length === 0 || active.some((other) => conflicts(other, extension))) return undefined
  return extension.accept?.(mine)
}

/** Two extensions cannot share a name, nor a reserved bit (§9): the first of our list has it. */
const conflicts = (one: ActiveExtension, other: Extension): boolean =>
  one.name === other.name || (one.rsv & (other.rsv ?? 0)) !== 0

/** Starts an extension that was agreed on, or a local one. */
export const startExtension = (
  extension: Extension,
  params: ExtensionParams,
  role: Role,
): ActiveExtension => ({
  name: extension.name,
  rsv: extension.rsv ?? 0,
  params,
  codec: extension.start(params, role),
  isLocal: isLocal(extension),
})

/** Checks what the handshake needs of extensions: names that can be written, reserved bits that the peer knows of. */
export function checkExtensionNames(extensions: readonly Extension[]): void {
  for (const extension of extensions) {
    checkToken('extensions: a name', extension.name)
    if (isLocal(extension) && (extension.rsv ?? 0) !== 0)
      throw outOfRange(`rsv of extension ${extension.name}`, '0 without offer() and accept()', extension.rsv)
  }
}

/** Frees extensions whose connection never came to be. */
export function closeExtensions(active: readonly ActiveExtension[]): void {
  for (const { codec } of active) {
    try {
      codec.close?.()
    } catch {
      // The connection is lost already, for a better reason.
    }
  }
}
