import type { Socket } from 'node:net'
import { type Head, parseHead } from './http-head.js'

/** What came in place of a head, or the head and what stood behind it. */
export type HeadRead =
  | { readonly kind: 'head'; readonly head: Head; readonly rest: Buffer }
  | { readonly kind: 'ended'; readonly how: string }
  | { readonly kind: 'silence' }

/** Nobody needs a longer head. */
const LONGEST = 1 << 20

/** Reads the head of an HTTP message; the socket is left paused, as the rest belongs to somebody else. */
export function readHead(socket: Socket, milliseconds: number): Promise<HeadRead> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0)
    const done = (read: HeadRead): void => {
      clearTimeout(timer)
      socket.off('data', take).off('end', ended).off('close', ended).off('error', broken)
      socket.pause()
      // Whatever goes wrong before somebody listens again shows itself by the end of the connection.
      socket.on('error', () => undefined)
      resolve(read)
    }
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk])
      const parsed = parseHead(bytes)
      if (parsed !== undefined) done({ kind: 'head', head: parsed.head, rest: bytes.subarray(parsed.end) })
      else if (bytes.length > LONGEST) done({ kind: 'ended', how: 'sent an endless head' })
    }
    const ended = (): void => done({ kind: 'ended', how: 'ended TCP' })
    const broken = (error: NodeJS.ErrnoException): void =>
      done({ kind: 'ended', how: `broke TCP: ${error.code ?? error.message}` })
    const timer = setTimeout(() => done({ kind: 'silence' }), milliseconds)
    socket.on('data', take).on('end', ended).on('close', ended).on('error', broken)
  })
}
