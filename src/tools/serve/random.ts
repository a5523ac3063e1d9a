/** Numbers that look random and are the same for the same seed: whoever wants to see something again can. */
export class Random {
  #state: number

  /** What is given besides the seed makes a sequence of its own, as for one message of one connection. */
  constructor(seed: number, ...parts: readonly number[]) {
    this.#state = parts.reduce((state, part) => scramble(state ^ scramble(part + 0x9e3779b9)), scramble(seed))
  }

  /** From 0 up to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    return scramble(this.#state) / 0x1_0000_0000
  }

  /** A whole number from `least` to `most`. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)] as T
  }
}

/** Spreads every bit over all of them (the finalizer of MurmurHash3). */
function scramble(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
