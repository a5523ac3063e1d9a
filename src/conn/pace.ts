import { ProtocolError, type WebSocketError } from '../errors.js'
import { Bucket } from './bucket.js'
import type { RateName } from './limits.js'
import type { ResolvedConnOptions } from './options.js'
import { type Timed, type Timekeeper, timekeeperOf } from './timekeeper.js'

/** What has come in so far, and what goes on when more may. */
export interface Paced {
  readonly pingsIn: number
  readonly pongsIn: number
  /** Pongs among them that we have asked for: they are no burden. */
  readonly answersIn: number
  readonly messagesIn: number
  readonly bytesIn: number
  release(): void
}

/** After so many control frames it is looked at how fast they come: most connections never have as many. */
const CONTROLS_UNSEEN = 16

const unaskedOf = ({ pingsIn, pongsIn, answersIn }: Paced): number => pingsIn + pongsIn - answersIn

/** Who is told when a peer is too fast: it is closed, or was paused. */
interface PaceHost {
  fail(error: Error): void
  onTooFast(errorOf: () => WebSocketError): void
}

const countsData = ({ maxMessageRate, maxByteRate }: ResolvedConnOptions): boolean =>
  maxMessageRate.rate !== Infinity || maxByteRate.rate !== Infinity

/** Made from the beginning where messages or bytes are counted; else only for a peer that sends many control frames. */
export function paceFor(options: ResolvedConnOptions, paced: Paced, host: PaceHost): Pace | undefined {
  const { maxControlRate } = options
  const isAlways = countsData(options)
  const isTalkative =
    maxControlRate.rate !== Infinity && unaskedOf(paced) >= Math.min(CONTROLS_UNSEEN, maxControlRate.burst)
  return isAlways || isTalkative ? new Pace(options, paced, host) : undefined
}

/** How fast a peer may send. Who is faster has to wait, or is closed. */
export class Pace implements Timed {
  readonly #options: ResolvedConnOptions
  readonly #keeper: Timekeeper
  readonly #paced: Paced
  readonly #host: PaceHost
  readonly #controls: Bucket
  readonly #messages: Bucket
  readonly #bytes: Bucket
  /** Which of them the peer came up against last. */
  #reached: RateName = 'maxControlRate'
  /** How often the peer was paused. */
  pauses = 0
  due = Infinity
  /** -1 unless the peer has to wait. */
  place = -1

  constructor(options: ResolvedConnOptions, paced: Paced, host: PaceHost) {
    this.#options = options
    this.#keeper = timekeeperOf(options.clock)
    this.#paced = paced
    this.#host = host
    const now = this.#keeper.sync()
    const extra = options.whenTooFast === 'close' ? 1 : 0
    this.#controls = new Bucket(options.maxControlRate, extra, now)
    this.#messages = new Bucket(options.maxMessageRate, extra, now)
    this.#bytes = new Bucket(options.maxByteRate, extra, now)
  }

  /** Whether it matters how many messages come, and of how many bytes. */
  get countsData(): boolean {
    return countsData(this.#options)
  }

  /** Whether no more is taken for now. Asked for every frame. */
  get holds(): boolean {
    const { messagesIn, bytesIn } = this.#paced
    const unasked = unaskedOf(this.#paced)
    if (unasked < this.#controls.stop && messagesIn < this.#messages.stop && bytesIn < this.#bytes.stop)
      return false
    return this.place >= 0 || this.#holdsUp()
  }

  /** The peer was stopped because of what `holds` says. */
  onPause(): void {
    this.pauses++
    this.#host.onTooFast(() => this.#tooFast())
  }

  onDue(): void {
    this.stop()
    this.#paced.release()
  }

  stop(): void {
    this.due = Infinity
    this.#keeper.delete(this)
  }

  #holdsUp(): boolean {
    const { messagesIn, bytesIn } = this.#paced
    const now = this.#keeper.sync()
    const unasked = unaskedOf(this.#paced)
    const controls = this.#controls.wait(unasked, now)
    const messages = this.#messages.wait(messagesIn, now)
    const bytes = this.#bytes.wait(bytesIn, now)
    const wait = Math.max(controls, messages, bytes)
    if (wait === 0) return false
    if (controls > 0) this.#reached = 'maxControlRate'
    else this.#reached = messages > 0 ? 'maxMessageRate' : 'maxByteRate'
    if (this.#options.whenTooFast === 'pause') this.#holdFor(wait, now)
    else this.#host.fail(this.#tooFast())
    return true
  }

  #holdFor(wait: number, now: number): void {
    this.due = now + wait
    this.#keeper.add(this)
  }

  #tooFast(): ProtocolError {
    const option = this.#reached
    const { rate, burst } = this.#options[option]
    const value = this.#taken(option)
    return new ProtocolError(
      'WS_ERR_TOO_FAST',
      1008,
      `Cannot accept ${value} at once: ${option} is ${rate} a second, ${burst} at once`,
      { breach: { option, limit: rate, value } },
    )
  }

  #taken(option: RateName): number {
    if (option === 'maxControlRate') return this.#controls.taken(unaskedOf(this.#paced))
    const { messagesIn, bytesIn } = this.#paced
    return option === 'maxMessageRate' ? this.#messages.taken(messagesIn) : this.#bytes.taken(bytesIn)
  }
}
