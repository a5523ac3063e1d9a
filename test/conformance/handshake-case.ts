import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import { type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import {
  acceptKey,
  clientFrame,
  listen,
  type RawAnswerOptions,
  type RawHead,
  type RawPeer,
  rawAnswer,
  rawConnect,
  rawServer,
  readHead,
  serverFrame,
} from '../support/index.js'

/** Headers that must be there: as given, matching, or (undefined) not at all. */
export type Expected = Readonly<Record<string, string | RegExp | undefined>>

/** A request that a server gets, and what it answers. */
export interface RequestCase {
  readonly name: string
  readonly options?: UpgradeOptions
  /** Header lines instead of those of a good handshake with the same name; a name alone takes its lines away. */
  readonly lines?: readonly string[]
  /** Instead of `GET / HTTP/1.1`. */
  readonly start?: string
  readonly status: number
  readonly headers?: Expected
}

/** An answer that a client gets, and what it makes of it. */
export interface AnswerCase {
  readonly name: string
  /** Behind `ws://127.0.0.1:<port>`. */
  readonly path?: string
  readonly options?: DialOptions
  readonly answer?: RawAnswerOptions
  /** The request as it must have been. */
  readonly request?: Expected & { readonly line?: string }
  /** Refused before anything is sent. */
  readonly refused?: 'TypeError' | 'RangeError'
  /** Refused when the answer is there, with this status in the error. */
  readonly fails?: number
  /** The subprotocol in use. */
  readonly protocol?: string
}

interface HandshakeRule<Case> {
  readonly section: string
  readonly rule: string
  readonly positive: readonly Case[]
  readonly negative: readonly Case[]
}
export type RequestRule = HandshakeRule<RequestCase>
export type AnswerRule = HandshakeRule<AnswerCase>

/** The key and its answer that stand in RFC 6455 §1.3. */
const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const SAMPLE_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const GOOD = [
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Key: ${SAMPLE_KEY}`,
  'Sec-WebSocket-Version: 13',
]

const nameOf = (line: string): string => (line.split(':', 1)[0] ?? '').toLowerCase()

function requestText({ lines = [], start = 'GET / HTTP/1.1' }: Partial<RequestCase>): string {
  const replaced = new Set(lines.map(nameOf))
  const all = [...GOOD.filter((line) => !replaced.has(nameOf(line))), ...lines]
  return `${[start, ...all.filter((line) => line.includes(':'))].join('\r\n')}\r\n\r\n`
}

async function ask(t: TestContext, port: number, one: Partial<RequestCase>) {
  const peer = await rawConnect(port, { t })
  peer.writeText(requestText(one))
  return { peer, head: await readHead(peer) }
}

async function echoes(peer: RawPeer, message: string): Promise<void> {
  peer.write(clientFrame(1, message))
  assert.deepEqual(await peer.read(message.length + 2), serverFrame(1, message), `echo of '${message}'`)
}

/** Runs a request against an echo server of our own, on which an honest connection stands all the while. */
export async function runRequest(t: TestContext, one: RequestCase): Promise<void> {
  const echo = upgrade({ message: (conn, message) => void conn.send(message) }, one.options)
  const port = await listen(t, createServer(echo))
  const witness = one.options === undefined ? await ask(t, port, {}) : undefined
  const { peer, head } = await ask(t, port, one)
  assert.equal(head.status, one.status)
  expectHeaders(head, one.headers ?? {})
  if (one.status === 101) await opened(peer, head)
  else assert.equal(head.headers['sec-websocket-accept'], undefined)
  if (witness !== undefined) await echoes(witness.peer, 'still here')
  peer.destroy()
}

async function opened(peer: RawPeer, head: RawHead): Promise<void> {
  assert.equal(head.line, 'HTTP/1.1 101 Switching Protocols')
  expectHeaders(head, {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-accept': SAMPLE_ACCEPT,
    'content-length': undefined,
    'transfer-encoding': undefined,
  })
  await echoes(peer, 'open')
}

/** Dials a hand-written server and lets it answer; a second, honest connection of the same process goes on. */
export async function runAnswer(t: TestContext, one: AnswerCase): Promise<void> {
  const server = await rawServer(t)
  const url = `ws://127.0.0.1:${server.port}${one.path ?? '/'}`
  const dialled = dial(url, { compress: false, ...one.options })
  if (one.refused !== undefined)
    return void (await assert.rejects(dialled, { name: one.refused, code: 'WS_ERR_ARGUMENT' }))
  const outcome = dialled.catch((error: unknown) => error)
  const peer = await server.accept()
  const request = await rawAnswer(peer, one.answer)
  const { line, ...headers } = one.request ?? {}
  if (line !== undefined) assert.equal(request.line, line)
  expectHeaders(request, headers)
  const result = await outcome
  if (one.fails === undefined) await usable(result as Awaited<typeof dialled>, peer, one.protocol ?? '')
  else await refusedWith(one.fails, result, peer)
}

async function usable(
  conn: Awaited<ReturnType<typeof dial>>,
  peer: RawPeer,
  protocol: string,
): Promise<void> {
  if (conn instanceof Error) throw conn
  assert.equal(conn.protocol, protocol)
  peer.write(serverFrame(1, 'open'))
  assert.equal((await conn.read())?.text(), 'open')
  await conn.send('open')
  const frame = await peer.readFrame()
  assert.deepEqual([frame.masked, frame.payload.toString()], [true, 'open'])
  conn.terminate()
}

async function refusedWith(status: number, result: unknown, peer: RawPeer): Promise<void> {
  assert.ok(result instanceof HandshakeError, `refused, and not ${String(result)}`)
  assert.equal(result.status, status)
  assert.equal((await peer.readToEnd().catch(() => Buffer.alloc(0))).length, 0, 'no frame is sent')
}

function expectHeaders({ headers }: RawHead, expected: Expected): void {
  for (const [name, value] of Object.entries(expected)) {
    const got = headers[name]
    if (value instanceof RegExp) assert.match(got ?? '', value, name)
    else assert.equal(got, value, name)
  }
}

export { acceptKey }
