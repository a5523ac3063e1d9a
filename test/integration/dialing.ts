import assert from 'node:assert/strict'
import { type DialOptions, dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import { acceptKey, FakeClock, type RawPeer, type RawServer } from '../support/index.js'

/** Waits for a dial to fail as it should, and gives the error. */
export async function refused(dialled: Promise<unknown>): Promise<HandshakeError> {
  const error = await dialled.then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof HandshakeError, String(error))
  assert.ok(error.message.startsWith('Cannot open a WebSocket: '), error.message)
  return error
}

/** A dial to a server that is answered by hand. */
export interface Dialled {
  readonly peer: RawPeer
  /** The head of the request as it came. */
  readonly request: string
  readonly dialled: ReturnType<typeof dial>
  /** Time stands still but for `clock.advance()`. */
  readonly clock: FakeClock
}

/** Dials a server and reads the request; the rest is up to the test. */
export async function dialRaw(
  server: RawServer,
  options: DialOptions = {},
  url = `ws://127.0.0.1:${server.port}/`,
): Promise<Dialled> {
  const clock = new FakeClock()
  const dialled = dial(url, { clock, ...options })
  dialled.catch(() => undefined)
  const peer = await server.accept()
  const request = (await peer.readUntil('\r\n\r\n')).toString('latin1')
  return { peer, request, dialled, clock }
}

/** The header lines of a request by lower-case name. */
export function headersOf(request: string): Map<string, string> {
  const lines = request.trimEnd().split('\r\n').slice(1)
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
}

/** Waits until the other side has let go of its socket, by an end or a reset. */
export async function gone(peer: RawPeer): Promise<void> {
  await peer.readToEnd().catch(() => undefined)
}

/** The answer to a request, with more header lines. */
export function acceptedBy(request: string, more = ''): string {
  const accept = acceptKey(headersOf(request).get('sec-websocket-key') ?? '')
  const head = 'HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  return `${head}Sec-WebSocket-Accept: ${accept}\r\n${more}\r\n`
}
