import { createHash, randomBytes } from 'node:crypto'
import { asBytes } from './hex.js'
import type { RawPeer } from './raw-peer.js'
import { type RawOptions, type RawTarget, rawConnect } from './raw-socket.js'

/** Header lines: a list repeats the line, undefined leaves out one that would be there by default. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

export interface RawHandshakeOptions extends RawOptions {
  /** Default `/`. */
  readonly path?: string
  /** Default GET. */
  readonly method?: string
  /** On top of, or instead of, those of a correct handshake. */
  readonly headers?: RawHeaders
  /** Bytes or hex that go out in the same packet, right behind the head. */
  readonly trailing?: string | Uint8Array
}

/** The head of an HTTP message. */
export interface RawHead {
  /** The first line. */
  readonly line: string
  /** Of a response. */
  readonly status: number
  /** Names in lower case; repeated ones joined with ', '. */
  readonly headers: Readonly<Record<string, string>>
}

export interface RawHandshake {
  readonly peer: RawPeer
  readonly head: RawHead
  /** What had come behind the head by then. It can still be read from `peer`. */
  readonly leftover: Buffer
  /** The `Sec-WebSocket-Key` that was sent. */
  readonly key: string
}

/**
 * Performs a client's opening handshake by hand. What the server answers is returned, whatever it is.
 *
 *     const { peer, head } = await rawHandshake(port, { t, headers: { 'Sec-WebSocket-Version': '12' } })
 *     assert.equal(head.status, 426)
 */
export async function rawHandshake(
  target: RawTarget,
  options: RawHandshakeOptions = {},
): Promise<RawHandshake> {
  const peer = await rawConnect(target, options)
  const key = randomBytes(16).toString('base64')
  const lines = headerLines(clientHeaders(key), options.headers)
  const head = `${options.method ?? 'GET'} ${options.path ?? '/'} HTTP/1.1\r\n${lines}\r\n`
  peer.write(Buffer.concat([Buffer.from(head, 'latin1'), asBytes(options.trailing ?? '')]))
  return { peer, head: await readHead(peer), leftover: peer.buffered, key }
}

/** Reads the head of an HTTP message, up to and with the empty line. */
export async function readHead(peer: RawPeer): Promise<RawHead> {
  const [line = '', ...fields] = (await peer.readUntil('\r\n\r\n')).toString('latin1').trimEnd().split('\r\n')
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return { line, status: Number(line.split(' ')[1]), headers }
}

export interface RawAnswerOptions {
  /** On top of, or instead of, those of a correct answer. */
  readonly headers?: RawHeaders
  /** Instead of `HTTP/1.1 101 Switching Protocols`. */
  readonly line?: string
  /** Bytes or hex that go out in the same packet, right behind the head. */
  readonly trailing?: string | Uint8Array
}

/**
 * Reads a client's handshake and answers it, correctly unless told otherwise; returns the head of the request.
 *
 *     const server = await rawServer(t)
 *     const dialled = dial(`ws://127.0.0.1:${server.port}`)
 *     const peer = await server.accept()
 *     await rawAnswer(peer, { headers: { 'Sec-WebSocket-Accept': 'wrong' } })
 *     await assert.rejects(dialled, HandshakeError)
 */
export async function rawAnswer(peer: RawPeer, options: RawAnswerOptions = {}): Promise<RawHead> {
  const request = await readHead(peer)
  const lines = headerLines(serverHeaders(request.headers['sec-websocket-key'] ?? ''), options.headers)
  const head = `${options.line ?? 'HTTP/1.1 101 Switching Protocols'}\r\n${lines}\r\n`
  peer.write(Buffer.concat([Buffer.from(head, 'latin1'), asBytes(options.trailing ?? '')]))
  return request
}

/** The answer to a handshake key (RFC 6455 §4.2.2), worked out apart from the product. */
export const acceptKey = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

const clientHeaders = (key: string): RawHeaders => ({
  Host: 'localhost',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': key,
  'Sec-WebSocket-Version': '13',
})

const serverHeaders = (key: string): RawHeaders => ({
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Accept': acceptKey(key),
})

/** Header lines of both sets; a name of the second replaces the same name of the first, however it is cased. */
function headerLines(defaults: RawHeaders, given: RawHeaders = {}): string {
  const replaced = new Set(Object.keys(given).map((name) => name.toLowerCase()))
  const kept = Object.entries(defaults).filter(([name]) => !replaced.has(name.toLowerCase()))
  let lines = ''
  for (const [name, value] of [...kept, ...Object.entries(given)])
    for (const one of value === undefined ? [] : [value].flat()) lines += `${name}: ${one}\r\n`
  return lines
}
