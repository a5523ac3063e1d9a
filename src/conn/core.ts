import { type CloseReport, toError, WebSocketError } from '../errors.js'
import { isPeaceful } from '../frame/close.js'
import { Opcode } from '../frame/opcode.js'
import type { Role } from '../frame/rules.js'
import type { Transport } from '../node/transport.js'
import { type Application, NOBODY } from './application.js'
import { isWireWatched, publishClose, publishError, publishLimit, publishOpen } from './channels.js'
import type { Conn } from './conn.js'
import type { Delivery } from './delivery.js'
import { Ending, terminated } from './ending.js'
import { Framer } from './framer.js'
import { HandshakeRequest } from './handshake-request.js'
import { Heartbeat } from './heartbeat.js'
import type { Hosts } from './hosts.js'
import { Inbound } from './inbound.js'
import { memoryOf } from './memory-budget.js'
import type { Message } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { Outbox } from './outbox.js'
import { isOwnEnd } from './own-end.js'
import { Pings } from './pings.js'
import { Sender } from './sender.js'
import type { ConnSetup } from './setup.js'
import { type ConnStats, statsOf } from './stats.js'
import { type Terms, termsOf } from './terms.js'
import { timekeeperOf } from './timekeeper.js'
import { addTap, lookAt, type TapListener } from './wire-watch.js'

/**
 * The switchboard of a connection: it owns the parts and passes on what one has to tell another. It decides nothing
 * itself; who reads from top to bottom sees the way of the bytes in, the way out, and the end.
 */
export class Core<Data> implements Hosts<Data> {
  readonly conn: Conn<Data>
  counted = 0
  readonly #application: Application<Data>
  readonly #options: ResolvedConnOptions
  #pings: Pings | undefined
  readonly #framer: Framer
  readonly inbound: Inbound
  readonly #heartbeat: Heartbeat
  #abort: AbortController | undefined
  readonly role: Role
  readonly request: HandshakeRequest | undefined
  readonly terms: Terms
  readonly transport: Transport
  readonly outbox: Outbox
  readonly sender: Sender
  readonly ending: Ending

  constructor(conn: Conn<Data>, transport: Transport, setup: ConnSetup<Data>) {
    const { role, options, request } = setup
    const terms = termsOf(setup)
    this.conn = conn
    this.role = role
    this.#application = setup.application ?? NOBODY
    this.#options = options
    this.request = request && new HandshakeRequest(request.url ?? '', request.rawHeaders)
    this.terms = terms
    this.transport = transport
    this.outbox = new Outbox(transport, options, this)
    this.#framer = new Framer(this.outbox, role, options)
    this.ending = new Ending(role, this)
    this.sender = new Sender(this.ending, options, this.#framer, this.outbox, terms.codecs, terms.allowedRsv)
    const events = this.#application.hasEvents ? this : undefined
    this.inbound = new Inbound(role, options, this, terms.codecs, terms.allowedRsv, events)
    this.#heartbeat = new Heartbeat(options, timekeeperOf(options.clock), this)
  }

  /** Begins: what came behind the handshake first, then what the transport brings. */
  start({ head, request }: ConnSetup<Data>): void {
    publishOpen(this, request)
    this.#application.onStart(this, request)
    // Unmasking changes it, and it may be the caller's.
    if (head !== undefined && head.length > 0) this.bytes(Buffer.from(head), 0, head.length)
    this.transport.open(this)
  }

  get delivery(): Delivery {
    return this.inbound.delivery
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.ending.error !== undefined) this.#abort.abort(this.ending.error)
    return this.#abort.signal
  }

  get stats(): ConnStats {
    return statsOf(this.inbound, this.#framer, this.sender, this.outbox, this.terms.codecs, this.#pings)
  }

  // The way in: transport -> inbound -> delivery -> events or readers.

  bytes(memory: Buffer, start: number, end: number): void {
    this.#heartbeat.heard()
    if (this.inbound.watch !== undefined || isWireWatched()) lookAt(this.inbound, this)
    this.inbound.receive(memory, start, end)
    if (this.inbound.decoder.buffered > 0 || !this.delivery.isEmpty) this.onHolding()
  }

  room(): Buffer | undefined {
    return this.inbound.room()
  }

  /** More may be held here than before. */
  onHolding(): void {
    if (this.inbound.isInside) this.#heartbeat.watchMessage()
    this.#application.onHolding(this)
  }

  get memory(): number {
    return memoryOf(this.inbound, this.outbox, this.terms.codecs)
  }

  pause(): void {
    this.transport.pause()
  }

  resume(): void {
    this.transport.resume()
  }

  excuse(): void {
    this.#heartbeat.excuse()
  }

  onTooFast(errorOf: () => WebSocketError): void {
    publishLimit(this, 'pause', errorOf)
  }

  message(message: Message): unknown {
    return this.#application.message(this.conn, message)
  }

  onPing(payload: Buffer): void {
    if (this.#options.autoPong && this.ending.maySendControl) this.sender.control(Opcode.Pong, payload, true)
    this.#application.onPing(this, payload)
  }

  onPong(payload: Buffer): void {
    if (this.#pings?.onPong(payload) === true) this.inbound.answersIn++
    this.#application.onPong(this, payload)
  }

  onClose(payload: Buffer): void {
    this.ending.onCloseFrame(payload, this.#options.autoClose)
  }

  // The way out: sender -> framer -> outbox -> transport.

  error(): Error | undefined {
    return this.ending.error
  }

  sendControl(opcode: number, payload: Buffer): Promise<void> {
    if (!this.ending.maySendControl || this.sender.overflows()) return this.sender.refused()
    this.sender.control(opcode, payload)
    return this.outbox.accepted()
  }

  ping(given: Buffer | undefined): Promise<number> {
    if (!this.ending.maySendControl || this.sender.overflows()) return this.sender.refused()
    this.#pings ??= new Pings(this.#options.clock)
    const payload = given ?? this.#pings.nextPayload()
    const answered = this.#pings.add(payload)
    this.sender.control(Opcode.Ping, payload)
    return answered
  }

  sendKeepalive(): void {
    if (!this.ending.maySendControl) return
    this.#pings ??= new Pings(this.#options.clock)
    this.sender.control(Opcode.Ping, this.#pings.keepalive())
  }

  drained(): void {
    this.outbox.onDrained()
  }

  onDrain(): void {
    this.#application.onDrain(this)
  }

  // Beside the way: who looks at the frames.

  tap(listener: TapListener): () => void {
    return addTap(listener, this.inbound, this.terms.codecs, this)
  }

  writing(bytes: Buffer): void {
    if (this.inbound.watch !== undefined || isWireWatched()) lookAt(this.inbound, this)?.writing(bytes)
  }

  tapFailed(error: Error): void {
    this.#application.onTapError(this, error)
  }

  // The end: anything -> ending -> one report.

  fail(error: unknown): void {
    this.ending.fail(error)
  }

  handlerFailed(thrown: unknown): void {
    if (isOwnEnd(thrown, this.ending)) return this.delivery.abandon()
    const error = toError(thrown)
    this.fail(new WebSocketError('WS_ERR_HANDLER', `The handler failed: ${error.message}`, { cause: error }))
    this.delivery.abandon()
    this.#application.onHandlerError(this, error)
  }

  afterMessages(callback: () => void): void {
    this.delivery.afterwards(callback)
  }

  /** The application drops the connection: it wants no more messages either. */
  drop(): void {
    if (this.#application.hasEvents) this.delivery.abandon()
    this.ending.terminate(terminated())
  }

  startCloseTimer(within?: number): void {
    this.#heartbeat.startClosing(within)
  }

  closeInOrder(payload: Buffer, laid: () => void): void {
    this.sender.inOrder(() => {
      if (!this.ending.maySendControl) return
      this.sender.control(Opcode.Close, payload)
      laid()
    })
  }

  closeAtOnce(payload: Buffer): void {
    this.sender.close()
    this.outbox.dropQueue()
    this.sender.control(Opcode.Close, payload)
  }

  onCloseSent(): void {
    this.inbound.onCloseSent()
  }

  onCloseReceived(): void {
    this.sender.cutStream()
  }

  onBreach(error: WebSocketError): void {
    publishLimit(this, 'close', () => error)
    this.#application.onBreach(this, error)
  }

  onReport(report: CloseReport): void {
    this.inbound.discard()
    this.sender.close()
    this.outbox.refuse()
    this.#pings?.fail(this.error()!)
    this.delivery.end(isPeaceful(report.code))
    this.#abort?.abort(this.error())
    const { cause } = report
    if (cause === undefined) return
    if (cause instanceof WebSocketError && cause.breach !== undefined) this.onBreach(cause)
    publishError(this, cause)
    this.#application.onError(this, cause)
  }

  ended(): void {
    this.inbound.finish(() => this.ending.onTransportEnded(), true)
  }

  closed(error: Error | undefined): void {
    // A stream that has ended is closed in peace although not all of it was taken in yet.
    const waits = error === undefined && this.inbound.whenTaken !== undefined
    this.inbound.finish(() => this.ending.onTransportClosed(error), waits)
  }

  endTransport(): void {
    this.outbox.end()
  }

  destroyTransport(): void {
    this.outbox.drop()
    this.transport.destroy()
  }

  onOver(report: CloseReport): void {
    this.#heartbeat.stop()
    this.inbound.abandoned = 0
    this.outbox.drop()
    this.terms.codecs?.end(this.delivery, (thrown) => this.#application.onHandlerError(this, thrown))
    publishClose(this, report)
    this.#application.onGone(this, report)
  }

  lastReceivedAt(): number {
    return Math.round(Date.now() - (this.#options.clock.now() - this.#heartbeat.lastIn))
  }
}
