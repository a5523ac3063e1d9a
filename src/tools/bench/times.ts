/** A queue of points in time that makes no garbage: it grows to what it holds at most, and stays so. */
export class Times {
  #slots = new Float64Array(4)
  #first = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(time: number): void {
    if (this.#length === this.#slots.length) this.#grow()
    this.#slots[(this.#first + this.#length++) % this.#slots.length] = time
  }

  /** The oldest; undefined when there is none. */
  shift(): number | undefined {
    if (this.#length === 0) return undefined
    const time = this.#slots[this.#first]
    this.#first = (this.#first + 1) % this.#slots.length
    this.#length--
    return time
  }

  #grow(): void {
    const slots = new Float64Array(this.#slots.length * 2)
    for (let i = 0; i < this.#length; i++)
      slots[i] = this.#slots[(this.#first + i) % this.#slots.length] as number
    this.#slots = slots
    this.#first = 0
  }
}
