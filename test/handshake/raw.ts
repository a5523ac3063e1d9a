import type { TestContext } from 'node:test'
import { type RawPeer, rawConnect } from '../support/index.js'

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
  readonly peer: RawPeer
  /** Empty for a 101. */
  readonly body: string
  /** The server ended the connection, without resetting it. */
  readonly ended: boolean
}

function parse(head: string): Pick<RawResponse, 'status' | 'headers'> {
  const [start = '', ...lines] = head.trimEnd().split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const name = nameOf(line)
    headers.set(name, [...(headers.get(name) ?? []), line.slice(name.length + 1).trim()])
  }
  return { status: Number(start.split(' ')[1]), headers }
}

/** Sends bytes and reads the answer: a 101 up to its headers, anything else until the connection ends. */
export async function exchange(t: TestContext, target: RawPeer | number, text: string): Promise<RawResponse> {
  const peer = typeof target === 'number' ? await rawConnect(target, { t }) : target
  peer.writeText(text)
  const head = parse((await peer.readUntil('\r\n\r\n')).toString('latin1'))
  if (head.status === 101) return { ...head, peer, body: '', ended: false }
  const body = (await peer.readToEnd()).toString()
  peer.socket.end()
  return { ...head, peer, body, ended: true }
}
