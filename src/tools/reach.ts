/** The way to a server, for tools that want to see or write every byte on it: TCP or a unix socket, a proxy, TLS. */
import { request } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type DialOptions, HandshakeError } from '../index.js'
import { UsageError } from './command.js'
import { basicOf } from './header-lines.js'
import { urlOf, withoutPassword } from './url.js'

/** A stream to a server, and how `dial()` is told to use it. */
export interface Reached {
  readonly stream: Socket
  /** A `ws:` address, as TLS is spoken already. */
  readonly url: string
  /** The `Host` header; the address alone would name the port of `wss:`, too. */
  readonly host: string
}

const isSecure = (url: URL): boolean => ['wss:', 'https:', 'wss+unix:'].includes(url.protocol)

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

const portOf = (url: URL): number => Number(url.port) || (isSecure(url) ? 443 : 80)

const failure = (doing: string, cause: unknown): HandshakeError =>
  new HandshakeError('WS_ERR_SOCKET', `Cannot open a WebSocket: ${doing} failed`, { cause })

/** Connects as `dial()` would with these options. */
export async function reach(
  given: string,
  { tls = {}, proxy, timeout = 10_000, signal }: DialOptions,
): Promise<Reached> {
  const { url, socketPath } = splitUnix(new URL(given))
  const through = proxy === undefined ? undefined : proxyOf(proxy, socketPath)
  const secure = isSecure(url)
  const port = portOf(url)
  const patience = { timeout, signal }
  const raw =
    through === undefined
      ? await opened(socketPath ?? `${hostOf(url)}:${port}`, patience, () =>
          connectTcp(addressOf(url, port, socketPath)),
        )
      : await tunnel(through, `${url.hostname}:${port}`, patience)
  const stream = secure ? await speakTls(raw, hostOf(url), tls, patience) : raw
  return { stream, url: plainAddress(url, port), host: url.host }
}

/** A proxy as it is used. */
interface Proxy {
  readonly url: URL
  readonly tls: ConnectionOptions
  readonly credentials: string | undefined
}

/** Refuses what `dial()` would. */
function proxyOf(given: NonNullable<DialOptions['proxy']>, socketPath: string | undefined): Proxy {
  if (socketPath !== undefined) throw new UsageError('--proxy leads to no unix socket')
  const { url: text, tls = {} } = typeof given === 'object' && 'url' in given ? given : { url: given }
  const url = urlOf(String(text))
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`--proxy must be an http: or https: URL, not '${withoutPassword(String(text))}'`)
  return { url, tls, credentials: basicOf(url, '--proxy') }
}

function addressOf(url: URL, port: number, path: string | undefined) {
  return path === undefined
    ? { host: hostOf(url), port, noDelay: true, allowHalfOpen: true }
    : { path, allowHalfOpen: true }
}

/** `ws+unix:/path/to/socket:/chat` names a socket and a path (as `dial()` takes it). */
function splitUnix(url: URL): { readonly url: URL; readonly socketPath: string | undefined } {
  if (!url.protocol.endsWith('+unix:')) return { url, socketPath: undefined }
  const [socketPath = '', path = '/'] = url.pathname.split(':', 2)
  const scheme = isSecure(url) ? 'wss' : 'ws'
  return {
    url: new URL(`${scheme}://localhost${path}${url.search}`),
    socketPath: decodeURIComponent(socketPath),
  }
}

/** Name and password stay in it. */
function plainAddress(url: URL, port: number): string {
  const plain = new URL(url.href.replace(/^[a-z]+:/i, 'ws:'))
  plain.port = String(port)
  return plain.href
}

/** How long to wait at each step, and whether anybody still does. */
interface Patience {
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

/** Waits for a socket to be there. */
function opened<S extends Socket>(
  where: string,
  { timeout, signal }: Patience,
  open: () => S,
  event = 'connect',
): Promise<S> {
  return new Promise<S>((resolve, reject) => {
    const socket = open()
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
    }
    const fail = (error: Error): void => {
      settle()
      socket.destroy()
      reject(failure(`connecting to ${where}`, error))
    }
    const timer = setTimeout(() => fail(new Error(`no answer for ${timeout} ms`)), timeout || 2 ** 31 - 1)
    const giveUp = (): void => fail(new Error('it was given up'))
    signal?.addEventListener('abort', giveUp)
    socket.once('error', fail)
    socket.once(event, () => {
      settle()
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

const speakTls = (
  socket: Socket,
  host: string,
  tls: ConnectionOptions,
  patience: Patience,
): Promise<Socket> =>
  opened(`${host} with TLS`, patience, () => connectTls({ ...tlsFor(host, tls), socket }), 'secureConnect')

const tlsFor = (host: string, tls: ConnectionOptions): ConnectionOptions => ({
  servername: isIP(host) === 0 ? host : '',
  ALPNProtocols: ['http/1.1'],
  ...tls,
  host,
})

/** A tunnel through an HTTP proxy (RFC 9110 §9.3.6). */
function tunnel(
  { url: proxy, tls, credentials }: Proxy,
  authority: string,
  patience: Patience,
): Promise<Socket> {
  const { timeout, signal } = patience
  const host = hostOf(proxy)
  const port = portOf(proxy)
  return new Promise<Socket>((resolve, reject) => {
    const asked = request({
      // Node would ask for, and verify, the name in `Host`, which is that of the target.
      createConnection: () =>
        isSecure(proxy) ? connectTls({ ...tlsFor(host, tls), port }) : connectTcp({ host, port }),
      method: 'CONNECT',
      path: authority,
      headers: {
        Host: authority,
        ...(credentials !== undefined && { 'Proxy-Authorization': credentials }),
      },
      ...(signal && { signal }),
    })
    const late = (): void => void asked.destroy(new Error(`no answer for ${timeout} ms`))
    const timer = setTimeout(late, timeout || 2 ** 31 - 1)
    asked.once('close', () => clearTimeout(timer))
    asked.on('error', (error) => reject(failure(`connecting through the proxy ${proxy.host}`, error)))
    asked.on('connect', ({ statusCode: status = 0, statusMessage, headers }, socket) => {
      clearTimeout(timer)
      if (status >= 200 && status < 300) return resolve(socket)
      socket.destroy()
      const message = `Cannot open a WebSocket: proxy answered ${status} ${statusMessage}`
      reject(new HandshakeError('WS_ERR_PROXY', message, { status, headers }))
    })
    asked.end()
  })
}
