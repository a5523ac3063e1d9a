import type { Duplex } from 'node:stream'
import { HandshakeError } from '../errors.js'
import { describeStatus, formatRequest } from '../handshake/client.js'
import type { Attempt } from './attempt.js'
import { connectSocket, secureSocket } from './connect.js'
import { type Answer, exchange, readBody } from './exchange.js'
import type { ConnectOptions } from './options.js'
import type { ProxyRoute } from './plan.js'
import type { Target } from './target.js'

/**
 * Opens a tunnel to the target through a proxy (RFC 9110 §9.3.6). The proxy learns host and port, and nothing else of
 * the target's: its headers and credentials travel inside the tunnel.
 */
export async function openTunnel(
  attempt: Attempt,
  proxy: ProxyRoute,
  target: Target,
  options: ConnectOptions,
): Promise<Duplex> {
  try {
    const socket = await connectProxy(attempt, proxy, options)
    attempt.doing = 'the handshake with the proxy'
    const answer = await exchange(attempt, socket, connectRequest(proxy, target))
    const { status } = answer.response
    if (status < 200 || status > 299) throw refusal(answer, await readBody(attempt, socket, answer))
    // The client speaks first, in TLS and in HTTP: bytes that are here already are not the target's.
    if (answer.rest.length > 0) throw proxyError('proxy sent more than its answer')
    return socket
  } catch (thrown) {
    throw attempt.stopped ? thrown : asProxyError(thrown)
  }
}

async function connectProxy(attempt: Attempt, proxy: ProxyRoute, options: ConnectOptions): Promise<Duplex> {
  const raw = await connectSocket(attempt, proxy, options, 'WS_ERR_PROXY')
  return proxy.secure ? secureSocket(attempt, raw, proxy.host, proxy.tls, 'WS_ERR_PROXY') : raw
}

function connectRequest(proxy: ProxyRoute, target: Target): string {
  const authority = `${target.url.hostname}:${target.port}`
  return formatRequest('CONNECT', authority, [['Host', authority], ...proxy.headers])
}

const proxyError = (why: string): HandshakeError =>
  new HandshakeError('WS_ERR_PROXY', `Cannot open a WebSocket: ${why}`)

const refusal = ({ response }: Answer, body: Buffer): HandshakeError =>
  new HandshakeError('WS_ERR_PROXY', `Cannot open a WebSocket: proxy answered ${describeStatus(response)}`, {
    status: response.status,
    headers: response.headers,
    body,
  })

/** Whatever went wrong up to here was the proxy's doing. */
function asProxyError(thrown: unknown): unknown {
  if (!(thrown instanceof HandshakeError) || thrown.code === 'WS_ERR_PROXY') return thrown
  return new HandshakeError('WS_ERR_PROXY', thrown.message, { cause: thrown })
}
