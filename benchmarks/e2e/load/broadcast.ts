// One connection speaks, all of them hear it.
import { Replies } from '../replies.js'
import { clientMessage, serverMessage, TEXT, textOf } from '../wire.js'
import { type CountedLoad, countNow, type LoadCount, type LoadOutcome } from './counted.js'
import { drop, type Link, openLinks, type Target } from './link.js'

export interface BroadcastJob {
  readonly connections: number
  /** Bytes of a message. */
  readonly size: number
  readonly target: Target
}

/** Broadcasts that are under way at a time: the server has the next one before the last one has reached everybody. */
const IN_FLIGHT = 2

/** Of the reads that are counted, one in so many is compared. */
const CHECK_EVERY = 16

/** Counts deliveries. */
export class BroadcastLoad implements CountedLoad {
  readonly #links: readonly Link[]
  readonly #message: Buffer
  readonly #replies: Replies
  #deliveries = 0
  #asked = 0
  #reads = 0
  #checked = 0
  #failure: Error | undefined

  private constructor(links: readonly Link[], size: number) {
    const payload = textOf(size)
    this.#links = links
    this.#message = clientMessage(payload, TEXT)
    this.#replies = new Replies(serverMessage(payload, TEXT))
    for (const link of links) this.#listen(link)
  }

  static async start({ connections, size, target }: BroadcastJob): Promise<BroadcastLoad> {
    const load = new BroadcastLoad(await openLinks(connections, target), size)
    for (let i = 0; i < IN_FLIGHT; i++) load.#speak()
    return load
  }

  warm(): void {
    this.#checked = this.#reads = 0 // the next read is compared, however few there are
  }

  count(): LoadCount {
    if (this.#failure !== undefined) throw this.#failure
    return countNow(this.#deliveries, this.#checked)
  }

  stop(): LoadOutcome {
    drop(this.#links)
    if (this.#failure !== undefined) throw this.#failure
    return { checked: this.#checked }
  }

  #listen(link: Link): void {
    const { size } = this.#replies
    let phase = 0
    link.onClose = (error) => {
      this.#failure ??= error ?? new Error('The server hung up')
    }
    link.receive = (bytes, length) => {
      if (this.#reads++ % CHECK_EVERY === 0) this.#check(bytes, length, phase)
      const total = phase + length
      const count = Math.floor(total / size)
      phase = total - count * size
      this.#deliveries += count
      if (this.#deliveries >= (this.#asked - IN_FLIGHT + 1) * this.#links.length) this.#speak()
    }
  }

  #check(bytes: Buffer, length: number, phase: number): void {
    this.#replies.check(bytes, length, phase)
    this.#checked++
  }

  #speak(): void {
    this.#asked++
    this.#links[0]?.socket.write(this.#message)
  }
}
