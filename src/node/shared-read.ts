// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import { Socket } from 'node:net'

/** One read takes at most this much. */
const READ_SIZE = 64 << 10

/** What all sockets are read into, one after the other: whoever is told of bytes is done with them when it returns. */
const shared = Buffer.allocUnsafeSlow(READ_SIZE)

/** The fields of a net.Socket that Node does not document. */
interface Internals {
  _handle: { constructor: { name: string }; reading?: boolean } | null
  _server: unknown
  server: unknown
  _getpeername(): unknown
  _getsockname(): unknown
}

/** Who reads, and where the next bytes had best be put. */
export interface SharedReader {
  onRead(memory: Buffer, length: number): void
  room(): Buffer | undefined
}

const isOff = process.env.FASTWS_PORTABLE === '1'

/**
 * Moves an open plain TCP connection to a socket that reads into shared memory (the documented `onread` option, which
 * accepted sockets cannot be given): no allocation and no stream machinery for each read. Undefined when the connection
 * is not of the kind this works for; then nothing has changed.
 *
 * The old socket stays what the request knows: its addresses, its `destroy()` and its `close` event keep their meaning,
 * and the server counts the connection as before.
 */
export function moveToSharedRead(old: Socket, reader: SharedReader): Socket | undefined {
  const from = old as unknown as Internals
  const handle = from._handle
  if (isOff || handle === null || !canMove(old, handle)) return undefined
  from._handle = null
  const moved = new Socket({
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: () => reader.room() ?? shared,
      callback: (length: number, memory: Buffer) => {
        reader.onRead(memory, length)
        return true
      },
    },
  } as ConstructorParameters<typeof Socket>[0])
  const to = moved as unknown as Internals
  to._server = from._server
  to.server = from.server
  from._server = null
  tie(old, from, moved, to)
  return moved
}

function canMove(old: Socket, handle: NonNullable<Internals['_handle']>): boolean {
  if (old.constructor !== Socket || handle.constructor.name !== 'TCP') return false
  if (old.destroyed || old.connecting || !old.readable || !old.writable) return false
  return old.readableLength === 0 && old.writableLength === 0 && 'reading' in handle
}

/** What is done to the old socket, or asked of it, is done to the new one. */
function tie(old: Socket, from: Internals, moved: Socket, to: Internals): void {
  old.removeAllListeners('data')
  from._getpeername = () => to._getpeername()
  from._getsockname = () => to._getsockname()
  old._destroy = function (error, callback) {
    moved.destroy()
    Socket.prototype._destroy.call(this, error, callback)
  }
  closeBehind(old, moved)
}

/**
 * The new socket does not hold the old one unless somebody listens to it: else it goes with the request, when nobody
 * keeps that. (A function of its own: closures of one function share what any of them captures.)
 */
function closeBehind(old: Socket, moved: Socket): void {
  const known = new WeakRef(old)
  let held = old.listenerCount('close') > 0 ? old : undefined
  old.on('newListener', () => {
    held = known.deref()
  })
  moved.once('close', () => (held ?? known.deref())?.destroy())
}
