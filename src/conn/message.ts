// Hot: an object of this class is made for every message; nothing else is.
import { WebSocketError } from '../errors.js'

const EMPTY = Buffer.alloc(0)

/** Whose memory the bytes of a message lie in. */
const OWN = 0
/** Lent by the read loop for the time of one event. */
const LENT = 1
/** Lent, and passed on to `send()` meanwhile. */
const SENT = 2
/** Was lent and is gone. */
const GONE = 3

// What only fastws itself may do with a message. The bodies stand in the static block of the class.

/** A message whose bytes are its own from now on. @internal */
export let ownMessage: (isText: boolean, ascii: boolean, bytes: Buffer, start: number, end: number) => Message
/** A message whose bytes are lent until `reclaimMessage`. @internal */
export let lendMessage: (
  isText: boolean,
  ascii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
) => Message
/** Takes lent memory back: what was only sent on is gone, what was not looked at is copied. @internal */
export let reclaimMessage: (message: Message) => void
/** Notes that a message was sent on; its bytes follow with `messageBytes` and so on. @internal */
export let useMessage: (message: Message) => void
/** @internal */
export let messageBytes: (message: Message) => Buffer
/** @internal */
export let messageStart: (message: Message) => number
/** @internal */
export let messageEnd: (message: Message) => number

/**
 * One whole message (RFC 6455 §5.4): text or binary, its fragments joined. It is yours to keep.
 *
 * One exception, on the event path and for speed: a message that your `message` function did nothing with but `send()`
 * it on is given back when the function returns. Call `keep()` if you want such a message later as well; using it
 * without throws `WS_ERR_RELEASED`.
 *
 * @example
 * for await (const message of conn) {
 *   if (message.isText) console.log(message.json())
 *   else await writeFile('upload', message.data)
 * }
 */
export class Message {
  /** Whether it came as text (UTF-8); else it is binary. */
  readonly isText: boolean
  #bytes: Buffer
  #start: number
  #end: number
  #state: typeof OWN | typeof LENT | typeof SENT | typeof GONE
  #ascii: boolean
  #string: string | undefined

  private constructor(
    isText: boolean,
    ascii: boolean,
    bytes: Buffer,
    start: number,
    end: number,
    state: typeof OWN | typeof LENT,
  ) {
    this.isText = isText
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#state = state
    this.#ascii = ascii
    this.#string = undefined
  }

  /** How many bytes it has. */
  get length(): number {
    this.#check()
    return this.#end - this.#start
  }

  /** The bytes. */
  get data(): Buffer {
    this.keep()
    if (this.#start === this.#end) return EMPTY
    if (this.#start === 0 && this.#end === this.#bytes.length) return this.#bytes
    this.#bytes = this.#bytes.subarray(this.#start, this.#end)
    this.#start = 0
    this.#end = this.#bytes.length
    return this.#bytes
  }

  /** The bytes as text. */
  text(): string {
    if (this.#string !== undefined) return this.#string
    this.#check()
    const text = this.#ascii
      ? this.#bytes.toString('latin1', this.#start, this.#end)
      : this.#bytes.toString('utf8', this.#start, this.#end)
    // The string outlives memory that is only lent, so that nothing needs to be copied. (U+FFFD may stand for bytes that
    // are no UTF-8, which it could not give back.)
    if (this.#state !== OWN && this.isText && (this.#ascii || !text.includes('\ufffd'))) this.#string = text
    return text
  }

  /** The text as JSON; throws SyntaxError when it is none. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  /** Makes sure that the bytes stay; returns the message itself. */
  keep(): this {
    this.#check()
    if (this.#state !== OWN) this.#copy()
    return this
  }

  #copy(): void {
    this.#bytes = Buffer.from(this.#bytes.subarray(this.#start, this.#end))
    this.#end -= this.#start
    this.#start = 0
    this.#state = OWN
  }

  #check(): void {
    if (this.#state !== GONE) return
    if (this.#string === undefined)
      throw new WebSocketError(
        'WS_ERR_RELEASED',
        'Cannot use a message after its event: it was sent on and given back; call keep() to have it longer',
      )
    this.#bytes = Buffer.from(this.#string)
    this.#start = 0
    this.#end = this.#bytes.length
    this.#state = OWN
  }

  static {
    ownMessage = (isText, ascii, bytes, start, end) => new Message(isText, ascii, bytes, start, end, OWN)
    lendMessage = (isText, ascii, bytes, start, end) => new Message(isText, ascii, bytes, start, end, LENT)
    reclaimMessage = (message) => {
      if (message.#state === OWN) return
      if (message.#state === LENT && message.#string === undefined) return message.#copy()
      message.#state = GONE
      message.#bytes = EMPTY
      message.#start = message.#end = 0
    }
    useMessage = (message) => {
      message.#check()
      if (message.#state === LENT) message.#state = SENT
    }
    messageBytes = (message) => message.#bytes
    messageStart = (message) => message.#start
    messageEnd = (message) => message.#end
  }
}
