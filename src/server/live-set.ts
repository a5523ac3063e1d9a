/** A view of a set that changes with it and cannot change it. */
export class LiveSet<T> implements ReadonlySet<T> {
  readonly #set: ReadonlySet<T>

  constructor(set: ReadonlySet<T>) {
    this.#set = set
  }

  get size(): number {
    return this.#set.size
  }

  has(value: T): boolean {
    return this.#set.has(value)
  }

  forEach(callback: (value: T, again: T, set: ReadonlySet<T>) => void, thisArg?: unknown): void {
    for (const value of this.#set) callback.call(thisArg, value, value, this)
  }

  entries(): SetIterator<[T, T]> {
    return this.#set.entries()
  }

  keys(): SetIterator<T> {
    return this.#set.keys()
  }

  values(): SetIterator<T> {
    return this.#set.values()
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.#set.values()
  }
}
