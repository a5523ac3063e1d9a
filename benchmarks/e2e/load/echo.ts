// Sends messages and counts what comes back, as fast as the answers come.
import { Histogram } from '../../stats.js'
import { Replies } from '../replies.js'
import { clientMessage, serverMessage, textOf } from '../wire.js'
import { type CountedLoad, countNow, type LoadCount, type LoadOutcome } from './counted.js'
import { drop, type Link, openLinks, type Target } from './link.js'

/** The shape of a load. */
export interface EchoShape {
  readonly connections: number
  /** Bytes of a message. */
  readonly size: number
  /** Messages that are under way on each connection. */
  readonly inFlight: number
  /** Fragments of so many bytes; whole when left out. */
  readonly fragment?: number
  /** Text (1), unless it is binary (2). */
  readonly opcode?: 1 | 2
  /** What comes back, where it is not the message. */
  readonly reply?: string
  /** Sends only what is in flight at the beginning. */
  readonly once?: boolean
}

/** Of the reads that are counted, one in so many is compared as well. */
const CHECK_EVERY = 64

/** Of the connections, one in so many keeps the time. */
const TIME_EVERY = 8

/** What all connections of a load share. */
class Load {
  readonly shape: EchoShape
  readonly replies: Replies
  /** As many messages as are in flight, to send any number of them with one write. */
  readonly batch: Buffer
  readonly messageSize: number
  readonly latency = new Histogram()
  messages = 0
  reads = 0
  checked = 0
  isRunning = true
  isWarm = false

  constructor(shape: EchoShape, raw: boolean) {
    const { size, opcode = 1, fragment, inFlight, reply } = shape
    const payload = textOf(size)
    const message = clientMessage(payload, opcode, fragment)
    this.shape = shape
    this.messageSize = message.length
    this.batch = Buffer.concat(Array(inFlight).fill(message))
    const answer = reply === undefined ? serverMessage(payload, opcode) : serverMessage(Buffer.from(reply), 1)
    this.replies = new Replies(raw ? message : answer)
  }

  /** Every read while it warms up, a sample then. */
  get mustCheck(): boolean {
    return !this.isWarm || this.reads++ % CHECK_EVERY === 0
  }

  check(bytes: Buffer, length: number, phase: number): void {
    this.replies.check(bytes, length, phase)
    this.checked++
  }
}

/** One connection of the load. */
class Line {
  readonly link: Link
  readonly #load: Load
  readonly #isTimed: boolean
  /** Bytes of the reply that has begun. */
  #phase = 0
  #sentAt = 0

  constructor(link: Link, load: Load, index: number) {
    this.link = link
    this.#load = load
    this.#isTimed = load.shape.inFlight === 1 && index % TIME_EVERY === 0
    link.receive = (bytes, length) => this.#receive(bytes, length)
  }

  start(): void {
    this.#send(this.#load.shape.inFlight)
  }

  #receive(bytes: Buffer, length: number): void {
    const load = this.#load
    if (load.mustCheck) load.check(bytes, length, this.#phase)
    const total = this.#phase + length
    const { size } = load.replies
    const count = Math.floor(total / size)
    this.#phase = total - count * size
    if (count === 0) return
    load.messages += count
    if (this.#isTimed && load.isWarm) load.latency.add((performance.now() - this.#sentAt) * 1000)
    if (load.isRunning && !load.shape.once) this.#send(count)
  }

  #send(count: number): void {
    const { batch, messageSize } = this.#load
    if (this.#isTimed) this.#sentAt = performance.now()
    const end = count * messageSize
    this.link.socket.write(end === batch.length ? batch : batch.subarray(0, end))
  }
}

/** A load that can be asked how far it has come. */
export class EchoLoad implements CountedLoad {
  readonly #load: Load
  readonly #links: readonly Link[]
  #failure: Error | undefined

  private constructor(load: Load, links: readonly Link[]) {
    this.#load = load
    this.#links = links
    for (const link of links) link.onClose = (error) => this.#fail(error ?? new Error('The server hung up'))
  }

  /** Connects and begins. */
  static async start({ shape, target, addresses }: EchoJob): Promise<EchoLoad> {
    const load = new Load(shape, target.raw === true)
    const links = await openLinks(shape.connections, target, addresses)
    const echo = new EchoLoad(load, links)
    for (const [index, link] of links.entries()) new Line(link, load, index).start()
    return echo
  }

  /** From now on it counts. */
  warm(): void {
    this.#load.isWarm = true
    this.#load.latency.clear()
  }

  count(): LoadCount {
    if (this.#failure !== undefined) throw this.#failure
    return countNow(this.#load.messages, this.#load.checked)
  }

  stop(): LoadOutcome {
    this.#load.isRunning = false
    drop(this.#links)
    if (this.#failure !== undefined) throw this.#failure
    const { latency, checked } = this.#load
    const percentiles = { p50: latency.percentile(0.5), p99: latency.percentile(0.99) }
    return { latency: latency.total > 0 ? percentiles : undefined, checked }
  }

  #fail(error: Error): void {
    if (this.#load.isRunning) this.#failure ??= error
  }
}

export interface EchoJob {
  readonly shape: EchoShape
  readonly target: Target
  readonly addresses?: readonly string[]
}
