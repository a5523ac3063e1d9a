// Hot: run benchmarks/micro/decode.ts before and after any edit.
import { ProtocolError } from '../errors.js'
import { FIN, RSV } from '../frame/header.js'
import { UNSEEN } from '../frame/mask.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { isPlainAscii, Utf8Validator } from '../frame/utf8.js'
import type { FrameWatch } from '../frame/watch.js'

/** What the messages of one direction must keep to. */
export interface MessageRules {
  readonly maxMessage: number
  readonly maxFragments: number
  readonly validateText: boolean
}

/**
 * Follows the frames that come in and knows what they mean together: which message they belong to, how long it has
 * grown, whether its text is UTF-8 so far (RFC 6455 §5.4, §5.6, §8.1). Pure: it waits for nothing and writes nothing.
 */
export class Session implements FrameWatch {
  readonly #rules: MessageRules
  /** Made with the first text that is not ASCII. */
  #utf8: Utf8Validator | undefined
  /** The opcode of the message at hand; Continuation (0) between messages. */
  #opcode: number = Opcode.Continuation
  #bytes = 0
  #frames = 0
  /** The payload at hand is text as it stands. What an extension changed is checked after it was changed back. */
  #checksText = false
  #ascii = true

  constructor(rules: MessageRules) {
    this.#rules = rules
  }

  /** Whether every byte of the message at hand, or of the last one, is known to be ASCII. */
  get isAscii(): boolean {
    return this.#ascii
  }

  /** Whether a message has begun and not ended. */
  get isInside(): boolean {
    return this.#opcode !== Opcode.Continuation
  }

  header(head: number, length: number): void {
    const opcode = head & 0x0f
    if (isControl(opcode)) return
    if (opcode === Opcode.Continuation) this.#continueMessage(length)
    else this.#beginMessage(head, opcode, length)
    if (this.#bytes > this.#rules.maxMessage) throw messageTooBig(this.#bytes, this.#rules.maxMessage)
    if (this.#frames > this.#rules.maxFragments) throw tooManyFragments(this.#rules.maxFragments)
  }

  payload(head: number, bytes: Buffer, start: number, end: number, seen: number): void {
    if (!this.#checksText || isControl(head)) return
    if (this.#isBetweenCharacters()) {
      if (seen < 0x80) return
      if (seen === UNSEEN && isPlainAscii(bytes, start, end)) return
    }
    this.#ascii = false
    this.#utf8 ??= new Utf8Validator()
    if (!this.#utf8.append(bytes, start, end)) throw notUtf8()
  }

  /** A frame is whole: its last byte went through `payload()`. */
  frameEnd(head: number): void {
    if (isControl(head) || (head & FIN) === 0) return
    if (this.#checksText && !this.#isBetweenCharacters()) throw notUtf8()
    this.#opcode = Opcode.Continuation
  }

  #isBetweenCharacters(): boolean {
    return this.#utf8 === undefined || this.#utf8.isComplete
  }

  #beginMessage(head: number, opcode: number, length: number): void {
    if (this.#opcode !== Opcode.Continuation)
      throw violation('A new message begins before the last one has ended (§5.4)')
    this.#opcode = opcode
    this.#bytes = length
    this.#frames = 1
    this.#checksText = opcode === Opcode.Text && (head & RSV) === 0 && this.#rules.validateText
    this.#ascii = this.#checksText
  }

  #continueMessage(length: number): void {
    if (this.#opcode === Opcode.Continuation)
      throw violation('Continuation frame without a message to continue (§5.4)')
    this.#bytes += length
    this.#frames++
  }
}

const violation = (message: string): ProtocolError => new ProtocolError('WS_ERR_CONTINUATION', 1002, message)

/** Text that is not UTF-8 (§8.1). */
export const notUtf8 = (): ProtocolError =>
  new ProtocolError('WS_ERR_UTF8', 1007, 'Text message is not UTF-8 (RFC 6455 §8.1)')

export const messageTooBig = (bytes: number, limit: number): ProtocolError =>
  new ProtocolError(
    'WS_ERR_MAX_MESSAGE',
    1009,
    `Cannot accept a message of ${bytes} bytes or more: maxMessage is ${limit}`,
    { breach: { option: 'maxMessage', limit, value: bytes } },
  )

const tooManyFragments = (limit: number): ProtocolError =>
  new ProtocolError(
    'WS_ERR_MAX_FRAGMENTS',
    1008,
    `Cannot accept a message of more than ${limit} frames: maxFragments is ${limit}`,
    { breach: { option: 'maxFragments', limit, value: limit + 1 } },
  )
