// Hot: run benchmarks/e2e before and after any edit.

import { EMPTY } from '../frame/bytes.js'
import { checkPresent, copyBytes } from '../frame/copy.js'
import { bytesOf, endOf, type Frame, headOf, startOf } from '../frame/frame.js'
import { FIN, headerSize, MASKED, RSV, writeHeader, writeUint32 } from '../frame/header.js'
import { type MaskSource, mask } from '../frame/mask.js'
import { isControl, Opcode } from '../frame/opcode.js'
import type { Role } from '../frame/rules.js'
import type { EncodedMessage } from './encoded-message.js'
import {
  asciiOf,
  haveLeft,
  isHeaded,
  type Message,
  messageBytes,
  messageEnd,
  messageStart,
  shareMessage,
  useMessage,
} from './message.js'
import type { Outbox } from './outbox.js'
import { isSealed, putOff } from './put-off.js'
import { laysGuest, MAX_STAGED, makeRoom, stagingSlab } from './staging.js'

/** So much of a large message goes out with its header, which alone would make a packet of its own. */
const WITH_HEADER = 4 << 10

/** Up to here text is written by a loop: cheaper than a call into native code. */
const WRITE_BY_LOOP = 48

export interface FramerOptions {
  readonly maskSource: MaskSource
  readonly fragmentSize: number
}

/** Lays frames into the outbox: header, payload, mask. A client masks with a fresh key each (RFC 6455 §5.3). */
export class Framer {
  readonly #outbox: Outbox
  readonly #options: FramerOptions
  readonly #masks: boolean
  framesOut = 0
  textOut = 0
  pingsOut = 0
  pongsOut = 0

  constructor(outbox: Outbox, role: Role, options: FramerOptions) {
    this.#outbox = outbox
    this.#options = options
    this.#masks = role === 'client'
  }

  /** A whole text message, which may be known to be ASCII. Lone surrogates become U+FFFD, as everywhere in Node. */
  text(text: string, known = false): void {
    const isKnown = known || (text.length <= WRITE_BY_LOOP && isAscii(text))
    const length = isKnown ? text.length : Buffer.byteLength(text)
    const size = headerSize(length, this.#masks) + length
    if (size > MAX_STAGED || length > this.#options.fragmentSize)
      return this.data(FIN | Opcode.Text, Buffer.from(text))
    const at = this.#outbox.reserve(size)
    const into = this.#outbox.into
    this.#header(into, at, FIN | Opcode.Text, length)
    const start = at + size - length
    writeText(text, length, into, start)
    this.#maskPayload(into, start, at + size)
  }

  /** A message that came in. A large one is sent from where its bytes lie, if nobody can change them and no mask has to be put on. */
  message(message: Message): void {
    const head = FIN | (message.isText ? Opcode.Text : Opcode.Binary)
    if (isHeaded(message) && this.#laysAlike(messageEnd(message) - messageStart(message))) {
      useMessage(message)
      return this.#layHeaded(head, messageBytes(message), messageStart(message), messageEnd(message))
    }
    const text = asciiOf(message)
    if (text !== undefined) return this.text(text, true)
    const { length } = message
    const isLent = useMessage(message)
    // What has to wait goes into memory of the outbox's own: a guest that is copied there need not move.
    if (isLent && !this.#outbox.isBlocked && laysGuest(message, this.#laysAlike(length))) {
      this.#header(stagingSlab(), this.#outbox.reserve(headerSize(length, false) + length), head, length)
      return
    }
    const pieces = this.#mayShare(length) ? shareMessage(message) : undefined
    if (pieces !== undefined) haveLeft(message, this.#pieces(head, pieces, length))
    else this.data(head, messageBytes(message), messageStart(message), messageEnd(message))
  }

  /** One data message, or one frame of it; `head` is the first byte of its first frame. Cut to the fragment size. */
  data(head: number, bytes: Buffer, start = 0, end = bytes.length): void {
    const { fragmentSize } = this.#options
    let first = head
    let from = start
    for (; end - from > fragmentSize; from += fragmentSize) {
      this.#dataFrame(first & ~FIN, bytes, from, from + fragmentSize)
      first = (head & FIN) | Opcode.Continuation
    }
    this.#dataFrame(first, bytes, from, end)
  }

  /** A message that is encoded already; only a client has to copy it, to mask it. */
  prepared(message: EncodedMessage): void {
    if (this.#masks) return this.data(message.head, message.payload)
    const { pieces, frames } = message.wire(this.#options.fragmentSize)
    this.framesOut += frames
    if ((message.head & 0x0f) === Opcode.Text) this.textOut++
    for (let i = 0; i < pieces.length; i++) {
      checkPresent(pieces[i]!, 2) // as long as a frame is at least
      this.#outbox.writeShared(pieces[i]!)
    }
  }

  /** A control frame, which overtakes data that waits. A pong may answer: in place of an answer that still waits (§5.5.3). */
  control(opcode: number, payload: Buffer, answers = false): void {
    if (opcode === Opcode.Ping) this.pingsOut++
    else if (opcode === Opcode.Pong) this.pongsOut++
    const size = headerSize(payload.length, this.#masks) + payload.length
    const at = answers ? this.#outbox.reservePong(size) : this.#outbox.reserveControl(size)
    this.#lay(at, size, FIN | opcode, payload, 0, payload.length)
  }

  /** A Close frame behind all data that waits. */
  closeInOrder(payload: Buffer): void {
    this.#dataFrame(FIN | Opcode.Close, payload, 0, payload.length)
  }

  /** A frame that was built elsewhere, with its own bits; the mask is that of this side. */
  frame(frame: Frame): void {
    const head = headOf(frame)
    if (isControl(head) && (head & 0x0f) !== Opcode.Close) return this.control(head & 0x0f, frame.payload)
    this.#dataFrame(head & (FIN | RSV | 0x0f), bytesOf(frame), startOf(frame), endOf(frame))
  }

  /** Bytes that are a frame, right or wrong. */
  encoded(bytes: Buffer): void {
    this.framesOut++
    this.#outbox.writeOwned(bytes)
  }

  #dataFrame(head: number, bytes: Buffer, start: number, end: number): void {
    const size = headerSize(end - start, this.#masks) + end - start
    if (size <= MAX_STAGED) makeRoom(size)
    checkPresent(bytes, end) // before its room is taken, which would go out as it is
    if (size <= MAX_STAGED) return this.#lay(this.#outbox.reserve(size), size, head, bytes, start, end)
    const into = Buffer.allocUnsafeSlow(size)
    const from = this.#header(into, 0, head, end - start)
    bytes.copy(into, from, start, end)
    this.#maskPayload(into, from, size)
    this.#outbox.writeOwned(into)
  }

  /** Lays a message out together with its header, with those that lay in front of it and are sent in front of it. */
  #layHeaded(head: number, bytes: Buffer, start: number, end: number): void {
    const from = start - headerSize(end - start, false)
    makeRoom(end - from)
    checkPresent(bytes, end)
    const at = this.#outbox.reserve(end - from)
    const { into } = this.#outbox
    this.#header(bytes, from, head, end - start)
    if (into === stagingSlab() && isSealed(bytes)) putOff(bytes, from, end, into, at)
    else copyBytes(bytes, from, end, into, at)
  }

  /** Whether the payload of a message goes into the slab as it is, in one piece. */
  #laysAlike(length: number): boolean {
    return !this.#masks && length <= this.#options.fragmentSize
  }

  #mayShare(length: number): boolean {
    return (
      length > MAX_STAGED && length <= this.#options.fragmentSize && !this.#masks && this.#outbox.isPrivate
    )
  }

  /** Whether all of it has left. */
  #pieces(head: number, pieces: readonly Buffer[], length: number): boolean {
    const [first = EMPTY, ...rest] = pieces
    const count = Math.min(first.length, WITH_HEADER)
    const begin = Buffer.allocUnsafe(headerSize(length, false) + count)
    first.copy(begin, this.#header(begin, 0, head, length), 0, count)
    const left = count < first.length ? [first.subarray(count)] : []
    return this.#outbox.writePieces([begin, ...left, ...rest])
  }

  /** Lays a frame of `size` bytes into the room the outbox gave. */
  #lay(at: number, size: number, head: number, bytes: Buffer, start: number, end: number): void {
    const into = this.#outbox.into
    const from = this.#header(into, at, head, end - start)
    copyBytes(bytes, start, end, into, from)
    this.#maskPayload(into, from, at + size)
  }

  #header(into: Buffer, at: number, head: number, length: number): number {
    this.framesOut++
    if ((head & 0x0f) === Opcode.Text) this.textOut++
    if (!this.#masks) return writeHeader(into, at, head, length, 0)
    this.#key = this.#options.maskSource()
    return writeUint32(into, writeHeader(into, at, head, length, MASKED), this.#key)
  }
  #key = 0

  #maskPayload(into: Buffer, start: number, end: number): void {
    if (this.#masks) mask(into, start, end, this.#key)
  }
}

function isAscii(text: string): boolean {
  let seen = 0
  for (let i = 0; i < text.length; i++) seen |= text.charCodeAt(i)
  return seen < 0x80
}

function writeText(text: string, length: number, into: Buffer, at: number): void {
  if (length > WRITE_BY_LOOP) into.write(text, at, length === text.length ? 'latin1' : 'utf8')
  else if (length !== text.length) into.write(text, at, 'utf8')
  else for (let i = 0; i < length; i++) into[at + i] = text.charCodeAt(i)
}
