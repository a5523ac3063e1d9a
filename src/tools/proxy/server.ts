import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Exchange } from '../recording/exchange.js'
import { authorityOf, type Endpoint, type Target } from './endpoint.js'
import { relay } from './relay.js'
import { Rewriter } from './rewrite.js'
import type { Sinks } from './sink.js'

export interface ProxySettings {
  readonly listen: Endpoint
  readonly target: Target
  readonly maxFrame: number
  /** Puts the target into `Host` and `Origin`. */
  readonly rewrites: boolean
  /** Takes any certificate of the target. */
  readonly insecure: boolean
  readonly now: () => number
  readonly sinks: Sinks
  readonly note: (text: string) => void
}

/** A proxy that listens. */
export interface RunningProxy {
  /** Where, as in `127.0.0.1:9000`. */
  readonly authority: string
  /** Ends every connection; resolves when all of them are gone. */
  close(): Promise<void>
}

export async function startProxy(settings: ProxySettings): Promise<RunningProxy> {
  const sockets = new Set<Socket>()
  const relays = new Set<Promise<void>>()
  let count = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = dialTarget(settings)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    const done = passOn(++count, near, far, settings).finally(() => relays.delete(done))
    relays.add(done)
  })
  await listen(server, settings.listen)
  const { address, port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await Promise.all(relays)
  }
  return { authority: authorityOf({ host: address, port }), close }
}

export async function listen(
  server: Pick<Server, 'listen' | 'once' | 'off'> & NodeJS.EventEmitter,
  { host, port }: Endpoint,
): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

function dialTarget({ target, insecure }: ProxySettings): Socket {
  const { host, port, isSecure } = target
  if (!isSecure) return connect({ host, port, allowHalfOpen: true, noDelay: true })
  const options = {
    host,
    port,
    allowHalfOpen: true,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: !insecure,
    ...(isName(host) && { servername: host }),
  }
  const far = connectTls(options)
  far.setNoDelay(true)
  return far
}

/** A name, for which TLS asks by name; addresses have none (RFC 6066 §3). */
const isName = (host: string): boolean => !host.includes(':') && !/^[\d.]+$/.test(host)

async function passOn(conn: number, near: Socket, far: Socket, settings: ProxySettings): Promise<void> {
  const { target, maxFrame, now, sinks, note } = settings
  const failure = await reached(near, far, target.isSecure ? 'secureConnect' : 'connect')
  if (near.destroyed) {
    // Its 'close' may come after the target was reached: nobody else lets go of it then.
    far.destroy()
    return
  }
  if (failure !== undefined) {
    const reason = `${authorityOf(target)} cannot be reached: ${failure.code ?? failure.message}`
    note(`#${conn} ${reason}`)
    // In words that it can show, if it waits for an answer of HTTP.
    near.end(badGateway(reason)).resume()
    return
  }
  const exchange = new Exchange({ conn, maxFrame, now, onEvent: (event) => sinks.take(event) })
  await relay({
    near,
    far,
    exchange,
    rewriter: settings.rewrites ? new Rewriter(target) : undefined,
    drained: () => sinks.drained,
    onBlind: (error) => note(`#${conn} is not looked at any further: ${error.message}`),
  })
}

/** Resolves when the target is there, or with why it is not. A client that goes away before that takes it along. */
function reached(near: Socket, far: Socket, event: string): Promise<NodeJS.ErrnoException | undefined> {
  near.on('error', () => undefined)
  const leave = (): void => void far.destroy()
  near.once('close', leave)
  return new Promise((resolve) => {
    far.once(event, () => {
      near.off('close', leave)
      resolve(undefined)
    })
    far.on('error', resolve)
    far.once('close', () => resolve(new Error('the client has gone')))
  })
}

function badGateway(reason: string): string {
  const body = `fastws proxy: ${reason}\n`
  const head = [
    'HTTP/1.1 502 Bad Gateway',
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return `${head.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`
}
