// Hot: run benchmarks/e2e before and after any edit. An object of this class is made for every message; nothing else is.
import { WebSocketError } from '../errors.js'
import { EMPTY } from '../frame/bytes.js'
import { giveBack } from '../frame/claim.js'
import { checkPresent } from '../frame/copy.js'
import { unseal } from './put-off.js'

// What is known of a message is kept in one number: an object of five fields costs less than one of eight.

/** It came as text; all of its bytes are known to be ASCII. */
const TEXT = 1
const ASCII = 2

/** Whose memory the bytes of a message lie in. */
const STATE = 7 << 2
const OWN = 0 << 2
/** Lent by the read loop for the time of one event. */
const LENT = 1 << 2
/** Lent, and passed on to `send()` meanwhile. */
const SENT = 2 << 2
/** Its bytes are gone, or were never kept; the text may be there. */
const GONE = 3 << 2
/** Its own, and its owner has seen it: he may change the bytes at any time. */
const SEEN = 4 << 2
/** Its own, and on its way out as it is: who wants to see the bytes gets a copy. */
const LEAVING = 5 << 2

/** It was its own, and was lent nevertheless: to keep it no copy is needed. */
const ALONE = 1 << 5

/** In front of its bytes lies room for the header of its frame. */
const HEADED = 1 << 6

// What only fastws itself may do with a message. The bodies stand in the static block of the class.

/** A message whose bytes are its own from now on. @internal */
export let ownMessage: (
  isText: boolean,
  isAscii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
) => Message
/** The same, behind room for the header of its frame, which is nobody else's. @internal */
export let headedMessage: typeof ownMessage
/** Whether there is such a room still: its bytes are as they came, and nobody was given them. @internal */
export let isHeaded: (message: Message) => boolean
/** A message whose bytes are lent until `reclaimMessage`. @internal */
export let lendMessage: (
  isText: boolean,
  isAscii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
) => Message
/** Lends a message of its own for the time of one event: its memory is given back unless somebody keeps it. @internal */
export let offerMessage: (message: Message) => Message
/** Takes lent memory back: what was only sent on is gone, what was not looked at is copied. @internal */
export let reclaimMessage: (message: Message) => void
/** Takes lent memory back early: what may still be looked at is copied. @internal */
export let evictMessage: (message: Message) => void
/**
 * Notes that a message was sent on; its bytes follow with `messageBytes` and so on. Whether they lie where they were
 * lent: who has looked at them has others, and may have changed them. @internal
 */
export let useMessage: (message: Message) => boolean
/** A text message of nothing but ASCII, of which only the text is kept. @internal */
export let textMessage: (text: string) => Message
/** The text of a message of ASCII whose bytes are gone. @internal */
export let asciiOf: (message: Message) => string | undefined
/** A message whose bytes are still in the pieces they came in, its own from now on. @internal */
export let gatherMessage: (isText: boolean, pieces: readonly Buffer[], length: number) => Message
/**
 * The bytes to be sent without a copy, which stay as they are until `haveLeft()`; undefined where others can change
 * them. @internal
 */
export let shareMessage: (message: Message) => readonly Buffer[] | undefined
/** Tells whether what was shared has left at once, or stays on its way. @internal */
export let haveLeft: (message: Message, all: boolean) => void
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
  #bits: number
  #bytes: Buffer
  #start: number
  #end: number
  /** The text, where it is to outlive the bytes or they are gone, or what was not joined yet. */
  #rest: string | readonly Buffer[] | undefined = undefined

  private constructor(bits: number, bytes: Buffer, start: number, end: number) {
    this.#bits = bits
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** Whether it came as text (UTF-8); else it is binary. */
  get isText(): boolean {
    return (this.#bits & TEXT) !== 0
  }

  /** How many bytes it has. */
  get length(): number {
    const text = asciiOf(this)
    if (text !== undefined) return text.length
    this.#check()
    return this.#end - this.#start
  }

  /**
   * The bytes. To hand them to a worker or a stream of bytes, copy them: small messages lie side by side in one memory, which
   * is not to be transferred. One of more than 64 KiB, read from a socket, has memory of its own.
   */
  get data(): Buffer {
    this.keep()
    if (this.#start === this.#end) return Buffer.alloc(0)
    if (typeof this.#rest === 'object') this.#join(this.#rest)
    checkPresent(this.#bytes, this.#end)
    if ((this.#bits & STATE) === LEAVING) this.#copy()
    this.#show()
    if (this.#start === 0 && this.#end === this.#bytes.length) return this.#bytes
    this.#bytes = this.#bytes.subarray(this.#start, this.#end)
    this.#start = 0
    this.#end = this.#bytes.length
    return this.#bytes
  }

  /** The bytes as text. */
  text(): string {
    if (typeof this.#rest === 'string') return this.#rest
    this.#check()
    if (this.#rest !== undefined) this.#join(this.#rest)
    checkPresent(this.#bytes, this.#end)
    const isAscii = (this.#bits & ASCII) !== 0
    const text = isAscii
      ? this.#bytes.toString('latin1', this.#start, this.#end)
      : this.#bytes.toString('utf8', this.#start, this.#end)
    // The string outlives memory that is only lent, so that nothing needs to be copied. (U+FFFD may stand for bytes that
    // are no UTF-8, which it could not give back.)
    if (this.#isLent() && this.isText && (isAscii || !text.includes('\ufffd'))) this.#rest = text
    return text
  }

  /** The text as JSON; throws SyntaxError when it is none. */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  /** Makes sure that the bytes stay; returns the message itself. */
  keep(): this {
    this.#check()
    if (this.#isLent()) this.#takeOver()
    return this
  }

  /** From now on its owner may change the bytes, and nothing else is known of the text. */
  #show(): void {
    if ((this.#bits & HEADED) !== 0) unseal(this.#bytes)
    this.#become(SEEN)
    this.#bits &= ~(ASCII | HEADED)
    this.#rest = undefined
  }

  #isLent(): boolean {
    const state = this.#bits & STATE
    return state === LENT || state === SENT
  }

  #become(state: number): void {
    this.#bits = (this.#bits & ~STATE) | state
  }

  #join(pieces: readonly Buffer[]): void {
    this.#rest = undefined
    this.#moveTo(Buffer.concat(pieces))
  }

  #takeOver(): void {
    if ((this.#bits & ALONE) === 0) this.#copy()
    else this.#bits &= ~(STATE | ALONE)
  }

  #moveTo(bytes: Buffer): void {
    this.#bytes = bytes
    this.#start = 0
    this.#end = bytes.length
    this.#bits &= ~(STATE | ALONE | HEADED)
  }

  #giveBack(): void {
    if (typeof this.#rest === 'object') for (const piece of this.#rest) giveBack(piece)
    else giveBack(this.#bytes)
  }

  #copy(): void {
    this.#moveTo(Buffer.from(this.#bytes.subarray(this.#start, this.#end)))
  }

  #check(): void {
    if ((this.#bits & STATE) !== GONE) return
    if (typeof this.#rest !== 'string')
      throw new WebSocketError(
        'WS_ERR_RELEASED',
        'Cannot use a message after its event: it was sent on and given back; call keep() to have it longer',
      )
    this.#moveTo(Buffer.from(this.#rest))
  }

  static {
    ownMessage = (isText, isAscii, bytes, start, end) =>
      new Message(OWN | (isText ? TEXT : 0) | (isAscii ? ASCII : 0), bytes, start, end)
    headedMessage = (isText, isAscii, bytes, start, end) =>
      new Message(HEADED | OWN | (isText ? TEXT : 0) | (isAscii ? ASCII : 0), bytes, start, end)
    isHeaded = (message) => (message.#bits & HEADED) !== 0
    lendMessage = (isText, isAscii, bytes, start, end) =>
      new Message(LENT | (isText ? TEXT : 0) | (isAscii ? ASCII : 0), bytes, start, end)
    offerMessage = (message) => {
      if ((message.#bits & STATE) === OWN) message.#bits |= LENT | ALONE
      return message
    }
    reclaimMessage = (message) => {
      if (!message.#isLent()) return
      const isText = typeof message.#rest === 'string'
      if ((message.#bits & STATE) === LENT && !isText) return message.#takeOver()
      if ((message.#bits & ALONE) !== 0) message.#giveBack()
      if (!isText) message.#rest = undefined
      message.#become(GONE)
      message.#bits &= ~HEADED
      message.#bytes = EMPTY
      message.#start = message.#end = 0
    }
    evictMessage = (message) => {
      if (message.#isLent() && message.#rest === undefined) message.#copy()
      else reclaimMessage(message)
    }
    useMessage = (message) => {
      message.#check()
      if ((message.#bits & STATE) === LENT) message.#become(SENT)
      return (message.#bits & STATE) === SENT
    }
    textMessage = (text) => {
      const message = new Message(GONE | TEXT | ASCII, EMPTY, 0, 0)
      message.#rest = text
      return message
    }
    asciiOf = (message) => {
      const isGone = (message.#bits & (STATE | ASCII)) === (GONE | ASCII)
      return isGone && typeof message.#rest === 'string' ? message.#rest : undefined
    }
    gatherMessage = (isText, pieces, length) => {
      const message = new Message(OWN | (isText ? TEXT : 0), EMPTY, 0, length)
      message.#rest = pieces
      return message
    }
    shareMessage = (message) => {
      const state = message.#bits & STATE
      const isAlone = state === SENT && (message.#bits & ALONE) !== 0
      if (state !== OWN && state !== LEAVING && !isAlone) return undefined
      message.#become(LEAVING)
      return typeof message.#rest === 'object'
        ? message.#rest
        : [message.#bytes.subarray(message.#start, message.#end)]
    }
    haveLeft = (message, all) => {
      if ((message.#bits & ALONE) === 0 || (message.#bits & STATE) !== LEAVING) return
      if (all) message.#become(SENT)
      else message.#bits &= ~ALONE // not even when it has left: others may have sent it as well
    }
    messageBytes = (message) => {
      if (typeof message.#rest === 'object') message.#join(message.#rest)
      return message.#bytes
    }
    messageStart = (message) => message.#start
    messageEnd = (message) => message.#end
  }
}
