import { Application } from '../../src/conn/application.js'
import { type Conn, startConn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import type { Role } from '../../src/frame/rules.js'
import type { Transport, TransportEvents } from '../../src/node/transport.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import { turn } from '../support/index.js'

/** What all reads go into; it is spoilt after each one, as the next read would. */
const shared = Buffer.alloc(1 << 17)

/** A transport whose other end is the test: bytes go in exactly as told, and what comes out is kept. */
export class TestLine implements Transport {
  readonly keeps = 'until it has left'
  readonly pending = 0
  readonly remoteAddress = undefined
  readonly remotePort = undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  readonly #out: Buffer[] = []
  #events!: TransportEvents
  #paused = false
  /** The connection has ended its sending direction. */
  ended = false
  destroyed = false

  get out(): Buffer {
    return Buffer.concat(this.#out)
  }

  open(events: TransportEvents): void {
    this.#events = events
  }

  write(bytes: Buffer): boolean {
    if (this.ended) throw new Error('Written behind the end')
    this.#out.push(Buffer.from(bytes))
    return true
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    return this.write(Buffer.concat(pieces))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  end(): void {
    this.ended = true
  }

  destroy(): void {
    this.destroyed = true
    process.nextTick(() => this.#events.closed(undefined))
  }

  /** Brings bytes, into the room there is for them, as a socket does. */
  async bring(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      await this.#flowing()
      const room = this.#events.room()
      const memory = room ?? shared
      const count = piece.copy(memory, 0, at, Math.min(piece.length, at + memory.length))
      this.#events.bytes(memory, 0, count)
      shared.fill(0xaa, 0, count)
      at += count
    }
  }

  /** The peer ends its side, and so does everything when the connection has ended its own. */
  async finish(): Promise<void> {
    await this.#flowing()
    this.#events.ended()
    for (let turns = 0; !this.ended && !this.destroyed; turns++) await patience(turns)
    if (!this.destroyed) this.#events.closed(undefined)
  }

  async #flowing(): Promise<void> {
    for (let turns = 0; this.#paused; turns++) await patience(turns)
  }
}

/** A connection that does nothing for so long has come to a standstill. */
async function patience(turns: number): Promise<void> {
  if (turns > 2000) throw new Error('The connection stands still')
  await turn()
}

export function openLine(
  role: Role,
  options: ConnOptions,
  events?: EventHandler,
  extensions?: readonly ActiveExtension[],
) {
  const line = new TestLine()
  const resolved = resolveConnOptions({ keepalive: false, ...options })
  const conn: Conn = startConn<unknown>(line, {
    role,
    options: resolved,
    extensions,
    application: new Application(events),
  })
  return { line, conn }
}
