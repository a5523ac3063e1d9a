import { isPromiseLike } from '../conn/events.js'
import type { ConnSetup } from '../conn/setup.js'
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
import type { Accepted, ResolvedUpgradeOptions } from './options.js'
import { sendRefusal } from './send-answer.js'

/** What one handshake needs of the server it came to. */
export interface OpeningHost<Data> {
  readonly options: ResolvedUpgradeOptions<Data>
  /** Refuses for want of room, or because of the hour. */
  readonly refuseNow: () => Refusal | undefined
  readonly open: (setup: Setup<Data>, arrival: Arrival) => void
  readonly report: (error: Error, arrival: Arrival) => void
  /** It is over, one way or the other. */
  readonly settled: (opening: Opening<Data>) => void
}

/** What the handshake says about the connection to be. */
export type Setup<Data> = Pick<ConnSetup<Data>, 'protocol' | 'extensions' | 'data'>

const ignore = (): void => undefined

/** One opening handshake, from the claim of its socket to a connection or an HTTP answer. */
export class Opening<Data> {
  readonly #host: OpeningHost<Data>
  readonly #arrival: Arrival
  #timer: unknown
  #done = false

  constructor(host: OpeningHost<Data>, arrival: Arrival) {
    this.#host = host
    this.#arrival = arrival
  }

  begin(): void {
    const { socket, request } = this.#arrival
    // An upgrade socket comes without a listener for 'error': one reset while a hook waits would end the process.
    socket.on('error', ignore)
    socket.once('close', this.#gone)
    this.#guard(() => {
      const offer = judge(request)
      if (isRefusal(offer)) this.refuse(offer)
      else this.#admit(offer)
    })
  }

  /** Answers with HTTP and ends it. */
  refuse(refusal: Refusal): void {
    if (this.#done) return
    this.#settle()
    sendRefusal(this.#arrival, refusal)
  }

  #admit(offer: HandshakeOffer): void {
    const { options, refuseNow } = this.#host
    const { request } = this.#arrival
    const refusal = refuseNow()
    if (refusal !== undefined) this.refuse(refusal)
    else if (!options.trusts(offer, request))
      this.refuse({ status: 403, body: 'This origin is not allowed\n' })
    else this.#ask(offer)
  }

  #ask(offer: HandshakeOffer): void {
    const answer = this.#host.options.accept?.(this.#arrival.request, offer)
    if (!isPromiseLike(answer)) {
      this.#conclude(offer, answer)
      return
    }
    this.#startTimer()
    Promise.resolve(answer).then(
      (given) => this.#guard(() => this.#conclude(offer, given)),
      (thrown) => this.#fail(thrown),
    )
  }

  #startTimer(): void {
    const { conn, handshakeTimeout } = this.#host.options
    if (handshakeTimeout > 0) this.#timer = conn.clock.setTimer(this.#late, handshakeTimeout)
  }

  readonly #late = (): void => {
    const { handshakeTimeout } = this.#host.options
    const text = `Cannot finish the handshake: accept() took longer than ${handshakeTimeout} ms`
    this.#host.report(new WebSocketError('WS_ERR_HANDSHAKE_TIMEOUT', text), this.#arrival)
    this.refuse({ status: 503 })
  }

  #conclude(offer: HandshakeOffer, answer: unknown): void {
    if (this.#done) return
    if (this.#arrival.socket.destroyed) {
      this.#settle()
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
    this.#settle()
    try {
      this.#arrival.release()
      socket.write(encodeAcceptance({ key: offer.key, protocol, extensions: header, lines }))
      open({ protocol, extensions: active, data: given.data as Data }, this.#arrival)
    } catch (thrown) {
      // It has been told 101: there is nothing left to say in HTTP.
      closeExtensions(active)
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

  #guard(step: () => void): void {
    try {
      step()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): void {
    if (this.#done) return
    this.refuse({ status: 500 })
    this.#host.report(toError(thrown), this.#arrival)
  }

  readonly #gone = (): void => {
    if (!this.#done) this.#settle()
  }

  #settle(): void {
    this.#done = true
    if (this.#timer !== undefined) this.#host.options.conn.clock.clearTimer(this.#timer)
    this.#arrival.socket.removeListener('close', this.#gone)
    this.#host.settled(this)
  }
}
