import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { toError } from '../errors.js'
import { beginRead, type Resting, rest, Share, TIMED_FROM } from './fair-turns.js'
import { type Reader, readPast, type TlsRead, tlsHandleOf } from './tls-read.js'
import type { Transport, TransportEvents } from './transport.js'
import { queuedIn } from './write-queue.js'

/** Where a stream has its transport: listeners find it there, so that all connections share the same few functions. */
const TRANSPORT = Symbol('fastws transport')

type Watched = Duplex & { [TRANSPORT]: StreamTransport }

/** A chunk of this size is a sign that more is waiting: it is that of a TLS record. */
const LARGE = 16 << 10

let onEnd: (this: Watched) => void
let onClose: (this: Watched) => void
let onError: (this: Watched, error: Error) => void

/** Any Node stream as a transport; the bytes of a TLS connection are read past it where that works. */
export class StreamTransport implements Transport, Reader, Resting {
  readonly #stream: Duplex
  /** Chunks are made for us alone: they may be unmasked in place. */
  readonly #ownsChunks: boolean
  readonly keeps: Transport['keeps']
  #events!: TransportEvents
  #waitsForDrain = false
  #paused = false
  /** It has more to say than the others, who have their turn now. */
  #rests = false
  #share: Share | undefined
  #error: Error | undefined
  #past: TlsRead | undefined
  readonly #onWritten = (): void => this.#written()

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#ownsChunks = stream instanceof Socket
    this.keeps = keepsOf(stream)
    this.#watchErrors()
  }

  open(events: TransportEvents): void {
    this.#events = events
    const stream = this.#stream
    if (stream instanceof Socket) prepare(stream)
    this.#past = readPast(stream, this)
    if (this.#past === undefined) stream.on('data', (chunk: Buffer | string) => this.#onData(chunk))
    stream.on('end', onEnd)
    stream.on('close', onClose)
    if (stream.destroyed) process.nextTick(() => events.closed(this.#error))
    else if (stream.readableEnded) process.nextTick(() => events.ended())
    // A listener alone would not start a stream that somebody has paused, as a client does behind its handshake.
    if (this.#paused) this.pause()
    else this.resume()
  }

  get pending(): number {
    const { writableLength } = this.#stream
    return writableLength === 0 || this.#stream.destroyed
      ? 0
      : Math.min(writableLength, queuedIn(this.#stream))
  }

  write(bytes: Buffer): boolean {
    if (this.#isClosed()) return this.#stream.writableEnded
    try {
      this.#stream.write(this.#mayTake(bytes), this.#onWritten)
    } catch (thrown) {
      return this.#lose(thrown)
    }
    return this.#hasLeft()
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.#isClosed()) return this.#stream.writableEnded
    const stream = this.#stream
    stream.cork()
    try {
      for (const piece of pieces) stream.write(piece, this.#onWritten)
      stream.uncork()
    } catch (thrown) {
      return this.#lose(thrown)
    }
    return this.#hasLeft()
  }

  pause(): void {
    this.#paused = true
    this.#stop()
  }

  resume(): void {
    this.#paused = false
    this.#start()
  }

  wake(): void {
    this.#rests = false
    if (!this.#paused) this.#start()
  }

  onRead(memory: Buffer, length: number): void {
    beginRead(this, this.#share, length)
    if (length >= LARGE) this.#beginShare(true)
    else if (this.#share !== undefined && length >= TIMED_FROM) this.#beginShare(false)
    this.#events.bytes(memory, 0, length)
  }

  room(): Buffer | undefined {
    return this.#events.room()
  }

  end(): void {
    if (!this.#stream.writableEnded) this.#stream.end()
  }

  destroy(): void {
    this.#stream.destroy()
  }

  get remoteAddress(): string | undefined {
    return (this.#stream as Partial<Socket>).remoteAddress
  }

  get remotePort(): number | undefined {
    return (this.#stream as Partial<Socket>).remotePort
  }

  get localAddress(): string | undefined {
    return (this.#stream as Partial<Socket>).localAddress
  }

  get localPort(): number | undefined {
    return (this.#stream as Partial<Socket>).localPort
  }

  #start(): void {
    if (this.#rests) return
    this.#past?.resume()
    this.#stream.resume()
  }

  #stop(): void {
    this.#past?.pause()
    this.#stream.pause()
  }

  share(): void {
    this.#share ??= new Share()
  }

  #beginShare(isFull: boolean): void {
    this.#share ??= new Share()
    if (!this.#share.begin(isFull) || this.#rests) return
    this.#rests = true
    this.#stop()
    rest(this)
  }

  #isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.writableEnded
  }

  /** A stream of the application's own may throw; others' bytes are being written in the same turn. */
  #lose(thrown: unknown): false {
    this.#error ??= toError(thrown)
    this.#stream.destroy()
    return false
  }

  #hasLeft(): boolean {
    if (this.#stream.writableLength === 0) return true
    this.#waitsForDrain = true
    return false
  }

  /** Behind somebody else's write, that of the handshake, ours has to wait after all. */
  #mayTake(bytes: Buffer): Buffer {
    if (this.keeps !== 'for the call') return bytes
    return this.#stream.writableLength === 0 && this.#stream.writableCorked === 0 ? bytes : Buffer.from(bytes)
  }

  /** An upgraded socket starts without a listener for errors, and a reset would end the process. */
  #watchErrors(): void {
    const stream = this.#stream as Watched
    stream[TRANSPORT] = this
    stream.on('error', onError)
  }

  #onData(chunk: Buffer | string): void {
    const bytes = typeof chunk === 'string' || !this.#ownsChunks ? Buffer.from(chunk as Buffer) : chunk
    this.onRead(bytes, bytes.length)
  }

  static {
    onEnd = function (this: Watched) {
      this[TRANSPORT].#events.ended()
    }
    onClose = function (this: Watched) {
      const transport = this[TRANSPORT]
      transport.#events.closed(transport.#error)
    }
    onError = function (this: Watched, error) {
      this[TRANSPORT].#error ??= error
      this.destroy() // not every stream does that by itself
    }
  }

  #written(): void {
    if (!this.#waitsForDrain || this.#stream.writableLength > 0) return
    this.#waitsForDrain = false
    this.#events.drained()
  }
}

function keepsOf(stream: Duplex): Transport['keeps'] {
  if (tlsHandleOf(stream) !== undefined) return 'for the call'
  return stream instanceof Socket && !(stream instanceof TLSSocket) ? 'until it has left' : 'for ever'
}

function prepare(socket: Socket): void {
  // As the sockets of an HTTP server are: what waits goes out although the peer has ended its side, then we end ours.
  socket.allowHalfOpen = true
  socket.setTimeout(0)
  socket.setNoDelay(true)
}
