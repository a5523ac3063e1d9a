import { subscribe } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { wantsWebSocket } from '../handshake/server.js'

/**
 * Who answers an upgrade request.
 *
 * Node gives it to the 'upgrade' listeners of the server, all of them, and only when there is none to the request
 * listeners; then the bytes behind the headers are dropped, and the HTTP parser stays on the socket. So an 'upgrade'
 * listener has to be there before the first request is parsed. A request listener cannot know its server by then, but
 * the diagnostics channel `net.server.socket` announces every accepted socket before its first byte is parsed.
 *
 * The rule for many listeners: each claims what is its own and leaves the rest. What no listener of this library claims
 * is touched only when there are no others on the server; then it is treated as though there were no listener at all:
 * the server's request listeners answer it (RFC 9110 §7.8 lets a server ignore `Upgrade`).
 */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type AnyFunction = (...args: never[]) => unknown

/** The listeners of this library, on whatever server. */
const ours = new WeakSet<AnyFunction>()
export const isOurs = (listener: AnyFunction): boolean => ours.has(listener)

/** Marks sockets that a handshake has been begun on: a property costs less than a place in a WeakSet. */
const CLAIMED = Symbol('fastws claimed')
type Claimable = object & { [CLAIMED]?: true }

let watching = false

/** Makes a listener known as one of this library. Servers that have it as request listener get it for upgrades, too. */
export function register(listener: AnyFunction): void {
  ours.add(listener)
  if (watching) return
  watching = true
  // Once in a process and for good: it holds on to no listener and to no server.
  subscribe('net.server.socket', (message) => prepare((message as { socket?: Socket }).socket))
}

/** Takes a socket; false when it is taken already. */
export function claim(socket: Claimable): boolean {
  if (isClaimed(socket)) return false
  socket[CLAIMED] = true
  return true
}

export const isClaimed = (socket: Claimable): boolean => socket[CLAIMED] === true

/** The server that accepted a socket, plain or TLS. */
export function serverOf(socket: unknown): Server | undefined {
  const server = (socket as { server?: unknown } | undefined)?.server
  return typeof (server as Partial<EventEmitter> | undefined)?.listeners === 'function'
    ? (server as Server)
    : undefined
}

function prepare(socket: Socket | undefined): void {
  const server = serverOf(socket)
  if (server === undefined) return
  for (const listener of listenersOf(server, 'request')) if (isOurs(listener)) listen(server, listener)
  if (listenersOf(server, 'upgrade').some(isOurs)) askBeforeUpgrade(server)
}

/** Adds an 'upgrade' listener that is not there yet. */
export function listen(server: Server, listener: AnyFunction): void {
  if (!listenersOf(server, 'upgrade').includes(listener)) {
    makeRoom(server)
    server.on('upgrade', listener as UpgradeListener)
  }
  askBeforeUpgrade(server)
}

/** A listener for each path is no leak: Node is not to warn of more than ten. A limit of 0 is none. */
function makeRoom(server: Server): void {
  const limit = server.getMaxListeners()
  const needed = server.listenerCount('upgrade') + 1
  if (limit !== 0 && limit < needed) server.setMaxListeners(needed)
}

export const listenersOf = (server: Server, event: string): AnyFunction[] =>
  server.listeners(event) as AnyFunction[]

/** `server.shouldUpgradeCallback`, in Node 22 and later. */
type UpgradeQuestion = (this: Server, request: IncomingMessage) => boolean
const asked = new WeakSet<Server>()

/**
 * Where Node asks whether a request is to be upgraded, one for anything but a WebSocket is not, as long as nobody else
 * listens: `Upgrade: h2c` comes with ordinary requests, which may have a body.
 */
function askBeforeUpgrade(server: Server & { shouldUpgradeCallback?: UpgradeQuestion }): void {
  const before = server.shouldUpgradeCallback
  if (typeof before !== 'function' || asked.has(server)) return
  asked.add(server)
  server.shouldUpgradeCallback = function (request) {
    if (!before.call(this, request)) return false
    return wantsWebSocket(request) || !listenersOf(this, 'upgrade').every(isOurs)
  }
}

/** Whether an upgrade request that `listener` does not claim belongs to another listener, or is for another to answer. */
export function isLeftToOthers(listener: AnyFunction, request: IncomingMessage): boolean {
  const server = serverOf(request.socket)
  const listeners = server === undefined ? [] : listenersOf(server, 'upgrade')
  if (listeners.length <= 1) return false
  return !listeners.every(isOurs) || listeners.at(-1) !== listener
}
