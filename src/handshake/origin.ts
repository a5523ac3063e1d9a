/** An origin in its parts (RFC 6454 §6.2), in lower case. */
interface Origin {
  readonly scheme: string
  readonly host: string
  readonly port: string
}

const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
])

/** What a request says of where it comes from and where it goes to. */
export interface OriginFacts {
  readonly origin: string | undefined
  readonly host: string
  /** It came over TLS, as far as we can see: a proxy may have taken it off. */
  readonly secure: boolean
}

/**
 * Whether a page may talk to the server it came from, and to no other: cross-site WebSocket hijacking stops here
 * (RFC 6455 §10.2). Who sends no Origin is no browser. Behind a proxy the scheme cannot be seen, so only a page
 * without TLS that asks for a server with TLS is told apart by it.
 */
export function isSameOrigin(facts: OriginFacts): boolean {
  if (facts.origin === undefined) return true
  const origin = parseOrigin(facts.origin)
  if (origin === undefined || (facts.secure && origin.scheme !== 'https')) return false
  const fallback = DEFAULT_PORTS.get(origin.scheme)
  if (fallback === undefined) return false
  const [host, port] = splitPort(facts.host.toLowerCase())
  return origin.host === host && (origin.port || fallback) === (port || fallback)
}

/** Whether a text is an origin as browsers send it: `https://example.com:8443`, or `null`. */
export const isOrigin = (text: string): boolean => text === 'null' || parseOrigin(text) !== undefined

/** One way to write an origin: lower case, without the default port. */
export function normalizeOrigin(text: string): string {
  const origin = parseOrigin(text)
  if (origin === undefined) return text
  const port = origin.port === '' || origin.port === DEFAULT_PORTS.get(origin.scheme) ? '' : `:${origin.port}`
  return `${origin.scheme}://${origin.host}${port}`
}

function parseOrigin(text: string): Origin | undefined {
  const colon = text.indexOf('://')
  if (colon <= 0) return undefined
  const [host, port] = splitPort(text.slice(colon + 3).toLowerCase())
  if (host === '' || !isHost(host) || !isPort(port)) return undefined
  return { scheme: text.slice(0, colon).toLowerCase(), host, port }
}

/** What stands in a name besides letters and digits (RFC 3986 §3.2.2); in brackets a colon does, too. */
const HOST_MARKS = "-._~%!$&'()*+,;="
const COLON = 0x3a

const HOST_CHARS = hostChars()

function hostChars(): Uint8Array {
  const table = new Uint8Array(128)
  for (let char = 0x30; char <= 0x39; char++) table[char] = 1
  for (let char = 0x41; char <= 0x5a; char++) table[char] = table[char + 0x20] = 1
  for (const mark of HOST_MARKS) table[mark.charCodeAt(0)] = 1
  return table
}

/** Whether a text is what `Host` may hold: a name or an address, and perhaps a port (RFC 9110 §7.2). */
export function isHostField(text: string): boolean {
  const [host, port] = splitPort(text)
  if (!isPort(port)) return false
  const bracketed = host.startsWith('[') && host.endsWith(']')
  const name = bracketed ? host.slice(1, -1) : host
  for (let i = 0; i < name.length; i++) {
    const char = name.charCodeAt(i)
    if (HOST_CHARS[char] !== 1 && !(bracketed && char === COLON)) return false
  }
  return name !== ''
}

/** Cuts `host:port`; the colons inside of `[::1]` are no cut. */
function splitPort(authority: string): [host: string, port: string] {
  const colon = authority.lastIndexOf(':')
  if (colon < 0 || colon < authority.lastIndexOf(']')) return [authority, '']
  return [authority.slice(0, colon), authority.slice(colon + 1)]
}

/** An origin ends behind the host: no path, no user, no list of several. */
function isHost(host: string): boolean {
  for (const char of host) if (char <= ' ' || '/\\?#@,'.includes(char)) return false
  return true
}

function isPort(port: string): boolean {
  for (const char of port) if (char < '0' || char > '9') return false
  return port.length <= 5
}
