import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import type { ErrorCode } from '../errors.js'
import type { Attempt } from './attempt.js'
import type { ConnectOptions } from './options.js'
import { serverNameOf } from './target.js'

/** One end of a TCP or local connection. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly socketPath?: string | undefined
}

/**
 * The one place where sockets of clients are made. They stay half-open: a server may end its side right behind its last
 * frame, which must not cost what it sent before.
 */
function createSocket({ host, port, socketPath }: Address, options: ConnectOptions): net.Socket {
  const to = socketPath === undefined ? { ...options, host, port, noDelay: true } : { path: socketPath }
  return net.connect({ ...to, allowHalfOpen: true })
}

/** Connects, and fails with a `HandshakeError` of this code. */
export async function connectSocket(
  attempt: Attempt,
  address: Address,
  options: ConnectOptions,
  code: ErrorCode,
): Promise<net.Socket> {
  attempt.check()
  attempt.doing = `connecting to ${address.socketPath ?? `${address.host}:${address.port}`}`
  const socket = attempt.own(begin(attempt, code, () => createSocket(address, options)))
  await opened(attempt, socket, 'connect', code)
  return socket
}

/**
 * Speaks TLS on a connection. Certificates are verified for `host` as Node does it; what the options say about that
 * stands, and nothing here changes it.
 */
export async function secureSocket(
  attempt: Attempt,
  raw: Duplex,
  host: string,
  options: tls.ConnectionOptions,
  code: ErrorCode,
): Promise<tls.TLSSocket> {
  attempt.check()
  attempt.doing = `the TLS handshake with ${host}`
  const own = { servername: serverNameOf(host), ALPNProtocols: ['http/1.1'] }
  const socket = attempt.own(
    begin(attempt, code, () => tls.connect({ ...own, ...options, host, socket: raw })),
  )
  await opened(attempt, socket, 'secureConnect', code)
  return socket
}

/** Node refuses some options with TypeErrors, which are the caller's; whatever else is thrown is a failure. */
function begin<S>(attempt: Attempt, code: ErrorCode, create: () => S): S {
  try {
    return create()
  } catch (thrown) {
    throw thrown instanceof TypeError || thrown instanceof RangeError ? thrown : attempt.failure(code, thrown)
  }
}

function opened(attempt: Attempt, socket: Duplex, event: string, code: ErrorCode): Promise<void> {
  return attempt.wait<void>((resolve, reject) => {
    const open = (): void => resolve()
    const fail = (error: Error): void => reject(attempt.failure(code, error))
    const close = (): void => reject(attempt.failure(code, new Error('connection was closed')))
    socket.on(event, open).on('error', fail).on('close', close)
    return () => socket.off(event, open).off('error', fail).off('close', close)
  })
}
