import type { Duplex } from 'node:stream'

/** How long a peer may take to close its side after the last answer. */
const LINGER = 2_000

const ignore = (): void => undefined

/**
 * Writes the last bytes and ends the socket so that the peer can read them: closing while something it sent is unread
 * makes TCP reset the connection, and the answer is lost on the way. So what still comes in is read and dropped, until
 * the peer closes or a short while has passed.
 */
export function endGently(socket: Duplex, bytes?: Uint8Array): void {
  socket.on('error', ignore)
  if (bytes === undefined) socket.end()
  else socket.end(bytes)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER).unref()
  socket.once('close', () => clearTimeout(timer))
}
