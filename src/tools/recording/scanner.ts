import { Frame, FrameDecoder } from '../../frame/index.js'

/** A frame, and where its first byte stood among those of its direction. */
export interface Scanned {
  readonly frame: Frame
  readonly offset: number
  /** It was longer than the limit: its payload is not here. */
  readonly isSkipped: boolean
}

/** Where the frames could not be told apart any further, and why. */
export interface Stop {
  readonly offset: number
  readonly reason: string
}

/** How a length is told, by the bytes that stand behind the second one for it. */
const SIZES = { 0: 7, 2: 16, 8: 64 } as const

/** The length in a header with a second byte like this takes so many bytes. */
const extendedSize = (second: number): keyof typeof SIZES => {
  const short = second & 0x7f
  return short < 126 ? 0 : short === 126 ? 2 : 8
}

/**
 * Cuts the bytes of one direction into frames, wrong ones too. A payload beyond the limit is stepped over: what comes
 * behind it is found again, and memory stays bounded.
 */
export class FrameScanner {
  readonly #decoder: FrameDecoder
  readonly #maxFrame: number
  readonly #header = Buffer.alloc(14)
  #headerLength = 0
  /** The payload at hand: how long it is, what of it has not come yet, and whether it is stepped over. */
  #payloadLength = 0
  #missing = 0
  #isSkipping = false
  #offset: number
  #frameOffset: number
  #stop: Stop | undefined

  /** `offset` is where the first byte stands. */
  constructor(maxFrame: number, offset = 0) {
    this.#maxFrame = maxFrame
    this.#decoder = new FrameDecoder({ strict: false, maxFrame })
    this.#offset = this.#frameOffset = offset
  }

  /** Set once nothing can be told any more. */
  get stop(): Stop | undefined {
    return this.#stop
  }

  /** What is there of a frame that is not whole yet: where it begins, and how many bytes it still wants. */
  get pending(): { readonly offset: number; readonly has: number; readonly missing: number } | undefined {
    const has = this.#offset - this.#frameOffset
    if (has === 0 || this.#stop !== undefined) return undefined
    const missing = this.#isWhole() ? this.#missing : this.#headerSize() - this.#headerLength
    return { offset: this.#frameOffset, has, missing }
  }

  /** Takes bytes, which may be used again afterwards; gives the frames that are whole now. */
  push(chunk: Buffer): Scanned[] {
    const frames: Scanned[] = []
    const bytes = Buffer.from(chunk) // the decoder unmasks in place
    let at = 0
    while (at < bytes.length && this.#stop === undefined) {
      if (!this.#isWhole()) at = this.#takeHeader(bytes, at, frames)
      else at = this.#takePayload(bytes, at, frames)
    }
    return frames
  }

  #headerSize(): number {
    if (this.#headerLength < 2) return 2
    const second = this.#header.readUInt8(1)
    return 2 + extendedSize(second) + (second >= 0x80 ? 4 : 0)
  }

  #isWhole(): boolean {
    return this.#headerLength >= 2 && this.#headerLength === this.#headerSize()
  }

  #takeHeader(bytes: Buffer, at: number, frames: Scanned[]): number {
    const count = Math.min(this.#headerSize() - this.#headerLength, bytes.length - at)
    bytes.copy(this.#header, this.#headerLength, at, at + count)
    this.#headerLength += count
    this.#offset += count
    if (this.#isWhole()) this.#begin(frames)
    return at + count
  }

  /** The header is whole: is the payload to be kept? */
  #begin(frames: Scanned[]): void {
    const length = this.#length()
    if (length === undefined) {
      this.#stop = { offset: this.#frameOffset, reason: 'The length is no length (RFC 6455 §5.2)' }
      return
    }
    this.#payloadLength = this.#missing = length
    this.#isSkipping = length > this.#maxFrame
    if (!this.#isSkipping) this.#decoder.append(Buffer.from(this.#header.subarray(0, this.#headerLength)))
    this.#finish(frames)
  }

  #length(): number | undefined {
    const second = this.#header.readUInt8(1)
    const size = extendedSize(second)
    if (size === 0) return second & 0x7f
    if (size === 2) return this.#header.readUInt16BE(2)
    const length = this.#header.readBigUInt64BE(2)
    return length > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(length)
  }

  #takePayload(bytes: Buffer, at: number, frames: Scanned[]): number {
    const count = Math.min(this.#missing, bytes.length - at)
    if (!this.#isSkipping) this.#decoder.append(bytes, at, at + count)
    this.#missing -= count
    this.#offset += count
    this.#finish(frames)
    return at + count
  }

  /** Gives the frame if it is whole, and what there is of it to the decoder if it is not. */
  #finish(frames: Scanned[]): void {
    const isSkipped = this.#isSkipping
    const frame = isSkipped ? this.#outline() : new Frame()
    if (!isSkipped && !this.#decoder.read(frame)) return
    if (this.#missing > 0) return
    frames.push({ frame, offset: this.#frameOffset, isSkipped })
    this.#headerLength = 0
    this.#frameOffset = this.#offset
  }

  /** The header of a frame whose payload is not kept. */
  #outline(): Frame {
    const first = this.#header.readUInt8(0)
    const second = this.#header.readUInt8(1)
    const frame = new Frame({
      fin: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      rsv2: (first & 0x20) !== 0,
      rsv3: (first & 0x10) !== 0,
      opcode: first & 0x0f,
      masked: second >= 0x80,
      maskKey: second >= 0x80 ? this.#header.readUInt32BE(this.#headerLength - 4) : 0,
    })
    frame.length = this.#payloadLength
    frame.lengthSize = SIZES[extendedSize(second)]
    return frame
  }
}
