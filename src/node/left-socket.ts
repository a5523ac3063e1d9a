// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { type Address, addressOf, type Handle } from './handle.js'

/** Who has taken a connection from its socket. */
export interface Taker {
  readonly handle: Handle
  readonly isOver: boolean
  /** The socket, while somebody listens to what it tells: else it goes with the request, when nobody keeps that. */
  left: Socket | undefined
  destroy(): void
}

/** Where a left socket finds who has its connection, and how much had moved there when its timer was set. */
const TAKER = Symbol('fastws taker')
const MOVED = Symbol('fastws moved')

/** The server that counts a connection, so that `close()` knows when the last one has gone. */
export interface Counting {
  _connections: number
  _emitCloseIfDrained?(): void
}

/** The fields of a net.Socket that Node does not document. */
interface Internals {
  _handle: Handle | null
  _server?: Counting | null
}

const bytesMoved = ({ handle }: Taker): number => handle.bytesRead + handle.bytesWritten

/**
 * What a socket is once its connection has been taken: what is done to it, or asked of it, is done to the connection. It
 * is given these methods one by one: nearly all are dropped at once, with the request that they came with, and a new
 * prototype costs ten times as much.
 */
class LeftSocket extends Socket {
  declare [TAKER]: Taker
  declare [MOVED]: number

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this[TAKER].destroy()
    super._destroy(error, callback)
  }

  /** It has nothing to finish. Node 20 would wait for a handle that never comes, and `destroySoon()` with it. */
  override _final(callback: (error?: Error | null) => void): void {
    callback()
  }

  override setNoDelay(noDelay = true): this {
    this[TAKER].handle.setNoDelay?.(noDelay)
    return this
  }

  override setKeepAlive(enable = false, initialDelay = 0): this {
    this[TAKER].handle.setKeepAlive?.(enable, Math.floor(initialDelay / 1000))
    return this
  }

  override ref(): this {
    this[TAKER].handle.ref()
    return this
  }

  override unref(): this {
    this[TAKER].handle.unref()
    return this
  }

  override setTimeout(timeout: number, callback?: () => void): this {
    this[MOVED] = bytesMoved(this[TAKER])
    return super.setTimeout(timeout, callback)
  }

  /** Node's timer for inactivity is over. It has not seen what moved since: if anything did, it begins anew. */
  _onTimeout(): void {
    if (this[TAKER].isOver) return
    if (bytesMoved(this[TAKER]) === this[MOVED]) this.emit('timeout')
    else this.setTimeout(this.timeout ?? 0)
  }

  _getpeername(): Address {
    return addressOf(this[TAKER].handle, 'getpeername')
  }

  _getsockname(): Address {
    return addressOf(this[TAKER].handle, 'getsockname')
  }
}

const {
  _destroy,
  _final,
  setNoDelay,
  setKeepAlive,
  ref,
  unref,
  setTimeout,
  _onTimeout,
  _getpeername,
  _getsockname,
} = LeftSocket.prototype

const destroyed: PropertyDescriptor & ThisType<LeftSocket> = {
  configurable: true,
  get() {
    return this[TAKER].isOver || Reflect.get(Socket.prototype, 'destroyed', this)
  },
}

/** Past the wrapper that an HTTP server puts around `on()` of its sockets, to see who reads: it has to look first. */
const { on } = EventEmitter.prototype

/** Somebody listens: the socket has to be there when the connection closes. */
function keepLeft(this: LeftSocket): void {
  this[TAKER].left = this
}

function become(left: LeftSocket): void {
  left._destroy = _destroy
  left._final = _final
  left.setNoDelay = setNoDelay
  left.setKeepAlive = setKeepAlive
  left.ref = ref
  left.unref = unref
  left.setTimeout = setTimeout
  left._onTimeout = _onTimeout
  left._getpeername = _getpeername
  left._getsockname = _getsockname
  Object.defineProperty(left, 'destroyed', destroyed)
}

/** Takes the connection of a socket; gives the server that counts it, if one does. */
export function leave(socket: Socket, taker: Taker): Counting | undefined {
  const internals = socket as unknown as Internals
  const server = internals._server ?? undefined
  internals._handle = null
  if (server !== undefined) internals._server = null
  const left = socket as LeftSocket
  left[TAKER] = taker
  become(left)
  // Most have none, and removing costs as much as everything else here.
  if (left.listenerCount('data') > 0) left.removeAllListeners('data')
  if (left.listenerCount('close') > 0) taker.left = left
  else on.call(left, 'newListener', keepLeft)
  return server
}
