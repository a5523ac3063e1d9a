import type { Clock } from '../../src/conn/clock.js'

interface Timer {
  readonly due: number
  readonly callback: () => void
}

/**
 * Time that moves only when told to: `new Conn(..., { clock })`, then `clock.advance(25_000)`.
 *
 * Timers run inside `advance()`, each at its own time and in order; what they settle is seen after an `await`.
 */
export class FakeClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  setTimer(callback: () => void, milliseconds: number): unknown {
    const timer: Timer = { due: this.#now + milliseconds, callback }
    this.#timers.add(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  /** Timers that were set and have neither run nor been cleared. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets so many milliseconds pass, and runs what falls due, timers set on the way included. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds
    for (let timer = this.#next(until); timer !== undefined; timer = this.#next(until)) {
      this.#timers.delete(timer)
      this.#now = timer.due
      timer.callback()
    }
    this.#now = until
  }

  /** The earliest timer due by then; of those due together, the one set first. */
  #next(until: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers)
      if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer
    return next
  }
}
