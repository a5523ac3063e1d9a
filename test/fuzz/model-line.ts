import type { Transport, TransportEvents } from '../../src/node/transport.js'

/**
 * A transport between a connection and a model of its peer. What the connection writes is read from its memory only
 * when the line lets it out, as a kernel may do; what comes in waits here while the connection has paused it.
 */
export class ModelLine implements Transport {
  readonly keeps = 'until it has left'
  readonly remoteAddress = undefined
  readonly remotePort = undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  #events!: TransportEvents
  readonly #incoming: Buffer[] = []
  #waiting: Buffer[] = []
  readonly #out: Buffer[] = []
  #owesDrained = false
  #paused = false
  #peerEnds = false
  #toldEnd = false
  #isPumping = false
  /** What is written does not leave. */
  #isStuck = false
  ended = false
  destroyed = false

  open(events: TransportEvents): void {
    this.#events = events
  }

  get pending(): number {
    return this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  write(bytes: Buffer): boolean {
    if (this.ended) throw new Error('Written behind the end')
    this.#waiting.push(bytes)
    if (this.#isStuck) this.#owesDrained = true
    else this.#leave()
    return !this.#isStuck
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    return pieces.map((piece) => this.write(piece)).every((left) => left)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    queueMicrotask(() => this.#pump())
  }

  end(): void {
    this.ended = true
    this.#endBoth()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#waiting = []
    process.nextTick(() => this.#events.closed(undefined))
  }

  /** The peer sends bytes in these pieces. */
  arrive(pieces: readonly Buffer[]): void {
    this.#incoming.push(...pieces)
    this.#pump()
  }

  /** The peer ends its side. */
  fin(): void {
    this.#peerEnds = true
    this.#pump()
  }

  /** What is written stays here. */
  stick(): void {
    this.#isStuck = true
  }

  /** Everything goes out, what waits and what is written from now on. */
  flow(): void {
    this.#isStuck = false
    this.#leave()
    if (!this.#owesDrained) return
    this.#owesDrained = false
    this.#events.drained()
    this.#endBoth()
  }

  /** What has left since the last call. */
  take(): Buffer {
    return Buffer.concat(this.#out.splice(0))
  }

  #leave(): void {
    for (const bytes of this.#waiting.splice(0)) this.#out.push(Buffer.from(bytes))
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (!this.#paused && !this.destroyed && this.#incoming.length > 0) this.#bring(this.#incoming.shift()!)
    this.#isPumping = false
    if (this.#paused || this.destroyed || this.#incoming.length > 0 || !this.#peerEnds) return
    if (!this.#toldEnd) {
      this.#toldEnd = true
      this.#events.ended()
    }
    this.#endBoth()
  }

  /** Bytes go where the connection wants them; other memory is spoilt behind it, as the next read would. */
  #bring(piece: Buffer): void {
    const room = this.#events.room()
    const memory = room ?? Buffer.alloc(piece.length)
    const count = piece.copy(memory)
    if (count < piece.length) this.#incoming.unshift(piece.subarray(count))
    this.#events.bytes(memory, 0, count)
    if (room === undefined) memory.fill(0xaa)
  }

  #endBoth(): void {
    if (this.ended && this.#toldEnd && this.#waiting.length === 0) this.destroy()
  }
}
