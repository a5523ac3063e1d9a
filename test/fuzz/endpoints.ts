/** fastws and ws as whole endpoints over lines in memory: a stream goes in, and what comes out is read by hand. */
import type { IncomingMessage } from 'node:http'
import { Duplex, type Writable } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { Conn } from '../../src/conn/conn.js'
import type { Role } from '../../src/frame/rules.js'
import { acceptKey, readWireFrame, toHex } from '../support/index.js'

/** What a peer saw of an endpoint. */
export interface Seen {
  /** Messages that came back, whole, as `text 68690a`. */
  readonly echoes: readonly string[]
  readonly pongs: readonly string[]
  /** The code of the Close that came; undefined for none, 0 for one without a code. */
  readonly close: number | undefined
}

/** One end of a line whose other end is the test: what is written is kept, what is brought is read. */
class End extends Duplex {
  readonly #out: Buffer[] = []
  readonly #onWrite: (bytes: Buffer) => void

  constructor(onWrite: (bytes: Buffer) => void = () => undefined) {
    super({ allowHalfOpen: true, autoDestroy: true })
    this.#onWrite = onWrite
  }

  get out(): Buffer {
    return Buffer.concat(this.#out)
  }

  override _read(): void {
    // Bytes come when they are brought.
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    this.#out.push(Buffer.from(bytes))
    this.#onWrite(bytes)
    callback()
  }

  /** As a socket has it: ws looks for them, and so does an HTTP client. */
  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

const pause = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(pause(turns - 1))))

/**
 * Brings the pieces and waits until nothing more comes out. While ws inflates it is brought nothing: when two pieces wait
 * behind and the first of them is wrong, its Writable gives ws 8.23 the second one all the same, from the callback of zlib,
 * and ws throws a TypeError that nobody catches. Wherever the stream is cut, none waits here.
 */
async function feed(end: End, pieces: readonly Buffer[], isBusy: () => boolean): Promise<Buffer> {
  for (const piece of pieces) {
    end.push(Buffer.from(piece))
    await pause(1)
    while (isBusy()) await pause(1)
  }
  let length = -1
  while (isBusy() || end.out.length !== length) {
    length = end.out.length
    await pause(4)
  }
  const { out } = end
  end.destroy()
  return out
}

export interface EndpointLimits {
  readonly maxMessage: number
  readonly compress: boolean
}

const COMPRESS = { threshold: 1 << 30 } // what goes out is plain, so that it can be compared

/** fastws, made to echo. */
export async function askFastws(
  role: Role,
  pieces: readonly Buffer[],
  limits: EndpointLimits,
): Promise<Seen> {
  const { maxMessage, compress } = limits
  const end = new End()
  let handled = 0
  const conn = Conn.over(end, {
    role,
    maxMessage,
    maxFrame: maxMessage,
    maxFragments: Infinity,
    keepalive: false,
    compress: compress && COMPRESS,
    events: {
      message: (own, message) => {
        handled++
        void own.send(message)
      },
    },
  })
  // With the fast paths off it inflates in the thread pool, too.
  const out = await feed(end, pieces, () => conn.isOpen && conn.stats.messagesIn > handled)
  conn.terminate()
  return readSeen(out)
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const PARAMS = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'

/** ws, made to echo. */
export async function askWs(role: Role, pieces: readonly Buffer[], limits: EndpointLimits): Promise<Seen> {
  const opened = role === 'server' ? wsServer(limits) : wsClient(limits)
  const { end, ws, skip } = await opened
  ws.on('error', () => undefined)
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary, compress: false }))
  const from = skip()
  const out = await feed(end, pieces, () => isInflating(ws))
  ws.terminate()
  return readSeen(out.subarray(from))
}

/** ws inflates in the thread pool, and says nothing meanwhile (`INFLATING`, and what comes behind it). */
function isInflating(ws: WebSocket): boolean {
  const receiver = (ws as unknown as { _receiver: Writable & { _state: number } })._receiver
  return !receiver.destroyed && !receiver.errored && receiver._state >= 5
}

interface Opened {
  readonly end: End
  readonly ws: WebSocket
  /** How much of what came out belongs to the handshake. */
  skip(): number
}

function wsServer({ maxMessage, compress }: EndpointLimits): Promise<Opened> {
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessage,
    // Its own limit on fragments is another option than ours: no stream here meets either.
    perMessageDeflate: compress && { threshold: 1 << 30 },
  })
  const headers: Record<string, string> = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': KEY,
    'sec-websocket-version': '13',
  }
  if (compress) headers['sec-websocket-extensions'] = PARAMS
  const end = new End()
  const request = { method: 'GET', url: '/', headers } as never as IncomingMessage
  return new Promise((resolve) =>
    wss.handleUpgrade(request, end, Buffer.alloc(0), (ws) =>
      resolve({ end, ws, skip: () => end.out.length }),
    ),
  )
}

function wsClient({ maxMessage, compress }: EndpointLimits): Promise<Opened> {
  let head = ''
  const end = new End((bytes) => {
    if (head.endsWith('\r\n\r\n')) return
    head += bytes.toString('latin1')
    if (head.endsWith('\r\n\r\n')) setImmediate(() => end.push(answerTo(head, compress)))
  })
  const ws = new WebSocket('ws://127.0.0.1/', {
    createConnection: (() => end) as never,
    maxPayload: maxMessage,
    perMessageDeflate: compress && { threshold: 1 << 30 },
  })
  return new Promise((resolve, reject) => {
    ws.once('error', reject)
    ws.once('open', () => {
      ws.off('error', reject)
      resolve({ end, ws, skip: () => end.out.length })
    })
  })
}

function answerTo(head: string, compress: boolean): string {
  const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1]?.trim() ?? ''
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptKey(key)}`]
  if (compress) lines.push(`Sec-WebSocket-Extensions: ${PARAMS}`)
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** Sorts out what came; it has to be whole frames. */
async function readSeen(bytes: Buffer): Promise<Seen> {
  let at = 0
  const read = async (count: number): Promise<Buffer> => {
    if (at + count > bytes.length) throw new Error('what goes out is no whole frames')
    at += count
    return bytes.subarray(at - count, at)
  }
  const seen = { echoes: [] as string[], pongs: [] as string[], close: undefined as number | undefined }
  while (at < bytes.length) {
    const { opcode, payload } = await readWireFrame(read)
    if (opcode === 10) seen.pongs.push(toHex(payload))
    else if (opcode === 8) seen.close ??= payload.length < 2 ? 0 : payload.readUInt16BE()
    else seen.echoes.push(`${opcode === 1 ? 'text' : 'binary'} ${toHex(payload)}`)
  }
  return seen
}
