/** What was counted and measured, for all connections together. */
import { Histogram } from './histogram.js'

/** Kinds of errors that are told apart; whatever else happens counts as `other`. */
const KINDS = 40

const NANOSECONDS = 1e6

export class Tally {
  /** From the moment a message should go out to its answer, in nanoseconds, as the other two. */
  readonly latency = new Histogram()
  /** The same since the last line about progress. */
  readonly recent = new Histogram()
  /** From the moment a connection should be opened to the open connection. */
  readonly handshakes = new Histogram()
  /** How late we were ourselves, where messages have their times. */
  readonly lag = new Histogram()
  readonly errors = new Map<string, number>()
  /** The first thing that was no echo, in words. */
  firstWrong: string | undefined
  sent = 0
  answered = 0
  /** Messages that were due, and not sent by the end. */
  unsent = 0
  unanswered = 0
  /** What counts began then; times are those of `performance.now()`. */
  from = 0
  lastAnswer = 0

  get errorCount(): number {
    let sum = 0
    for (const count of this.errors.values()) sum += count
    return sum
  }

  error(kind: string, times = 1): void {
    const known = this.errors.has(kind) || this.errors.size < KINDS ? kind : 'other'
    if (times > 0) this.errors.set(known, (this.errors.get(known) ?? 0) + times)
  }

  /** An answer that came now, to a message that was to go out then. */
  answer(then: number, now: number): void {
    this.answered++
    this.lastAnswer = now
    this.waited(now - then, 1)
  }

  /** Messages that are not answered count with the time they have waited: leaving them out would flatter the peer. */
  waited(milliseconds: number, times: number): void {
    this.latency.record(milliseconds * NANOSECONDS, times)
    this.recent.record(milliseconds * NANOSECONDS, times)
  }

  opened(milliseconds: number): void {
    this.handshakes.record(milliseconds * NANOSECONDS)
  }

  late(milliseconds: number): void {
    this.lag.record(milliseconds * NANOSECONDS)
  }

  /** Forgets the warm-up; errors stay. */
  restart(now: number): void {
    for (const histogram of [this.latency, this.recent, this.lag]) histogram.clear()
    this.sent = 0
    this.answered = 0
    this.from = now
    this.lastAnswer = now
  }
}
