/** A load from its first connection to its last answer. */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lane, type Work } from './lane.js'
import { Opening } from './opening.js'
import { Payloads } from './payload.js'
import type { Plan } from './plan.js'
import { Schedule } from './schedule.js'
import { type SelfReport, SelfWatch } from './self-watch.js'
import { Tally } from './tally.js'

const IDLE: SelfReport = { busy: 0, cpu: 0 }

export class Load implements Work {
  readonly plan: Plan
  readonly payloads: Payloads
  readonly tally = new Tally()
  isSending = false
  /** Open connections that are left. */
  living = 0
  readonly #note: (text: string) => void
  /** Messages that may still be sent, and those that are under way or due. */
  #left: number
  #pending = 0
  #settledCount = 0
  #end = 0
  #schedule: Schedule | undefined
  /** Gives up opening; nothing else can be given up in the middle. */
  readonly #giveUp = new AbortController()
  #settled: () => void = () => undefined
  #stopped: () => void = () => undefined

  constructor(plan: Plan, note: (text: string) => void) {
    this.plan = plan
    this.#note = note
    this.#left = plan.warmUp > 0 ? Infinity : plan.messages
    setMaxListeners(0, this.#giveUp.signal) // each handshake under way listens
    this.payloads = new Payloads(plan.size, plan.isBinary)
  }

  /** Resolves when all is over. */
  async run(): Promise<SelfReport> {
    const lanes = Array.from({ length: this.plan.connections }, (_, i) => new Lane(i, this))
    const { tally, plan } = this
    const opening = new Opening({ plan, tally, signal: this.#giveUp.signal, note: this.#note })
    await opening.all(lanes)
    const open = lanes.filter((lane) => lane.isOpen)
    this.living = open.length
    if (open.length === 0 || this.#giveUp.signal.aborted) {
      await this.#rest(open)
      return IDLE
    }
    const watch = new SelfWatch()
    await this.#send(open)
    const self = watch.report()
    await this.#rest(open)
    return self
  }

  /** Sends nothing more, opens nothing more, and comes to an end. */
  stop(): void {
    this.#giveUp.abort()
    this.#stopped()
  }

  /** How long it took what is counted. */
  get seconds(): number {
    const { tally, plan } = this
    const end = plan.answers === 'none' ? this.#end : Math.max(tally.lastAnswer, tally.from)
    return (end - tally.from) / 1000
  }

  async #send(lanes: readonly Lane[]): Promise<void> {
    const { plan, tally } = this
    const over = new Promise<void>((resolve) => {
      this.#stopped = this.#settled = resolve
    })
    this.isSending = true
    const begin = performance.now()
    const watch = this.#endWhenStalled()
    tally.restart(begin)
    if (plan.rate > 0) this.#schedule = this.#scheduleFor(lanes, begin)
    for (const [position, lane] of lanes.entries()) lane.begin(position)
    this.#schedule?.run()
    if (plan.warmUp > 0) {
      await within(plan.warmUp, over)
      this.#beginToCount(performance.now())
    }
    await within(plan.duration, over)
    clearInterval(watch)
    // What became due meanwhile still has to go out, though we come late.
    this.#schedule?.stop(Math.min(performance.now(), tally.from + plan.duration))
    this.isSending = false
    this.#end = performance.now()
  }

  /** The warm-up is over: what was due in it belongs to it, and all the messages are still to come. */
  #beginToCount(now: number): void {
    this.#schedule?.catchUp(now)
    this.#left = this.plan.messages
    this.tally.restart(now)
  }

  /** Where it is messages that end the load, they do not when none is answered any more. */
  #endWhenStalled(): NodeJS.Timeout | undefined {
    const { plan, tally } = this
    if (plan.messages === Infinity) return undefined
    let before = -1
    return setInterval(() => {
      const now = tally.sent + this.#settledCount
      if (now === before && this.#pending > 0) this.#stopped()
      before = now
    }, plan.timeout)
  }

  #scheduleFor(lanes: readonly Lane[], begin: number): Schedule {
    return new Schedule({
      ...{ lanes, begin, tally: this.tally, pace: this.plan.rate / 1000 },
      take: () => this.take(),
    })
  }

  /** Waits for what is still to be answered, and closes. */
  async #rest(lanes: readonly Lane[]): Promise<void> {
    const { plan, tally } = this
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve
    })
    if (this.#pending > 0 && plan.answers !== 'none') await within(plan.timeout, settled)
    const now = performance.now()
    for (const lane of lanes) lane.giveUp(now)
    await Promise.all(lanes.map((lane) => lane.close()))
    tally.error('a message that was not answered', tally.unanswered)
    tally.error('a message that was due and could not be sent', tally.unsent)
  }

  take(): boolean {
    if (this.#left === 0) return false
    this.#left--
    this.#pending++
    return true
  }

  settle(count: number): void {
    this.#pending -= count
    this.#settledCount += count
    if (this.#pending === 0 && (this.#left === 0 || !this.isSending)) this.#settled()
  }

  dueAt(position: number, number: number): number {
    return this.#schedule?.dueAt(position, number) ?? 0
  }

  gone(): void {
    this.living--
    if (this.living === 0) this.#stopped()
  }
}

/** Waits for something, for so many milliseconds at most. */
async function within(milliseconds: number, event: Promise<void>): Promise<void> {
  const waiting = new AbortController()
  const late = sleep(milliseconds, undefined, waiting).catch(() => undefined)
  await Promise.race([event, late])
  waiting.abort()
}
