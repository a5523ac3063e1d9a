import type { Output } from '../output.js'
import type { WireEvent } from '../recording/events.js'
import { linesOf, recordOf } from '../recording/lines.js'
import type { Sink } from './sink.js'

export interface ScreenSettings {
  readonly output: Output
  readonly isJson: boolean
  readonly isLong: boolean
  readonly shown: number | undefined
}

/**
 * Prints what happens. Lines for people are left out, and counted, while the reader is slow; lines of JSON are a
 * recording, for which connections wait.
 */
export class Screen implements Sink {
  readonly name = 'the reader of the output'
  readonly #settings: ScreenSettings
  #left = 0
  #waiting: Promise<void> | undefined

  constructor(settings: ScreenSettings) {
    this.#settings = settings
  }

  get drained(): Promise<void> | undefined {
    return this.#settings.isJson ? this.#waiting : undefined
  }

  take(event: WireEvent): void {
    const { output, isJson, isLong, shown } = this.#settings
    if (isJson) output.json(recordOf(event))
    else if (this.#waiting !== undefined) this.#left++
    else for (const line of linesOf(event, { isLong, shown, showsConn: true })) output.line(line)
    if (output.stdout.writableNeedDrain && this.#waiting === undefined) this.#wait()
  }

  #wait(): void {
    const { output } = this.#settings
    this.#waiting = output.drained().then(() => {
      this.#waiting = undefined
      if (this.#left > 0)
        output.line(`… ${this.#left} more that are not shown: the reader of the output is slow`)
      this.#left = 0
    })
  }
}
