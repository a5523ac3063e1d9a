import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import {
  broadcast,
  type Conn,
  type Message,
  type Upgrade,
  type UpgradeOptions,
  upgrade,
} from '../../index.js'
import { type ChaosPlan, fateOf, meetFate } from './chaos.js'
import { directionOf, type Log } from './log.js'
import { Passage } from './passage.js'
import type { Visitor } from './visitor.js'

export const MODES = ['echo', 'sink', 'broadcast', 'chaos'] as const
export type Mode = (typeof MODES)[number]

export interface ServePlan {
  readonly mode: Mode
  readonly port: number
  readonly host: string
  /** Certificate and key, for `wss:`. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined
  readonly options: UpgradeOptions<Visitor>
  readonly chaos: ChaosPlan
  /** Whether a broadcast goes back to whom it came from, too. */
  readonly toSelf: boolean
  readonly showsFrames: boolean
  readonly log: Log
  readonly since: () => number
}

/** Milliseconds that the connections have to close when the server is stopped. */
const CLOSE_TIMEOUT = 3_000

/** A server for tests and trials. */
export class TrialServer {
  readonly #plan: ServePlan
  readonly #upgrade: Upgrade<Visitor>
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #visitors = 0
  #messages = 0

  constructor(plan: ServePlan) {
    this.#plan = plan
    this.#upgrade = upgrade<Visitor>(
      {
        open: (conn, request) => this.#open(conn, request),
        message: (conn, message) => this.#message(conn, message),
        close: (conn, report) => plan.log.closed(conn.data, conn, report),
      },
      plan.options,
    )
    this.#server = this.#listener()
  }

  /** Resolves with the address when it listens. */
  async listen(): Promise<string> {
    const { port, host, tls } = this.#plan
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    const at = this.#server.address() as AddressInfo
    const shown = at.family === 'IPv6' ? `[${at.address}]` : at.address
    return `${tls === undefined ? 'ws' : 'wss'}://${shown}:${at.port}`
  }

  /** Takes nobody any more, says goodbye to those who are there, and tells how many came. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#upgrade.close({ timeout: CLOSE_TIMEOUT })
    for (const socket of this.#sockets) socket.destroy() // those that have never asked for a WebSocket
    await closed
    this.#plan.log.stopped(this.#visitors, this.#messages)
  }

  /** TCP or TLS, with HTTP on it; in chaos, something in between that can break it. */
  #listener(): Server {
    const http = createHttpServer()
    this.#upgrade.attach(http)
    http.on('request', (request, response) => {
      const { path } = this.#plan.options
      const isHere = path === undefined || path === request.url?.split('?', 1)[0]
      response.writeHead(isHere ? 426 : 404, isHere ? { Upgrade: 'websocket' } : {}).end(HINT)
    })
    const welcome = (socket: Socket): void => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      http.emit('connection', this.#plan.mode === 'chaos' ? new Passage(socket) : socket)
    }
    const { tls } = this.#plan
    return tls === undefined
      ? createTcpServer({ noDelay: true, allowHalfOpen: true }, welcome)
      : createTlsServer({ ...tls, allowHalfOpen: true }, welcome)
  }

  #open(conn: Conn<Visitor>, request: IncomingMessage | undefined): void {
    const socket: unknown = request?.socket
    const passage = socket instanceof Passage ? socket : undefined
    const { log, showsFrames, since } = this.#plan
    const id = ++this.#visitors
    conn.data = { id, openedAt: performance.now(), messages: 0, isDoomed: false, passage }
    log.opened(conn, conn.request?.url ?? '/')
    if (!showsFrames) return
    conn.tap((event) => {
      if (event.kind !== 'frame') return
      log.frame(id, { frame: event.frame, direction: directionOf(event.direction), at: since() })
    })
  }

  #message(conn: Conn<Visitor>, message: Message): unknown {
    const { mode, log, toSelf } = this.#plan
    this.#messages++
    const number = ++conn.data.messages
    log.message(conn.data.id, message)
    switch (mode) {
      case 'echo':
        return conn.send(message)
      case 'sink':
        return undefined
      case 'broadcast':
        return broadcast(this.#upgrade.conns, message, { slow: 'skip', except: toSelf ? undefined : conn })
      case 'chaos':
        return this.#chaos(conn, message.keep(), number)
    }
  }

  async #chaos(conn: Conn<Visitor>, message: Message, number: number): Promise<void> {
    const { chaos, log } = this.#plan
    const { id, isDoomed } = conn.data
    if (isDoomed) return
    const fate = fateOf(chaos, id, number)
    const tell = (act: string, details: string): void => log.acted(id, number, act, details)
    try {
      await meetFate(conn, message, fate, { maxDelay: chaos.maxDelay, tell })
    } catch (error) {
      if (!conn.signal.aborted) throw error // a connection that is gone is no fault of ours, here least of all
    }
  }
}

const HINT = 'This is a WebSocket server\n'
