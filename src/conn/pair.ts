import type { Transport, TransportEvents } from '../node/transport.js'
import { type Conn, startConn } from './conn.js'
import { startLocalExtensions } from './local-extensions.js'
import { CONN_OPTIONS, checkNames } from './option-names.js'
import { type ConnOptions, resolveConnOptions } from './options.js'

/** Bytes the other end may have waiting before it counts as slow. */
const MAX_IN_FLIGHT = 64 << 10

/** One end of an in-memory line. Bytes arrive in a later turn, as over a real one. */
class MemoryTransport implements Transport {
  readonly keeps = 'for the call'
  readonly remoteAddress = undefined
  readonly remotePort = undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  #peer!: MemoryTransport
  #events: TransportEvents | undefined
  #arriving: Buffer[] = []
  #arrivingBytes = 0
  #paused = false
  #scheduled = false
  #peerWaits = false
  #ended = false
  #peerEnded = false
  #toldEnded = false
  #destroyed = false

  static line(): [MemoryTransport, MemoryTransport] {
    const a = new MemoryTransport()
    const b = new MemoryTransport()
    a.#peer = b
    b.#peer = a
    return [a, b]
  }

  open(events: TransportEvents): void {
    this.#events = events
    this.#schedule()
  }

  get pending(): number {
    return this.#peer.#arrivingBytes
  }

  write(bytes: Buffer): boolean {
    const peer = this.#peer
    if (this.#destroyed) return false
    if (this.#ended || peer.#destroyed) return true
    peer.#arriving.push(Buffer.from(bytes)) // the other end may change what it gets
    peer.#arrivingBytes += bytes.length
    peer.#schedule()
    if (peer.#arrivingBytes < MAX_IN_FLIGHT) return true
    peer.#peerWaits = true
    return false
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    return this.write(Buffer.concat(pieces))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#peer.#peerEnded = true
    this.#peer.#schedule()
    this.#schedule() // both have, perhaps
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#arriving = []
    this.#arrivingBytes = 0
    this.end()
    this.#schedule() // lets a peer go on that waits for us
    process.nextTick(() => this.#events?.closed(undefined))
  }

  #schedule(): void {
    if (this.#scheduled || this.#events === undefined) return
    this.#scheduled = true
    setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    this.#scheduled = false
    while (!this.#paused && !this.#destroyed && this.#arriving.length > 0) {
      const bytes = this.#arriving.shift()!
      this.#arrivingBytes -= bytes.length
      this.#events?.bytes(bytes, 0, bytes.length)
    }
    if (this.#peerWaits && this.#arrivingBytes === 0) {
      this.#peerWaits = false
      this.#peer.#events?.drained()
    }
    // Behind bytes that were held back, as on a real line.
    if (this.#destroyed || this.#paused || this.#arriving.length > 0 || !this.#peerEnded) return
    if (!this.#toldEnded) {
      this.#toldEnded = true
      this.#events?.ended()
    }
    if (this.#ended) this.destroy()
  }
}

/** Options of both ends of a pair. */
export interface PairOptions extends ConnOptions {
  /** The subprotocol both ends have. */
  readonly protocol?: string
}

/**
 * Two connected `Conn`s in memory, for tests: what one sends the other receives, with frames, masks, limits and
 * timeouts as over a socket.
 *
 * @example
 * const { client, server } = pair()
 * await client.send('hello')
 * ;(await server.read())?.text() // 'hello'
 */
export function pair(options: PairOptions = {}): { client: Conn; server: Conn } {
  checkNames('options', options, { ...CONN_OPTIONS, protocol: true })
  const { protocol, ...rest } = options
  const resolved = resolveConnOptions(rest)
  const [a, b] = MemoryTransport.line()
  const end = (transport: Transport, role: 'client' | 'server'): Conn =>
    startConn<unknown>(transport, {
      role,
      protocol,
      options: resolved,
      extensions: startLocalExtensions(resolved.extensions, role),
    })
  return { client: end(a, 'client'), server: end(b, 'server') }
}
