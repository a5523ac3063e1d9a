import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { ConnOptions } from '../../src/conn/options.js'
import { dial } from '../../src/dial.js'
import type { CloseReport } from '../../src/errors.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import type { Role } from '../../src/frame/rules.js'
import { upgrade } from '../../src/upgrade.js'
import {
  acceptKey,
  clientFrame,
  deferred,
  listen,
  type RawPeer,
  rawHandshake,
  rawServer,
  readHead,
  serverFrame,
  type WireFrame,
} from '../support/index.js'

export const ROLES: readonly Role[] = ['server', 'client']

/** One of ours over a real socket, and whoever is at the other end of it. */
export interface Attack {
  readonly conn: Conn
  readonly peer: RawPeer
  /** A frame as the other end would send it. */
  frame(opcode: number, payload?: string | Uint8Array, more?: Partial<WireFrame>): Buffer
}

const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }

/** Opens a connection of that role, with compression agreed on where it is asked for. */
export async function attack(t: TestContext, role: Role, options: ConnOptions = {}): Promise<Attack> {
  const headers = options.compress === true ? DEFLATE : {}
  const attacked = await (role === 'server' ? attackServer : attackClient)(t, options, headers)
  const { socket } = attacked.peer
  socket.once('end', () => socket.end()) // it does not make us wait for the end
  return attacked
}

type Headers = Readonly<Record<string, string>>

async function attackServer(t: TestContext, options: ConnOptions, headers: Headers): Promise<Attack> {
  const opened = deferred<Conn>()
  const ws = upgrade(async (conn) => {
    opened.resolve(conn)
    await conn.closed
  }, options)
  const port = await listen(t, createServer(ws))
  const { peer } = await rawHandshake(port, { t, headers })
  return { conn: await opened.promise, peer, frame: clientFrame }
}

async function attackClient(t: TestContext, options: ConnOptions, headers: Headers): Promise<Attack> {
  const server = await rawServer(t)
  const dialled = dial(`ws://127.0.0.1:${server.port}`, { compress: false, ...options })
  const peer = await server.accept()
  const request = await readHead(peer)
  peer.writeText(
    lines('HTTP/1.1 101 Switching Protocols', {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Accept': acceptKey(request.headers['sec-websocket-key'] ?? ''),
      ...headers,
    }),
  )
  const conn = await dialled
  t.after(() => conn.terminate())
  return { conn, peer, frame: serverFrame }
}

/** The head of an HTTP message. */
export const lines = (first: string, headers: Headers): string =>
  [first, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')

/** Every way of reading. Each reads until there is an end, and loses no frame. */
export const READERS: Readonly<Record<string, (conn: Conn) => Promise<unknown>>> = {
  async 'read()'(conn) {
    while ((await conn.read()) !== null);
  },
  async 'for await'(conn) {
    for await (const _message of conn);
  },
  async 'nextFrame()'(conn) {
    for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame())
      releaseFrame(frame)
  },
  async 'readFrame()'(conn) {
    const frame = acquireFrame()
    try {
      while (await conn.readFrame(frame));
    } finally {
      releaseFrame(frame)
    }
  },
  async 'reader()'(conn) {
    for (let reader = await conn.reader(); reader !== null; reader = await conn.reader())
      for await (const _part of reader);
  },
}

/** How a connection ends that somebody reads in one of these ways. */
export async function endOf({ conn }: Attack, read: (conn: Conn) => Promise<unknown>): Promise<CloseReport> {
  const reading = read(conn).catch(() => undefined)
  const report = await conn.closed
  await reading
  return report
}

/** The code of the Close frame that comes next, whatever comes before. */
export async function closeCode(peer: RawPeer): Promise<number> {
  for (;;) {
    const frame = await peer.readFrame()
    if (frame.opcode === 8) return frame.payload.readUInt16BE()
  }
}

/** What a report says of a limit or a rule that was broken. */
export const verdict = ({ code, cause, sent }: CloseReport): string =>
  `${code} ${(cause as { code?: unknown } | undefined)?.code ?? 'no cause'}, told ${sent?.code}`
