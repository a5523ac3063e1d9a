import type { LogEntry } from '../wire-log.js'

/** What a case can come to, the words of the Autobahn test suite. From the best to the worst. */
export const BEHAVIORS = ['OK', 'INFORMATIONAL', 'NON-STRICT', 'UNIMPLEMENTED', 'FAILED'] as const
export type Behavior = (typeof BEHAVIORS)[number]

/** How the connection was closed, in the same words and three more. */
export type CloseBehavior = Behavior | 'UNCLEAN' | 'WRONG CODE'

/** What came of one case. */
export interface CaseResult {
  readonly id: string
  readonly behavior: Behavior
  readonly behaviorClose: CloseBehavior
  /** Milliseconds. */
  readonly duration: number
  /** The code in the peer's Close frame; null without one. */
  readonly remoteCloseCode: number | null
  /** Why it is no plain OK, and whatever else is worth knowing. */
  readonly remarks: readonly string[]
  readonly log: readonly LogEntry[]
}

/** The later in `BEHAVIORS`, the worse. */
export const isWorse = (one: Behavior, other: Behavior): boolean =>
  BEHAVIORS.indexOf(one) > BEHAVIORS.indexOf(other)

/** Ends a case: the peer did what it must not, or did not what it must. */
export class CaseFailure extends Error {
  override readonly name = 'CaseFailure'
}

/** The verdict on a case while it is played: it only gets worse. */
export class Verdict {
  #behavior: Behavior = 'OK'
  #close: CloseBehavior = 'OK'
  readonly #remarks: string[] = []

  get behavior(): Behavior {
    return this.#behavior
  }
  get behaviorClose(): CloseBehavior {
    return this.#close
  }
  get remarks(): readonly string[] {
    return this.#remarks
  }

  lower(to: Behavior, why: string): void {
    this.remark(why)
    if (isWorse(to, this.#behavior)) this.#behavior = to
  }

  /** What was wrong with the way it was closed; the first finding counts. */
  lowerClose(to: CloseBehavior): void {
    if (this.#close === 'OK') this.#close = to
  }

  remark(text: string): void {
    if (!this.#remarks.includes(text)) this.#remarks.push(text)
  }
}
