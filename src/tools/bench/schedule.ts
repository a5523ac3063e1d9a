/** Sends messages at a rate, each at its time, whatever became of those before it. */
import type { Lane } from './lane.js'
import type { Tally } from './tally.js'

/** Timers come a millisecond late, or more: the last of a wait is spent looking at the clock. */
const SLACK = 1.5

export interface ScheduleContext {
  readonly lanes: readonly Lane[]
  /** Messages each millisecond. */
  readonly pace: number
  readonly begin: number
  readonly tally: Tally
  readonly take: () => boolean
}

export class Schedule {
  readonly #context: ScheduleContext
  #next = 0
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined

  constructor(context: ScheduleContext) {
    this.#context = context
  }

  /** When the messages of a lane are due: they take turns. */
  dueAt(position: number, number: number): number {
    const { begin, lanes, pace } = this.#context
    return begin + (number * lanes.length + position) / pace
  }

  run(): void {
    this.catchUp(performance.now())
    const { begin, pace } = this.#context
    const wait = begin + this.#next / pace - performance.now()
    if (wait > SLACK) this.#timer = setTimeout(() => this.run(), wait - SLACK)
    else this.#timer = setImmediate(() => this.run())
  }

  /** Ends it, with what is due until then. */
  stop(until: number): void {
    this.catchUp(until)
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
  }

  /** Gives the lanes what is due until then. */
  catchUp(until: number): void {
    const { lanes, begin, pace, tally, take } = this.#context
    for (let due = begin + this.#next / pace; due <= until; due = begin + this.#next / pace) {
      if (!take()) return
      tally.late(performance.now() - due)
      lanes[this.#next++ % lanes.length]?.addDue()
    }
  }
}
