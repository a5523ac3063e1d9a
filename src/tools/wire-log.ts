import type { Frame } from '../frame/index.js'
import { annotateLine } from './annotate.js'

/** Frames that are kept for each direction; beyond, they are only counted. */
const KEPT = 60
/** Entries of any kind that are kept. */
const KEPT_AT_ALL = 400

export type Direction = 'sent' | 'received' | 'note'

export interface LogEntry {
  /** Milliseconds since the log was begun. */
  readonly at: number
  readonly direction: Direction
  readonly text: string
}

const ARROWS: Readonly<Record<Direction, string>> = { sent: '>', received: '<', note: '*' }

/** What happened on a wire, for people. Long exchanges are shortened: the log never grows without a limit. */
export class WireLog {
  readonly #begin = performance.now()
  readonly #entries: LogEntry[] = []
  readonly #frames: Record<Direction, number> = { sent: 0, received: 0, note: 0 }
  #left = 0

  /** A frame as it went over the wire; Close is never left out. */
  frame(direction: Direction, frame: Frame): void {
    if (++this.#frames[direction] > KEPT && !frame.isClose) this.#left++
    else this.note(annotateLine({ frame }), direction)
  }

  /** Anything else that is worth telling. */
  note(text: string, direction: Direction = 'note'): void {
    if (this.#entries.length >= KEPT_AT_ALL) {
      this.#left++
      return
    }
    const at = Math.round((performance.now() - this.#begin) * 10) / 10
    this.#entries.push({ at, direction, text })
  }

  get entries(): readonly LogEntry[] {
    if (this.#left === 0) return this.#entries
    const text = `${this.#left} more frames that are not shown`
    return [...this.#entries, { at: this.#entries.at(-1)!.at, direction: 'note', text }]
  }
}

/** One entry as a line: when, which way, what. */
export const logLine = ({ at, direction, text }: LogEntry): string =>
  `${at.toFixed(1).padStart(9)} ms ${ARROWS[direction]} ${text}`
