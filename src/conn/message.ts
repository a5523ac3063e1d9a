// Hot: an object of this class is made for every message; nothing else is.
import { WebSocketError } from '../errors.js'

const EMPTY = Buffer.alloc(0)

/** Whose memory the bytes of a message lie in. */
const OWN = 0
/** Its own, and its owner has seen it: he may change the bytes at any time. */
const SEEN = 4
/** Its own, and on its way out as it is: who wants to see the bytes gets a copy. */
const LEAVING = 5
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
/** A message whose bytes are still in the pieces they came in, its own from now on. @internal */
export let gatherMessage: (isText: boolean, pieces: readonly Buffer[], length: number) => Message
/** The bytes to be sent without a copy, which stay as they are from now on; undefined where others can change them. @internal */
export let shareMessage: (message: Message) => readonly Buffer[] | undefined
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
  #state: typeof OWN | typeof LENT | typeof SENT | typeof GONE | typeof SEEN | typeof LEAVING
  #ascii: boolean
  #string: string | undefined
  /** What was not joined yet. */
  #pieces: readonly Buffer[] | undefined

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
    this.#pieces = undefined
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
    if (this.#pieces !== undefined) this.#join()
    else if (this.#state === LEAVING) this.#copy()
    this.#state = SEEN
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
    if (this.#pieces !== undefined) this.#join()
    const text = this.#ascii
      ? this.#bytes.toString('latin1', this.#start, this.#end)
      : this.#bytes.toString('utf8', this.#start, this.#end)
    // The string outlives memory that is only lent, so that nothing needs to be copied. (U+FFFD may stand for bytes that
    // are no UTF-8, which it could not give back.)
    if (this.#isLent && this.isText && (this.#ascii || !text.includes('\ufffd'))) this.#string = text
    return text
  }

  /** The text as JSON; throws SyntaxError when it is none. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  /** Makes sure that the bytes stay; returns the message itself. */
  keep(): this {
    this.#check()
    if (this.#isLent) this.#copy()
    return this
  }

  get #isLent(): boolean {
    return this.#state === LENT || this.#state === SENT
  }

  #join(): void {
    this.#bytes = Buffer.concat(this.#pieces!)
    this.#pieces = undefined
    this.#state = OWN
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
      if (!message.#isLent) return
      if (message.#state === LENT && message.#string === undefined) return message.#copy()
      message.#state = GONE
      message.#bytes = EMPTY
      message.#start = message.#end = 0
    }
    useMessage = (message) => {
      message.#check()
      if (message.#state === LENT) message.#state = SENT
    }
    gatherMessage = (isText, pieces, length) => {
      const message = new Message(isText, false, EMPTY, 0, length, OWN)
      message.#pieces = pieces
      return message
    }
    shareMessage = (message) => {
      if (message.#state !== OWN && message.#state !== LEAVING) return undefined
      message.#state = LEAVING
      return message.#pieces ?? [message.#bytes.subarray(message.#start, message.#end)]
    }
    messageBytes = (message) => {
      if (message.#pieces !== undefined) message.#join()
      return message.#bytes
    }
    messageStart = (message) => message.#start
    messageEnd = (message) => message.#end
  }
}
