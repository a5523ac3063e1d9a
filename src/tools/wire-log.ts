import type { Frame } from '../frame/index.js'

/** Entries that are kept in full; beyond, frames are only counted. */
const KEPT = 60
/** And so many more of those that matter most: control frames, and what happens to the connection. */
const KEPT_AT_ALL = 120

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
  #left = 0

  /** A frame as it went over the wire. */
  frame(direction: Direction, frame: Frame): void {
    if (this.#isFull(frame.isControl)) this.#left++
    else this.#add(direction, String(frame))
  }

  /** Anything else that is worth telling. */
  note(text: string, direction: Direction = 'note'): void {
    if (this.#isFull(true)) this.#left++
    else this.#add(direction, text)
  }

  get entries(): readonly LogEntry[] {
    if (this.#left === 0) return this.#entries
    const text = `${this.#left} more frames that are not shown`
    return [...this.#entries, { at: this.#entries.at(-1)?.at ?? 0, direction: 'note', text }]
  }

  #isFull(matters: boolean): boolean {
    return this.#entries.length >= (matters ? KEPT_AT_ALL : KEPT)
  }

  #add(direction: Direction, text: string): void {
    const at = Math.round((performance.now() - this.#begin) * 10) / 10
    this.#entries.push({ at, direction, text })
  }
}

/** One entry as a line: when, which way, what. */
export const logLine = ({ at, direction, text }: LogEntry): string =>
  `${at.toFixed(1).padStart(9)} ms ${ARROWS[direction]} ${text}`
