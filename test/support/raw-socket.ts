import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import nodeTls from 'node:tls'
import { deferred, once } from './events.js'
import { RawPeer } from './raw-peer.js'

/** A test, or a program that a test runs: it cleans up when it is over. */
export type Cleaner = Pick<TestContext, 'after'>

/** Where to connect: a port of 127.0.0.1, or anything `net.connect()` takes (a unix socket: `{ path }`). */
export type RawTarget = number | net.NetConnectOpts

export interface RawOptions {
  /** The socket is destroyed when this test ends. */
  readonly t?: Cleaner
  /** Speak TLS, with these options (`{ ca: tls.ca }`). */
  readonly tls?: nodeTls.ConnectionOptions
}

/**
 * Connects and returns when the connection stands.
 *
 *     const peer = await rawConnect(port, { t })
 *     peer.write('81 85 0a0b0c0d 626e6061 65')
 *     assert.equal(toHex(await peer.read(7)), '810568656c6c6f')
 */
export async function rawConnect(target: RawTarget, options: RawOptions = {}): Promise<RawPeer> {
  const to = typeof target === 'number' ? { port: target, host: '127.0.0.1' } : target
  const tcp = net.connect({ ...to, allowHalfOpen: true })
  options.t?.after(() => tcp.destroy())
  if (options.tls === undefined) {
    await once(tcp, 'connect')
    tcp.setNoDelay()
    return new RawPeer(tcp)
  }
  const secure = nodeTls.connect({ servername: 'localhost', ...options.tls, socket: tcp })
  await once(secure, 'secureConnect')
  return new RawPeer(secure)
}

/** A server that hands out its connections, each to be answered by hand. */
export interface RawServer {
  readonly port: number
  /** Waits for the next connection. */
  accept(): Promise<RawPeer>
}

/** Listens on a free port of 127.0.0.1 until the test ends; with `tls` as an https server would. */
export async function rawServer(t: Cleaner, tls?: nodeTls.TlsOptions): Promise<RawServer> {
  const waiting: RawPeer[] = []
  const sockets = new Set<Duplex>()
  let news = deferred()
  const welcome = (socket: Duplex): void => {
    sockets.add(socket)
    waiting.push(new RawPeer(socket))
    news.resolve()
    news = deferred()
  }
  const server = tls
    ? nodeTls.createServer({ ...tls, allowHalfOpen: true }, welcome)
    : net.createServer({ allowHalfOpen: true, noDelay: true }, welcome)
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const port = await listenOn(server)
  const accept = async (): Promise<RawPeer> => {
    while (waiting.length === 0) await news.promise
    return waiting.shift() as RawPeer
  }
  return { port, accept }
}

/** Listens on a free port of 127.0.0.1 and returns it. */
export async function listenOn(server: net.Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

/**
 * Listens with any net, http or https server until the test ends; returns the port.
 *
 *     const port = await listen(t, createServer(upgrade(handler)))
 */
export async function listen(
  t: Cleaner,
  server: net.Server & { closeAllConnections?(): void },
): Promise<number> {
  t.after(() => {
    server.close()
    server.closeAllConnections?.()
  })
  return listenOn(server)
}
