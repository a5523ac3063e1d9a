// Hot: run benchmarks/micro/decode.ts before and after any edit.
import { toError } from '../errors.js'
import { asBuffer, checkRange, EMPTY } from './bytes.js'
import { claim } from './claim.js'
import { copyBytes } from './copy.js'
import { CutHeader } from './cut-header.js'
import { checkFrame, type Frame, fillFrame } from './frame.js'
import { type LengthSize, longForm, MASKED, MAX_HEADER, readInt32, sizeOfHeader } from './header.js'
import { LOOK_LATER_FROM, maskUnchecked as mask, maskBlindly, UNSEEN } from './mask.js'
import { findPlain, plainEnd, plainStart } from './plain.js'
import { acquireFrame, releaseFrame } from './pool.js'
import {
  checkHeader,
  type FrameDecoderOptions,
  type FrameRules,
  readLongLength,
  resolveRules,
} from './rules.js'
import type { FrameWatch } from './watch.js'

export type { FrameDecoderOptions } from './rules.js'

/** A payload of which this much is missing may be read straight into its own memory. */
const DIRECT_FROM = 16 << 10

/** A payload of this size is worth holding on to the whole chunk it lies in. @internal */
export const FAIR_SHARE = 1 << 10

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
  readonly #rules: FrameRules
  readonly #watch: FrameWatch | undefined

  /** Bytes not yet looked at: `#chunk[#at, #end)`. */
  #chunk: Buffer = EMPTY
  #at = 0
  #end = 0
  /** The chunk is a copy of ours. */
  #isKept = false
  /** The beginning of a header that was cut. */
  #cut: CutHeader | undefined

  #head = 0
  #masked = false
  #maskKey = 0
  #length = 0
  /** The form of the length, where it is not the shortest one. */
  #longForm: LengthSize | undefined = undefined
  #headerSize = 0

  /** The payload at hand where it did not come in one piece, and how much of it is there. */
  #body: Buffer | undefined = undefined
  #filled = 0
  #ownsPayload = false

  /** What ended the decoding. */
  #error: Error | undefined = undefined

  constructor(options?: FrameDecoderOptions)
  /** @internal */
  constructor(options: FrameDecoderOptions | undefined, watch: FrameWatch | undefined)
  constructor(options: FrameDecoderOptions = {}, watch?: FrameWatch) {
    this.#rules = resolveRules(options)
    this.#watch = watch
  }

  /** Bytes that were appended and are not part of a frame given out yet: 0 exactly between two frames. */
  get buffered(): number {
    const begun = this.#body === undefined ? 0 : this.#headerSize + this.#filled
    return this.#end - this.#at + (this.#cut?.length ?? 0) + begun
  }

  /** Whether every byte that was appended has been looked at. */
  get isDry(): boolean {
    return this.#at === this.#end
  }

  /**
   * Whether the payload of the last frame lies in memory that nobody writes to again, and not in the chunk that was
   * appended: in its own, or, if it is a fair share of it, in what `keep()` has copied.
   */
  get ownsPayload(): boolean {
    return this.#ownsPayload
  }

  /**
   * Takes the next bytes of the stream: `chunk[start, end)`, all of it by default. They are the decoder's until `next()`
   * has returned undefined, or `keep()` was called. After an error nothing is taken any more.
   */
  append(chunk: Uint8Array, start = 0, end = chunk?.length): void {
    checkRange('chunk', chunk, start, end)
    if (this.#error !== undefined) return
    const bytes = asBuffer('chunk', chunk)
    if (this.#at < this.#end) {
      const rest = this.#chunk.subarray(this.#at, this.#end)
      return this.#setChunk(Buffer.concat([rest, bytes.subarray(start, end)]))
    }
    this.#chunk = bytes
    this.#isKept = false
    this.#at = start
    this.#end = end
  }

  /**
   * The next whole frame, from the pool: release it. Undefined when more bytes are needed. Its payload is a view of
   * what was appended, so copy it if that memory is used again.
   *
   * @throws ProtocolError when the peer broke a rule; the stream cannot be decoded further then, and every further call
   * throws the same error.
   */
  next(): Frame | undefined {
    const frame = acquireFrame()
    let isWhole = false
    try {
      isWhole = this.read(frame)
    } finally {
      if (!isWhole) releaseFrame(frame)
    }
    return isWhole ? frame : undefined
  }

  /** Like `next()`, into a frame of yours; false when more bytes are needed: then the frame is as it was. */
  read(frame: Frame): boolean {
    checkFrame(frame)
    if (this.#error !== undefined) throw this.#error
    try {
      if (this.#read(frame)) return true
    } catch (error) {
      this.#stop(error)
    }
    this.#setChunk(EMPTY) // no frame means that every byte was taken: nothing pins the chunk any more
    return false
  }

  /** The bytes that were appended last. @internal */
  get chunk(): Buffer {
    return this.#chunk
  }

  /** Whether a plain message of at most `longest` bytes comes next, as `findPlain()` finds it. @internal */
  seesPlain(longest: number): boolean {
    const { expectMasked, maxFrame } = this.#rules
    if (this.#body !== undefined || this.#cut !== undefined || expectMasked !== true) return false
    return findPlain(this.#chunk, this.#at, this.#end, Math.min(longest, maxFrame))
  }

  /** Steps over the message that was just seen. @internal */
  skipPlain(): void {
    this.#at = plainEnd
    this.#ownsPayload = this.#isKept && plainEnd - plainStart >= FAIR_SHARE
  }

  /** Copies what has not been looked at yet, so that the memory given to `append()` can be used again. */
  keep(): void {
    this.#setChunk(this.#at < this.#end ? Buffer.from(this.#chunk.subarray(this.#at, this.#end)) : EMPTY)
  }

  /** Lets go of everything that has come and is not part of a frame given out: nobody is to ask for more. @internal */
  drop(): void {
    this.#body = this.#cut = undefined
    this.#setChunk(EMPTY)
  }

  /** Where the next bytes of a long payload had best be put, so that they need not be copied; then `commit()`. @internal */
  room(): Buffer | undefined {
    if (this.#body === undefined || !this.isDry || this.#length - this.#filled < DIRECT_FROM) return undefined
    const filled = this.#filled
    return this.#roomFor(Math.min(this.#length, filled + DIRECT_FROM), filled).subarray(filled)
  }

  /** `count` bytes of the payload under way lie where `room()` said; true when they were the last of it. @internal */
  commit(count: number, frame: Frame): boolean {
    const start = this.#filled
    this.#filled = start + count
    try {
      return this.#finishBody(frame, this.#body!, start, this.#filled)
    } catch (error) {
      return this.#stop(error)
    }
  }

  /** Takes a chunk of our own. */
  #setChunk(chunk: Buffer): void {
    this.#chunk = chunk
    this.#isKept = true
    this.#at = 0
    this.#end = chunk.length
  }

  /** An error is final: the stream cannot be decoded further. */
  #stop(error: unknown): never {
    this.#error = toError(error)
    this.drop()
    throw this.#error
  }

  #read(frame: Frame): boolean {
    if (this.#body !== undefined) return this.#continueBody(frame)
    if (!this.#readHeader()) return false
    const start = this.#at
    const end = start + this.#length
    if (end > this.#end) {
      this.#body = EMPTY
      this.#filled = 0
      return this.#continueBody(frame)
    }
    const seen = this.#unmask(this.#chunk, start, end, 0)
    if (this.#watch !== undefined) this.#watch.payload(this.#head, this.#chunk, start, end, seen)
    this.#at = end
    this.#ownsPayload = this.#isKept && this.#length >= FAIR_SHARE
    fillFrame(frame, this.#head, this.#masked, this.#maskKey, this.#chunk, start, end, this.#longForm)
    return true
  }

  #unmask(bytes: Buffer, start: number, end: number, phase: number): number {
    if (!this.#masked) return UNSEEN
    if (this.#watch === undefined || end - start >= LOOK_LATER_FROM)
      return maskBlindly(bytes, start, end, this.#maskKey, phase)
    return mask(bytes, start, end, this.#maskKey, phase)
  }

  /** Reads the header at hand and steps behind it; false when it is not whole. */
  #readHeader(): boolean {
    const at = this.#at
    const available = this.#end - at
    const size = available < 2 ? MAX_HEADER : sizeOfHeader(this.#chunk[at + 1]!)
    if (available < size || this.#cut !== undefined) return this.#readCutHeader()
    this.#at = at + size
    this.#parseHeader(this.#chunk, at, size)
    return true
  }

  #readCutHeader(): boolean {
    if (this.isDry) return false
    this.#cut ??= new CutHeader()
    const cut = this.#cut
    this.#at = cut.take(this.#chunk, this.#at, this.#end)
    if (!cut.isWhole) return false
    this.#cut = undefined
    this.#parseHeader(cut.bytes, 0, cut.length)
    return true
  }

  #parseHeader(bytes: Buffer, at: number, size: number): void {
    const head = bytes[at]!
    const second = bytes[at + 1]!
    const short = second & 0x7f
    const masked = (second & MASKED) !== 0
    const length = short < 126 ? short : readLongLength(bytes, at + 2, short, this.#rules.strict)
    checkHeader(head, masked, length, this.#rules)
    if (this.#watch !== undefined) this.#watch.header(head, length)
    this.#head = head
    this.#masked = masked
    this.#maskKey = masked ? readInt32(bytes, at + size - 4) : 0
    this.#length = length
    this.#longForm = short < 126 ? undefined : longForm(short, length)
    this.#headerSize = size
  }

  #continueBody(frame: Frame): boolean {
    const start = this.#filled
    const count = Math.min(this.#length - start, this.#end - this.#at)
    if (count === 0) return false
    const end = start + count
    const body = this.#roomFor(end, end)
    copyBytes(this.#chunk, this.#at, this.#at + count, body, start)
    this.#at += count
    this.#filled = end
    return this.#finishBody(frame, body, start, end)
  }

  /** Unmasks `body[start, end)`, which just came in, and gives the frame when it is whole. */
  #finishBody(frame: Frame, body: Buffer, start: number, end: number): boolean {
    const seen = this.#unmask(body, start, end, start & 3)
    if (this.#watch !== undefined) this.#watch.payload(this.#head, body, start, end, seen)
    if (end < this.#length) return false
    this.#body = undefined
    this.#ownsPayload = true
    fillFrame(frame, this.#head, this.#masked, this.#maskKey, body, 0, end, this.#longForm)
    return true
  }

  #roomFor(size: number, received: number): Buffer {
    const body = this.#body!
    if (size <= body.length) return body
    this.#body = claim(size, received, this.#length)
    body.copy(this.#body, 0, 0, this.#filled)
    return this.#body
  }
}
