import { openConn } from './conn/open.js'
import { createUpgrade, type Upgrade } from './server/create-upgrade.js'
import type { Handler, UpgradeOptions } from './server/options.js'

export { type Refusal, reject } from './handshake/refusal.js'
export type { HandshakeOffer } from './handshake/server.js'
export type { HeaderFields } from './handshake/tokens.js'
export type { Upgrade } from './server/create-upgrade.js'
export type { Accepted, ConnHandler, ErrorContext, Handler, UpgradeOptions } from './server/options.js'
export type { Next, ShutdownOptions } from './server/upgrade-server.js'

/**
 * Makes WebSocket connections of HTTP requests (RFC 6455 §4.2).
 *
 * @param handler serves the connections: a function, called once for each, or an object with event methods.
 * @returns a listener, for the requests and for the upgrades of an HTTP server alike.
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
  return createUpgrade(openConn, handler, options)
}
