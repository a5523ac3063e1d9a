import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Application, type ConnObserver } from '../conn/application.js'
import { publishFailedHandshake, publishRefusal } from '../conn/channels.js'
import { abandonConn, type Conn, handlerFailed, shutConn } from '../conn/conn.js'
import { isPromiseLike } from '../conn/events.js'
import type { MemoryBudget } from '../conn/memory-budget.js'
import { openConn } from '../conn/open.js'
import { milliseconds } from '../conn/option-checks.js'
import { checkNames, type OptionNames } from '../conn/option-names.js'
import { toError, type WebSocketError } from '../errors.js'
import { encodeClosePayload } from '../frame/close.js'
import type { Refusal } from '../handshake/refusal.js'
import { hasBody, isRefusal, judge, wantsWebSocket } from '../handshake/server.js'
import {
  type Arrival,
  arriveAsRequest,
  arriveAsUpgrade,
  dispatchAsRequest,
  isBusy,
  responseOn,
} from '../node/arrival.js'
import { type AnyFunction, claim, isClaimed, isLeftToOthers } from '../node/claim.js'
import { budgetOf, type Rejection, rejection } from './admission.js'
import { LiveSet } from './live-set.js'
import { Opening, type OpeningHost, type Setup } from './opening.js'
import type { ConnHandler, ErrorContext, Handler, ResolvedUpgradeOptions } from './options.js'
import { printError } from './print-error.js'
import { respond, sendRefusal } from './send-answer.js'
import { ServerCounts, type UpgradeStats } from './stats.js'

/** How `close()` ends the connections. */
export interface ShutdownOptions {
  /** Close code; default 1001, going away. */
  readonly code?: number
  /** Why, in 123 bytes of UTF-8 at most; default nothing. */
  readonly reason?: string
  /**
   * Milliseconds for messages on their way and for the peers' answers, in place of `closeTimeout`; then those that are left
   * are terminated. Default 10,000; 0 leaves it to the `closeTimeout` of each.
   */
  readonly timeout?: number
}

const SHUTDOWN_OPTIONS: OptionNames<ShutdownOptions> = { code: true, reason: true, timeout: true }

/** What a router gives as third argument. */
export type Next = (error?: unknown) => void

const CLOSING: Rejection = { refusal: { status: 503, body: 'The server is closing\n' } }
const NOT_HERE: Refusal = { status: 404 }
const PIPELINED: Refusal = { status: 400, body: 'No pipelining here\n' }

const ignore = (): void => undefined

/** What stands behind one `upgrade()`: takes requests, decides whose they are, and keeps the connections. */
export class UpgradeServer<Data> implements ConnObserver<Data> {
  readonly #handler: Handler<Data>
  readonly #options: ResolvedUpgradeOptions<Data>
  readonly #application: Application<Data>
  readonly #budget: MemoryBudget | undefined
  readonly #host: OpeningHost<Data>
  readonly #openings = new Set<Opening<Data>>()
  readonly #conns = new Set<Conn<Data>>()
  /** Requests that the path function threw for: more than one step asks it, but it is told once. */
  readonly #unmatched = new WeakSet<IncomingMessage>()
  readonly #counts = new ServerCounts()
  #closing: Promise<void> | undefined

  readonly conns: ReadonlySet<Conn<Data>> = new LiveSet(this.#conns)

  constructor(handler: Handler<Data>, options: ResolvedUpgradeOptions<Data>) {
    this.#handler = handler
    this.#options = options
    this.#budget = budgetOf(options)
    const events = typeof handler === 'function' ? undefined : handler
    this.#application = new Application(events, this, this.#budget)
    this.#host = {
      options,
      refuseNow: () => this.#refuseNow(),
      open: (setup, arrival) => this.#open(setup, arrival),
      report: (error, { request }) => this.#report(error, { request }),
      breached: (error, { request }) => this.#breached(error, request),
      refused: (request, status, error) => this.#refused(request, status, error),
      settled: (opening) => this.#openings.delete(opening),
    }
  }

  get stats(): UpgradeStats {
    return this.#counts.read(this.#conns, this.#openings.size, this.#budget?.used)
  }

  /** An 'upgrade' event came to `listener`. */
  onUpgrade(listener: AnyFunction, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isClaimed(socket)) return
    try {
      if (this.#isOurs(request)) {
        if (isBusy(socket)) socket.destroy()
        else this.#begin(arriveAsUpgrade(request, socket, head))
      } else if (!isLeftToOthers(listener, request)) this.#answer(request, socket, head)
    } catch (thrown) {
      socket.destroy()
      this.#report(toError(thrown), { request })
    }
  }

  /** A request came to us as a request listener, or as a route. */
  onRequest(request: IncomingMessage, response: ServerResponse, next: Next | undefined): void {
    try {
      if (!this.#matches(request)) this.#passOn(request, response, next)
      else if (!wantsWebSocket(request)) this.#fallBack(request, response)
      else if (response.socket === null) this.#respond(request, response, PIPELINED)
      else this.#begin(arriveAsRequest(request, response))
    } catch (thrown) {
      const error = toError(thrown)
      this.#report(error, { request })
      this.#respond(request, response, { status: 500 }, error)
    }
  }

  /** Closes all connections and refuses new ones. */
  close(options: ShutdownOptions = {}): Promise<void> {
    checkNames('options', options, SHUTDOWN_OPTIONS)
    const { code = 1001, reason = '' } = options
    encodeClosePayload(code, reason) // throws for what cannot be sent
    const timeout = milliseconds('timeout', options.timeout, 10_000)
    this.#closing ??= this.#shutDown(code, reason, timeout)
    return this.#closing
  }

  async #shutDown(code: number, reason: string, timeout: number): Promise<void> {
    for (const opening of this.#openings) opening.refuse(CLOSING.refusal)
    const ends = [...this.#conns].map((conn) => {
      shutConn(conn, code, reason, timeout > 0 ? Infinity : undefined) // the timer below is theirs, too
      return conn.closed
    })
    const { clock } = this.#options.conn
    const timer = timeout > 0 ? clock.setTimer(() => this.#terminate(), timeout) : undefined
    await Promise.all(ends)
    if (timer !== undefined) clock.clearTimer(timer)
  }

  #terminate(): void {
    for (const conn of this.#conns) conn.terminate()
  }

  #isOurs(request: IncomingMessage): boolean {
    return wantsWebSocket(request) && this.#matches(request)
  }

  #matches(request: IncomingMessage): boolean {
    if (this.#unmatched.has(request)) return false
    try {
      return this.#options.matches(request)
    } catch (thrown) {
      this.#unmatched.add(request)
      this.#report(toError(thrown), { request })
      return false
    }
  }

  /** Answers an upgrade request that nobody claims. */
  #answer(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', ignore)
    // Node has not read the body, and an answer must not be given without it.
    if (hasBody(request.rawHeaders)) this.#refuse(request, socket, head, { status: 400 })
    else if (this.#options.fallback !== undefined) this.#fallBack(request, responseOn(request, socket, head))
    else if (!dispatchAsRequest(request, socket, head))
      this.#refuse(request, socket, head, this.#refusalFor(request))
  }

  #refuse(request: IncomingMessage, socket: Duplex, head: Buffer, refusal: Refusal): void {
    this.#refused(request, refusal.status)
    sendRefusal(arriveAsUpgrade(request, socket, head), refusal)
  }

  /** Why a request is not for us. */
  #refusalFor(request: IncomingMessage): Refusal {
    if (!this.#matches(request)) return NOT_HERE
    const verdict = judge(request)
    return isRefusal(verdict) ? verdict : NOT_HERE
  }

  /** A request for another path: the router goes on, if there is one. */
  #passOn(request: IncomingMessage, response: ServerResponse, next: Next | undefined): void {
    if (next !== undefined) next()
    else this.#fallBack(request, response)
  }

  #fallBack(request: IncomingMessage, response: ServerResponse): void {
    const { fallback } = this.#options
    if (fallback === undefined) {
      this.#respond(request, response, this.#refusalFor(request))
      return
    }
    const failed = (thrown: unknown): void => {
      const error = toError(thrown)
      this.#report(error, { request })
      this.#respond(request, response, { status: 500 }, error)
    }
    try {
      const result = fallback(request, response)
      if (isPromiseLike(result)) result.then(undefined, failed)
    } catch (thrown) {
      failed(thrown)
    }
  }

  #respond(request: IncomingMessage, response: ServerResponse, refusal: Refusal, error?: Error): void {
    if (respond(response, refusal)) this.#refused(request, refusal.status, error)
  }

  #refused(request: IncomingMessage, status: number, error?: Error): void {
    this.#counts.refused(status)
    publishFailedHandshake('server', { request, status, error })
  }

  #begin(arrival: Arrival): void {
    if (!claim(arrival.socket)) return
    const opening = new Opening(this.#host, arrival)
    this.#openings.add(opening)
    opening.begin()
  }

  #refuseNow(): Rejection | undefined {
    if (this.#closing !== undefined) return CLOSING
    return rejection(this.#conns.size + this.#openings.size, this.#options.maxConnections, this.#budget)
  }

  #breached(error: WebSocketError, request: IncomingMessage): void {
    this.#counts.breached(error.breach!.option)
    publishRefusal(request, error)
    this.#report(error, { request })
  }

  // Field by field: spread into a literal, the setup would cost as much as the whole connection.
  #open({ protocol, extensions, data }: Setup<Data>, { socket, head, request }: Arrival): void {
    const handler = this.#handler
    const conn = openConn<Data>(socket, {
      role: 'server',
      options: this.#options.conn,
      application: this.#application,
      protocol,
      extensions,
      data,
      head,
      request,
    })
    if (typeof handler === 'function') this.#watch(conn, this.#call(handler, conn, request))
  }

  onStart(conn: Conn<Data>): void {
    this.#conns.add(conn)
    this.#counts.accepted()
  }

  onGone(conn: Conn<Data>): void {
    this.#conns.delete(conn)
    this.#counts.gone(conn)
  }

  onBreach(error: Error, conn: Conn<Data>): void {
    this.#report(error, { conn })
  }

  onHandlerError(error: Error, conn: Conn<Data>): void {
    this.#report(error, { conn })
  }

  #call(handler: ConnHandler<Data>, conn: Conn<Data>, request: IncomingMessage): unknown {
    try {
      return handler(conn, request)
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  }

  /** Closes the connection behind its handler. Knows no request, so that none is held as long as the connection lives. */
  #watch(conn: Conn<Data>, handled: unknown): void {
    const returned = (): void => {
      conn.close(1000).catch(ignore)
      abandonConn(conn)
    }
    const threw = (thrown: unknown): void => {
      handlerFailed(conn, thrown)
      abandonConn(conn)
    }
    Promise.resolve(handled).then(returned, threw)
  }

  #report(error: Error, context: ErrorContext<Data>): void {
    try {
      const result: unknown = this.#options.onError(error, context)
      if (isPromiseLike(result)) result.then(undefined, (thrown) => printError(toError(thrown)))
    } catch (thrown) {
      printError(error)
      printError(toError(thrown))
    }
  }
}
