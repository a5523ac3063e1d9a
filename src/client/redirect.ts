import type { ConnectionOptions } from 'node:tls'
import { HandshakeError } from '../errors.js'
import { describeStatus, type HandshakeResponse } from '../handshake/client.js'
import { type HeaderLine, headerValues } from '../handshake/tokens.js'
import { makeTarget, type Target, urlOf } from './target.js'

/** Where a request goes, and what goes there with it. */
export interface Route {
  readonly target: Target
  readonly authorization: string | undefined
  readonly headers: readonly HeaderLine[]
  readonly protocols: readonly string[]
  readonly tls: ConnectionOptions
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Whether a response leads somewhere else (RFC 9110 §15.4). */
export const isRedirect = (status: number): boolean => REDIRECTS.has(status)

const SCHEMES: ReadonlySet<string> = new Set(['ws:', 'wss:', 'http:', 'https:'])

/**
 * Where a redirect leads. What may be a secret goes along only to the same origin, and once dropped it stays dropped.
 * Subprotocols may be secrets, too: some servers take tokens there. As a connection without them would be another one,
 * such a redirect is not followed.
 *
 * @throws HandshakeError when it leads nowhere, or where it must not lead.
 */
export function followRedirect(from: Route, response: HandshakeResponse): Route {
  const url = locationOf(from, response)
  if (!SCHEMES.has(url.protocol)) throw refuse(response, 'it leads to a URL that is no WebSocket')
  if (url.username !== '' || url.password !== '') throw refuse(response, 'it brings a name or password along')
  const target = makeTarget(url)
  if (from.target.secure && !target.secure) throw refuse(response, 'it leads from wss: to ws:')
  if (target.url.origin !== from.target.url.origin) {
    if (from.protocols.length > 0 && !isSameOverTls(from.target, target))
      throw refuse(response, 'it leads to another origin, and a subprotocol may be a secret')
    return withoutSecrets(from, target)
  }
  return { ...from, target: { ...target, socketPath: from.target.socketPath } }
}

/** Too many redirects. */
export const tooManyRedirects = (response: HandshakeResponse, limit: number): HandshakeError =>
  refuse(response, `followRedirects is ${limit}`)

/** From ws: to wss: of the same host, both where they always are: nobody hears there what was not said aloud before. */
const isSameOverTls = (from: Target, to: Target): boolean =>
  from.socketPath === undefined &&
  from.url.hostname === to.url.hostname &&
  !from.secure &&
  to.secure &&
  from.url.port === '' &&
  to.url.port === ''

function locationOf(from: Route, response: HandshakeResponse): URL {
  const locations = headerValues(response.rawHeaders, 'location')
  if (locations.length !== 1) throw refuse(response, `it has ${locations.length} Location headers`)
  const url = urlOf(locations[0]!, from.target.url)
  if (url === undefined) throw refuse(response, 'its Location is no URL')
  return url
}

const refuse = (response: HandshakeResponse, why: string): HandshakeError =>
  new HandshakeError(
    'WS_ERR_REDIRECT',
    `Cannot open a WebSocket: redirect ${describeStatus(response)} is not followed, ${why}`,
    { status: response.status, headers: response.headers },
  )

/** Any other header may hold a token: which ones do, only the application knows. */
const HARMLESS: ReadonlySet<string> = new Set([
  'user-agent',
  'accept',
  'accept-language',
  'cache-control',
  'pragma',
])

/** TLS options that say who this client is, or that were meant for one server. */
const IDENTITY: ReadonlySet<string> = new Set([
  'cert',
  'key',
  'pfx',
  'passphrase',
  'secureContext',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'session',
  'servername',
])

const withoutSecrets = (from: Route, target: Target): Route => ({
  target,
  authorization: undefined,
  protocols: from.protocols,
  headers: from.headers.filter(([name]) => HARMLESS.has(name.toLowerCase())),
  tls: Object.fromEntries(Object.entries(from.tls).filter(([name]) => !IDENTITY.has(name))),
})
