import type { Clock } from './clock.js'

/** Something with a deadline. */
export interface Timed {
  /** When `onDue` is to be called, in the clock's milliseconds; Infinity for never. */
  due: number
  /** Where the timekeeper has it, for its own use; -1 before it is added. */
  place: number
  /** Called at or a little after `due`; it sets the next `due`. */
  onDue(now: number): void
}

/** Ticks are never further apart: `now` is that old at most. */
const LONGEST_TICK = 1000
const SHORTEST_TICK = 5

/**
 * One coarse timer for all connections that share a clock. A connection costs one number; a message costs one
 * assignment (`now`), no call to the system.
 */
export class Timekeeper {
  readonly #clock: Clock
  /** Each knows its place here: that costs a connection less than an entry in a Set does, in memory and in time. */
  readonly #timed: Timed[] = []
  #timer: unknown
  #wakeAt = Infinity
  #forgave = false
  /** The time of the last tick. */
  now: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.now = clock.now()
  }

  get size(): number {
    return this.#timed.length
  }

  add(timed: Timed): void {
    timed.place = this.#timed.length
    this.#timed.push(timed)
    this.moved(timed)
  }

  /** Makes `now` exact: for what counts its time from this moment. */
  sync(): number {
    this.now = this.#clock.now()
    return this.now
  }

  delete(timed: Timed): void {
    const { place } = timed
    if (place < 0) return
    timed.place = -1
    const last = this.#timed.pop()!
    if (last !== timed) {
      last.place = place
      this.#timed[place] = last
    }
    if (this.#timed.length === 0) this.#disarm()
  }

  /** A deadline was set earlier than it was: the timer may have to ring earlier, too. */
  moved(timed: Timed): void {
    this.#arm(Math.min(timed.due, this.now + LONGEST_TICK))
  }

  #arm(at: number): void {
    if (at >= this.#wakeAt) return
    this.#disarm()
    const delay = Math.max(SHORTEST_TICK, at - this.#clock.now())
    this.#wakeAt = at
    this.#timer = this.#clock.setTimer(() => this.#tick(), delay)
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
    this.#wakeAt = Infinity
  }

  #tick(): void {
    const late = this.#clock.now() - this.#wakeAt
    this.#timer = undefined
    this.#wakeAt = Infinity
    this.now = this.#clock.now()
    // When this process was stuck, what the peers sent meanwhile has not been read yet: nobody is judged before it is.
    this.#forgave = late > LONGEST_TICK && !this.#forgave
    try {
      if (!this.#forgave) this.#ringDue()
    } finally {
      if (this.#timed.length > 0) this.#arm(this.#nextTick())
    }
  }

  #ringDue(): void {
    for (let i = 0; i < this.#timed.length; ) {
      const timed = this.#timed[i]!
      if (timed.due <= this.now) timed.onDue(this.now)
      if (this.#timed[i] === timed) i++ // else it has left, and another is in its place
    }
  }

  #nextTick(): number {
    let next = this.now + LONGEST_TICK
    for (const timed of this.#timed) if (timed.due < next) next = timed.due
    return next
  }
}

const keepers = new WeakMap<Clock, Timekeeper>()

/** The timekeeper of a clock; all connections with the same clock share it. */
export function timekeeperOf(clock: Clock): Timekeeper {
  let keeper = keepers.get(clock)
  if (keeper === undefined) {
    keeper = new Timekeeper(clock)
    keepers.set(clock, keeper)
  }
  return keeper
}
