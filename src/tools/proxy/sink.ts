import type { WireEvent } from '../recording/events.js'

/** Something that wants to know what happens: a screen, a file, a page. */
export interface Sink {
  take(event: WireEvent): void
  /** Resolves when it can take more; undefined while it can. Connections wait for it. */
  readonly drained?: Promise<void> | undefined
  /** What it is called when connections wait for it. */
  readonly name?: string
  /** No more will come; resolves when everything is kept, with false when something was lost. */
  close?(): Promise<boolean>
}

/** When connections have waited for so long, it is said. */
const PATIENCE = 1000

/** All that want to know, as one. */
export class Sinks {
  readonly #sinks: readonly Sink[]
  readonly #note: (text: string) => void
  #waiting: Promise<void> | undefined

  constructor(sinks: readonly Sink[], note: (text: string) => void) {
    this.#sinks = sinks
    this.#note = note
  }

  take(event: WireEvent): void {
    for (const sink of this.#sinks) sink.take(event)
  }

  /** Resolves when all of them can take more; undefined while they can. */
  get drained(): Promise<void> | undefined {
    if (this.#waiting !== undefined) return this.#waiting
    if (this.#sinks.every(({ drained }) => drained === undefined)) return undefined
    this.#waiting = this.#wait().finally(() => {
      this.#waiting = undefined
    })
    return this.#waiting
  }

  async #wait(): Promise<void> {
    for (const sink of this.#sinks) {
      const { drained } = sink
      if (drained === undefined) continue
      const timer = setTimeout(
        () => this.#note(`connections wait for ${sink.name}: it takes no more`),
        PATIENCE,
      )
      await drained
      clearTimeout(timer)
    }
  }
}

/** Brings all of them to an end; false when something was lost. */
export async function closeAll(sinks: readonly Sink[]): Promise<boolean> {
  const kept = await Promise.all(sinks.map((sink) => sink.close?.() ?? true))
  return kept.every(Boolean)
}
