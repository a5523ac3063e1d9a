import { UsageError } from '../command.js'
import { urlOf } from '../url.js'

/** Where to listen. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where everything goes. */
export interface Target extends Endpoint {
  readonly isSecure: boolean
  /** The host as a handshake names it. */
  readonly authority: string
}

/** Digits alone: what else `Number` takes for one is no port to anybody else. */
const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65535

/** `9000` is on this machine alone; `0.0.0.0:9000` is not. */
export function parseEndpoint(what: string, text: string): Endpoint {
  const colon = text.lastIndexOf(':')
  const host = colon < 0 ? '127.0.0.1' : text.slice(0, colon)
  const digits = text.slice(colon + 1)
  if (host === '' || !isPort(digits)) throw new UsageError(`${what} must be PORT or HOST:PORT, not '${text}'`)
  return { host: withoutBrackets(host), port: Number(digits) }
}

const withoutBrackets = (host: string): string =>
  host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host

const SECURE: Readonly<Record<string, boolean>> = {
  'ws:': false,
  'http:': false,
  'wss:': true,
  'https:': true,
}

export function parseTarget(text: string): Target {
  const url = urlOf(text.includes('://') ? text : `ws://${text}`)
  const isSecure = url && SECURE[url.protocol]
  if (url === undefined || isSecure === undefined)
    throw new UsageError(`TARGET must be ws://HOST[:PORT] or wss://…, not '${text.replace(/^.*@/, '…@')}'`)
  const { hostname, port, pathname, search, host, username, password } = url
  if (username !== '' || password !== '')
    throw new UsageError('TARGET must be without name and password: the client sends its own')
  if (pathname !== '/' || search !== '')
    throw new UsageError(`TARGET must be without a path: the client says which one it wants`)
  const byDefault = isSecure ? 443 : 80
  return {
    host: withoutBrackets(hostname),
    port: port === '' ? byDefault : Number(port),
    isSecure,
    authority: host,
  }
}

/** An endpoint as a part of a URL. */
export const authorityOf = ({ host, port }: Endpoint): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`
