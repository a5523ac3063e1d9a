import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { checkEvents, type EventHandler } from '../conn/events.js'
import { milliseconds } from '../conn/option-checks.js'
import { CONN_OPTIONS, checkNames, type OptionNames } from '../conn/option-names.js'
import { type ResolvedConnOptions, resolveConnOptions } from '../conn/options.js'
import { outOfRange, wrongType } from '../errors.js'
import { type OfferedExtension, offerExtensions, RESERVED_HEADERS } from '../handshake/client.js'
import { checkExtensionNames } from '../handshake/extensions.js'
import { type HeaderLine, headerLines, isFieldValue, isToken } from '../handshake/tokens.js'
import type { ConnectOptions, DialOptions, DialRequest, DialResponse, ProxyOptions } from './options.js'
import { basicAuthorization, hostOf, parseTarget, parseUrl, portOf, type Target } from './target.js'

/** A proxy as it is used. */
export interface ProxyRoute {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly headers: readonly HeaderLine[]
  readonly tls: ConnectionOptions
}

/** What `dial()` was asked for, checked and complete. */
export interface DialPlan<Data = unknown> {
  readonly target: Target
  readonly protocols: readonly string[]
  readonly extensions: readonly OfferedExtension[]
  readonly headers: readonly HeaderLine[]
  readonly origin: string | undefined
  readonly tls: ConnectionOptions
  readonly connect: ConnectOptions
  readonly socket: Duplex | undefined
  readonly proxy: ProxyRoute | undefined
  readonly followRedirects: number
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly onRequest: ((request: DialRequest) => void | Promise<void>) | undefined
  readonly onResponse: ((response: DialResponse) => void | Promise<void>) | undefined
  readonly conn: ResolvedConnOptions
  readonly data: Data | undefined
  readonly events: EventHandler<Data> | undefined
}

const DIAL_OPTIONS: OptionNames<DialOptions> = {
  ...CONN_OPTIONS,
  protocols: true,
  headers: true,
  origin: true,
  tls: true,
  connect: true,
  socketPath: true,
  socket: true,
  proxy: true,
  followRedirects: true,
  timeout: true,
  signal: true,
  onRequest: true,
  onResponse: true,
  data: true,
  events: true,
}

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  lookup: true,
  family: true,
  hints: true,
  localAddress: true,
  localPort: true,
  keepAlive: true,
  keepAliveInitialDelay: true,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: true,
}

const PROXY_OPTIONS: OptionNames<ProxyOptions> = { url: true, headers: true, tls: true }

/**
 * Checks an address and options, and completes them.
 *
 * @throws TypeError or RangeError that names what is wrong.
 */
export function planDial<Data>(url: string | URL, options: DialOptions<Data> = {}): DialPlan<Data> {
  checkNames('options', options, DIAL_OPTIONS)
  const conn = resolveConnOptions(options, { compress: true })
  checkExtensionNames(conn.extensions)
  const plan: DialPlan<Data> = {
    target: parseTarget(url, optionalString('socketPath', options.socketPath)),
    protocols: checkProtocols(options.protocols ?? []),
    extensions: offerExtensions(conn.extensions),
    headers: headerLines('headers', options.headers ?? {}, RESERVED_HEADERS),
    origin: checkValue('origin', optionalString('origin', options.origin)),
    tls: record('tls', options.tls),
    connect: checkConnect(options.connect),
    socket: checkSocket(options.socket),
    proxy: options.proxy === undefined ? undefined : checkProxy(options.proxy),
    followRedirects: checkCount('followRedirects', options.followRedirects ?? 0),
    timeout: milliseconds('timeout', options.timeout, 10_000),
    signal: checkSignal(options.signal),
    onRequest: optionalFunction('onRequest', options.onRequest),
    onResponse: optionalFunction('onResponse', options.onResponse),
    conn,
    data: options.data,
    events: options.events,
  }
  checkRoute(plan)
  if (plan.events !== undefined) checkEvents('events', plan.events)
  return plan
}

/** Each way to reach the server excludes the others. */
function checkRoute(plan: DialPlan): void {
  const ways = [plan.socket, plan.target.socketPath, plan.proxy].filter((way) => way !== undefined)
  if (ways.length > 1)
    throw outOfRange('options', 'given one of socket, a unix socket and proxy, not several', ways.length)
  if (plan.socket !== undefined && plan.followRedirects > 0)
    throw outOfRange('followRedirects', '0 with socket: it leads to one server only', plan.followRedirects)
}

function checkProtocols(protocols: string | readonly string[]): readonly string[] {
  const list = typeof protocols === 'string' ? [protocols] : protocols
  if (!Array.isArray(list)) throw wrongType('protocols', 'a string or an array of strings', protocols)
  for (const protocol of list) {
    if (typeof protocol !== 'string') throw wrongType('protocols', 'an array of strings', protocol)
    if (!isToken(protocol)) throw outOfRange('protocols', 'made of tokens (RFC 6455 §4.1)', protocol)
  }
  if (new Set(list).size !== list.length)
    throw outOfRange('protocols', 'without duplicates (RFC 6455 §4.1)', list)
  return [...list]
}

function checkProxy(given: string | URL | ProxyOptions): ProxyRoute {
  const options = typeof given === 'string' || given instanceof URL ? { url: given } : given
  checkNames('proxy', options, PROXY_OPTIONS)
  const url = parseUrl('proxy', options.url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw outOfRange('proxy', 'an http: or https: URL', given)
  const authorization = basicAuthorization('proxy', url)
  const headers = headerLines('proxy.headers', options.headers ?? {}, RESERVED_HEADERS)
  return {
    secure: url.protocol === 'https:',
    host: hostOf(url),
    port: portOf(url),
    headers: authorization === undefined ? headers : [...headers, ['Proxy-Authorization', authorization]],
    tls: record('proxy.tls', options.tls),
  }
}

function checkConnect(connect: ConnectOptions | undefined): ConnectOptions {
  if (connect === undefined) return {}
  checkNames('connect', connect, CONNECT_OPTIONS)
  return record('connect', connect)
}

/** A copy without the undefined values, which Node takes for given ones. */
function record<T extends object>(name: string, value: T | undefined): T {
  if (value !== undefined && (typeof value !== 'object' || value === null))
    throw wrongType(name, 'an object', value)
  const given = Object.entries(value ?? {}).filter(([, one]) => one !== undefined)
  return Object.fromEntries(given) as T
}

function checkSocket(socket: Duplex | undefined): Duplex | undefined {
  if (socket === undefined) return undefined
  const isDuplex =
    typeof socket?.write === 'function' &&
    typeof socket.on === 'function' &&
    typeof socket.destroy === 'function'
  if (!isDuplex) throw wrongType('socket', 'a Duplex stream', socket)
  return socket
}

function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined
  if (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function')
    throw wrongType('signal', 'an AbortSignal', signal)
  return signal
}

function checkCount(name: string, value: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, 'an integer >= 0', value)
  return value
}

function optionalString(name: string, value: string | undefined): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw wrongType(name, 'a string', value)
  if (value === '') throw outOfRange(name, 'not empty', value)
  return value
}

function checkValue(name: string, value: string | undefined): string | undefined {
  if (value !== undefined && !isFieldValue(value))
    throw outOfRange(name, 'visible ASCII without line breaks', value)
  return value
}

function optionalFunction<F>(name: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value
}
