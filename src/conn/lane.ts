/** One message's turn to write; a promise holds the lane until it settles. */
export type Turn = () => void | Promise<void>

/** A message that is sent part by part. */
export interface Partial {
  /** Gives it up unless it is complete; true when a part of it is out, and the rest will not be. */
  cut(): boolean
  /** Gives it up, complete or not. */
  drop(): void
}

/**
 * The order of outgoing data messages: call order is wire order. Most messages are written at once; one that takes time
 * (a stream, a large compression) holds the lane, and those behind it wait for their turn.
 */
export class Lane {
  #waiting: Turn[] | undefined
  #held = false
  /** Part of a message is out and the rest will not be: no other message may follow it (RFC 6455 §5.4). */
  isCut = false

  /** Whether a message may be written at once. */
  get isFree(): boolean {
    return !this.#held
  }

  /**
   * Runs a turn now, or when its time comes: behind one that is under way, be it further up the stack. A turn must not
   * reject, nor throw when it has to wait: it reports failure to its own caller.
   */
  run(turn: Turn): void {
    if (this.#held) {
      this.#waiting ??= []
      this.#waiting.push(turn)
      return
    }
    this.#take(turn)
    if (!this.#held) this.#next()
  }

  /** Gives up messages that are not complete, and with one that is half out all those behind it. */
  cut(messages: readonly Partial[]): void {
    for (const message of messages) if (message.cut()) this.isCut = true
    if (this.isCut) for (const message of messages) message.drop()
  }

  /** Drops the turns that wait. */
  clear(): void {
    this.#waiting = undefined
  }

  #take(turn: Turn): void {
    let pending: Promise<void> | undefined
    this.#held = true
    try {
      pending = turn() ?? undefined
    } finally {
      this.#held = pending !== undefined
    }
    if (pending === undefined) return
    const next = (): void => this.#next()
    pending.then(next, next)
  }

  #next(): void {
    this.#held = false
    for (let turn = this.#waiting?.shift(); turn !== undefined; turn = this.#waiting?.shift()) {
      this.#take(turn)
      if (this.#held) return
    }
  }
}
