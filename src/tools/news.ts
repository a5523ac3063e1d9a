/** Wakes the one who waits for something to happen. */
export class News {
  #wake: (() => void) | undefined

  /** Resolves when it is told, or after so many milliseconds. */
  async within(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  tell(): void {
    this.#wake?.()
  }
}
