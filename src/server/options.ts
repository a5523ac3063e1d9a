import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Conn } from '../conn/conn.js'
import type { EventHandler } from '../conn/events.js'
import { count, milliseconds } from '../conn/option-checks.js'
import { CONN_OPTIONS, checkNames, type OptionNames } from '../conn/option-names.js'
import { type ConnOptions, type ResolvedConnOptions, resolveConnOptions } from '../conn/options.js'
import { outOfRange, wrongType } from '../errors.js'
import { checkExtensionNames } from '../handshake/extensions.js'
import { isOrigin, isSameOrigin, normalizeOrigin } from '../handshake/origin.js'
import type { Refusal } from '../handshake/refusal.js'
import { type HandshakeOffer, RESERVED_HEADERS } from '../handshake/server.js'
import { type HeaderFields, type HeaderLine, headerLines, isToken } from '../handshake/tokens.js'
import { errorPrinter } from './print-breaches.js'

/**
 * Serves one connection. When it returns the connection is closed with 1000, when it throws with 1011; to keep the
 * connection open, wait: for messages or for `conn.closed`.
 */
export type ConnHandler<Data = unknown> = (conn: Conn<Data>, request: IncomingMessage) => void | Promise<void>

/** What is given to `upgrade()`: a function, or an object with event methods. */
export type Handler<Data = unknown> = ConnHandler<Data> | EventHandler<Data>

/** What the `accept` hook gives a connection. */
export interface Accepted<Data = unknown> {
  /** Left out: with a status it is a refusal. */
  readonly status?: undefined
  /** Becomes `conn.data`. */
  readonly data?: Data
  /** The subprotocol: one of those that the client offered. */
  readonly protocol?: string | undefined
  /** More headers for the 101 response. */
  readonly headers?: HeaderFields | undefined
}

type MaybePromise<T> = T | Promise<T>

/** What an error was about. */
export interface ErrorContext<Data = unknown> {
  /** The connection, once there is one. */
  readonly conn?: Conn<Data>
  /** The handshake that failed. Once there is a connection, `conn.request` tells what was asked for. */
  readonly request?: IncomingMessage
}

/** Options of `upgrade()`; all of them are checked when they are given. */
export interface UpgradeOptions<Data = unknown> extends ConnOptions {
  /** The path that is served, without a query, or a question; default every path. */
  readonly path?: string | ((request: IncomingMessage) => boolean)
  /**
   * Which pages may connect. Default: those of the same host. A list of origins (`https://example.com`), `'*'` for any, or a
   * question that is asked for requests without an Origin, too, and must answer `true`.
   */
  readonly origins?:
    | '*'
    | readonly string[]
    | ((origin: string | undefined, request: IncomingMessage) => boolean)
  /**
   * Subprotocols, best first: the first that the client offers is used. Or a function that chooses among those offered;
   * undefined uses none.
   */
  readonly protocols?:
    | readonly string[]
    | ((offered: readonly string[], request: IncomingMessage) => string | undefined)
  /** More headers for the 101 response. */
  readonly headers?: HeaderFields | ((request: IncomingMessage) => HeaderFields)
  /**
   * Decides on each handshake that is in order: a refusal (see `reject()`), or what the connection is to have. Nothing
   * that the client sends in the meantime is lost.
   */
  readonly accept?: (
    request: IncomingMessage,
    offer: HandshakeOffer,
  ) => MaybePromise<Accepted<Data> | Refusal | undefined>
  /** Most connections at a time, those in the handshake included; more are refused with 503. Default Infinity. */
  readonly maxConnections?: number
  /**
   * Most bytes that all connections together may hold: what came in and nobody has read, what waits to go out, what
   * compression keeps. Default Infinity. From 7/8 of it on handshakes are refused with 503, and above it the connection
   * that holds the most is closed with 1013.
   */
  readonly maxMemory?: number
  /** Answers requests that are not for us: other paths, and no WebSocket handshakes. Default 404 and 426. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => unknown
  /**
   * Milliseconds that the promise of `accept` may take; default 10,000, 0 for no limit. Then the handshake is refused
   * with 503. For the request itself there is `headersTimeout` of the HTTP server.
   */
  readonly handshakeTimeout?: number
  /**
   * Is told of errors of the handler and of the hooks, and of limits that a peer came up against. Default a line on
   * stderr; one a minute for each limit.
   */
  readonly onError?: (error: Error, context: ErrorContext<Data>) => void
}

/** The options in the one form the machinery knows. */
export interface ResolvedUpgradeOptions<Data> {
  readonly conn: ResolvedConnOptions
  readonly matches: (request: IncomingMessage) => boolean
  readonly trusts: (offer: HandshakeOffer, request: IncomingMessage) => boolean
  readonly chooseProtocol: (offered: readonly string[], request: IncomingMessage) => string | undefined
  readonly lines: (request: IncomingMessage) => readonly HeaderLine[]
  readonly accept: UpgradeOptions<Data>['accept']
  readonly maxConnections: number
  readonly maxMemory: number
  readonly fallback: UpgradeOptions<Data>['fallback']
  readonly handshakeTimeout: number
  readonly onError: (error: Error, context: ErrorContext<Data>) => void
}

const UPGRADE_OPTIONS: OptionNames<UpgradeOptions> = {
  ...CONN_OPTIONS,
  path: true,
  origins: true,
  protocols: true,
  headers: true,
  accept: true,
  maxConnections: true,
  maxMemory: true,
  fallback: true,
  handshakeTimeout: true,
  onError: true,
}

/** Checks the options of `upgrade()` and brings them into one form. */
export function resolveUpgradeOptions<Data>(options: UpgradeOptions<Data>): ResolvedUpgradeOptions<Data> {
  checkNames('options', options, UPGRADE_OPTIONS)
  const conn = resolveConnOptions(options)
  checkExtensionNames(conn.extensions)
  return Object.freeze({
    conn,
    matches: resolvePath(options.path),
    trusts: resolveOrigins(options.origins),
    chooseProtocol: resolveProtocols(options.protocols),
    lines: resolveHeaders(options.headers),
    accept: optionalFunction('accept', options.accept),
    maxConnections: count('maxConnections', options.maxConnections, Infinity),
    maxMemory: count('maxMemory', options.maxMemory, Infinity),
    fallback: optionalFunction('fallback', options.fallback),
    handshakeTimeout: milliseconds('handshakeTimeout', options.handshakeTimeout, 10_000),
    onError: optionalFunction('onError', options.onError) ?? errorPrinter(conn.clock),
  })
}

function optionalFunction<F>(name: string, value: F): F {
  if (value !== undefined && typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value
}

function resolvePath(path: UpgradeOptions['path']): (request: IncomingMessage) => boolean {
  if (path === undefined) return () => true
  if (typeof path === 'function') return (request) => path(request) === true
  if (typeof path !== 'string') throw wrongType('path', 'a string or a function', path)
  if (!path.startsWith('/') || path.includes('?') || path.includes('#'))
    throw outOfRange('path', 'a path that begins with / and has no query', path)
  return (request) => pathOf(request.url ?? '') === path
}

/** The path of a request target, which may also be a whole URL (RFC 9112 §3.2.2). */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  const target = query < 0 ? url : url.slice(0, query)
  if (target.startsWith('/')) return target
  const authority = target.indexOf('://')
  const slash = authority < 0 ? -1 : target.indexOf('/', authority + 3)
  return slash < 0 ? '/' : target.slice(slash)
}

function resolveOrigins<Data>(
  origins: UpgradeOptions<Data>['origins'],
): ResolvedUpgradeOptions<Data>['trusts'] {
  if (origins === '*') return () => true
  if (typeof origins === 'function') return (offer, request) => origins(offer.origin, request) === true
  if (origins === undefined)
    return ({ origin, host }, request) => isSameOrigin({ origin, host, secure: isSecure(request) })
  if (!Array.isArray(origins)) throw wrongType('origins', "'*', an array of origins or a function", origins)
  for (const origin of origins)
    if (typeof origin !== 'string' || !isOrigin(origin))
      throw outOfRange('origins', 'origins as browsers send them, like https://example.com', origin)
  const trusted = new Set(origins.map(normalizeOrigin))
  return ({ origin }) => origin === undefined || trusted.has(normalizeOrigin(origin))
}

const isSecure = (request: IncomingMessage): boolean =>
  (request.socket as { encrypted?: boolean }).encrypted === true

function resolveProtocols<Data>(
  protocols: UpgradeOptions<Data>['protocols'],
): ResolvedUpgradeOptions<Data>['chooseProtocol'] {
  if (protocols === undefined) return () => undefined
  if (typeof protocols === 'function') return protocols
  if (!Array.isArray(protocols)) throw wrongType('protocols', 'an array of names or a function', protocols)
  for (const name of protocols)
    if (typeof name !== 'string' || !isToken(name))
      throw outOfRange('protocols', 'tokens (RFC 6455 §4.1)', name)
  const known = [...protocols]
  return (offered) => known.find((name) => offered.includes(name))
}

function resolveHeaders<Data>(
  headers: UpgradeOptions<Data>['headers'],
): ResolvedUpgradeOptions<Data>['lines'] {
  if (typeof headers === 'function')
    return (request) => headerLines('headers', headers(request), RESERVED_HEADERS)
  const lines = headerLines('headers', headers ?? {}, RESERVED_HEADERS)
  return () => lines
}
