import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import { type Clock, systemClock } from '../../src/conn/clock.js'
import type { Conn } from '../../src/conn/conn.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { dial } from '../../src/dial.js'
import type { CloseReport } from '../../src/errors.js'
import type { Frame } from '../../src/frame/frame.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import type { ConnHandler, Handler } from '../../src/server/options.js'
import { type Upgrade, type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import { turn } from './events.js'
import { type RawHandshake, type RawHandshakeOptions, rawHandshake } from './raw-handshake.js'
import type { RawPeer } from './raw-peer.js'
import { type Cleaner, listen } from './raw-socket.js'
import { tls } from './tls.js'

/** Waits until something is so, turn by turn of the event loop. The test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn()
}

/** The system's time, with its timers counted. */
export class CountingClock implements Clock {
  readonly #timers = new Set<unknown>()

  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return systemClock.now()
  }

  setTimer(callback: () => void, milliseconds: number): unknown {
    const timer = systemClock.setTimer(() => {
      this.#timers.delete(timer)
      callback()
    }, milliseconds)
    this.#timers.add(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer)
    systemClock.clearTimer(timer)
  }
}

/** More frames than the pool keeps. */
const MORE_FRAMES = 1_100

/** Counts the frames that are out: fills the pool with frames it knows, and later looks how many of them are back. */
export class FrameCount {
  readonly #known: ReadonlySet<Frame>
  readonly #full: number

  constructor() {
    const known = new Set<Frame>()
    // Twice: those that rested in the pool before come out only then.
    for (let round = 0; round < 2; round++) {
      const frames = Array.from({ length: MORE_FRAMES }, acquireFrame)
      for (const frame of frames) known.add(frame)
      for (const frame of frames) releaseFrame(frame)
    }
    this.#known = known
    this.#full = this.#count()
  }

  /** How many frames of the pool are in somebody's hands. */
  get out(): number {
    return this.#full - this.#count()
  }

  #count(): number {
    const taken: Frame[] = []
    let frame = acquireFrame()
    for (; this.#known.has(frame); frame = acquireFrame()) taken.push(frame)
    for (const one of taken) releaseFrame(one)
    return taken.length
  }
}

/** Connections with that clock, begun since the frames were counted, are over: they hold nothing any more. */
export function assertNothingHeld(clock: CountingClock, frames: FrameCount): void {
  assert.equal(timekeeperOf(clock).size, 0, 'deadlines are left')
  assert.equal(clock.pending, 0, 'timers are left')
  assert.equal(frames.out, 0, 'pooled frames are left')
}

/** Sockets of this process, both ends and whatever lies on them. */
export const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap' || name === 'TLSWrap').length

/** Tests that have opened a scene: later ones of the same test stand beside the earlier. */
const opened = new WeakSet<Cleaner>()

const echo: ConnHandler = async (conn) => {
  for await (const message of conn) await conn.send(message)
}

export interface SceneOptions extends UpgradeOptions {
  readonly secure?: boolean
}

/** What is left to be told of when something has gone wrong. */
export interface Aftermath {
  /** How each connection under fault ended: `'1006 remote WS_ERR_EOF'`, in any order. */
  readonly reports?: readonly string[]
  /** What `onError` was told: codes, or messages of errors that have none. */
  readonly errors?: readonly string[]
}

/** A server to which something bad happens, while an honest connection to it goes on. */
export interface Scene {
  readonly port: number
  readonly server: Server
  readonly ws: Upgrade
  /** The connections under fault, in the order in which they opened. */
  readonly conns: readonly Conn[]
  /** What `onError` was told. */
  readonly errors: readonly Error[]
  /** A client's handshake by hand, whatever comes of it. */
  handshake(options?: RawHandshakeOptions): Promise<RawHandshake>
  /** A peer that has opened a WebSocket, and the connection on our side. */
  connect(options?: RawHandshakeOptions): Promise<{ peer: RawPeer; conn: Conn }>
  /** A peer made by other means, to be let go with the others. */
  adopt(peer: RawPeer): RawPeer
  /**
   * Waits until all that was under fault is over and calls it to account: one clear report for each connection, errors
   * told once, and no connection, timer, frame or socket left. The honest connection has noticed nothing.
   */
  aftermath(left?: Aftermath): Promise<void>
  /** Ends the honest connection, too. */
  leave(): void
}

/** Serves `handler` (an echo, unless told otherwise) at `/`, and has an honest connection open beside. */
export async function openScene(
  t: Cleaner,
  handler: Handler = echo,
  { secure = false, ...options }: SceneOptions = {},
): Promise<Scene> {
  // What the test before has let go of may not be gone yet, and must not be counted as there.
  if (!opened.has(t)) await until(() => openSockets() === 0)
  opened.add(t)
  const clock = new CountingClock()
  const conns: Conn[] = []
  const reports: CloseReport[] = []
  const errors: Error[] = []
  const peers: RawPeer[] = []
  const watch = (conn: Conn): void => {
    conns.push(conn)
    void conn.closed.then((report) => reports.push(report))
  }
  const onError: UpgradeOptions['onError'] = (error, context) => {
    errors.push(error)
    return options.onError?.(error, context)
  }
  const server = secure ? https.createServer({ key: tls.key, cert: tls.cert }) : createServer()
  const ws = upgrade(watched(handler, watch), { path: '/', keepalive: false, clock, ...options, onError })
  upgrade(echo, { path: '/honest' }).attach(server)
  ws.attach(server) // the last one answers what is for nobody
  const port = await listen(t, server)
  const honest = await dial(`${secure ? 'wss' : 'ws'}://127.0.0.1:${port}/honest`, { tls: { ca: tls.ca } })
  t.after(() => honest.terminate())
  await chat(honest)
  const frames = new FrameCount()
  const sockets = openSockets()

  const adopt = (peer: RawPeer): RawPeer => {
    peers.push(peer)
    const { socket } = peer
    socket.once('end', () => socket.end()) // it does not make us wait for the end
    return peer
  }
  const handshake = async (given: RawHandshakeOptions = {}): Promise<RawHandshake> => {
    const made = await rawHandshake(port, { t, ...(secure ? { tls: { ca: tls.ca } } : {}), ...given })
    adopt(made.peer)
    return made
  }
  const connect = async (given?: RawHandshakeOptions): Promise<{ peer: RawPeer; conn: Conn }> => {
    const count = conns.length
    const { peer, head } = await handshake(given)
    assert.equal(head.status, 101)
    await until(() => conns.length > count)
    return { peer, conn: conns[count]! }
  }
  const aftermath = async (left: Aftermath = {}): Promise<void> => {
    for (const { socket } of peers) if (!socket.destroyed) socket.resume().end()
    await until(() => reports.length === conns.length && ws.conns.size === 0)
    for (const peer of peers) peer.destroy()
    await until(async () => (await connectionsOf(server)) === 1)
    await until(() => openSockets() === sockets)
    assert.deepEqual(reports.map(inShort).sort(), [...(left.reports ?? [])].sort())
    assert.deepEqual(errors.map(nameOf).sort(), [...(left.errors ?? [])].sort())
    assertNothingHeld(clock, frames)
    await chat(honest)
  }
  return {
    port,
    server,
    ws,
    conns,
    errors,
    handshake,
    connect,
    adopt,
    aftermath,
    leave: () => honest.terminate(),
  }
}

/** Lets us know of each connection before its handler does. */
function watched(handler: Handler, watch: (conn: Conn) => void): Handler {
  if (typeof handler === 'function')
    return (conn, request) => {
      watch(conn)
      return handler(conn, request)
    }
  return {
    ...handler,
    open(conn, request) {
      watch(conn)
      return handler.open?.(conn, request)
    },
  }
}

/** What the honest connection does all the time. */
async function chat(honest: Conn): Promise<void> {
  const texts = ['one', 'two', 'three']
  for (const text of texts) void honest.send(text)
  for (const text of texts) assert.equal((await honest.read())?.text(), text)
  assert.equal(honest.isOpen, true)
}

const connectionsOf = (server: net.Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )

export const nameOf = (error: Error): string => {
  const { code } = error as { code?: unknown }
  return code === undefined ? error.message : String(code)
}

/** A report in short: `1006 remote WS_ERR_EOF`, `1000 remote clean`. */
export const inShort = ({ code, initiator, clean, cause }: CloseReport): string =>
  [code, initiator, clean ? 'clean' : '', cause === undefined ? '' : nameOf(cause)]
    .filter((part) => part !== '')
    .join(' ')
