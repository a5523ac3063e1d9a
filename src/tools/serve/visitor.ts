import type { Passage } from './passage.js'

/** What is remembered of a connection. */
export interface Visitor {
  /** Counted from 1, in the order of arrival. */
  readonly id: number
  readonly openedAt: number
  /** Messages that came in. */
  messages: number
  /** Chaos has ended the connection: nothing can be answered any more. */
  isDoomed: boolean
  /** Where the connection can be ended in ways that are not proper; only in chaos. */
  readonly passage: Passage | undefined
}
