import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Transport, TransportEvents } from './transport.js'

/** Any Node stream as a transport, through its documented interface alone. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex
  /** Chunks are made for us alone: they may be unmasked in place. */
  readonly #ownsChunks: boolean
  readonly mayLend: boolean
  #events: TransportEvents | undefined
  #waitsForDrain = false
  #error: Error | undefined
  readonly #onWritten = (): void => this.#written()

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#ownsChunks = stream instanceof Socket
    this.mayLend = stream instanceof Socket && !(stream instanceof TLSSocket)
    // Before anything else: an upgraded socket starts without a listener, and a reset would end the process.
    stream.on('error', (error) => {
      this.#error ??= error
    })
  }

  open(events: TransportEvents): void {
    this.#events = events
    const stream = this.#stream
    if (stream instanceof Socket) {
      stream.setTimeout(0)
      stream.setNoDelay(true)
    }
    stream.on('data', (chunk: Buffer | string) => this.#onData(chunk))
    stream.on('end', () => events.ended())
    stream.on('close', () => events.closed(this.#error))
    if (stream.destroyed || stream.closed) process.nextTick(() => events.closed(this.#error ?? undefined))
    else if (stream.readableEnded) process.nextTick(() => events.ended())
  }

  get pending(): number {
    return this.#stream.writableLength
  }

  write(bytes: Buffer): boolean {
    const stream = this.#stream
    if (stream.destroyed || stream.writableEnded) return true
    stream.write(bytes, this.#onWritten)
    if (stream.writableLength === 0) return true
    this.#waitsForDrain = true
    return false
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
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

  #onData(chunk: Buffer | string): void {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk) : this.#ownsChunks ? chunk : Buffer.from(chunk)
    this.#events!.bytes(bytes, 0, bytes.length)
  }

  #written(): void {
    if (!this.#waitsForDrain || this.#stream.writableLength > 0) return
    this.#waitsForDrain = false
    this.#events!.drained()
  }
}
