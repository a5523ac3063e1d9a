import net from 'node:net'
import { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import nodeTls from 'node:tls'
import { Application } from '../../src/conn/application.js'
import { Conn, startConn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import type { ConnSetup } from '../../src/conn/setup.js'
import { fixedMask } from '../../src/frame/mask.js'
import type { Role } from '../../src/frame/rules.js'
import type { Transport, TransportEvents } from '../../src/node/transport.js'
import type { ActiveExtension, ExtensionCodec } from '../../src/protocol/extension.js'
import {
  closePayload,
  deferred,
  listen,
  type RawPeer,
  type ReadFrame,
  rawConnect,
  readWireFrame,
  tls,
} from '../support/index.js'

/**
 * A transport in the test's hands: bytes come in when told to, and go out as far as it lets them. What it has not let
 * out it reads from the connection's memory only then, as a kernel does: memory used again too early shows.
 */
export class Line implements Transport {
  readonly keeps = 'until it has left'
  readonly remoteAddress = undefined
  readonly remotePort = undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  events!: TransportEvents
  /** Writes are taken but do not leave. */
  stuck = false
  paused = false
  ended = false
  destroyed = false
  writes = 0
  #peerEnded = false
  #owesDrained = false
  #left: Buffer[] = []
  #waiting: Buffer[] = []

  open(events: TransportEvents): void {
    this.events = events
  }

  write(bytes: Buffer): boolean {
    this.writes++
    if (this.destroyed || this.ended) return true
    this.#waiting.push(bytes)
    if (this.stuck) {
      this.#owesDrained = true
      return false
    }
    this.#leave()
    return true
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    return pieces.reduce((_, piece) => this.write(piece), true)
  }

  get pending(): number {
    return this.destroyed ? 0 : this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  /** Everything that has left since the last call. */
  take(): Buffer {
    const all = Buffer.concat(this.#left)
    this.#left = []
    return all
  }

  /** The frames that have left since the last call, those of this turn included. */
  async frames(): Promise<ReadFrame[]> {
    await settle()
    return readFrames(this.take())
  }

  /** Lets out what waits, once; with `stuck` still set, what is written then waits again. */
  drain(): void {
    this.#leave()
    if (!this.#owesDrained) return
    this.#owesDrained = false
    this.events.drained()
  }

  /** Lets everything out from now on. */
  unstick(): void {
    this.stuck = false
    this.drain()
  }

  receive(...pieces: Uint8Array[]): void {
    const bytes = Buffer.concat(pieces)
    this.events.bytes(bytes, 0, bytes.length)
    bytes.fill(0xee) // it is the transport's again
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.ended = true
    if (this.#peerEnded) this.destroy()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    process.nextTick(() => this.events.closed(undefined))
  }

  /** The peer ends its direction, and with it the connection when ours has ended. */
  fin(): void {
    this.#peerEnded = true
    this.events.ended()
    if (this.ended) this.destroy()
  }

  #leave(): void {
    for (const bytes of this.#waiting.splice(0)) this.#left.push(Buffer.from(bytes))
  }
}

export interface LineOptions extends ConnOptions {
  readonly role?: Role
  readonly events?: EventHandler
  readonly head?: Uint8Array
  /** Extensions as if they had been negotiated. */
  readonly active?: readonly ActiveExtension[]
  readonly onHandlerError?: (error: Error, conn: Conn) => void
  readonly onBreach?: (error: Error, conn: Conn) => void
}

/** A connection (server unless told otherwise) over a line. */
export function onLine(options: LineOptions = {}): { conn: Conn; line: Line } {
  const { role = 'server', events, head, active, onHandlerError, onBreach, ...rest } = options
  const line = new Line()
  const setup: ConnSetup = {
    role,
    head,
    extensions: active,
    application: new Application(
      events,
      (onHandlerError ?? onBreach) && {
        onStart: () => undefined,
        onHandlerError: onHandlerError ?? (() => undefined),
        onBreach: onBreach ?? (() => undefined),
        onGone: () => undefined,
      },
    ),
    options: resolveConnOptions({ keepalive: false, maskSource: fixedMask(0x01020304), ...rest }),
  }
  return { conn: startConn(line, setup), line }
}

/** Two streams of which each writes straight into the other, within the call. */
export function crossed(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  const end = (other: number): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _, done) => {
        ends[other]!.push(chunk)
        done()
      },
      final: (done) => {
        ends[other]!.push(null)
        done()
      },
    })
  ends.push(end(1), end(0))
  return [ends[0]!, ends[1]!]
}

/** An extension at work, made of its two functions. */
export const active = (codec: ExtensionCodec, rsv = 0): ActiveExtension => ({
  name: 'test',
  rsv,
  params: [],
  codec,
})

/** All frames of some bytes; throws when they do not end where a frame ends. */
export async function readFrames(bytes: Buffer): Promise<ReadFrame[]> {
  const frames: ReadFrame[] = []
  let at = 0
  const read = async (count: number): Promise<Buffer> => {
    if (at + count > bytes.length) throw new Error(`Bytes end inside a frame, at ${at}`)
    at += count
    return bytes.subarray(at - count, at)
  }
  while (at < bytes.length) frames.push(await readWireFrame(read))
  return frames
}

/** A frame in a word: opcode, fin, payload. */
export const brief = (frame: ReadFrame): string => {
  const names: Record<number, string> = {
    0: 'more',
    1: 'text',
    2: 'binary',
    8: 'close',
    9: 'ping',
    10: 'pong',
  }
  const payload = frame.opcode === 8 ? frame.payload.toString('hex') : frame.payload.toString()
  return `${names[frame.opcode]}${frame.fin ? '' : '…'} ${payload}`.trimEnd()
}

/** The same of a Close frame that we expect. */
export const closing = (code: number, reason = ''): string =>
  `close ${closePayload(code, reason).toString('hex')}`

export interface WiredOptions extends ConnOptions {
  readonly role?: Role
  readonly events?: EventHandler
  readonly head?: Uint8Array
  readonly secure?: boolean
}

/** A connection (server unless told otherwise) over a real socket, and the other end of it by hand. */
export async function wired(
  t: TestContext,
  options: WiredOptions = {},
): Promise<{ conn: Conn; peer: RawPeer; socket: net.Socket }> {
  const { role = 'server', secure = false, ...rest } = options
  const accepted = deferred<net.Socket>()
  const take = (socket: net.Socket): void => accepted.resolve(socket)
  const server = secure
    ? nodeTls.createServer({ key: tls.key, cert: tls.cert }, take)
    : net.createServer({ allowHalfOpen: true }, take)
  const port = await listen(t, server)
  const peer = await rawConnect(port, secure ? { t, tls: { ca: tls.ca } } : { t })
  const socket = await accepted.promise
  const conn = Conn.over(socket, { role, ...rest }) as Conn
  t.after(() => conn.terminate())
  return { conn, peer, socket }
}

/** Watches for rejections that nobody looked at until the test ends. */
export function watchUnhandled(t: TestContext): () => void {
  const seen: unknown[] = []
  const note = (reason: unknown): void => {
    seen.push(reason)
  }
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  return () => {
    if (seen.length > 0) throw new Error('A rejection was not handled', { cause: seen[0] })
  }
}

/** The promise jobs that are due have run, and what they made due. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
