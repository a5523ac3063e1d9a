// Hot: run benchmarks/e2e before and after any edit.
import { WebSocketError } from '../errors.js'
import { encodeFrame } from '../frame/encoder.js'
import { bytesOf, endOf, type Frame, headOf, lendToFrame, setFrame, startOf } from '../frame/frame.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import type { EncodeHints } from '../protocol/extension.js'
import { type Codecs, encodeControl, orGiveBack } from './codecs.js'
import { FrameWriter } from './frame-writer.js'
import type { Framer } from './framer.js'
import { Lane } from './lane.js'
import { Message } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import type { Outbox } from './outbox.js'
import { outboxFull } from './outbox-full.js'
import { Prepared, plainOf } from './prepared.js'
import { PreparedSender } from './prepared-sender.js'
import { ignore, quietRejection } from './quiet.js'
import {
  goesPlain,
  hintsOf,
  isAsyncIterable,
  longestOf,
  type Sendable,
  type SendOptions,
  type WriteFrameOptions,
  wholeOf,
} from './sendable.js'
import { MessageWriter, type WriterHost } from './writer.js'

/** What the sender needs to know of the end, and how it brings it about. */
export interface SenderHost {
  /** Whether messages, and control frames, may still be sent. */
  readonly isOpen: boolean
  readonly maySendControl: boolean
  /** What later calls are told when the connection has ended, else undefined. */
  readonly error: Error | undefined
  fail(error: unknown): void
}

/** Everything that goes out as a message or as a frame of the application's own. Call order is wire order. */
export class Sender implements WriterHost {
  readonly #host: SenderHost
  readonly #options: ResolvedConnOptions
  readonly #framer: Framer
  readonly #outbox: Outbox
  readonly #codecs: Codecs | undefined
  /** Made for the first who has to take turns. */
  #lane: Lane | undefined
  /** Writers whose message is not out yet. */
  #writers: Set<MessageWriter> | undefined
  #frames: FrameWriter | undefined
  #prepared: PreparedSender | undefined
  readonly #allowedRsv: number
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
    this.#allowedRsv = allowedRsv
  }

  send(data: Sendable, options: SendOptions | undefined): Promise<void> {
    if (!this.#host.isOpen || this.overflows()) return this.refused()
    if (options === undefined && this.#mayLay(data) && goesPlain(data, this.#codecs)) {
      if (typeof data === 'string') this.#framer.text(data)
      else if (data instanceof Message) this.#framer.message(data)
      else if (data instanceof Prepared) this.#framer.prepared(plainOf(data))
      else return this.#sendAny(data, options)
      return this.#sent()
    }
    return this.#sendAny(data, options)
  }

  /** Runs a turn behind all messages sent so far. */
  inOrder(turn: () => void): void {
    this.#turns().run(turn)
  }

  /** Opens a message that is written part by part; it holds the lane until it ends. */
  openWriter(text: boolean | undefined, hints: EncodeHints): MessageWriter {
    const writer = new MessageWriter(this, text, hints, this.#options.validateText)
    if (!this.#host.isOpen) {
      writer.drop()
      return writer
    }
    this.#writers ??= new Set()
    this.#writers.add(writer)
    this.#turns().run(() =>
      writer.start().then(() => {
        this.#writers?.delete(writer)
      }),
    )
    return writer
  }

  writeFrame(frame: Frame, options: WriteFrameOptions | undefined): Promise<void> {
    if (!this.#mayWrite(frame)) return this.refused()
    if (options?.check === false) this.#framer.encoded(encodeFrame(frame))
    else if (this.#writeOwn(frame)) this.messagesOut++
    return this.accepted()
  }

  #writeOwn(frame: Frame): boolean {
    if (this.#codecs === undefined) return this.#frameWriter().write(frame)
    const copy = acquireFrame()
    frame.copyTo(copy)
    const codecs = this.#codecs
    const pending = orGiveBack([copy], () => codecs.encodeOwn(copy))
    const ended = this.#frameWriter().write(copy)
    // Such a frame goes out at once: an extension may look at it and change it, but not hold it back.
    if (pending === undefined) releaseFrame(copy)
    else pending.then(() => releaseFrame(copy)).catch((error: unknown) => this.#host.fail(error))
    return ended
  }

  /** One part of a message being written, or the whole of one: encoded by the extensions, then laid out. */
  part(head: number, bytes: Buffer, hints: EncodeHints): void | Promise<void> {
    const codecs = this.#codecs
    if (codecs === undefined) return this.#framer.data(head, bytes)
    const frame = acquireFrame()
    setFrame(frame, head, false, 0)
    lendToFrame(frame, bytes, 0, bytes.length)
    const pending = orGiveBack([frame], () => codecs.encode(frame, hints))
    if (pending === undefined) return this.#layEncoded(frame)
    return pending.then(() => this.#layEncoded(frame))
  }

  /** Control frames go out at once: an extension may look at them and change them, but not hold them back. */
  control(opcode: number, payload: Buffer, answers = false): void {
    if (this.#codecs === undefined) return this.#layControl(opcode, payload, answers)
    try {
      this.#layControl(opcode, encodeControl(this.#codecs, opcode, payload), answers)
    } catch (error) {
      this.#host.fail(error)
      // Without an error yet, this is the very Close frame that tells of the failure.
      if (this.#host.error === undefined) this.#layControl(opcode, payload, answers)
    }
  }

  accepted(): Promise<void> {
    return this.#outbox.accepted()
  }

  hold(bytes: number): void {
    this.#outbox.hold(bytes)
  }

  letGo(bytes: number): void {
    this.#outbox.letGo(bytes)
  }

  /** Whether more waits than may: then the connection has failed. */
  overflows(): boolean {
    if (this.#options.whenFull === 'wait' || !this.#outbox.isFull) return false
    this.#host.fail(outboxFull(this.#outbox.bufferedAmount, this.#options.maxOutboxBytes))
    return true
  }

  fail(error: unknown): void {
    this.#host.fail(error)
  }

  messageDone(): void {
    this.messagesOut++
  }

  /** The answer to a call that comes too late. */
  refused(): Promise<never> {
    return quietRejection(
      this.#host.error ?? new WebSocketError('WS_ERR_STATE', 'Cannot send: the connection is being closed'),
    )
  }

  /** The peer reads no more: messages that are not complete are cut off, so that Close does not wait for them. */
  cutStream(): void {
    this.#turns().cut([...(this.#writers ?? []), ...(this.#frames === undefined ? [] : [this.#frames])])
  }

  /** The connection is over. */
  close(): void {
    this.#lane?.clear()
    for (const writer of this.#writers ?? []) writer.drop()
    this.#writers = undefined
    this.#frames?.cut()
  }

  /**
   * Whether a message can be laid at once. One that is cut takes its turn: somebody who sees its first frames leave may
   * send another one, which must not come between them (RFC 6455 §5.4).
   */
  #mayLay(data: Sendable): boolean {
    if (this.#lane?.isFree === false) return false
    const { fragmentSize } = this.#options
    return fragmentSize === Infinity || longestOf(data) <= fragmentSize
  }

  #turns(): Lane {
    this.#lane ??= new Lane()
    return this.#lane
  }

  /** A message that was begun may be finished after `close()`: Close waits for it. */
  #mayWrite(frame: Frame): boolean {
    if (isControl(frame.opcode)) return this.#host.maySendControl
    const isOpen = this.#frames?.isUnderWay === true ? this.#host.maySendControl : this.#host.isOpen
    return isOpen && !this.overflows()
  }

  #frameWriter(): FrameWriter {
    const { validateText } = this.#options
    this.#frames ??= new FrameWriter(
      this.#framer,
      this.#outbox,
      this.#turns(),
      this.#codecs,
      this.#allowedRsv,
      validateText,
    )
    return this.#frames
  }

  #sent(): Promise<void> {
    this.messagesOut++
    return this.#outbox.accepted()
  }

  #sendAny(data: Sendable, options: SendOptions | undefined): Promise<void> {
    const hints = hintsOf(options)
    if (data instanceof Prepared) return this.#inTurn(data.length, () => this.#layPrepared(data, hints))
    if (isAsyncIterable(data)) return this.#sendStream(data, options?.text, hints)
    const { head, bytes, isNew } = wholeOf(data, options, this.#options.validateText)
    const isPlain =
      this.#codecs === undefined || (hints.compress === undefined && this.#codecs.skips(bytes.length))
    if (isPlain && this.#mayLay(bytes)) {
      this.#framer.data(head, bytes)
      return this.#sent()
    }
    const own = isNew ? bytes : Buffer.from(bytes)
    return this.#inTurn(own.length, () => this.part(head, own, hints))
  }

  /** Lays a message of so many bytes out when its turn comes. */
  #inTurn(length: number, lay: () => void | Promise<void>): Promise<void> {
    this.hold(length)
    this.#turns().run(() => {
      if (this.#lane?.isCut === true) return this.letGo(length)
      const pending = this.#failing(lay)
      this.messagesOut++
      if (pending === undefined) return this.letGo(length)
      return pending.then(() => this.letGo(length))
    })
    return this.#outbox.acceptedInTurn()
  }

  #layPrepared(data: Prepared, hints: EncodeHints): void | Promise<void> {
    if (this.#codecs === undefined) return this.#framer.prepared(plainOf(data))
    this.#prepared ??= new PreparedSender(this, this.#host, this.#framer, this.#codecs)
    return this.#prepared.lay(data, hints)
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
  #layControl(opcode: number, payload: Buffer, answers: boolean): void {
    if (opcode === Opcode.Close) this.#framer.closeInOrder(payload)
    else this.#framer.control(opcode, payload, answers)
  }

  #layEncoded(frame: Frame): void {
    // While the extension took its time, the connection may have failed: nothing goes out behind Close (§5.5.1).
    if (this.#host.maySendControl)
      this.#framer.data(headOf(frame), bytesOf(frame), startOf(frame), endOf(frame))
    releaseFrame(frame)
  }
}
