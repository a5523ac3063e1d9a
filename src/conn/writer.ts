import { outOfRange, toError, WebSocketError, wrongType } from '../errors.js'
import { packHead } from '../frame/frame.js'
import { Opcode } from '../frame/opcode.js'
import { Utf8Validator } from '../frame/utf8.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Bytes, toBuffer } from './bytes.js'
import { ignore } from './quiet.js'

/** What a writer needs from the sender. */
export interface WriterHost {
  /** Lays one part out; a promise when an extension takes time. */
  part(head: number, bytes: Buffer, hints: EncodeHints): void | Promise<void>
  /** A promise for "there is room for more". */
  accepted(): Promise<void>
  /** Counts bytes that wait for their turn, and takes them off again. */
  hold(bytes: number): void
  letGo(bytes: number): void
  /** Whether more waits than may: then the connection has failed. */
  overflows(): boolean
  refused(): Promise<never>
  messageDone(): void
  fail(error: unknown): void
}

/** Being written; complete and on its way; out; or given up. */
type Phase = 'open' | 'ended' | 'out' | 'cut'

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
  #begin: () => void = ignore
  #release: () => void = ignore
  #onCut: () => void = ignore

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

  /** A message that is not complete is given up; true when a part of it is out. @internal */
  cut(): boolean {
    if (this.#phase !== 'open') return false
    this.drop()
    return !this.#first
  }

  /** What is not out yet will not be sent, and whoever waits for it is told. @internal */
  drop(): void {
    if (this.#phase === 'out') return
    this.#phase = 'cut'
    this.#begin()
    this.#release()
    this.#onCut()
  }

  /** Writes the next part; resolves when there is room for more. The bytes may be used again at once. */
  write(chunk: string | Bytes): Promise<void> {
    this.#checkNotEnded()
    if (this.#phase === 'cut' || this.#host.overflows()) return this.#host.refused()
    const bytes = this.#bytesOf(chunk)
    return this.#queue(bytes.length, () => (bytes.length === 0 ? undefined : this.#part(bytes, false)))
  }

  /** Ends the message, with a last part if one is given. */
  end(chunk?: string | Bytes): Promise<void> {
    this.#checkNotEnded()
    if (chunk !== undefined) void this.write(chunk)
    if (this.#phase === 'cut') return this.#host.refused()
    const rest = Buffer.from(this.#surrogate)
    if (this.#utf8 !== undefined && this.#text === true && !this.#utf8.isComplete)
      throw outOfRange('the end of the message', 'the end of a UTF-8 character', 'open')
    this.#phase = 'ended'
    // The last frame counts though it may hold nothing: without it the message has not left.
    return this.#queue(Math.max(rest.length, 1), async () => {
      await this.#part(rest, true)
      this.#phase = 'out'
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
    const iterator = source[Symbol.asyncIterator]()
    try {
      for (let step = await this.#next(iterator); step.done !== true; step = await this.#next(iterator))
        await this.write(step.value as string | Bytes)
      await this.end()
    } catch (error) {
      this.abort(error)
      giveUp(iterator)
      throw error
    }
  }

  /** What a source gives next; rejects when the connection ends meanwhile, as a source may never give anything again. */
  #next(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
    if (this.#phase === 'cut') return this.#host.refused()
    return new Promise((resolve, reject) => {
      // By then it is known how the connection ends.
      this.#onCut = () => queueMicrotask(() => this.#host.refused().catch(reject))
      Promise.resolve(iterator.next()).then(resolve, reject)
    })
  }

  #checkNotEnded(): void {
    if (this.#phase === 'ended' || this.#phase === 'out')
      throw new WebSocketError('WS_ERR_STATE', 'Cannot write: the message has ended')
  }

  #bytesOf(chunk: string | Bytes): Buffer {
    if (typeof chunk === 'string') return this.#encode(chunk)
    const bytes = toBuffer(chunk)
    if (bytes === undefined) throw wrongType('chunk', 'a string or bytes', chunk)
    this.#text ??= false
    if (this.#text && this.#utf8?.append(bytes) === false)
      throw outOfRange('chunk', 'UTF-8 in a text message', bytes)
    const lone = this.#surrogate
    this.#surrogate = ''
    return Buffer.concat([Buffer.from(lone), bytes])
  }

  /** A surrogate pair that is cut between two strings is put together again. */
  #encode(chunk: string): Buffer {
    this.#text ??= true
    if (!this.#text) throw wrongType('chunk', 'bytes in a binary message', chunk)
    if (this.#utf8?.isComplete === false)
      throw outOfRange('chunk', 'the rest of the UTF-8 character that was begun', chunk)
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
  #queue(length: number, step: () => void | Promise<void>): Promise<void> {
    this.#host.hold(length)
    const done = this.#tail.then(() => (this.#phase === 'cut' ? undefined : step()))
    const letGo = (): void => this.#host.letGo(length)
    this.#tail = done.catch((error: unknown) => this.#host.fail(toError(error))).then(letGo)
    const accepted = this.#tail.then(() =>
      this.#phase === 'cut' ? this.#host.refused() : this.#host.accepted(),
    )
    accepted.catch(ignore)
    return accepted
  }
}

/** Tells a source that no more is wanted; it may take its time, or fail. */
function giveUp(iterator: AsyncIterator<unknown>): void {
  new Promise((resolve) => resolve(iterator.return?.())).catch(ignore)
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

/** The opcode and FIN of one part. */
const partHead = (first: boolean, fin: boolean, text: boolean): number =>
  packHead(fin, 0, first ? (text ? Opcode.Text : Opcode.Binary) : Opcode.Continuation)
