import type { Readable, Writable } from 'node:stream'
import { escapeControls, escapeJson } from './escape.js'

/** What a program leaves behind; scripts rely on these. */
export const Exit = {
  Ok: 0,
  /** The command did its work, and the answer is no: a case failed, a peer refused. */
  Failed: 1,
  /** The command line is wrong. */
  Usage: 2,
  /** Ended by SIGINT or SIGTERM, after closing what was open. */
  Interrupted: 130,
  /** Nobody reads the output any more: what a program gets that is ended by SIGPIPE. */
  Pipe: 141,
} as const

export type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export type Input = Readable & { readonly isTTY?: boolean }

export interface Streams {
  readonly stdin?: Input
  readonly stdout: Stream
  readonly stderr: Stream
}

/**
 * Where a command prints to: results go to stdout, everything else to stderr. Every line is escaped, so that nothing a
 * peer sent can drive the terminal. When the reader of stdout goes away, as in `fastws … | head -1`, `closed` is aborted:
 * commands end then.
 */
export class Output {
  readonly closed: AbortSignal
  readonly #streams: Streams
  #status = ''

  constructor(streams: Streams) {
    this.#streams = streams
    const closing = new AbortController()
    this.closed = closing.signal
    for (const stream of [streams.stdout, streams.stderr]) stream.on('error', () => closing.abort())
  }

  /** A line of the result. */
  line(text = ''): void {
    this.#write(this.#streams.stdout, `${escapeControls(text)}\n`)
  }

  /** A result for programs: one line of JSON. */
  json(value: unknown): void {
    this.line(escapeJson(JSON.stringify(value)))
  }

  /** Bytes of the result just as they are: only where the user has asked for that. */
  raw(bytes: Uint8Array | string): void {
    if (!this.closed.aborted) this.#streams.stdout.write(bytes)
  }

  /** Resolves when what was written has room, or when nobody reads any more: who prints much waits for it. */
  async drained(): Promise<void> {
    const { stdout } = this.#streams
    if (!stdout.writableNeedDrain || this.closed.aborted) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdout.off('drain', done)
        this.closed.removeEventListener('abort', done)
        resolve()
      }
      stdout.on('drain', done)
      this.closed.addEventListener('abort', done)
    })
  }

  /** Where the results go, for those who draw there by themselves. */
  get stdout(): Stream {
    return this.#streams.stdout
  }

  /** A line about the work, which is no result. */
  note(text: string): void {
    this.#write(this.#streams.stderr, `${escapeControls(text)}\n`)
  }

  /** What goes on at the moment: one line that is written over and over, on a terminal only. */
  status(text: string): void {
    const { stderr } = this.#streams
    if (stderr.isTTY !== true) return
    const shown = escapeControls(text).slice(0, (stderr.columns ?? 80) - 1)
    if (shown === this.#status) return
    stderr.write(`\r\u001b[2K${shown}`)
    this.#status = shown
  }

  #write(stream: Stream, text: string): void {
    if (this.closed.aborted) return
    this.status('')
    stream.write(text)
  }
}
