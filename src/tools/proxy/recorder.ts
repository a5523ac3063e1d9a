import { chmodSync, createWriteStream, statSync, type WriteStream } from 'node:fs'
import type { WireEvent } from '../recording/events.js'
import { recordOf, sessionRecord } from '../recording/lines.js'
import { roomIn } from '../room.js'
import { version } from '../version.js'
import type { Sink } from './sink.js'

export interface FileSettings {
  readonly path: string
  readonly started: Date
  readonly target: string
  readonly note: (text: string) => void
}

/** Recordings hold what users said, cookies and tokens: nobody else may read them. */
export const PRIVATE = 0o600

/** The same for a file that was there before; a pipe, a terminal or `/dev/null` stays as it is. */
export function keepPrivate(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) chmodSync(path, PRIVATE)
}

/** Writes each event as a line of JSON as soon as it happens. */
export class LineRecorder implements Sink {
  readonly name: string
  readonly #stream: WriteStream
  #error: Error | undefined

  constructor({ path, started, target, note }: FileSettings) {
    this.name = path
    keepPrivate(path)
    this.#stream = createWriteStream(path, { mode: PRIVATE })
    this.#stream.on('error', (error) => {
      if (this.#error === undefined) note(`${path}: nothing is recorded any more: ${error.message}`)
      this.#error = error
    })
    this.#write(sessionRecord(`fastws ${version()}`, started, target))
  }

  take(event: WireEvent): void {
    this.#write(recordOf(event))
  }

  get drained(): Promise<void> | undefined {
    if (!this.#stream.writableNeedDrain || this.#stream.destroyed) return undefined
    return roomIn(this.#stream)
  }

  close(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (): void => resolve(this.#error === undefined)
      if (this.#stream.closed) return done()
      this.#stream.once('close', done)
      this.#stream.end()
    })
  }

  #write(record: object): void {
    if (this.#error === undefined) this.#stream.write(`${JSON.stringify(record)}\n`)
  }
}
