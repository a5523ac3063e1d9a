import type { Duplex } from 'node:stream'
import { HandshakeError } from '../errors.js'
import type { HandshakeResponse } from '../handshake/client.js'
import type { Attempt } from './attempt.js'
import { BodyReader } from './http-body.js'
import { ResponseReader } from './http-response.js'

/** Milliseconds that the body of a refusal may take: it only tells people why. */
const BODY_TIMEOUT = 2_000

/** The answer to a request, and the bytes that came behind its head. The socket is paused. */
export interface Answer {
  readonly response: HandshakeResponse
  readonly rest: Buffer
}

/** Sends a request and reads the head of the answer. */
export function exchange(attempt: Attempt, socket: Duplex, request: string): Promise<Answer> {
  const reader = new ResponseReader()
  return attempt.wait<Answer>((resolve, reject) => {
    const stop = listen(socket, {
      bytes(chunk) {
        const response = reader.append(chunk)
        if (response !== undefined) resolve({ response, rest: reader.rest })
      },
      ended: () => reject(ended(attempt)),
      failed: (error) =>
        reject(error instanceof HandshakeError ? error : attempt.failure('WS_ERR_SOCKET', error)),
    })
    socket.write(request, 'latin1')
    return stop
  })
}

/** Reads what can be had of a body, within limits of size and time; a broken one is no error of its own. */
export async function readBody(
  attempt: Attempt,
  socket: Duplex,
  { response, rest }: Answer,
): Promise<Buffer> {
  const reader = new BodyReader(response)
  reader.append(rest)
  if (reader.done) return reader.body
  return attempt.wait<Buffer>((resolve) => {
    const finish = (): void => resolve(reader.body)
    attempt.limit(Math.min(attempt.left, BODY_TIMEOUT), finish)
    return listen(socket, {
      bytes(chunk) {
        reader.append(chunk)
        if (reader.done) finish()
      },
      ended: finish,
      failed: finish,
    })
  })
}

const ended = (attempt: Attempt): HandshakeError =>
  new HandshakeError(
    'WS_ERR_EOF',
    `Cannot open a WebSocket: the connection ended during ${attempt.doing}, without a complete answer`,
  )

interface Listener {
  bytes(chunk: Buffer): void
  ended(): void
  failed(error: unknown): void
}

/** Reads a socket until told to stop, which leaves it paused: what comes later is not lost. */
function listen(socket: Duplex, listener: Listener): () => void {
  const data = (chunk: Buffer | Uint8Array | string): void => {
    try {
      listener.bytes(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk))
    } catch (thrown) {
      listener.failed(thrown)
    }
  }
  if (socket.destroyed || socket.readableEnded) listener.ended()
  socket.on('data', data).on('end', listener.ended).on('error', listener.failed).on('close', listener.ended)
  socket.resume()
  return () => {
    socket.pause()
    socket
      .off('data', data)
      .off('end', listener.ended)
      .off('error', listener.failed)
      .off('close', listener.ended)
  }
}
