/** Timers know no longer time: one that is longer is over at once. */
export const LONGEST_TIMER = 2 ** 31 - 1

/** Waits for answers, as long as there is hope for them. */
export class Waiter {
  readonly #patience: number
  #count = 0
  /** So many answers are not waited for any more: they did not come in time. */
  #missed = 0
  #isOver = false
  readonly #wakers = new Set<() => void>()

  constructor(patience: number) {
    this.#patience = patience
  }

  /** An answer came. */
  arrived(): void {
    this.#count++
    this.#wake()
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true
    this.#wake()
  }

  /** Resolves when so many answers have come, or when the next one of them takes too long. */
  async until(count: number): Promise<void> {
    while (!this.#isOver && this.#count + this.#missed < count) {
      const before = this.#count
      await this.#nap(this.#patience)
      if (this.#count === before) this.#missed = count - this.#count
    }
  }

  /** Resolves at the end, or when that takes too long. */
  untilEnd(): Promise<void> {
    return this.sleepUntil(performance.now() + this.#patience)
  }

  /** Resolves at a time, or at the end. */
  async sleepUntil(time: number): Promise<void> {
    while (!this.#isOver && performance.now() < time) await this.#nap(time - performance.now())
  }

  /** Resolves after a time, or at the next answer, or at the end: whatever comes first. */
  #nap(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wakers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(milliseconds, LONGEST_TIMER))
      this.#wakers.add(done)
    })
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker()
  }
}
