import type { IncomingMessage } from 'node:http'
import { type CloseReport, toError, type WebSocketError } from '../errors.js'
import type { Conn } from './conn.js'
import { type EventHandler, isPromiseLike } from './events.js'
import type { Holder, MemoryBudget } from './memory-budget.js'
import type { Message } from './message.js'
import { isGone } from './own-end.js'

/** Somebody who keeps track of connections. */
export interface ConnObserver<Data> {
  /** Before anything happens on it. */
  onStart(conn: Conn<Data>): void
  /** The application's own function threw; the connection is closed with 1011 in any case. */
  onHandlerError(error: Error, conn: Conn<Data>): void
  /** A limit ends the connection. */
  onBreach(error: WebSocketError, conn: Conn<Data>): void
  /** After everything else. */
  onGone(conn: Conn<Data>): void
}

/** The connection that something happens on, as the application's side needs it. */
export interface ApplicationHost<Data> extends Holder {
  readonly conn: Conn<Data>
  /** One of the application's functions threw. */
  handlerFailed(thrown: unknown): void
  /** Calls back when every message that came in has been handled. */
  afterMessages(callback: () => void): void
}

/**
 * The application's side of connections: its event functions and whoever keeps track of them. One serves all connections
 * of a server. Nothing that its functions throw gets past.
 */
export class Application<Data> {
  readonly #events: EventHandler<Data> | undefined
  readonly #observer: ConnObserver<Data> | undefined

  readonly #budget: MemoryBudget | undefined

  constructor(events?: EventHandler<Data>, observer?: ConnObserver<Data>, budget?: MemoryBudget) {
    this.#events = events
    this.#observer = observer
    this.#budget = budget
  }

  /** Whether messages go to event functions. */
  get hasEvents(): boolean {
    return this.#events !== undefined
  }

  onStart(host: ApplicationHost<Data>, request: IncomingMessage | undefined): void {
    const { conn } = host
    this.#budget?.add(host)
    this.#observer?.onStart(conn)
    const events = this.#events
    if (events?.open !== undefined) this.#call(host, () => events.open?.(conn, request))
  }

  /** A connection may hold more than before. */
  onHolding(host: ApplicationHost<Data>): void {
    this.#budget?.look(host)
  }

  message(conn: Conn<Data>, message: Message): unknown {
    return this.#events?.message?.(conn, message)
  }

  onPing(host: ApplicationHost<Data>, payload: Buffer): void {
    const events = this.#events
    if (events?.ping !== undefined) this.#call(host, () => events.ping?.(host.conn, payload))
  }

  onPong(host: ApplicationHost<Data>, payload: Buffer): void {
    const events = this.#events
    if (events?.pong !== undefined) this.#call(host, () => events.pong?.(host.conn, payload))
  }

  onDrain(host: ApplicationHost<Data>): void {
    const events = this.#events
    if (events?.drain !== undefined) this.#call(host, () => events.drain?.(host.conn))
  }

  onError(host: ApplicationHost<Data>, cause: Error): void {
    const events = this.#events
    if (events?.error !== undefined) this.#callLast(host, () => events.error?.(host.conn, cause))
  }

  /** A limit ends the connection: whoever keeps track of connections is told, unless the peer is only gone. */
  onBreach({ conn }: ApplicationHost<Data>, error: WebSocketError): void {
    if (!isGone(error)) this.#guarded(() => this.#observer?.onBreach(error, conn))
  }

  onGone(host: ApplicationHost<Data>, report: CloseReport): void {
    this.#budget?.delete(host)
    this.#observer?.onGone(host.conn)
    const events = this.#events
    if (events?.close !== undefined) this.#callLast(host, () => events.close?.(host.conn, report))
  }

  /** A listener of `conn.tap()` threw: the connection is not to suffer. */
  onTapError({ conn }: ApplicationHost<Data>, error: Error): void {
    if (this.#observer !== undefined) this.onHandlerError({ conn }, error)
    else warn(error)
  }

  onHandlerError({ conn }: Pick<ApplicationHost<Data>, 'conn'>, thrown: unknown): void {
    this.#guarded(() => this.#observer?.onHandlerError(toError(thrown), conn))
  }

  #guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      // It must not end the work on other connections that may be under way here.
      process.nextTick(() => {
        throw error
      })
    }
  }

  /** Calls an event behind all messages that came in. */
  #callLast(host: ApplicationHost<Data>, event: () => void): void {
    host.afterMessages(() => this.#call(host, event))
  }

  #call(host: ApplicationHost<Data>, event: () => void | Promise<void> | undefined): void {
    try {
      const pending = event()
      if (isPromiseLike(pending)) pending.then(undefined, (error: unknown) => host.handlerFailed(error))
    } catch (error) {
      host.handlerFailed(error)
    }
  }
}

/** An Error that was made in another realm, as test runners have it, is none to Node: it refuses to warn of it. */
function warn(error: Error): void {
  try {
    process.emitWarning(error)
  } catch {
    process.emitWarning(error.message, error.name)
  }
}

/** For connections that tell nobody of anything. */
export const NOBODY = new Application<never>()
