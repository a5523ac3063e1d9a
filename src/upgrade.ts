import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Conn } from './conn/conn.js'
import { checkEvents } from './conn/events.js'
import { wrongType } from './errors.js'
import { watchRequests } from './node/arrival.js'
import { listen, register, type UpgradeListener } from './node/claim.js'
import { type Handler, resolveUpgradeOptions, type UpgradeOptions } from './server/options.js'
import type { UpgradeStats } from './server/stats.js'
import { type Next, type ShutdownOptions, UpgradeServer } from './server/upgrade-server.js'

export { type Refusal, reject } from './handshake/refusal.js'
export type { HandshakeOffer } from './handshake/server.js'
export type { HeaderFields } from './handshake/tokens.js'
export type { Accepted, ConnHandler, ErrorContext, Handler, UpgradeOptions } from './server/options.js'
export type { UpgradeStats } from './server/stats.js'
export type { Next, ShutdownOptions } from './server/upgrade-server.js'

/** What `upgrade()` gives: a listener for requests and for upgrades, and the connections that came of them. */
export interface Upgrade<Data = unknown> {
  /** As a request listener: `createServer(upgrade(handler))`, or a route in a router. */
  (request: IncomingMessage, response: ServerResponse, next?: Next): void
  /** As an upgrade listener: `server.on('upgrade', upgrade(handler))`. */
  (request: IncomingMessage, socket: Duplex, head: Buffer): void
  /**
   * Listens for the upgrades of a server that has request listeners of its own. To stop:
   * `server.off('upgrade', theUpgrade)`.
   */
  attach(server: Server | TlsServer): this
  /** The open connections; changes with them. */
  readonly conns: ReadonlySet<Conn<Data>>
  /**
   * What it has done so far, for a metrics endpoint: a snapshot, added up when it is asked for.
   *
   * @example
   * const { open, accepted, refused } = upgrade(() => undefined).stats
   * open // 0
   * accepted // 0
   * refused // {}
   */
  readonly stats: UpgradeStats
  /**
   * Closes for good: new handshakes are refused with 503, every connection is told. Resolves when all are gone. The HTTP
   * server is not closed.
   */
  close(options?: ShutdownOptions): Promise<void>
}

/**
 * Makes WebSocket connections of HTTP requests (RFC 6455 §4.2).
 *
 * @param handler serves the connections: a function, called once for each, or an object with event methods.
 * @throws TypeError or RangeError naming the argument or the option.
 *
 * @example
 * createServer(
 *   upgrade(async (conn) => {
 *     for await (const message of conn) await conn.send(message)
 *   }),
 * ).listen(8080)
 */
export function upgrade<Data = unknown>(
  handler: Handler<Data>,
  options: UpgradeOptions<Data> = {},
): Upgrade<Data> {
  if (typeof handler !== 'function') checkEvents('handler', handler, 'a function or an object')
  const server = new UpgradeServer(handler, resolveUpgradeOptions(options))
  const listener = (
    request: IncomingMessage,
    second: ServerResponse | Duplex,
    third?: Buffer | Next,
  ): void => {
    if (isResponse(second)) server.onRequest(request, second, typeof third === 'function' ? third : undefined)
    else server.onUpgrade(listener, request, second, Buffer.isBuffer(third) ? third : Buffer.alloc(0))
  }
  register(listener)
  watchRequests()
  return Object.defineProperties(listener as Upgrade<Data>, {
    attach: { value: (http: Server) => attach(http, listener as Upgrade<Data>) },
    conns: { value: server.conns, enumerable: true },
    stats: { get: () => server.stats, enumerable: true },
    close: { value: (shutdown?: ShutdownOptions) => server.close(shutdown) },
  })
}

const isResponse = (second: ServerResponse | Duplex): second is ServerResponse => 'writeHead' in second

function attach<Data>(server: Server, listener: Upgrade<Data>): Upgrade<Data> {
  if (typeof server?.on !== 'function' || typeof server.listeners !== 'function')
    throw wrongType('server', 'an HTTP server', server)
  listen(server, listener satisfies UpgradeListener)
  return listener
}
