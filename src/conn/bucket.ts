import type { RateLimit } from './limits.js'

/** Whoever has to wait does so for a twentieth of a second at least: to be woken for every byte would cost more. */
const QUANTUM = 0.05

/**
 * A token bucket, held against a counter that only grows: it may run up to `stop`. Nothing is done for each thing
 * that is counted; the clock is looked at only when the tokens are used up.
 */
export class Bucket {
  readonly #perMillisecond: number
  readonly #quantum: number
  readonly #size: number
  #filledAt: number
  /** The counter must not reach this. */
  stop: number

  /** `extra` are let in beyond: to tell those who took just what they may from those who took more. */
  constructor({ rate, burst }: Required<RateLimit>, extra: number, now: number) {
    this.#perMillisecond = rate / 1000
    this.#size = rate === Infinity ? Infinity : burst + extra
    this.#quantum = Math.min(burst, Math.max(1, rate * QUANTUM))
    this.#filledAt = now
    this.stop = this.#size
  }

  /** Milliseconds until there are tokens again; 0 when there are. */
  wait(count: number, now: number): number {
    if (this.stop === Infinity) return 0
    const filled = this.stop + (now - this.#filledAt) * this.#perMillisecond
    this.stop = Math.min(filled, count + this.#size)
    this.#filledAt = now
    return count < this.stop ? 0 : Math.ceil((count + this.#quantum - this.stop) / this.#perMillisecond)
  }

  /** How many were taken of a full bucket. */
  taken(count: number): number {
    return Math.ceil(count - this.stop + this.#size)
  }
}
