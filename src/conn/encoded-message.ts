import { FIN, headerSize, writeHeader } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import { holdTogether } from './together.js'

/** Frames of one message as they go on the wire, unmasked, in memory that any number of connections may share. */
export interface Wire {
  /** Each ends where a frame ends, so that control frames find their way between them. */
  readonly pieces: readonly Buffer[]
  /** How many frames they are together. */
  readonly frames: number
}

/** Pieces of a message in many frames are at least this long. */
const PIECE_SIZE = 16 << 10

/** A whole message with its header in front of it. Nobody changes its memory. */
export class EncodedMessage {
  /** The first byte of its first frame. */
  readonly head: number
  readonly payload: Buffer
  readonly #whole: Wire
  /** In fragments; those who send it usually have the same fragment size. */
  #cut: Wire | undefined
  #cutSize = 0

  /** `fill` writes the payload into memory of its length. */
  constructor(head: number, length: number, fill: (into: Buffer, at: number) => void) {
    const at = headerSize(length, false)
    const bytes = holdTogether(Buffer.allocUnsafe(at + length))
    writeHeader(bytes, 0, head, length, 0)
    fill(bytes, at)
    this.head = head
    this.payload = bytes.subarray(at)
    this.#whole = { pieces: [bytes], frames: 1 }
  }

  /** The message in frames of at most `fragmentSize` bytes of payload. */
  wire(fragmentSize: number): Wire {
    if (this.payload.length <= fragmentSize) return this.#whole
    if (this.#cut === undefined || this.#cutSize !== fragmentSize) {
      this.#cut = cut(this.head, this.payload, fragmentSize)
      this.#cutSize = fragmentSize
    }
    return this.#cut
  }
}

function cut(head: number, payload: Buffer, fragmentSize: number): Wire {
  const frames = Math.ceil(payload.length / fragmentSize)
  const bytes = holdTogether(Buffer.allocUnsafe(payload.length + frames * headerSize(fragmentSize, false)))
  const pieces: Buffer[] = []
  let at = 0
  let begin = 0
  for (let from = 0; from < payload.length; from += fragmentSize) {
    const end = Math.min(from + fragmentSize, payload.length)
    at = writeHeader(bytes, at, fragmentHead(head, from === 0, end === payload.length), end - from, 0)
    at += payload.copy(bytes, at, from, end)
    if (at - begin < PIECE_SIZE && end < payload.length) continue
    pieces.push(bytes.subarray(begin, at))
    begin = at
  }
  return { pieces, frames }
}

/** Reserved bits stand in the first frame of a message only (RFC 7692 §6.1 for RSV1). */
function fragmentHead(head: number, isFirst: boolean, isLast: boolean): number {
  return (isLast ? FIN : 0) | (isFirst ? head & ~FIN : Opcode.Continuation)
}
