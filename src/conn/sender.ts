// Hot: run benchmarks/e2e before and after any edit.
import { outOfRange, ProtocolError, WebSocketError, wrongType } from '../errors.js'
import { encodeFrame } from '../frame/encoder.js'
import {
  bytesOf,
  endOf,
  type Frame,
  headOf,
  lendToFrame,
  packHead,
  setFrame,
  startOf,
} from '../frame/frame.js'
import { FIN, MAX_CONTROL_PAYLOAD } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import type { Role } from '../frame/rules.js'
import { isUtf8 } from '../frame/utf8.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Bytes, copyBytes, toBuffer } from './bytes.js'
import type { Codecs } from './codecs.js'
import { FrameWriter } from './frame-writer.js'
import type { Framer } from './framer.js'
import { Lane } from './lane.js'
import { Message, messageBytes, messageEnd, messageStart, useMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import type { Outbox } from './outbox.js'
import { MessageWriter, type WriterHost } from './writer.js'

/** What can be sent as one message. Strings go as text, bytes as binary, a stream as what its first chunk is. */
export type Sendable = string | Bytes | Message | AsyncIterable<string | Bytes>

export interface SendOptions {
  /** Whether an extension should compress this message; left out, the extension decides. */
  readonly compress?: boolean
  /** Sends bytes as text; they have to be UTF-8. */
  readonly text?: boolean
}

export interface WriteFrameOptions {
  /**
   * false sends the frame exactly as it is, mask and all, however wrong: for tools. By default it is checked, and
   * masked the way this side has to.
   */
  readonly check?: boolean
}

/** What the sender needs from the connection around it. */
export interface SenderHost {
  readonly role: Role
  /** Whether messages, and control frames, may still be sent. */
  isOpen(): boolean
  maySendControl(): boolean
  /** What later calls are told when the connection has ended, else undefined. */
  error(): Error | undefined
  fail(error: unknown): void
}

const ignore = (): void => undefined
const NO_HINTS: EncodeHints = { compress: undefined }

/** Everything that goes out as a message or as a frame of the application's own. Call order is wire order. */
export class Sender implements WriterHost {
  readonly #host: SenderHost
  readonly #options: ResolvedConnOptions
  readonly #framer: Framer
  readonly #outbox: Outbox
  readonly #codecs: Codecs | undefined
  readonly #lane = new Lane()
  #streaming: MessageWriter | undefined
  /** Bytes of messages that wait for the lane. */
  #heldBytes = 0
  readonly #frames: FrameWriter
  messagesOut = 0

  constructor(
    host: SenderHost,
    options: ResolvedConnOptions,
    framer: Framer,
    outbox: Outbox,
    codecs: Codecs | undefined,
    allowedRsv: number,
  ) {
    this.#host = host
    this.#options = options
    this.#framer = framer
    this.#outbox = outbox
    this.#codecs = codecs
    this.#frames = new FrameWriter(framer, this.#lane, allowedRsv)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  send(data: Sendable, options: SendOptions | undefined): Promise<void> {
    if (this.#cannotSend()) return this.refused()
    if (this.#codecs === undefined && this.#lane.isFree && options === undefined) {
      if (typeof data === 'string') this.#framer.text(data)
      else if (data instanceof Message) this.#message(data)
      else return this.#sendAny(data, options)
      return this.#sent()
    }
    return this.#sendAny(data, options)
  }

  /** Runs a turn behind all messages sent so far. */
  inOrder(turn: () => void): void {
    this.#lane.run(turn)
  }

  /** Opens a message that is written part by part; it holds the lane until it ends. */
  openWriter(text: boolean | undefined, hints: EncodeHints): MessageWriter {
    const writer = new MessageWriter(this, text, hints, this.#options.validateText)
    this.#lane.run(() => {
      this.#streaming = writer
      return writer.start().then(() => {
        this.#streaming = undefined
      })
    })
    return writer
  }

  writeFrame(frame: Frame, options: WriteFrameOptions | undefined): Promise<void> {
    if (!(isControl(frame.opcode) ? this.#host.maySendControl() : this.#host.isOpen())) return this.refused()
    if (options?.check === false) this.#framer.encoded(encodeFrame(frame))
    else if (this.#frames.write(frame)) this.messagesOut++
    return this.accepted()
  }

  /** One part of a message being written, or the whole of one: encoded by the extensions, then laid out. */
  part(head: number, bytes: Buffer, hints: EncodeHints): void | Promise<void> {
    if (this.#codecs === undefined) return this.#framer.data(head, bytes)
    const frame = acquireFrame()
    setFrame(frame, head, false, 0)
    lendToFrame(frame, bytes, 0, bytes.length)
    const pending = this.#encode(frame, hints)
    if (pending === undefined) return this.#layEncoded(frame)
    return pending.then(() => this.#layEncoded(frame))
  }

  /** Control frames go out at once: an extension may look at them and change them, but not hold them back. */
  control(opcode: number, payload: Buffer): void {
    if (this.#codecs === undefined) return this.#layControl(opcode, payload)
    const frame = acquireFrame()
    setFrame(frame, packHead(true, 0, opcode), false, 0)
    lendToFrame(frame, payload, 0, payload.length)
    try {
      if (this.#encode(frame, NO_HINTS) !== undefined)
        throw new WebSocketError(
          'WS_ERR_EXTENSION',
          'Cannot hold back a control frame: encode() gave a promise',
        )
    } catch (error) {
      this.#host.fail(error)
    }
    this.#layControl(opcode, frame.payload)
    releaseFrame(frame)
  }

  accepted(): Promise<void> {
    return this.#outbox.accepted()
  }

  isOpen(): boolean {
    return this.#host.isOpen()
  }

  fail(error: unknown): void {
    this.#host.fail(error)
  }

  messageDone(): void {
    this.messagesOut++
  }

  /** The answer to a call that comes too late. */
  refused(): Promise<never> {
    const error =
      this.#host.error() ?? new WebSocketError('WS_ERR_STATE', 'Cannot send: the connection is being closed')
    const promise = Promise.reject(error)
    promise.catch(ignore)
    return promise
  }

  /** No more messages: one that is being written part by part is cut off, so that Close does not wait for it. */
  cutStream(): void {
    this.#streaming?.cut()
  }

  /** The connection is over. */
  close(): void {
    this.#lane.clear()
    this.#heldBytes = 0
    this.cutStream()
  }

  #cannotSend(): boolean {
    if (!this.#host.isOpen()) return true
    if (this.#options.whenFull === 'wait' || !this.#outbox.isFull) return false
    const limit = this.#options.maxOutboxBytes
    this.#host.fail(
      new ProtocolError(
        'WS_ERR_OUTBOX_FULL',
        1013,
        `Cannot send: ${this.#outbox.bufferedAmount} bytes wait for the peer, maxOutboxBytes is ${limit}`,
      ),
    )
    return true
  }

  #sent(): Promise<void> {
    this.messagesOut++
    return this.#outbox.accepted()
  }

  #message(message: Message): void {
    useMessage(message)
    const head = FIN | (message.isText ? Opcode.Text : Opcode.Binary)
    this.#framer.data(head, messageBytes(message), messageStart(message), messageEnd(message))
  }

  #sendAny(data: Sendable, options: SendOptions | undefined): Promise<void> {
    const hints = hintsOf(options)
    if (isAsyncIterable(data)) return this.#sendStream(data, options?.text, hints)
    const whole = data instanceof Message ? data.data : data
    const isText =
      typeof data === 'string' || (data instanceof Message ? data.isText : options?.text === true)
    const bytes = typeof whole === 'string' ? Buffer.from(whole) : toBuffer(whole)
    if (bytes === undefined)
      throw wrongType('data', 'a string, bytes, a Message or an async iterable of strings or bytes', data)
    if (options?.text === true && this.#options.validateText && !isUtf8(bytes))
      throw outOfRange('data', 'UTF-8 to be sent as text', bytes)
    const head = FIN | (isText ? Opcode.Text : Opcode.Binary)
    if (this.#codecs === undefined && this.#lane.isFree) {
      this.#framer.data(head, bytes)
      return this.#sent()
    }
    return this.#sendInTurn(head, typeof whole === 'string' ? bytes : Buffer.from(bytes), hints)
  }

  /** Sends bytes that are ours when their turn comes. */
  #sendInTurn(head: number, bytes: Buffer, hints: EncodeHints): Promise<void> {
    this.#heldBytes += bytes.length
    this.#lane.run(() => {
      this.#heldBytes -= bytes.length
      return this.#failing(() => this.part(head, bytes, hints))
    })
    return this.#sent()
  }

  /** A turn must not throw: what goes wrong fails the connection. */
  #failing(step: () => void | Promise<void>): void | Promise<void> {
    try {
      return step()?.catch((error: unknown) => this.#host.fail(error))
    } catch (error) {
      this.#host.fail(error)
    }
  }

  #sendStream(source: AsyncIterable<unknown>, text: boolean | undefined, hints: EncodeHints): Promise<void> {
    const sent = this.openWriter(text, hints).writeAll(source)
    sent.catch(ignore)
    return sent
  }

  /** Close goes behind what waits, other control frames in front of it. */
  #layControl(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.Close) this.#framer.closeInOrder(payload)
    else this.#framer.control(opcode, payload)
  }

  #encode(frame: Frame, hints: EncodeHints): void | Promise<void> {
    return this.#codecs?.encode(frame, hints)
  }

  #layEncoded(frame: Frame): void {
    this.#framer.data(headOf(frame), bytesOf(frame), startOf(frame), endOf(frame))
    releaseFrame(frame)
  }
}

function hintsOf(options: SendOptions | undefined): EncodeHints {
  if (options === undefined) return NO_HINTS
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options)
  return { compress: options.compress }
}

function isAsyncIterable(data: unknown): data is AsyncIterable<unknown> {
  return (
    typeof data === 'object' &&
    data !== null &&
    typeof (data as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === 'function'
  )
}

/** A control frame's payload, copied and checked. */
export function controlPayload(data: string | Bytes | undefined): Buffer {
  if (data === undefined) return Buffer.alloc(0)
  const payload = copyBytes(data)
  if (payload === undefined) throw wrongType('payload', 'a string or bytes', data)
  if (payload.length > MAX_CONTROL_PAYLOAD)
    throw outOfRange('payload', `at most ${MAX_CONTROL_PAYLOAD} bytes long (RFC 6455 §5.5)`, payload.length)
  return payload
}
