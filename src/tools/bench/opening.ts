/** Opens the connections: as fast as the server takes them, or evenly over a time. */
import { lookup as lookUp } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DialOptions, dial } from '../../index.js'
import { UsageError } from '../command.js'
import { asUsage } from '../dial-flags.js'
import { exhaustionOf, kindOf } from './failures.js'
import type { Lane } from './lane.js'
import type { Plan } from './plan.js'
import type { Tally } from './tally.js'

/** Handshakes under way at a time, where no time was given for them: more of them would only wait for each other. */
const AT_ONCE = 50

export interface OpeningContext {
  readonly plan: Plan
  readonly tally: Tally
  readonly signal: AbortSignal
  /** Told when it stops early, for want of something. */
  readonly note: (text: string) => void
}

/** Asks for an address once, not for each connection: it is the server that is measured, and not the resolver. */
export function lookupOnce(): LookupFunction {
  type Answer = Parameters<Parameters<LookupFunction>[2]>
  let asked: Promise<Answer> | undefined
  return (hostname, options, callback) => {
    asked ??= new Promise((resolve) => {
      lookUp(hostname, options, (...answer) => resolve(answer as Answer))
    })
    void asked.then((answer) => callback(...answer))
  }
}

export class Opening {
  readonly #context: OpeningContext
  readonly #options: DialOptions
  #opened = 0
  /** What ran out here: there is no point in opening more. */
  #exhausted: string | undefined

  constructor(context: OpeningContext) {
    this.#context = context
    const { plan, signal } = context
    this.#options = { ...plan.dial, signal, connect: { lookup: lookupOnce() } }
  }

  /** Resolves when each is open, or could not be. */
  async all(lanes: readonly Lane[]): Promise<void> {
    await (this.#context.plan.rampUp > 0 ? this.#evenly(lanes) : this.#quickly(lanes))
    if (this.#exhausted !== undefined)
      this.#context.note(`opened ${this.#opened} connections, and can open no more: ${this.#exhausted}`)
  }

  async #quickly(lanes: readonly Lane[]): Promise<void> {
    const waiting = lanes.values()
    const worker = async (): Promise<void> => {
      for (const lane of waiting) await this.#open(lane, performance.now())
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
  }

  /** Each has its time, whether those before it are open or not. */
  async #evenly(lanes: readonly Lane[]): Promise<void> {
    const { plan, signal } = this.#context
    const begin = performance.now()
    const opening: Promise<void>[] = []
    for (const [i, lane] of lanes.entries()) {
      const due = begin + (i * plan.rampUp) / lanes.length
      const wait = due - performance.now()
      if (wait > 1) await sleep(wait, undefined, { signal }).catch(() => undefined)
      opening.push(this.#open(lane, due))
    }
    await Promise.all(opening)
  }

  async #open(lane: Lane, due: number): Promise<void> {
    const { plan, tally, signal } = this.#context
    if (signal.aborted || this.#exhausted !== undefined) return
    try {
      lane.opened(await dial(plan.url, { ...this.#options, events: lane.events }))
      tally.opened(performance.now() - due)
      this.#opened++
    } catch (error) {
      if (signal.aborted) return
      const usage = asUsage(error)
      if (usage instanceof UsageError) throw usage
      tally.error(kindOf(error))
      this.#exhausted ??= exhaustionOf(error)
    }
  }
}
