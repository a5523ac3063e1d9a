import { subscribe } from 'node:diagnostics_channel'
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
  /** Whether nothing that came since was lost. */
  readonly isWhole: () => boolean
  /** Takes the socket away from HTTP, for good. */
  readonly release: () => void
}

const yes = (): boolean => true
const nothingToDo = (): void => undefined

/** A handshake that came as an 'upgrade' event: the socket is free, and what comes waits in it. */
export const arriveAsUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): Arrival => ({
  request,
  socket,
  head,
  response: undefined,
  isWhole: yes,
  release: nothingToDo,
})

/** A handshake that came to a request listener: from the server, from a router, or from `dispatchAsRequest()`. */
export function arriveAsRequest(request: IncomingMessage, response: ServerResponse): Arrival {
  const { socket } = request
  const given = handedOver.get(request)
  if (given !== undefined)
    return {
      ...arriveAsUpgrade(request, socket, given),
      response,
      release: () => response.detachSocket(socket),
    }
  prepareServer(serverOf(socket))
  const { head, bytesRead } = look(request)
  const isWhole = (): boolean => socket.bytesRead === bytesRead
  return { request, socket, head, response, isWhole, release: () => takeFromParser(socket) }
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

/** What can only be seen while the parser is at a request. */
interface Sight {
  /** What came behind its headers in the same packet: the parser is about to drop it. */
  readonly head: Buffer
  /** How much had come by then: what comes later goes to the parser, too. */
  readonly bytesRead: number
}

const seen = new WeakMap<IncomingMessage, Sight>()
let watching = false

/**
 * Looks at every request for a WebSocket that Node takes for an ordinary one, before any listener does: a router may
 * have to wait before it comes to us. A client that keeps to the rules sends nothing before it has our answer
 * (RFC 6455 §4.1); from the second handshake of a server on, even that is not lost.
 */
export function watchRequests(): void {
  if (watching) return
  watching = true
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage }
    if (request.headers.upgrade !== undefined) look(request)
  })
}

function look(request: IncomingMessage): Sight {
  const sight = seen.get(request) ?? { head: bytesBehind(request), bytesRead: request.socket.bytesRead }
  seen.set(request, sight)
  return sight
}

/** The rest of the packet behind a request. The packet may begin in the middle of its headers, or before them. */
function bytesBehind(request: IncomingMessage): Buffer {
  const { parser } = request.socket as { parser?: { getCurrentBuffer?(): unknown } }
  const packet = request.complete ? undefined : parser?.getCurrentBuffer?.()
  if (!Buffer.isBuffer(packet)) return NOTHING
  const start = packet.indexOf(`${request.method} ${request.url} `, 0, 'latin1')
  const end = packet.indexOf('\r\n\r\n', Math.max(start, 0))
  return end < 0 ? NOTHING : packet.subarray(end + 4)
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
