import { outOfRange, toError, WebSocketError, wrongType } from '../errors.js'
import { packHead } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import { Utf8Validator } from '../frame/utf8.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Bytes, toBuffer } from './bytes.js'

/** What a writer needs from the sender. */
export interface WriterHost {
  /** Lays one part out; a promise when an extension takes time. */
  part(head: number, bytes: Buffer, hints: EncodeHints): void | Promise<void>
  /** A promise for "there is room for more". */
  accepted(): Promise<void>
  isOpen(): boolean
  refused(): Promise<never>
  messageDone(): void
  fail(error: unknown): void
}

type Phase = 'open' | 'ended' | 'cut'

/**
 * One outgoing message, written part by part: every part goes out as a frame of its own (RFC 6455 §5.4). Until it ends,
 * messages sent meanwhile wait behind it; pings and pongs go in between.
 *
 * @example
 * const writer = conn.writer('text')
 * for await (const row of rows) await writer.write(`${row}\n`)
 * await writer.end()
 */
export class MessageWriter implements AsyncDisposable {
  readonly #host: WriterHost
  readonly #hints: EncodeHints
  readonly #utf8: Utf8Validator | undefined
  #text: boolean | undefined
  #first = true
  #phase: Phase = 'open'
  /** A high surrogate whose other half is still to come. */
  #surrogate = ''
  /** Parts go one after the other; also waits for our turn on the lane. */
  #tail: Promise<void>
  #begin: () => void = () => undefined
  #release: () => void = () => undefined

  /** @internal */
  constructor(host: WriterHost, text: boolean | undefined, hints: EncodeHints, validate: boolean) {
    this.#host = host
    this.#text = text
    this.#hints = hints
    this.#utf8 = validate ? new Utf8Validator() : undefined
    this.#tail = new Promise((resolve) => {
      this.#begin = resolve
    })
  }

  /** Our turn has come; the promise settles when the message has ended. @internal */
  start(): Promise<void> {
    this.#begin()
    if (this.#phase === 'cut') return Promise.resolve()
    return new Promise((resolve) => {
      this.#release = resolve
    })
  }

  /** Takes the lane away: the rest of the message will not be sent. @internal */
  cut(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'cut'
    this.#release()
  }

  /** Writes the next part; resolves when there is room for more. The bytes may be used again at once. */
  write(chunk: string | Bytes): Promise<void> {
    if (this.#phase === 'ended')
      throw new WebSocketError('WS_ERR_STATE', 'Cannot write: the message has ended')
    if (this.#phase === 'cut' || !this.#host.isOpen()) return this.#host.refused()
    const bytes = this.#bytesOf(chunk)
    return this.#queue(() => (bytes.length === 0 ? undefined : this.#part(bytes, false)))
  }

  /** Ends the message, with a last part if one is given. */
  end(chunk?: string | Bytes): Promise<void> {
    if (chunk !== undefined) void this.write(chunk)
    if (this.#phase !== 'open') return this.#host.refused()
    const rest = Buffer.from(this.#surrogate)
    if (this.#utf8 !== undefined && this.#text === true && !this.#utf8.isComplete)
      throw outOfRange('the end of the message', 'the end of a UTF-8 character', 'open')
    this.#phase = 'ended'
    return this.#queue(async () => {
      await this.#part(rest, true)
      this.#host.messageDone()
      this.#release()
    })
  }

  /**
   * Gives the message up. If a part of it is out already, that cannot be taken back: the connection is closed with 1011.
   */
  abort(reason?: unknown): void {
    if (this.#phase !== 'open') return
    this.cut()
    if (this.#first) return
    const cause = reason === undefined ? undefined : { cause: reason }
    this.#host.fail(
      new WebSocketError('WS_ERR_SOURCE', 'A message was given up after its first part was sent', cause),
    )
  }

  /** The writer as a web stream. */
  get writable(): WritableStream<string | Bytes> {
    return new WritableStream<string | Bytes>({
      write: (chunk) => this.write(chunk),
      close: () => this.end(),
      abort: (reason) => this.abort(reason),
    })
  }

  /** `await using`: a message that was not ended is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abort()
  }

  /** Writes everything a source gives; gives the message up when the source fails. @internal */
  async writeAll(source: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const chunk of source) await this.write(chunk as string | Bytes)
      await this.end()
    } catch (error) {
      this.abort(error)
      throw error
    }
  }

  #bytesOf(chunk: string | Bytes): Buffer {
    if (typeof chunk === 'string') return this.#encode(chunk)
    const bytes = toBuffer(chunk)
    if (bytes === undefined) throw wrongType('chunk', 'a string or bytes', chunk)
    this.#text ??= false
    if (this.#text && this.#utf8?.append(bytes) === false)
      throw outOfRange('chunk', 'UTF-8 in a text message', bytes)
    return Buffer.from(bytes)
  }

  /** A surrogate pair that is cut between two strings is put together again. */
  #encode(chunk: string): Buffer {
    this.#text ??= true
    if (!this.#text) throw wrongType('chunk', 'bytes in a binary message', chunk)
    const text = this.#surrogate + chunk
    const isCut = isHighSurrogate(text.charCodeAt(text.length - 1))
    this.#surrogate = isCut ? text.slice(-1) : ''
    return Buffer.from(isCut ? text.slice(0, -1) : text)
  }

  #part(bytes: Buffer, fin: boolean): void | Promise<void> {
    const head = partHead(this.#first, fin, this.#text === true)
    this.#first = false
    return this.#host.part(head, bytes, this.#hints)
  }

  /** Runs a step behind those before it, once the lane is ours. */
  #queue(step: () => void | Promise<void>): Promise<void> {
    const done = this.#tail.then(() => (this.#phase === 'cut' ? undefined : step()))
    this.#tail = done.catch((error: unknown) => this.#host.fail(toError(error)))
    const accepted = this.#tail.then(() =>
      this.#phase === 'cut' ? this.#host.refused() : this.#host.accepted(),
    )
    accepted.catch(() => undefined)
    return accepted
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** The opcode and FIN of one part. */
const partHead = (first: boolean, fin: boolean, text: boolean): number =>
  packHead(fin, 0, first ? (text ? Opcode.Text : Opcode.Binary) : Opcode.Continuation)
