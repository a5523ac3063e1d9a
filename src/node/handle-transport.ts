// Uses parts of Node that are not documented; checked on Node 20, 22, 24 and 26. Off switch: FASTWS_PORTABLE=1.
// Hot: run benchmarks/e2e before and after any edit.
import type { Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { type Begun, beginWrite, beginWriteAll } from './begin-write.js'
import { beginRead, type Resting, rest, Share, TIMED_FROM } from './fair-turns.js'
import { type Address, addressOf, type Handle, parts, type Request } from './handle.js'
import { type Counting, leave, type Taker } from './left-socket.js'
import { sharedMemory } from './shared-memory.js'
import type { Transport, TransportEvents } from './transport.js'

const OWNER = parts?.OWNER ?? Symbol('no owner')

/**
 * A TCP connection or a pipe without its net.Socket: what comes is read into shared memory, what goes is written from
 * where it lies, with no stream, no new object and no turn of the event loop in between.
 */
export class HandleTransport implements Transport, Taker, Resting {
  readonly handle: Handle
  readonly keeps = 'until it has left'
  readonly #server: Counting | undefined
  left: Socket | undefined
  /** There from `open()` on: a connection may fail to be made, and its socket is dropped then. */
  #events: TransportEvents | undefined
  /** What the next bytes are read into. */
  #memory: Buffer = sharedMemory
  #bytesRead: number
  #remote: Address | undefined
  #local: Address | undefined
  #paused = false
  /** It has more to say than the others, who have their turn now. */
  #rests = false
  #share: Share | undefined
  /** The peer's FIN has come; ours was asked for; ours has left. */
  #readEnded = false
  #ending = false
  #writeEnded = false
  #error: Error | undefined
  isOver = false

  constructor(socket: Socket, handle: Handle) {
    this.handle = handle
    if (socket.timeout) socket.setTimeout(0)
    socket.setNoDelay(true) // which knows whether it has been done
    this.#server = leave(socket, this)
    this.#bytesRead = handle.bytesRead
    handle[OWNER] = this
    handle.onread = onRead
    handle.useUserBuffer(sharedMemory)
  }

  open(events: TransportEvents): void {
    this.#events = events
    if (!this.#paused) this.#start()
  }

  get pending(): number {
    return this.isOver ? 0 : this.handle.writeQueueSize
  }

  write(bytes: Buffer): boolean {
    if (this.isOver || this.#ending) return this.#ending
    return this.#hasLeft(beginWrite(this.handle, bytes), bytes)
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.isOver || this.#ending) return this.#ending
    return this.#hasLeft(beginWriteAll(this.handle, pieces), pieces)
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    this.#start()
  }

  end(): void {
    if (this.isOver || this.#ending) return
    this.#ending = true
    const request = new parts!.EndRequest()
    request.oncomplete = onEnded
    request.owner = this
    const result = this.handle.shutdown(request)
    // 1: it was over at once.
    if (result === 1) this.#onWriteEnded()
    else if (result < 0) this.#onEndFailed(result)
  }

  destroy(): void {
    if (this.isOver) return
    this.isOver = true
    this.handle.close(onClosing)
    if (this.#server === undefined) return
    this.#server._connections--
    this.#server._emitCloseIfDrained?.()
  }

  get remoteAddress(): string | undefined {
    return this.#askRemote().address
  }

  get remotePort(): number | undefined {
    return this.#askRemote().port
  }

  get localAddress(): string | undefined {
    return this.#askLocal().address
  }

  get localPort(): number | undefined {
    return this.#askLocal().port
  }

  #hasLeft(begun: Begun, held: Buffer | readonly Buffer[]): boolean {
    if (begun === 0) return true
    if (typeof begun === 'number') {
      this.#fail(begun, 'write')
      return false
    }
    begun.oncomplete = onWritten
    begun.owner = this
    begun.held = held
    return false
  }

  #askRemote(): Address {
    this.#remote ??= addressOf(this.handle, 'getpeername')
    return this.#remote
  }

  #askLocal(): Address {
    this.#local ??= addressOf(this.handle, 'getsockname')
    return this.#local
  }

  wake(): void {
    this.#rests = false
    if (!this.#paused) this.#start()
  }

  #stop(): void {
    if (this.isOver || !this.handle.reading) return
    this.handle.reading = false
    this.handle.readStop()
  }

  #start(): void {
    const { handle } = this
    if (this.isOver || this.#readEnded || this.#rests || handle.reading) return
    handle.reading = true
    const result = handle.readStart()
    if (result !== 0) this.#fail(result, 'read')
  }

  /** Something was read, or the end, or an error; gives the memory for the next bytes where that changes. */
  onRead(): Buffer | undefined {
    const { bytesRead } = this.handle
    const length = bytesRead - this.#bytesRead
    beginRead(this, this.#share, length)
    if (length === 0) return this.#onSilence(parts!.explainSilence())
    this.#bytesRead = bytesRead
    const memory = this.#memory
    const events = this.#events!
    if (length === memory.length) this.#beginShare(true)
    else if (this.#share !== undefined && length >= TIMED_FROM) this.#beginShare(false)
    events.bytes(memory, 0, length)
    const next = events.room() ?? this.#share?.memory ?? sharedMemory
    if (next === memory) return undefined
    this.#memory = next
    return next
  }

  share(): void {
    this.#share ??= new Share()
  }

  /** libuv stops at a read that is not full: then it is somebody else's turn anyway. */
  #beginShare(isFull: boolean): void {
    this.#share ??= new Share()
    if (!this.#share.begin(isFull)) return
    this.#rests = true
    this.#stop()
    rest(this)
  }

  #onSilence(silence: Error | 'end' | undefined): undefined {
    if (silence === undefined || this.isOver) return
    if (silence !== 'end') {
      this.#error ??= silence
      this.destroy()
      return
    }
    this.#readEnded = true
    this.#events!.ended()
    this.#destroyWhenEnded()
  }

  onWritten(status: number): void {
    if (this.isOver) return
    if (status < 0) this.#fail(status, 'write')
    else if (this.handle.writeQueueSize === 0) this.#events!.drained()
  }

  onEnded(status: number): void {
    if (this.isOver) return
    if (status < 0) this.#onEndFailed(status)
    else this.#onWriteEnded()
  }

  #onWriteEnded(): void {
    this.#writeEnded = true
    this.#destroyWhenEnded()
  }

  /** To end what the peer has ended by a reset is no error: what it sent before may still be read. */
  #onEndFailed(result: number): void {
    if (getSystemErrorName(result) === 'ENOTCONN') this.#onWriteEnded()
    else this.#fail(result, 'shutdown')
  }

  #destroyWhenEnded(): void {
    if (this.#readEnded && this.#writeEnded) this.destroy()
  }

  #fail(result: number, syscall: string): void {
    const code = getSystemErrorName(result)
    this.#error ??= Object.assign(new Error(`${syscall} ${code}`), { code, errno: result, syscall })
    this.destroy()
  }

  onClosed(): void {
    this.#memory = sharedMemory
    this.#events?.closed(this.#error)
    this.left?.destroy()
  }
}

const ownerOf = (handle: Handle): HandleTransport => handle[OWNER] as HandleTransport

function onRead(this: Handle): Buffer | undefined {
  return ownerOf(this).onRead()
}

function onWritten(this: Request, status: number): void {
  this.held = undefined
  ;(this.owner as HandleTransport).onWritten(status)
}

function onEnded(this: Request, status: number): void {
  ;(this.owner as HandleTransport).onEnded(status)
}

function onClosing(this: Handle): void {
  ownerOf(this).onClosed()
}
