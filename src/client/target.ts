import { isIP } from 'node:net'
import { outOfRange, wrongType } from '../errors.js'

/** Where a WebSocket is to be opened. */
export interface Target {
  /** `ws:` or `wss:`, without name, password and fragment. */
  readonly url: URL
  readonly secure: boolean
  /** To connect to; an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
  /** A unix socket or Windows pipe instead of host and port. */
  readonly socketPath: string | undefined
  /** Path and query, for the request line. */
  readonly path: string
  /** The `Authorization` header of the name and password in the URL. */
  readonly authorization: string | undefined
}

const SECURE: Readonly<Record<string, boolean>> = {
  'ws:': false,
  'http:': false,
  'wss:': true,
  'https:': true,
}

const UNIX_SCHEMES: Readonly<Record<string, string>> = { 'ws+unix:': 'ws:', 'wss+unix:': 'wss:' }

/** Reads the address of a server (RFC 6455 §3): `ws: wss: http: https:`, and `ws+unix:/path/to/socket:/path?query`. */
export function parseTarget(input: string | URL, socketPath?: string): Target {
  const given = parseUrl('url', input)
  // Fragments mean nothing in WebSocket URLs and must not be used (§3).
  if (given.href.includes('#')) throw outOfRange('url', 'without a fragment (RFC 6455 §3)', input)
  if (given.protocol in UNIX_SCHEMES) return parseUnixTarget(given, socketPath)
  if (!(given.protocol in SECURE))
    throw outOfRange('url', 'one of ws: wss: http: https: ws+unix: wss+unix:', input)
  return makeTarget(given, socketPath)
}

/** An absolute URL. The error of `URL` itself would show the whole of it, password included. */
export function parseUrl(argument: string, input: string | URL): URL {
  if (typeof input !== 'string' && !(input instanceof URL))
    throw wrongType(argument, 'a string or URL', input)
  const text = String(input)
  const url = urlOf(text)
  if (url === undefined) throw outOfRange(argument, 'an absolute URL', input)
  return url
}

/**
 * The URL that a text is; undefined for none. `URL.canParse()` would tell, but once Node 20 and 22 have compiled its
 * caller it takes Latin-1 for UTF-8, and finds URLs that `URL` then refuses (`ws:\u00d7\u00af`).
 */
export function urlOf(text: string, base?: URL): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** A target at an `http:`, `https:`, `ws:` or `wss:` URL; the URL is not kept. */
export function makeTarget(given: URL, socketPath?: string): Target {
  const secure = SECURE[given.protocol] === true
  const url = new URL(given)
  url.protocol = secure ? 'wss:' : 'ws:'
  const authorization = basicAuthorization('url', url)
  url.username = url.password = url.hash = ''
  const path = url.pathname + url.search
  return { url, secure, host: hostOf(url), port: portOf(url), socketPath, path, authorization }
}

/** The host as connecting takes it: an IPv6 address without brackets. */
export const hostOf = (url: URL): string =>
  url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname

/** The port, by default that of the scheme. */
export const portOf = (url: URL): number =>
  url.port !== '' ? Number(url.port) : SECURE[url.protocol] === true ? 443 : 80

/** The name for TLS to ask for; empty for addresses, which have no place there (RFC 6066 §3). */
export const serverNameOf = (host: string): string => (isIP(host) === 0 ? host : '')

/** Socket and request path stand in one: `/run/app.sock:/chat?room=1`. */
function parseUnixTarget(given: URL, socketPath: string | undefined): Target {
  if (given.host !== '' || socketPath !== undefined)
    throw outOfRange('url', 'without a second address when it names a unix socket', given)
  const colon = given.pathname.indexOf(':')
  const socket = decode('url', colon === -1 ? given.pathname : given.pathname.slice(0, colon))
  const path = colon === -1 ? '/' : given.pathname.slice(colon + 1)
  if (socket === '' || !path.startsWith('/'))
    throw outOfRange('url', 'of the form ws+unix:/path/to/socket:/path', given)
  return makeTarget(new URL(`${UNIX_SCHEMES[given.protocol]}//localhost${path}${given.search}`), socket)
}

/** `Basic` credentials (RFC 7617) of the name and password in a URL. */
export function basicAuthorization(argument: string, url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  const pair = `${decode(argument, url.username)}:${decode(argument, url.password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function decode(argument: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw outOfRange(argument, 'percent-encoded as UTF-8', text)
  }
}
