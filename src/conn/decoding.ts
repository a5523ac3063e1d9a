import { type Frame, headOf, heldBy, packHead, setFrame } from '../frame/frame.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import { Utf8Validator } from '../frame/utf8.js'
import { messageTooBig, notUtf8 } from '../protocol/session.js'
import { type AssembleRules, assemble } from './assemble.js'
import { type Codecs, orGiveBack } from './codecs.js'
import { isPromiseLike } from './events.js'
import type { Inbox } from './inbox.js'
import type { Message } from './message.js'

/** Told when something that took its time is done, and how. */
export interface DecodingHost {
  /** More may be held here than before. */
  onHolding(): void
  onDecoded(failure: { readonly error: unknown } | undefined): void
}

/**
 * Takes messages and parts out of the inbox through the extensions. What an extension takes its time for is kept here
 * until its reader comes again: a read that was cancelled meanwhile loses nothing.
 */
export class Decoding {
  readonly #inbox: Inbox
  readonly #codecs: Codecs | undefined
  readonly #rules: AssembleRules
  readonly #host: DecodingHost
  #message: Message | undefined
  #part: Frame | undefined
  #busy = false
  /** What the frames hold that an extension is at work on. */
  #held = 0
  /** Somebody may still want what comes of them. */
  #wanted = true
  /** How long the message that is taken frame by frame has grown; of one that is read as a stream, whether it is UTF-8. */
  #grown = 0
  #utf8: Utf8Validator | undefined

  constructor(inbox: Inbox, codecs: Codecs | undefined, rules: AssembleRules, host: DecodingHost) {
    this.#inbox = inbox
    this.#codecs = codecs
    this.#rules = rules
    this.#host = host
  }

  /** An extension is at work: nothing can be taken out meanwhile. */
  get isBusy(): boolean {
    return this.#busy
  }

  /** Whether nothing waits that is out of the inbox already. */
  get isEmpty(): boolean {
    return this.#message === undefined && this.#part === undefined
  }

  /** Bytes that are out of the inbox and were not handed over. */
  get memory(): number {
    const kept = (this.#message?.length ?? 0) + (this.#part === undefined ? 0 : heldBy(this.#part))
    return this.#busy ? kept + this.#held : kept
  }

  /** Whether a message waits that is out of the inbox already. */
  get hasMessage(): boolean {
    return this.#message !== undefined
  }

  /** The first whole message; undefined when there is none, or when it takes time. */
  nextMessage(): Message | undefined {
    const decoded = this.#message
    this.#message = undefined
    return decoded !== undefined || this.#inbox.wholeMessages === 0 ? decoded : this.#joined()
  }

  /** By itself: functions that close over `this` cost memory in every call, also where they are not come to. */
  #joined(): Message | undefined {
    const frames = this.#inbox.shiftMessage()
    return this.#run(
      frames,
      () => assemble(frames, this.#codecs, this.#rules, (bytes) => this.#grow(bytes)),
      (message) => {
        this.#message = message
      },
    )
  }

  #grow(bytes: number): void {
    this.#held += bytes
    if (this.#busy) this.#host.onHolding()
  }

  /** The first data frame, decoded; undefined when there is none, or when it takes time. */
  nextPart(): Frame | undefined {
    const decoded = this.#part
    this.#part = undefined
    const frame = decoded ?? this.#inbox.shiftData()
    if (decoded !== undefined || frame === undefined || this.#codecs === undefined) return frame
    return this.#run(
      [frame],
      () => orGiveBack([frame], () => this.#decodePart(frame, this.#textOf(frame))),
      (done) => {
        this.#part = done
      },
    )
  }

  /** A message whose reader has left, as one frame for somebody who reads frames. */
  takeAsFrame(): Frame | undefined {
    const message = this.#message
    if (message === undefined) return undefined
    this.#message = undefined
    const frame = acquireFrame()
    setFrame(frame, packHead(true, 0, message.isText ? Opcode.Text : Opcode.Binary), false, 0)
    frame.payload = message.data
    return frame
  }

  /** The same for somebody who reads part by part: it is the next part. */
  keepAsPart(): Frame | undefined {
    this.#part ??= this.takeAsFrame()
    return this.#part
  }

  /** Nobody will read any more: what is being decoded is dropped when that is done. */
  abandon(): void {
    this.#wanted = false
    this.#drop()
  }

  #drop(): void {
    if (this.#part !== undefined) releaseFrame(this.#part)
    this.#message = this.#part = undefined
  }

  /** A frame is shown as on the wire; the extensions still have to see it, as they keep context between messages. */
  follow(frame: Frame): void {
    if (this.#codecs === undefined || isControl(headOf(frame))) return
    const copy = acquireFrame()
    frame.copyTo(copy)
    const decode = (): Frame | Promise<Frame> => this.#decodePart(copy, undefined)
    const decoded = this.#run([copy], () => orGiveBack([copy], decode), releaseFrame)
    if (decoded !== undefined) releaseFrame(copy)
  }

  /** What checks the text of the message that is read as a stream. */
  #textOf(frame: Frame): Utf8Validator | undefined {
    if (frame.opcode !== Opcode.Continuation)
      this.#utf8 = frame.isText && this.#rules.validateText ? new Utf8Validator() : undefined
    return this.#utf8
  }

  /** The limit is for all frames of a message together: each gets what those before it have left. */
  #decodePart(frame: Frame, text: Utf8Validator | undefined): Frame | Promise<Frame> {
    if (frame.opcode !== Opcode.Continuation) this.#grown = 0
    const pending = this.#codecs!.decode(frame, this.#rules.maxMessage - this.#grown)
    return pending === undefined
      ? this.#checkPart(frame, text)
      : pending.then(() => this.#checkPart(frame, text))
  }

  /** What an extension gave back can only be checked now. */
  #checkPart(part: Frame, text: Utf8Validator | undefined): Frame {
    this.#grown += part.length
    if (this.#grown > this.#rules.maxMessage) throw messageTooBig(this.#grown, this.#rules.maxMessage)
    if (text?.append(part.payload) === false) throw notUtf8()
    if (part.fin && text?.isComplete === false) throw notUtf8()
    return part
  }

  /** Takes one step with frames: its result when it is there at once, else `keep` gets it later. */
  #run<T>(frames: readonly Frame[], step: () => T | Promise<T>, keep: (result: T) => void): T | undefined {
    try {
      const result = step()
      if (!isPromiseLike(result)) return result
      this.#held = frames.reduce((sum, frame) => sum + heldBy(frame), 0)
      this.#wait(result as Promise<T>, keep)
      this.#host.onHolding()
    } catch (error) {
      this.#fail(error)
    }
    return undefined
  }

  #wait<T>(pending: Promise<T>, keep: (result: T) => void): void {
    this.#busy = this.#wanted = true
    pending.then(
      (result) => {
        this.#busy = false
        keep(result)
        if (!this.#wanted) this.#drop()
        this.#host.onDecoded(undefined)
      },
      (error: unknown) => {
        this.#busy = false
        this.#fail(error)
      },
    )
  }

  /** What is behind a message that cannot be read must not look as if it came next. */
  #fail(error: unknown): void {
    this.#inbox.clear()
    this.#host.onDecoded({ error })
  }
}
