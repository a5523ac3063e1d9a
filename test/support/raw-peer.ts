import type net from 'node:net'
import type { Duplex } from 'node:stream'
import { deferred } from './events.js'
import { asBytes, toHex } from './hex.js'
import { type ReadFrame, readWireFrame } from './wire.js'

/** The TCP below a peer, whatever it speaks. */
export const tcpOf = ({ socket }: RawPeer): net.Socket =>
  (socket as { _parent?: net.Socket | null })._parent ?? (socket as net.Socket)

/** Resets a connection, as a broken or hostile peer does; `destroy()` would end it politely when all has been read. */
export const reset = (peer: RawPeer): void => void tcpOf(peer).resetAndDestroy()

/**
 * One end of a byte stream that is written and read by hand: it knows nothing of WebSocket but `readFrame()`.
 *
 * The socket is half-open: when the peer ends its side, ours stays until `socket.end()` or `destroy()`.
 */
export class RawPeer {
  readonly socket: Duplex
  /** Settles when the socket is gone: with the error that ended it (ECONNRESET …), or undefined. Never rejects. */
  readonly closed: Promise<Error | undefined>
  readonly #chunks: Buffer[] = []
  #buffered = 0
  #ended = false
  #error: Error | undefined
  #news = deferred()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(socket: Duplex, head: Buffer = Buffer.alloc(0)) {
    this.socket = socket
    const closed = deferred<Error | undefined>()
    this.closed = closed.promise
    if (head.length > 0) this.#take(head)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.#end())
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => {
      this.#end()
      closed.resolve(this.#error)
    })
  }

  /** Bytes that have come and were not read. */
  get buffered(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Whether the peer has ended its side, or the socket is gone. */
  get ended(): boolean {
    return this.#ended
  }

  /** Writes bytes, or hex digits (white space ignored), in one piece. */
  write(data: string | Uint8Array): void {
    this.socket.write(asBytes(data))
  }

  /** Writes text as it is, for what HTTP needs. */
  writeText(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Waits for exactly so many bytes; rejects when the stream ends before. Reads are served in call order. */
  read(count: number): Promise<Buffer> {
    return this.#inTurn(() => this.#wait(() => (this.#buffered >= count ? count : undefined)))
  }

  /** Reads up to a sequence of bytes, which is part of what is returned. A string is text here, not hex. */
  readUntil(mark: string | Uint8Array): Promise<Buffer> {
    const wanted = Buffer.from(mark)
    return this.#inTurn(() =>
      this.#wait(() => {
        const at = this.buffered.indexOf(wanted)
        return at < 0 ? undefined : at + wanted.length
      }),
    )
  }

  /** Reads one WebSocket frame and takes its mask off. */
  readFrame(): Promise<ReadFrame> {
    return this.#inTurn(() =>
      readWireFrame((count) => this.#wait(() => (this.#buffered >= count ? count : undefined))),
    )
  }

  /** Everything up to the end of the stream; rejects when a reset ends it. */
  readToEnd(): Promise<Buffer> {
    return this.#inTurn(async () => {
      while (!this.#ended) await this.#news.promise
      if (this.#error !== undefined) throw this.#error
      return this.#remove(this.#buffered)
    })
  }

  destroy(): void {
    this.socket.destroy()
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(read)
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #wait(length: () => number | undefined): Promise<Buffer> {
    for (;;) {
      const found = length()
      if (found !== undefined) return this.#remove(found)
      if (this.#ended)
        throw new Error(`Stream ended before what was waited for; left: '${toHex(this.buffered)}'`, {
          cause: this.#error,
        })
      await this.#news.promise
    }
  }

  #remove(count: number): Buffer {
    const all = this.buffered
    this.#chunks.length = 0
    this.#buffered = 0
    if (count < all.length) this.#keep(all.subarray(count))
    return all.subarray(0, count)
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
  }

  #take(chunk: Buffer): void {
    this.#keep(chunk)
    this.#wake()
  }

  #end(): void {
    this.#ended = true
    this.#wake()
  }

  #wake(): void {
    this.#news.resolve()
    this.#news = deferred()
  }
}
