import type { ExtensionCodec } from '../protocol/extension.js'
import type { Timed, Timekeeper } from './timekeeper.js'

const IDLE_AFTER = 30_000

/** Tells an extension when no message has gone through it for a while. Costs nothing on a connection that is idle already. */
export class IdleWatch implements Timed {
  readonly #codec: ExtensionCodec
  readonly #keeper: Timekeeper
  readonly #after: number
  #runs = false
  #lastUsed = 0
  due = Infinity
  place = -1

  constructor(codec: ExtensionCodec, keeper: Timekeeper, after: number) {
    this.#codec = codec
    this.#keeper = keeper
    this.#after = after
  }

  /** A message goes through. */
  touch(): void {
    this.#lastUsed = this.#keeper.now
    if (this.#runs) return
    this.#runs = true
    this.#lastUsed = this.#keeper.sync()
    this.due = this.#lastUsed + this.#after
    this.#keeper.add(this)
  }

  stop(): void {
    this.#runs = false
    this.due = Infinity
    this.#keeper.delete(this)
  }

  onDue(now: number): void {
    this.due = this.#lastUsed + this.#after
    if (now < this.due) return
    this.stop()
    this.#codec.idle?.()
  }
}

/** One for each extension that has something to let go of. */
export const watchIdle = (codecs: readonly ExtensionCodec[], keeper: Timekeeper): IdleWatch[] =>
  codecs
    .filter(({ idle, idleAfter }) => idle !== undefined && idleAfter !== 0)
    .map((codec) => new IdleWatch(codec, keeper, codec.idleAfter ?? IDLE_AFTER))
