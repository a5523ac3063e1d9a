import type { IncomingMessage } from 'node:http'
import { isPromiseLike } from '../conn/events.js'
import type { ConnSetup } from '../conn/setup.js'
import { type Timed, timekeeperOf } from '../conn/timekeeper.js'
import { outOfRange, toError, WebSocketError, wrongType } from '../errors.js'
import { closeExtensions, negotiate } from '../handshake/extensions.js'
import { checkRefusal, type Refusal } from '../handshake/refusal.js'
import {
  encodeAcceptance,
  type HandshakeOffer,
  isRefusal,
  judge,
  RESERVED_HEADERS,
} from '../handshake/server.js'
import { type HeaderLine, headerLines } from '../handshake/tokens.js'
import type { Arrival } from '../node/arrival.js'
import type { Rejection } from './admission.js'
import type { Accepted, ResolvedUpgradeOptions } from './options.js'
import { sendRefusal } from './send-answer.js'

/** What one handshake needs of the server it came to. */
export interface OpeningHost<Data> {
  readonly options: ResolvedUpgradeOptions<Data>
  /** Refuses for want of room, or because of the hour. */
  readonly refuseNow: () => Rejection | undefined
  readonly open: (setup: Setup<Data>, arrival: Arrival) => void
  readonly report: (error: Error, arrival: Arrival) => void
  /** A limit refuses it. */
  readonly breached: (error: WebSocketError, arrival: Arrival) => void
  /** It is answered in HTTP. */
  readonly refused: (request: IncomingMessage, status: number, error?: Error) => void
  /** It is over, one way or the other. */
  readonly settled: (opening: Opening<Data>) => void
}

/** What the handshake says about the connection to be. */
export type Setup<Data> = Pick<ConnSetup<Data>, 'protocol' | 'extensions' | 'data'>

const ignore = (): void => undefined

/**
 * One opening handshake, from the claim of its socket to a connection or an HTTP answer. Most are over in the turn in
 * which they began: listeners are put on the socket only for those that have to wait.
 */
export class Opening<Data> implements Timed {
  readonly #host: OpeningHost<Data>
  readonly #arrival: Arrival
  due = Infinity
  place = -1
  #gone: (() => void) | undefined
  #done = false

  constructor(host: OpeningHost<Data>, arrival: Arrival) {
    this.#host = host
    this.#arrival = arrival
  }

  begin(): void {
    try {
      const offer = judge(this.#arrival.request)
      if (isRefusal(offer)) this.refuse(offer)
      else this.#admit(offer)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  /** Answers with HTTP and ends it. */
  refuse(refusal: Refusal, error?: Error): void {
    if (this.#done) return
    this.#settle()
    this.#watchErrors()
    this.#host.refused(this.#arrival.request, refusal.status, error)
    sendRefusal(this.#arrival, refusal)
  }

  #admit(offer: HandshakeOffer): void {
    const { options, refuseNow } = this.#host
    const { request } = this.#arrival
    const rejection = refuseNow()
    if (rejection !== undefined) this.#reject(rejection)
    else if (!options.trusts(offer, request))
      this.refuse({ status: 403, body: 'This origin is not allowed\n' })
    else this.#ask(offer)
  }

  #reject({ refusal, error }: Rejection): void {
    if (error !== undefined) this.#host.breached(error, this.#arrival)
    this.refuse(refusal, error)
  }

  #ask(offer: HandshakeOffer): void {
    const answer = this.#host.options.accept?.(this.#arrival.request, offer)
    if (isPromiseLike(answer)) this.#wait(offer, answer)
    else this.#conclude(offer, answer)
  }

  #wait(offer: HandshakeOffer, answer: PromiseLike<unknown>): void {
    this.#watchErrors()
    this.#gone = () => {
      if (!this.#done) this.#settle()
    }
    this.#arrival.socket.once('close', this.#gone)
    this.#startTimer()
    Promise.resolve(answer)
      .then((given) => this.#conclude(offer, given))
      .catch((thrown: unknown) => this.#fail(thrown))
  }

  /** An upgrade socket comes without a listener for 'error': one reset while a hook waits would end the process. */
  #watchErrors(): void {
    this.#arrival.socket.on('error', ignore)
  }

  #startTimer(): void {
    const { conn, handshakeTimeout } = this.#host.options
    if (handshakeTimeout === 0) return
    const keeper = timekeeperOf(conn.clock)
    this.due = keeper.sync() + handshakeTimeout
    keeper.add(this)
  }

  /** `accept()` takes too long. */
  onDue(): void {
    const { handshakeTimeout } = this.#host.options
    const text = `Cannot finish the handshake: accept() takes too long, handshakeTimeout is ${handshakeTimeout} ms`
    const breach = { option: 'handshakeTimeout', limit: handshakeTimeout, value: handshakeTimeout }
    const error = new WebSocketError('WS_ERR_HANDSHAKE_TIMEOUT', text, { breach })
    this.#reject({ refusal: { status: 503 }, error })
  }

  #conclude(offer: HandshakeOffer, answer: unknown): void {
    if (this.#done) return
    if (this.#arrival.socket.destroyed) {
      this.#settle()
      this.#watchErrors() // a hook may have destroyed it with one, which is emitted behind this turn
      return
    }
    if (answer !== undefined && (typeof answer !== 'object' || answer === null))
      throw wrongType('what accept() returned', 'an object or undefined', answer)
    const given = (answer ?? {}) as Accepted<Data> | Refusal
    if (given.status !== undefined) {
      checkRefusal(given)
      this.refuse(given)
    } else if (this.#arrival.isWhole()) this.#accept(offer, given)
    else this.refuse({ status: 400, body: 'Frames came before the handshake was answered\n' })
  }

  #accept(offer: HandshakeOffer, given: Accepted<Data>): void {
    const { options, open } = this.#host
    const { socket } = this.#arrival
    const protocol = this.#chooseProtocol(offer, given)
    const lines = this.#responseLines(given)
    const { active, header } = negotiate(options.conn.extensions, offer.extensions)
    if (this.#done) return closeExtensions(active) // one of the functions that were asked has closed the server
    this.#settle()
    try {
      this.#arrival.release()
      socket.write(encodeAcceptance({ key: offer.key, protocol, extensions: header, lines }), 'latin1')
      open({ protocol, extensions: active, data: given.data as Data }, this.#arrival)
    } catch (thrown) {
      // It has been told 101: there is nothing left to say in HTTP.
      closeExtensions(active)
      this.#watchErrors()
      socket.destroy()
      this.#host.report(toError(thrown), this.#arrival)
    }
  }

  #chooseProtocol(offer: HandshakeOffer, given: Accepted<Data>): string {
    const { chooseProtocol } = this.#host.options
    const chosen = given.protocol ?? chooseProtocol(offer.protocols, this.#arrival.request) ?? ''
    if (chosen === '' || offer.protocols.includes(chosen)) return chosen
    throw outOfRange('protocol', 'one of those that the client offered (RFC 6455 §4.2.2)', chosen)
  }

  #responseLines(given: Accepted<Data>): readonly HeaderLine[] {
    const lines = this.#host.options.lines(this.#arrival.request)
    if (given.headers === undefined) return lines
    return [...lines, ...headerLines('headers', given.headers, RESERVED_HEADERS)]
  }

  #fail(thrown: unknown): void {
    if (this.#done) return
    const error = toError(thrown)
    this.refuse({ status: 500 }, error)
    this.#host.report(error, this.#arrival)
  }

  #settle(): void {
    this.#done = true
    timekeeperOf(this.#host.options.conn.clock).delete(this)
    if (this.#gone !== undefined) this.#arrival.socket.removeListener('close', this.#gone)
    this.#host.settled(this)
  }
}
