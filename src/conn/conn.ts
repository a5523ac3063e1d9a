import type { Duplex } from 'node:stream'
import { type CloseReport, wrongType } from '../errors.js'
import { Frame } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import { openTransport } from '../node/open-transport.js'
import type { Transport } from '../node/transport.js'
import { Application } from './application.js'
import type { Bytes } from './bytes.js'
import { Core } from './core.js'
import { checkEvents } from './events.js'
import type { HandshakeRequest } from './handshake-request.js'
import { startLocalExtensions } from './local-extensions.js'
import type { Message } from './message.js'
import { checkNames } from './option-names.js'
import { resolveConnOptions } from './options.js'
import type { Outbox } from './outbox.js'
import { isDuplex, OVER_OPTIONS, type OverOptions } from './over-options.js'
import { readPromise } from './quiet.js'
import { MessageReader } from './reader.js'
import { LOOP_END, LoopWaiter, promiseOf, type ReadOptions, readInto, signalOf } from './readers.js'
import { controlPayload, type Sendable, type SendOptions, type WriteFrameOptions } from './sendable.js'
import type { ConnSetup } from './setup.js'
import type { ConnStats } from './stats.js'
import type { TapListener } from './wire-watch.js'
import type { MessageWriter } from './writer.js'

/** Makes a transport whose handshake is done a connection. @internal */
export let startConn: <Data>(transport: Transport, setup: ConnSetup<Data>) => Conn<Data>
/** Ends a connection because the application's handler failed: the peer is told 1011. @internal */
export let handlerFailed: <Data>(conn: Conn<Data>, error: unknown) => void
/** Nobody will read from this connection any more: what waits in its inbox is dropped. @internal */
export let abandonConn: <Data>(conn: Conn<Data>) => void

/** Like `close()`; `within` replaces `closeTimeout`. @internal */
export let shutConn: <Data>(conn: Conn<Data>, code: number, reason: string, within?: number) => void
/** What is on its way out of a connection. @internal */
export let outboxOf: (conn: Conn) => Outbox
/** Ends a connection because of an error, which the peer is told. @internal */
export let failConn: (conn: Conn, error: Error) => void

/**
 * A WebSocket connection, the same on both sides.
 *
 * Reads and writes may be made from many places at once. Readers are served in call order, each gets a whole message or
 * frame. Messages go out in call order; control frames overtake data that waits. Nothing that arrives before somebody
 * reads is lost: up to a limit it waits here, then the peer has to.
 *
 * @example
 * for await (const message of conn) await conn.send(message)
 */
export class Conn<Data = unknown> implements AsyncIterable<Message>, AsyncDisposable {
  readonly #core: Core<Data>

  /** A value of your own. */
  data: Data

  /** Use `upgrade()`, `dial()`, `Conn.over()` or `pair()`. */
  private constructor(transport: Transport, setup: ConnSetup<Data>) {
    this.data = setup.data as Data
    this.#core = new Core(this, transport, setup)
  }

  /**
   * A connection over any duplex stream whose handshake is done, or that needs none.
   *
   * @example
   * const conn = Conn.over(socket, { role: 'server' })
   */
  static over<Data = undefined>(duplex: Duplex, options: OverOptions<Data>): Conn<Data> {
    if (!isDuplex(duplex)) throw wrongType('duplex', 'a stream that can be read and written', duplex)
    checkNames('options', options, OVER_OPTIONS)
    const { role, head, protocol, data, events, ...rest } = options
    if (role !== 'server' && role !== 'client') throw wrongType('role', "'server' or 'client'", role)
    if (events !== undefined) checkEvents('events', events)
    const resolved = resolveConnOptions(rest)
    const extensions = startLocalExtensions(resolved.extensions, role)
    const application = new Application(events)
    const setup = { role, head, protocol, data, application, extensions, options: resolved }
    return startConn(openTransport(duplex), setup)
  }

  /** What was asked for in the opening handshake (server). The whole request is the second argument of the handler. */
  get request(): HandshakeRequest | undefined {
    return this.#core.request
  }

  /** The subprotocol in use; empty when there is none. */
  get protocol(): string {
    return this.#core.terms.protocol
  }

  /** Names of the extensions in use. */
  get extensions(): readonly string[] {
    return this.#core.terms.extensionNames
  }

  /** The peer's address; that of a proxy, if there is one in front. */
  get remoteAddress(): string | undefined {
    return this.#core.transport.remoteAddress
  }

  /** The peer's port. */
  get remotePort(): number | undefined {
    return this.#core.transport.remotePort
  }

  /** Our own address; undefined, as the others, where there is no network. */
  get localAddress(): string | undefined {
    return this.#core.transport.localAddress
  }

  /** Our own port. */
  get localPort(): number | undefined {
    return this.#core.transport.localPort
  }

  /** Aborted when the connection has ended; its reason is the `CloseError`. */
  get signal(): AbortSignal {
    return this.#core.signal
  }

  /** Resolves with the close report when the connection is over. It never rejects. */
  get closed(): Promise<CloseReport> {
    return this.#core.ending.closed
  }

  /** The close report, as soon as it is known how the connection ended. */
  get closeInfo(): CloseReport | undefined {
    return this.#core.ending.report
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#core.ending.isOpen
  }

  /** Bytes on their way out that have not left this process. */
  get bufferedAmount(): number {
    return this.#core.outbox.bufferedAmount
  }

  /** What it has done so far: a snapshot. */
  get stats(): ConnStats {
    return this.#core.stats
  }

  /**
   * The next message; null when the connection ended peacefully (1000, 1001, or without a code).
   *
   * @throws CloseError for every other end.
   */
  read(options?: ReadOptions): Promise<Message | null> {
    const signal = signalOf(options)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const message = this.#core.delivery.takeNow()
    if (message !== undefined) return Promise.resolve(message)
    return readPromise((resolve, reject) => {
      this.#core.delivery.wait({ wants: 'message', resolve, reject }, signal)
    })
  }

  /**
   * The next frame as it was on the wire, but unmasked: control frames too, after they were answered. It is borrowed:
   * `using frame = …`, or `releaseFrame(frame)`. Null when the connection ended peacefully.
   */
  nextFrame(options?: ReadOptions): Promise<Frame | null> {
    const signal = signalOf(options)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const frame = this.#core.delivery.takeFrameNow()
    if (frame !== undefined) return promiseOf(frame)
    return readPromise((resolve, reject) => {
      this.#core.delivery.wait({ wants: 'frame', resolve, reject }, signal)
    })
  }

  /** Like `nextFrame()`, into a frame of yours; false when the connection ended peacefully. */
  readFrame(frame: Frame, options?: ReadOptions): Promise<boolean> {
    if (!(frame instanceof Frame) || frame.isReleased) throw wrongType('frame', 'a Frame of yours', frame)
    const signal = signalOf(options)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return readInto(frame, this.#core.delivery, signal)
  }

  /** The next message, to be read part by part; null when the connection ended peacefully. */
  reader(options?: ReadOptions): Promise<MessageReader | null> {
    const signal = signalOf(options)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const { delivery } = this.#core
    return readPromise((resolve, reject) => {
      const began = (began: boolean, isText: boolean): void =>
        resolve(began ? new MessageReader(delivery, isText) : null)
      delivery.wait({ wants: 'stream', resolve: began, reject }, signal)
    })
  }

  /** All messages until the connection ends. Leaving the loop leaves the connection open. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    const { delivery } = this.#core
    return {
      next: () => {
        const message = delivery.takeNow()
        if (message !== undefined) return Promise.resolve({ done: false, value: message })
        return new Promise((resolve, reject) => delivery.wait(new LoopWaiter(resolve, reject), undefined))
      },
      return: () => Promise.resolve(LOOP_END),
    }
  }

  /**
   * Sends a message: a string as text, bytes as binary, a prepared one as it is, a stream part by part. The bytes may be used again as soon as
   * this returns. The promise resolves when there is room for more, and rejects when the connection is gone; nobody has
   * to look at it.
   *
   * @throws TypeError for anything else.
   */
  send(data: Sendable, options?: SendOptions): Promise<void> {
    return this.#core.sender.send(data, options)
  }

  /** Opens a message that is written part by part. What is sent meanwhile waits behind it, so do not await that before `end()`. */
  writer(type: 'text' | 'binary' = 'binary', options?: Pick<SendOptions, 'compress'>): MessageWriter {
    if (type !== 'text' && type !== 'binary') throw wrongType('type', "'text' or 'binary'", type)
    return this.#core.sender.openWriter(type === 'text', { compress: options?.compress })
  }

  /** Sends a frame of your own. It is checked, unless `{ check: false }`; the connection masks it as its side has to. */
  writeFrame(frame: Frame, options?: WriteFrameOptions): Promise<void> {
    if (!(frame instanceof Frame)) throw wrongType('frame', 'a Frame', frame)
    return this.#core.sender.writeFrame(frame, options)
  }

  /** Sends a ping; resolves with the round trip in milliseconds. */
  ping(payload?: string | Bytes): Promise<number> {
    return this.#core.ping(payload === undefined ? undefined : controlPayload(payload))
  }

  /** Sends an unasked pong, a one-way sign of life (RFC 6455 §5.5.3). */
  pong(payload?: string | Bytes): Promise<void> {
    return this.#core.sendControl(Opcode.Pong, controlPayload(payload))
  }

  /**
   * Shows every frame in both directions as it is on the wire: compressed, cut by `fragmentSize`, the connection's own pongs
   * and Close frames included. Frames are lent for the call: copy what you keep. Nothing is shown twice, and nothing that
   * never left. A listener that throws is told no more; the error goes to `onError` of the server, else it is a process
   * warning. Calling what this returns ends it.
   *
   * @example
   * const stop = conn.tap((event) => {
   *   if (event.kind === 'frame') console.log(event.direction, String(event.frame))
   *   else console.log(`${event.plainLength} bytes as the application has them, ${event.codedLength} on the wire`)
   * })
   */
  tap(listener: TapListener): () => void {
    if (typeof listener !== 'function') throw wrongType('listener', 'a function', listener)
    return this.#core.tap(listener)
  }

  /** Resolves when everything that was sent has left this process. */
  drained(): Promise<void> {
    return this.#core.outbox.drained()
  }

  /**
   * Closes the connection: messages sent before go out first, then Close, then the peer has `closeTimeout` to answer.
   * Resolves with the close report when all is over; calling it again gives the same promise.
   *
   * @throws RangeError for a code that may not travel or a reason of more than 123 bytes.
   */
  close(code = 1000, reason = ''): Promise<CloseReport> {
    if (typeof code !== 'number') throw wrongType('code', 'a number', code)
    this.#core.ending.close(code, reason)
    return this.closed
  }

  /** Drops the connection at once, without a closing handshake. */
  terminate(): void {
    this.#core.drop()
  }

  /** `await using`: closes the connection and waits until it is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  static {
    startConn = (transport, setup) => {
      const conn = new Conn(transport, setup)
      conn.#core.start(setup)
      return conn
    }
    handlerFailed = (conn, error) => conn.#core.handlerFailed(error)
    abandonConn = (conn) => conn.#core.delivery.abandon()
    shutConn = (conn, code, reason, within) => conn.#core.ending.close(code, reason, within)
    outboxOf = (conn) => conn.#core.outbox
    failConn = (conn, error) => conn.#core.fail(error)
  }
}
