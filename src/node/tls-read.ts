// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type Handle, looksKnown, parts } from './handle.js'
import { sharedMemory } from './shared-memory.js'

/** Who reads, and where the next bytes had best be put. */
export interface Reader {
  onRead(memory: Buffer, length: number): void
  room(): Buffer | undefined
}

/** A TLS connection whose bytes come past its stream. */
export interface TlsRead {
  pause(): void
  resume(): void
}

type Internals = TLSSocket & { _handle: Handle | null; _unrefTimer?: () => void; secureConnecting: boolean }

/**
 * The handle of a TLS connection that is open, so that every write of it is encrypted before it returns: its memory is
 * free then, however long the write may take to leave.
 */
export function tlsHandleOf(stream: Duplex): Handle | undefined {
  if (parts === undefined || stream.constructor !== TLSSocket) return undefined
  const socket = stream as Internals
  const { _handle: handle } = socket
  if (handle === null || socket.connecting || socket.secureConnecting || socket.destroyed) return undefined
  return handle.constructor.name === 'TLSWrap' && looksKnown(handle) ? handle : undefined
}

/**
 * Reads decrypted bytes into shared memory. Their end, errors and everything else stay with the socket, which is told
 * as before.
 */
export function readPast(stream: Duplex, reader: Reader): TlsRead | undefined {
  const handle = tlsHandleOf(stream)
  if (handle === undefined || stream.readableLength > 0) return undefined
  const socket = stream as Internals
  const { onread } = handle
  let memory: Buffer = sharedMemory
  let { bytesRead } = handle
  handle.onread = function (given) {
    const length = this.bytesRead - bytesRead
    if (length === 0) return onread.call(this, given)
    bytesRead = this.bytesRead
    if (socket.timeout !== undefined) socket._unrefTimer?.()
    reader.onRead(memory, length)
    const next = reader.room() ?? sharedMemory
    if (next === memory) return undefined
    memory = next
    return next
  }
  handle.useUserBuffer(memory)
  return {
    pause() {
      handle.reading = false
      handle.readStop()
    },
    resume() {
      handle.reading = true
      handle.readStart()
    },
  }
}
