// Hot: run benchmarks/micro/decode.ts before and after any edit.
import { outOfRange, ProtocolError, wrongType } from '../errors.js'
import { type Frame, lendToFrame, setFrame } from './frame.js'
import { MASKED, MAX_HEADER, readUint32 } from './header.js'
import { mask } from './mask.js'
import { acquireFrame } from './pool.js'
import { checkHeader, type FrameRules, type Role } from './rules.js'

const EMPTY = Buffer.alloc(0)

/** A claimed length is believed up to here; beyond, memory is spent only as bytes arrive. */
const BELIEVED_LENGTH = 1 << 20

/** A payload of which this much is missing may be read straight into its own memory. */
const DIRECT_FROM = 16 << 10

/** What `seen` is when nobody has looked at the bytes yet. */
const UNSEEN = 0xff

export interface FrameDecoderOptions {
  /** Whose decoder this is: a server takes masked frames only, a client unmasked ones only; left out, both are taken. */
  readonly role?: Role
  /** Longest payload of one frame in bytes; default 1 MiB. */
  readonly maxFrame?: number
  /** Reserved bits that are in use, as in the first byte of a frame (0x40, 0x20, 0x10); default none. */
  readonly allowedRsv?: number
  /** Checks headers against RFC 6455; false for tools that look at wrong frames. Default true. */
  readonly strict?: boolean
}

/**
 * Somebody who follows the frames while they are decoded, piece by piece. Whatever it throws stops the decoding.
 */
export interface FrameWatch {
  /** A header came in and kept to the rules; nothing has been spent on its payload yet. */
  header(head: number, length: number): void
  /** Payload bytes came in, unmasked; `seen` is what `mask()` returned. */
  payload(head: number, bytes: Buffer, start: number, end: number, seen: number): void
}

/**
 * Cuts a byte stream into frames, however it was cut on its way (RFC 6455 §5). It does no I/O and keeps no time.
 *
 * The decoder unmasks in place: bytes given to `append()` belong to it from then on.
 *
 * @example
 * const decoder = new FrameDecoder({ role: 'client' })
 * decoder.append(Buffer.from('810548656c6c6f', 'hex'))
 * using frame = decoder.next()
 * frame?.text() // 'Hello'
 */
export class FrameDecoder {
  readonly #rules: FrameRules | undefined
  readonly #watch: FrameWatch | undefined

  /** Bytes not yet looked at: `#chunk[#at, #end)`. */
  #chunk: Buffer = EMPTY
  #at = 0
  #end = 0

  /** The beginning of a header that was cut. */
  #cut: Buffer | undefined
  #cutLength = 0

  /** The header of the frame at hand. */
  #head = 0
  #masked = false
  #maskKey = 0
  #length = 0

  /** The payload at hand where it did not come in one piece, and how much of it is there. */
  #body: Buffer | undefined = undefined
  #filled = 0
  #ownsPayload = false

  constructor(options: FrameDecoderOptions = {}, watch?: FrameWatch) {
    this.#rules = options.strict === false ? undefined : resolveRules(options)
    this.#watch = watch
  }

  /** Bytes that were appended and are not part of a frame given out yet. */
  get buffered(): number {
    return this.#end - this.#at + this.#cutLength + this.#filled
  }

  /**
   * Whether the payload of the last frame lies in memory of its own, which the decoder has let go of, and not in the
   * chunk that was appended.
   */
  get ownsPayload(): boolean {
    return this.#ownsPayload
  }

  /** Takes the next bytes of the stream. They are the decoder's until `next()` has returned undefined, or `keep()` was called. */
  append(chunk: Uint8Array, start = 0, end = chunk.length): void {
    if (!(chunk instanceof Uint8Array)) throw wrongType('chunk', 'a Buffer or Uint8Array', chunk)
    const bytes = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (this.#at < this.#end) return this.#join(bytes, start, end)
    this.#chunk = bytes
    this.#at = start
    this.#end = end
  }

  /**
   * The next whole frame, from the pool: release it. Undefined when more bytes are needed. Its payload is a view of
   * what was appended, so copy it if that memory is used again.
   *
   * @throws ProtocolError when the peer broke a rule; the stream cannot be decoded further then.
   */
  next(): Frame | undefined {
    const frame = acquireFrame()
    if (this.read(frame)) return frame
    frame[Symbol.dispose]()
    return undefined
  }

  /** Like `next()`, into a frame of yours; false when more bytes are needed. */
  read(frame: Frame): boolean {
    if (this.#body !== undefined) return this.#continueBody(frame)
    if (!this.#readHeader()) return false
    const start = this.#at
    const end = start + this.#length
    if (end > this.#end) {
      this.#beginBody()
      return this.#continueBody(frame)
    }
    const seen = this.#masked ? mask(this.#chunk, start, end, this.#maskKey) : UNSEEN
    if (this.#watch !== undefined) this.#watch.payload(this.#head, this.#chunk, start, end, seen)
    this.#at = end
    this.#ownsPayload = false
    setFrame(frame, this.#head, this.#masked, this.#maskKey)
    lendToFrame(frame, this.#chunk, start, end)
    return true
  }

  /** Copies what has not been looked at yet, so that the memory given to `append()` can be used again. */
  keep(): void {
    if (this.#at === this.#end) {
      this.#chunk = EMPTY
      this.#at = this.#end = 0
      return
    }
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#at, this.#end))
    this.#at = 0
    this.#end = this.#chunk.length
  }

  /**
   * Where the next bytes had best be put, if a long payload is under way: they need not be copied then. What was put
   * there is told with `commit()`.
   * @internal
   */
  room(): Buffer | undefined {
    const body = this.#body
    if (body === undefined || this.#at < this.#end || this.#length - this.#filled < DIRECT_FROM)
      return undefined
    return this.#roomFor(Math.min(this.#length, this.#filled + DIRECT_FROM)).subarray(this.#filled)
  }

  /** The next bytes of the payload under way lie where `room()` said; true when that was the last of them. @internal */
  commit(count: number, frame: Frame): boolean {
    const start = this.#filled
    this.#filled += count
    return this.#finishBody(start, this.#body!, frame)
  }

  #join(bytes: Buffer, start: number, end: number): void {
    this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at, this.#end), bytes.subarray(start, end)])
    this.#at = 0
    this.#end = this.#chunk.length
  }

  /** Reads the header at hand and steps behind it; false when it is not whole. */
  #readHeader(): boolean {
    if (this.#cutLength > 0) return this.#readCutHeader()
    const available = this.#end - this.#at
    const size = available < 2 ? MAX_HEADER : sizeOfHeader(this.#chunk[this.#at + 1]!)
    if (available < size) {
      this.#cut ??= Buffer.alloc(MAX_HEADER)
      this.#chunk.copy(this.#cut, 0, this.#at, this.#end)
      this.#cutLength = available
      this.#at = this.#end
      return false
    }
    const at = this.#at
    this.#at = at + size
    this.#parseHeader(this.#chunk, at)
    return true
  }

  #readCutHeader(): boolean {
    const cut = this.#cut!
    while (this.#at < this.#end) {
      cut[this.#cutLength++] = this.#chunk[this.#at++]!
      if (this.#cutLength < 2 || this.#cutLength < sizeOfHeader(cut[1]!)) continue
      this.#cutLength = 0
      this.#parseHeader(cut, 0)
      return true
    }
    return false
  }

  #parseHeader(bytes: Buffer, at: number): void {
    const head = bytes[at]!
    const second = bytes[at + 1]!
    const short = second & 0x7f
    const masked = (second & MASKED) !== 0
    const length = short < 126 ? short : readLongLength(bytes, at + 2, short, this.#rules !== undefined)
    const rules = this.#rules
    if (rules !== undefined) checkHeader(head, masked, length, rules)
    if (this.#watch !== undefined) this.#watch.header(head, length)
    this.#head = head
    this.#masked = masked
    this.#maskKey = masked ? readUint32(bytes, at + sizeOfHeader(second) - 4) : 0
    this.#length = length
  }

  #beginBody(): void {
    this.#body = Buffer.allocUnsafeSlow(Math.min(this.#length, BELIEVED_LENGTH))
    this.#filled = 0
  }

  #continueBody(frame: Frame): boolean {
    const start = this.#filled
    const count = Math.min(this.#length - start, this.#end - this.#at)
    const body = this.#roomFor(start + count)
    this.#chunk.copy(body, start, this.#at, this.#at + count)
    this.#at += count
    this.#filled = start + count
    return this.#finishBody(start, body, frame)
  }

  /** Unmasks what came in since `start`, and gives the frame when it is whole. */
  #finishBody(start: number, body: Buffer, frame: Frame): boolean {
    const seen = this.#masked ? mask(body, start, this.#filled, this.#maskKey, start & 3) : UNSEEN
    if (this.#watch !== undefined) this.#watch.payload(this.#head, body, start, this.#filled, seen)
    if (this.#filled < this.#length) return false
    this.#body = undefined
    this.#filled = 0
    this.#ownsPayload = true
    setFrame(frame, this.#head, this.#masked, this.#maskKey)
    lendToFrame(frame, body, 0, this.#length)
    return true
  }

  /** The body with room for so many bytes: it doubles as they arrive, up to the claimed length. */
  #roomFor(size: number): Buffer {
    const body = this.#body!
    if (size <= body.length) return body
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(size, body.length * 2)))
    body.copy(larger, 0, 0, this.#filled)
    return (this.#body = larger)
  }
}

function resolveRules(options: FrameDecoderOptions): FrameRules {
  const { role, maxFrame = 1 << 20, allowedRsv = 0 } = options
  if (role !== undefined && role !== 'server' && role !== 'client')
    throw wrongType('role', "'server', 'client' or undefined", role)
  if (maxFrame !== Infinity && (!Number.isSafeInteger(maxFrame) || maxFrame < 0))
    throw outOfRange('maxFrame', 'an integer >= 0', maxFrame)
  return { expectMasked: role === undefined ? undefined : role === 'server', allowedRsv, maxFrame }
}

/** Size of a whole header, as its second byte tells. */
function sizeOfHeader(second: number): number {
  const short = second & 0x7f
  const size = short < 126 ? 2 : short === 126 ? 4 : 10
  return second >= MASKED ? size + 4 : size
}

/** Reads an extended length, 16 bits for 126 and 64 for 127; it must be minimal and have its highest bit clear (§5.2). */
function readLongLength(bytes: Buffer, at: number, short: number, strict: boolean): number {
  if (short === 126) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!
    if (strict && length < 126)
      throw lengthError(`Length ${length} is written in 16 bits: 7 are enough (§5.2)`)
    return length
  }
  // The high half is compared before the two are joined: a sum beyond 2^53 would lose bits.
  const high = readUint32(bytes, at)
  const length = high * 0x1_0000_0000 + readUint32(bytes, at + 4)
  if (high > 0x1f_ffff) throw lengthError('Length is beyond 2^53 bytes')
  if (strict && length < 0x10000)
    throw lengthError(`Length ${length} is written in 64 bits: 16 are enough (§5.2)`)
  return length
}

const lengthError = (message: string): ProtocolError => new ProtocolError('WS_ERR_LENGTH', 1002, message)
