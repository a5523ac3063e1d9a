import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import websocket from 'websocket'
import { WebSocket, WebSocketServer } from 'ws'
import { type Deferred, deferred, listen, once } from '../support/index.js'

/** What a connection of another library is to these tests. */
export interface Foreign {
  readonly protocol: string
  send(data: string | Buffer): void
  /** The next message, as text or bytes. */
  next(): Promise<string | Buffer>
  /** Starts the closing handshake; without a code the Close frame is empty. */
  close(code?: number, reason?: string): void
  /** What the other library says how it ended. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Only of libraries that show the frames. */
  readonly frames: FrameLevel | undefined
  destroy(): void
}

export interface FrameLevel {
  /** Sends a ping; settles when its answer is there. */
  ping(payload: string): Promise<void>
  /** Payloads of pings that came in. */
  readonly pings: readonly string[]
  /** Sends one message in frames; one that is cut by the library itself may be cut elsewhere. */
  sendParts(parts: readonly Buffer[], isText: boolean): void
}

/** A library that we talk to. */
export interface Library {
  readonly name: string
  connect(url: string, protocols: string[]): Promise<Foreign>
  /** Serves one connection after the other; undefined for a library without a server. */
  readonly serve:
    | ((t: TestContext, protocols: readonly string[]) => Promise<{ url: string; accept(): Promise<Foreign> }>)
    | undefined
  /** Whether its `close()` takes a code. */
  mayClose(code: number): boolean
  /** The code with which it answers a Close frame; RFC 6455 §5.5.1 has it echo the code, "typically". */
  answer(code: number): number
  /** What it tells of a Close frame without a reason. */
  noReason(code: number): string
}

/** First in, first out; `next()` may come first. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #waiting: Deferred<T>[] = []

  push(item: T): void {
    const first = this.#waiting.shift()
    if (first === undefined) this.#items.push(item)
    else first.resolve(item)
  }

  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T)
    const waiting = deferred<T>()
    this.#waiting.push(waiting)
    return waiting.promise
  }
}

/** 16 MiB and more. */
const MAX = 17 << 20

function wsForeign(socket: WebSocket): Foreign {
  const messages = new Queue<string | Buffer>()
  const closed = deferred<{ code: number; reason: string }>()
  const pings: string[] = []
  socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : data.toString()))
  socket.on('ping', (payload) => pings.push(payload.toString()))
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }))
  socket.on('error', () => undefined) // 'close' follows
  const sendParts: FrameLevel['sendParts'] = (parts, isText) => {
    for (const [i, part] of parts.entries())
      socket.send(part, { fin: i === parts.length - 1, binary: !isText })
  }
  const ping = async (payload: string): Promise<void> => {
    const pong = once<Buffer>(socket, 'pong')
    socket.ping(payload)
    if ((await pong).toString() !== payload) throw new Error('Another pong came')
  }
  return {
    get protocol() {
      return socket.protocol
    },
    send: (data) => socket.send(data),
    next: () => messages.next(),
    close: (code, reason) => socket.close(code, reason),
    closed: closed.promise,
    frames: { ping, pings, sendParts },
    destroy: () => socket.terminate(),
  }
}

export const wsLibrary: Library = {
  name: 'ws',
  connect: async (url, protocols) => {
    const socket = new WebSocket(url, protocols, { maxPayload: MAX })
    const foreign = wsForeign(socket)
    await once(socket, 'open')
    return foreign
  },
  serve: async (t, protocols) => {
    const accepted = new Queue<Foreign>()
    const http = createServer()
    const server = new WebSocketServer({
      server: http,
      maxPayload: MAX,
      handleProtocols: (offered) => protocols.find((one) => offered.has(one)) ?? false,
    })
    server.on('connection', (socket) => accepted.push(wsForeign(socket)))
    return { url: `ws://127.0.0.1:${await listen(t, http)}`, accept: () => accepted.next() }
  },
  mayClose: () => true,
  answer: (code) => code,
  noReason: () => '',
}

function websocketForeign(connection: websocket.connection): Foreign {
  const messages = new Queue<string | Buffer>()
  const closed = deferred<{ code: number; reason: string }>()
  const pings: string[] = []
  connection.on('message', (message) =>
    messages.push(message.type === 'utf8' ? message.utf8Data : message.binaryData),
  )
  connection.on('ping', (_cancel: () => void, payload: Buffer) => pings.push(payload.toString()))
  connection.on('close', (code, reason) => closed.resolve({ code, reason: reason ?? '' }))
  connection.on('error', () => undefined) // 'close' follows
  // It cuts by itself what is longer than 16 KiB.
  const sendParts: FrameLevel['sendParts'] = (parts, isText) => {
    const whole = Buffer.concat(parts)
    if (isText) connection.sendUTF(whole.toString())
    else connection.sendBytes(whole)
  }
  const ping = async (payload: string): Promise<void> => {
    const pong = once<Buffer>(connection, 'pong')
    connection.ping(payload)
    if ((await pong).toString() !== payload) throw new Error('Another pong came')
  }
  return {
    protocol: connection.protocol ?? '',
    send: (data) => (typeof data === 'string' ? connection.sendUTF(data) : connection.sendBytes(data)),
    next: () => messages.next(),
    close: (code, reason) => connection.close(code, reason),
    closed: closed.promise,
    frames: { ping, pings, sendParts },
    destroy: () => connection.drop(),
  }
}

const websocketConfig = { maxReceivedFrameSize: MAX, maxReceivedMessageSize: MAX }

export const websocketLibrary: Library = {
  name: 'websocket',
  connect: async (url, protocols) => {
    const client = new websocket.client(websocketConfig)
    const opened = deferred<Foreign>()
    client.on('connect', (connection) => opened.resolve(websocketForeign(connection)))
    client.on('connectFailed', (error) => opened.reject(error))
    client.connect(url, protocols)
    return opened.promise
  },
  serve: async (t, protocols) => {
    const accepted = new Queue<Foreign>()
    const http = createServer()
    const server = new websocket.server({ ...websocketConfig, httpServer: http, keepalive: false })
    server.on('request', (request) => {
      const protocol = protocols.find((one) => request.requestedProtocols.includes(one))
      accepted.push(websocketForeign(request.accept(protocol)))
    })
    return { url: `ws://127.0.0.1:${await listen(t, http)}`, accept: () => accepted.next() }
  },
  mayClose: () => true,
  answer: () => 1000,
  noReason: (code) => websocket.connection.CLOSE_DESCRIPTIONS[code] ?? '',
}

/** Node's own WebSocket, which is the browser's. */
export const nodeLibrary: Library = {
  name: 'Node',
  connect: async (url, protocols) => {
    const socket = new globalThis.WebSocket(url, protocols)
    socket.binaryType = 'arraybuffer'
    const messages = new Queue<string | Buffer>()
    const closed = deferred<{ code: number; reason: string }>()
    const opened = deferred()
    socket.addEventListener('open', () => opened.resolve())
    socket.addEventListener('error', () => opened.reject(new Error('Node’s WebSocket reports an error')))
    socket.addEventListener('message', ({ data }) =>
      messages.push(typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer)),
    )
    socket.addEventListener('close', ({ code, reason }) => closed.resolve({ code, reason }))
    await opened.promise
    return {
      protocol: socket.protocol,
      send: (data) => socket.send(data),
      next: () => messages.next(),
      close: (code, reason) => socket.close(code, reason),
      closed: closed.promise,
      frames: undefined,
      destroy: () => socket.close(),
    }
  },
  serve: undefined,
  // The browser's rule: only 1000 and codes of one's own.
  mayClose: (code) => code === 1000 || code >= 3000,
  answer: (code) => code,
  noReason: () => '',
}
