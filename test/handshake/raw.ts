import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { ConnSetup } from '../../src/conn/core.js'
import type { openConn } from '../../src/conn/open.js'
import type { CloseReport } from '../../src/errors.js'

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

/** The headers of a handshake that is in order. */
export const GOOD: readonly string[] = [
  'Host: example.com',
  'Connection: Upgrade',
  'Upgrade: websocket',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
]

/** A handshake with other lines in the place of those of the same name; a name alone takes its line away. */
export function handshake(changes: readonly string[] = [], start = 'GET / HTTP/1.1'): string {
  const names = new Set(changes.map((line) => nameOf(line)))
  const lines = [
    ...GOOD.filter((line) => !names.has(nameOf(line))),
    ...changes.filter((line) => line.includes(':')),
  ]
  return `${start}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
}

const nameOf = (line: string): string => line.split(':', 1)[0]!.toLowerCase()

export interface RawResponse {
  readonly status: number
  readonly headers: ReadonlyMap<string, string[]>
  /** Everything behind the headers. */
  readonly body: string
  /** The connection ended without an error. */
  readonly ended: boolean
}

function parse(bytes: Buffer, ended: boolean): RawResponse {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const name = nameOf(line)
    headers.set(name, [...(headers.get(name) ?? []), line.slice(name.length + 1).trim()])
  }
  return { status: Number(start.split(' ')[1]), headers, body: text.slice(end + 4), ended }
}

/** Sends bytes and reads the answer: a 101 up to its headers, anything else until the connection ends. */
export async function exchange(target: Socket | number, bytes: string | Buffer): Promise<RawResponse> {
  const socket = typeof target === 'number' ? connect(target, '127.0.0.1') : target
  let got = Buffer.alloc(0)
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      got = Buffer.concat([got, chunk])
      if (!got.includes('\r\n\r\n') || !got.toString('latin1').startsWith('HTTP/1.1 101')) return
      socket.off('data', onData)
      resolve(parse(got, false))
    }
    socket.on('data', onData)
    socket.once('end', () => {
      socket.end()
      resolve(parse(got, true))
    })
    socket.once('error', reject)
  })
}

export async function listening<S extends Server>(t: TestContext, server: S): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server on a free port, for as long as the test runs. */
export async function serve(
  t: TestContext,
  listener?: RequestListener,
): Promise<{ server: Server; port: number }> {
  const server = createServer(...(listener === undefined ? [] : [listener]))
  return { server, port: await listening(t, server) }
}

/** A connection that a handshake led to, with nothing but its bytes. */
export interface FakeConn extends Conn<unknown> {
  readonly setup: ConnSetup<unknown>
  /** What has come in, the bytes behind the handshake first. */
  readonly bytes: () => Buffer
  /** Resolves when so many bytes are in. */
  readonly until: (length: number) => Promise<Buffer>
  readonly closes: unknown[]
}

/** In the place of the real opener: keeps what it was given and collects bytes. */
export function fakeOpener(): { open: typeof openConn; conns: FakeConn[] } {
  const conns: FakeConn[] = []
  const open: typeof openConn = (socket, setup) => {
    let bytes = setup.head ?? Buffer.alloc(0)
    let wake = (): void => undefined
    const closes: unknown[] = []
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      wake()
    })
    socket.on('error', () => undefined)
    socket.once('end', () => socket.end())
    const closed = once(socket, 'close').then(() => ({ code: 1006 }) as CloseReport)
    const conn = {
      setup,
      data: setup.data,
      protocol: setup.protocol ?? '',
      closed,
      closes,
      bytes: () => bytes,
      until: async (length: number) => {
        while (bytes.length < length) await new Promise<void>((resolve) => (wake = resolve))
        return bytes
      },
      close: (...args: unknown[]) => {
        closes.push(args)
        socket.end()
        return closed
      },
      terminate: () => socket.destroy(),
    } as unknown as FakeConn
    conns.push(conn)
    return conn as never
  }
  return { open, conns }
}

/** Waits for whatever is given to it first. */
export function firstCall<Args extends unknown[]>(): { call: (...args: Args) => void; args: Promise<Args> } {
  let call!: (...args: Args) => void
  const args = new Promise<Args>((resolve) => {
    call = (...given) => resolve(given)
  })
  return { call, args }
}

export type { IncomingMessage }
