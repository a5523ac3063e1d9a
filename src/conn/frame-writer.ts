import { outOfRange, toError, WebSocketError } from '../errors.js'
import { endOf, type Frame, headOf, startOf } from '../frame/frame.js'
import { RSV } from '../frame/header.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import { checkHeader } from '../frame/rules.js'
import { Utf8Validator } from '../frame/utf8.js'
import type { Codecs } from './codecs.js'
import type { Framer } from './framer.js'
import type { Lane } from './lane.js'
import type { Outbox } from './outbox.js'
import { ignore } from './quiet.js'

/** The message under way: frames that wait for the lane, and what gives it back. */
interface Message {
  waiting: Frame[] | undefined
  release: () => void
  readonly utf8: Utf8Validator | undefined
}

/**
 * Data frames of the application's own. A message begun with them holds the lane until its last frame, as a stream
 * does; frames that come before the lane is free are kept.
 */
export class FrameWriter {
  readonly #framer: Framer
  readonly #outbox: Outbox
  readonly #lane: Lane
  readonly #codecs: Codecs | undefined
  readonly #allowedRsv: number
  readonly #validatesText: boolean
  #message: Message | undefined

  constructor(
    framer: Framer,
    outbox: Outbox,
    lane: Lane,
    codecs: Codecs | undefined,
    allowedRsv: number,
    validatesText: boolean,
  ) {
    this.#framer = framer
    this.#outbox = outbox
    this.#lane = lane
    this.#codecs = codecs
    this.#allowedRsv = allowedRsv
    this.#validatesText = validatesText
  }

  /** Whether a message was begun and has not ended. */
  get isUnderWay(): boolean {
    return this.#message !== undefined
  }

  /** Checks a frame against RFC 6455 and sends it; true when it ends a message. */
  write(frame: Frame): boolean {
    this.#check(frame)
    if (frame.isClose) throw new WebSocketError('WS_ERR_STATE', 'Cannot write a Close frame: use close()')
    if (frame.isControl) this.#framer.control(frame.opcode, frame.payload)
    else this.#writeData(frame)
    return frame.isData && frame.fin
  }

  /** What would be the peer's fault on the way in is a wrong argument here. */
  #check(frame: Frame): void {
    const rules = { expectMasked: undefined, allowedRsv: this.#allowedRsv, maxFrame: Infinity, strict: true }
    try {
      checkHeader(headOf(frame), false, frame.length, rules)
    } catch (error) {
      throw outOfRange('frame', `valid, or sent with { check: false }: ${toError(error).message}`, frame)
    }
  }

  /** The message under way will not be finished; true when a part of it is out. */
  cut(): boolean {
    const message = this.#message
    this.#message = undefined
    for (const kept of message?.waiting?.splice(0) ?? []) this.#drop(kept)
    message?.release()
    return message !== undefined && message.waiting === undefined
  }

  drop(): void {
    this.cut()
  }

  #writeData(frame: Frame): void {
    const message = this.#message
    if (frame.isContinuation !== (message !== undefined))
      throw new WebSocketError(
        'WS_ERR_STATE',
        `Cannot write this frame: ${message === undefined ? 'no message is' : 'a message is'} under way (RFC 6455 §5.4)`,
      )
    const utf8 = message === undefined ? this.#validatorFor(frame) : message.utf8
    if (utf8?.append(frame.payload) === false || (frame.fin && utf8?.isComplete === false))
      throw outOfRange('frame', 'UTF-8 in a text message', frame)
    if (message === undefined) this.#begin(frame, utf8)
    else this.#continue(message, frame)
  }

  /** What an extension is to change back is not text yet. */
  #validatorFor(frame: Frame): Utf8Validator | undefined {
    const isChecked = this.#validatesText && frame.isText && (headOf(frame) & RSV) === 0
    return isChecked ? new Utf8Validator() : undefined
  }

  #begin(frame: Frame, utf8: Utf8Validator | undefined): void {
    if (frame.fin && this.#lane.isFree) return this.#lay(frame)
    const message: Message = { waiting: [], release: ignore, utf8 }
    this.#message = message
    this.#lane.run(() => {
      for (const kept of message.waiting?.splice(0) ?? []) {
        if (!this.#lane.isCut) this.#lay(kept)
        this.#drop(kept)
      }
      message.waiting = undefined
      if (this.#message !== message) return undefined
      return new Promise<void>((resolve) => {
        message.release = resolve
      })
    })
    this.#continue(message, frame)
  }

  #continue(message: Message, frame: Frame): void {
    if (frame.fin) this.#message = undefined
    if (message.waiting === undefined) this.#lay(frame)
    else message.waiting.push(this.#keep(frame))
    if (frame.fin) message.release()
  }

  /** A reserved bit may stand for a change that the extension did not make: it must not build on what it has sent. */
  #lay(frame: Frame): void {
    if ((headOf(frame) & RSV) !== 0) this.#codecs?.forget()
    this.#framer.frame(frame)
  }

  #keep(frame: Frame): Frame {
    const copy = acquireFrame()
    frame.copyTo(copy)
    this.#outbox.hold(endOf(copy) - startOf(copy))
    return copy
  }

  #drop(kept: Frame): void {
    this.#outbox.letGo(endOf(kept) - startOf(kept))
    releaseFrame(kept)
  }
}
