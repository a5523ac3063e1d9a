import type { IncomingMessage } from 'node:http'
import { type CloseReport, toError } from '../errors.js'
import type { Conn } from './conn.js'
import { type EventHandler, isPromiseLike } from './events.js'
import type { Message } from './message.js'
import type { ConnObserver, ConnSetup } from './setup.js'

/** What the application's side needs from the connection around it. */
export interface ApplicationHost {
  /** One of the application's functions threw. */
  handlerFailed(thrown: unknown): void
  /** Calls back when every message that came in has been handled. */
  afterMessages(callback: () => void): void
}

/** The application's side of a connection: its event functions and whoever keeps track of it. Nothing they throw gets past. */
export class Application<Data> {
  readonly #conn: Conn<Data>
  readonly #host: ApplicationHost
  readonly #events: EventHandler<Data> | undefined
  readonly #observer: ConnObserver<Data> | undefined

  constructor(conn: Conn<Data>, host: ApplicationHost, { events, observer }: ConnSetup<Data>) {
    this.#conn = conn
    this.#host = host
    this.#events = events
    this.#observer = observer
  }

  /** Whether messages go to event functions. */
  get hasEvents(): boolean {
    return this.#events !== undefined
  }

  onStart(request: IncomingMessage | undefined): void {
    this.#observer?.onStart(this.#conn)
    const events = this.#events
    if (events?.open !== undefined) this.#call(() => events.open?.(this.#conn, request))
  }

  message(message: Message): unknown {
    return this.#events?.message?.(this.#conn, message)
  }

  onPing(payload: Buffer): void {
    const events = this.#events
    if (events?.ping !== undefined) this.#call(() => events.ping?.(this.#conn, payload))
  }

  onPong(payload: Buffer): void {
    const events = this.#events
    if (events?.pong !== undefined) this.#call(() => events.pong?.(this.#conn, payload))
  }

  onDrain(): void {
    const events = this.#events
    if (events?.drain !== undefined) this.#call(() => events.drain?.(this.#conn))
  }

  onError(cause: Error): void {
    const events = this.#events
    if (events?.error !== undefined) this.#callLast(() => events.error?.(this.#conn, cause))
  }

  onGone(report: CloseReport): void {
    this.#observer?.onGone(this.#conn)
    const events = this.#events
    if (events?.close !== undefined) this.#callLast(() => events.close?.(this.#conn, report))
  }

  onHandlerError(thrown: unknown): void {
    try {
      this.#observer?.onHandlerError(toError(thrown), this.#conn)
    } catch (error) {
      // It must not end the work on other connections that may be under way here.
      process.nextTick(() => {
        throw error
      })
    }
  }

  /** Calls an event behind all messages that came in. */
  #callLast(event: () => void): void {
    this.#host.afterMessages(() => this.#call(event))
  }

  #call(event: () => void | Promise<void> | undefined): void {
    try {
      const pending = event()
      if (isPromiseLike(pending)) pending.then(undefined, (error: unknown) => this.#host.handlerFailed(error))
    } catch (error) {
      this.#host.handlerFailed(error)
    }
  }
}
