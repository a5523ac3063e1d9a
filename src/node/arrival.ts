import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  isClaimed,
  isLeftToOthers,
  isOurs,
  listen,
  listenersOf,
  register,
  serverOf,
  type UpgradeListener,
} from './claim.js'
import { endGently } from './end-gently.js'

/** Bytes and sockets of upgrade requests that are answered as ordinary ones. */
const handedOver = new WeakMap<IncomingMessage, Buffer>()

/** A response on the socket of an upgrade request, for those who answer ordinary requests. The connection ends with it. */
export function responseOn(request: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  socket.on('error', () => undefined)
  response.once('finish', () => {
    response.detachSocket(socket as Socket)
    endGently(socket)
  })
  handedOver.set(request, head)
  return response
}

/** Gives an upgrade request to the server's own request listeners; false when there are none but ours. */
export function dispatchAsRequest(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
  const server = serverOf(request.socket)
  if (server === undefined || listenersOf(server, 'request').every(isOurs)) return false
  server.emit('request', request, responseOn(request, socket, head))
  return true
}

/** Stands in on servers whose routers lead to us: from the second handshake on nothing is lost. */
const toRouter: UpgradeListener = (request, socket, head) => {
  if (isClaimed(socket) || isLeftToOthers(toRouter, request)) return
  if (!dispatchAsRequest(request, socket, head)) endGently(socket)
}

/** A handshake that has come in. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What came behind the headers. */
  readonly head: Buffer
  /** The way to refuse, when the request came as an ordinary one. */
  readonly response: ServerResponse | undefined
  /** Takes the socket away from HTTP, for good. */
  readonly release: () => void
}

/** A handshake that came to a request listener: from the server, from a router, or from `dispatchAsRequest()`. */
export function arriveAsRequest(request: IncomingMessage, response: ServerResponse): Arrival {
  const { socket } = request
  const head = handedOver.get(request)
  if (head !== undefined)
    return { request, socket, head, response, release: () => response.detachSocket(socket) }
  prepareServer(serverOf(socket))
  return { request, socket, head: bytesBehind(request), response, release: () => takeFromParser(socket) }
}

function prepareServer(server: Server | undefined): void {
  if (server === undefined || server.listenerCount('upgrade') > 0) return
  const direct = listenersOf(server, 'request').filter(isOurs)
  for (const listener of direct) listen(server, listener)
  if (direct.length > 0) return
  register(toRouter)
  listen(server, toRouter)
}

const NOTHING = Buffer.alloc(0)

/**
 * What came in the same packet as the request; Node's parser is about to drop it. Only to be seen while the parser is
 * still at this request, and only when the packet begins with it. A client that keeps to the rules sends nothing there
 * (RFC 6455 §4.1), and nothing is lost from the second handshake of a server on.
 */
function bytesBehind(request: IncomingMessage): Buffer {
  const { parser } = request.socket as { parser?: { getCurrentBuffer?(): unknown } }
  // Routers shorten `url` and keep the whole one here.
  const { originalUrl = request.url } = request as { originalUrl?: string }
  const packet = request.complete ? undefined : parser?.getCurrentBuffer?.()
  if (!Buffer.isBuffer(packet)) return NOTHING
  const start = `${request.method} ${originalUrl} `
  const end = packet.indexOf('\r\n\r\n')
  if (end < 0 || packet.toString('latin1', 0, start.length) !== start) return NOTHING
  return packet.subarray(end + 4)
}

/**
 * Takes a socket that the HTTP parser is still on. The response stays attached, unanswered: for Node a request is then
 * under way, so that `server.close()` waits for the connection instead of destroying it.
 */
function takeFromParser(socket: Socket): void {
  // 'close' stays: it frees the parser.
  for (const event of ['data', 'end', 'drain', 'error', 'timeout']) socket.removeAllListeners(event)
  // Adding a 'data' listener is what makes Node's parser let go of the handle that it reads by itself.
  const noop = (): void => undefined
  socket.on('data', noop)
  socket.removeListener('data', noop)
  socket.pause()
  // As Node leaves a socket on 'upgrade': neither flowing nor paused.
  ;(socket as { readableFlowing: boolean | null }).readableFlowing = null
}

/**
 * Whether an earlier request of the same connection is still being answered (pipelining): that answer would go out in the
 * middle of the frames.
 */
export const isBusy = (socket: Duplex): boolean =>
  ((socket as { _httpMessage?: unknown })._httpMessage ?? undefined) !== undefined
