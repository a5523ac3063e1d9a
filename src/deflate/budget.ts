/** How many contexts the connections of a server may keep, all together. */
export class ContextBudget {
  #left: number

  constructor(max: number) {
    this.#left = max
  }

  get hasRoom(): boolean {
    return this.#left > 0
  }

  /** Counts one more, whether there is room or not: what was agreed on has to be kept. */
  reserve(): void {
    this.#left--
  }

  /** Counts one more if there is room. */
  take(): boolean {
    if (!this.hasRoom) return false
    this.#left--
    return true
  }

  give(): void {
    this.#left++
  }
}
