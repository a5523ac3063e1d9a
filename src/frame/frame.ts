import { type CloseStatus, outOfRange, wrongType } from '../errors.js'
import { asBuffer, EMPTY } from './bytes.js'
import { decodeClosePayload } from './close.js'
import { copyAlike, copyBytes, newWordMemory, type WordMemory } from './copy.js'
import { describeFrame } from './describe.js'
import { checkHeld, FrameHeader, headOf, setHeader, setReleased } from './frame-header.js'
import { FIN, type LengthSize, longestOf, minimalLengthSize } from './header.js'
import { Opcode } from './opcode.js'

/** The first header byte. @internal */
export { headOf } from './frame-header.js'
export { maskBit, packHead } from './header.js'

/** A pooled frame keeps storage of its own up to this size; larger payloads get memory that leaves with them. */
const KEEP_STORAGE_UP_TO = 4096

/** What storage needs beyond the payload: words are copied whole. */
const SLACK = 6

/** Frames of a few bytes may wait by the thousand, and nearly all that have more have less than the second step. */
const storageFor = (length: number): number => (length + SLACK <= 32 ? 32 : (length + SLACK + 255) & ~255)

const NOTHING = newWordMemory(0)

/** Bytes of heap, as measured: a frame, what belongs to storage besides its bytes, and to memory that is lent. */
const FRAME_TAKES = 150
const STORAGE_TAKES = 310
const LENT_TAKES = 200

// What only fastws itself may do with a frame, besides what frame-header.ts offers.

/** Sets the whole header of a frame; the length is that of the payload again. @internal */
export let setFrame: (frame: Frame, head: number, masked: boolean, maskKey: number) => void
/** Makes `bytes[start, end)` the payload without copying: the lender says how long that holds. @internal */
export let lendToFrame: (frame: Frame, bytes: Buffer, start: number, end: number) => void
/** Both at once, with the form of the length where it is not the shortest one. @internal */
export let fillFrame: (
  frame: Frame,
  head: number,
  masked: boolean,
  maskKey: number,
  bytes: Buffer,
  start: number,
  end: number,
  lengthSize: LengthSize | undefined,
) => void
/** Copies `bytes[start, end)` into the frame's own memory as its payload. @internal */
export let copyIntoFrame: (frame: Frame, bytes: Buffer, start: number, end: number) => void
/** The memory the payload lies in, from `startOf` to `endOf`. @internal */
export let bytesOf: (frame: Frame) => Buffer
/** @internal */
export let startOf: (frame: Frame) => number
/** @internal */
export let endOf: (frame: Frame) => number
/** Bytes that a frame holds, all in all. @internal */
export let heldBy: (frame: Frame) => number
/** Something that goes with this very frame, pooled or not, and need not be made again. @internal */
export let companionOf: (frame: Frame) => unknown
/** @internal */
export let setCompanion: (frame: Frame, companion: unknown) => void
/** Whether the header claims another length than that of the payload, or tells it in a form of its own. @internal */
export let isSpecial: (frame: Frame) => boolean
/** Marks a frame as released and lets go of its payload. @internal */
export let retire: (frame: Frame) => void

/** Makes a released frame usable again, empty as it is. @internal */
export const revive = (frame: Frame): void => setReleased(frame, false)

/** Throws unless it is a frame, and not released. @internal */
export function checkFrame(frame: Frame): void {
  if (!(frame instanceof Frame)) throw wrongType('frame', 'a Frame', frame)
  checkHeld(frame)
}

/** What disposing of a frame means before there is a pool that takes it. */
let dispose = (frame: Frame): void => retire(frame)

/** What `new Frame()` takes; everything left out is as in an empty, final, unmasked binary frame. */
export interface FrameInit {
  /** FIN; default true. */
  readonly fin?: boolean
  /** RSV1; default false. */
  readonly rsv1?: boolean
  /** RSV2; default false. */
  readonly rsv2?: boolean
  /** RSV3; default false. */
  readonly rsv3?: boolean
  /** From 0 to 15; default binary. */
  readonly opcode?: number
  /** MASK; default false. */
  readonly masked?: boolean
  /** The masking key; default 0. */
  readonly maskKey?: number
  /** A string is set as UTF-8, bytes as they are, without a copy; default empty. */
  readonly payload?: string | Uint8Array
}

/**
 * One WebSocket frame (RFC 6455 §5.2): every header bit can be read and set, valid or not.
 *
 * `payload` is always the unmasked payload, and a view: it lives as long as the frame. What must outlive the frame is
 * copied with `copyPayload()`, `copyTo()` or `text()`. A frame from `acquireFrame()` or `conn.nextFrame()` is borrowed:
 * give it back with `releaseFrame()` or `using`; any use after that throws `WS_ERR_RELEASED`.
 *
 * @example
 * const frame = new Frame({ opcode: Opcode.Text, payload: 'hello' })
 * frame.rsv1 = true
 * String(frame) // 'text fin rsv1 5 bytes "hello"'
 */
export class Frame extends FrameHeader {
  /** The payload is `#bytes[#start, #end)`. */
  #bytes: Buffer = EMPTY
  #start = 0
  #end = 0
  /** The length and form the header claims where they are not those of the payload, else undefined. */
  #claimed: number | undefined = undefined
  #lengthSize: LengthSize | undefined = undefined
  /** Memory of this frame's own, used again by the next payload that is copied in. */
  #storage: WordMemory = NOTHING
  #companion: unknown = undefined
  /** A view of `#storage` is out: nothing may be copied there any more. */
  #viewed = false

  constructor(init?: FrameInit) {
    super()
    if (init === undefined) return
    if (typeof init !== 'object' || init === null) throw wrongType('init', 'an object', init)
    this.fin = init.fin ?? true
    this.rsv1 = init.rsv1 ?? false
    this.rsv2 = init.rsv2 ?? false
    this.rsv3 = init.rsv3 ?? false
    this.opcode = init.opcode ?? Opcode.Binary
    this.masked = init.masked ?? false
    this.maskKey = init.maskKey ?? 0
    if (init.payload !== undefined) this.payload = init.payload
  }

  /**
   * The unmasked payload: a view, no copy, and what you set is kept as it is, not copied. A string is set as UTF-8.
   * A new payload takes back what was set as `length` and `lengthSize`.
   */
  get payload(): Buffer {
    checkHeld(this)
    if (this.#start === this.#end) return Buffer.alloc(0) // its own: whoever gets it may transfer it
    if (this.#bytes === this.#storage.bytes) this.#viewed = true
    return this.#bytes.subarray(this.#start, this.#end)
  }
  set payload(payload: string | Uint8Array) {
    const isText = typeof payload === 'string'
    const bytes = isText
      ? Buffer.from(payload)
      : asBuffer('payload', payload, 'a string, Buffer or Uint8Array')
    lendToFrame(this, bytes, 0, bytes.length)
  }

  /** The length the header tells: that of the payload, unless another one was set to build a frame that lies. */
  get length(): number {
    checkHeld(this)
    return this.#claimed ?? this.#end - this.#start
  }
  set length(length: number) {
    checkHeld(this)
    const longest = longestOf(this.#lengthSize ?? 64)
    if (!Number.isInteger(length) || length < 0 || length > longest)
      throw outOfRange('length', `an integer from 0 to ${longest}, to fit lengthSize`, length)
    this.#claimed = length
  }

  /**
   * The form of the length on the wire: 7, 16 or 64 bits; the shortest one (§5.2) unless another was set. The length
   * has to fit, but 126 and 127 may be put into 7 bits, where they announce a form that is not there.
   */
  get lengthSize(): LengthSize {
    checkHeld(this)
    return this.#lengthSize ?? minimalLengthSize(this.length)
  }
  set lengthSize(size: LengthSize) {
    checkHeld(this)
    if (size !== 7 && size !== 16 && size !== 64) throw outOfRange('lengthSize', '7, 16 or 64', size)
    if (this.length > longestOf(size))
      throw outOfRange('lengthSize', `large enough for length ${this.length}`, size)
    this.#lengthSize = size
  }

  /** Code and reason of a Close frame; throws what `decodeClosePayload` throws when the payload is malformed. */
  get closeStatus(): CloseStatus {
    checkHeld(this)
    return decodeClosePayload(this.#bytes.subarray(this.#start, this.#end))
  }

  /** The payload as text. Bytes that are no UTF-8 become U+FFFD. */
  text(): string {
    checkHeld(this)
    return this.#bytes.toString('utf8', this.#start, this.#end)
  }

  /** The payload in memory of your own. */
  copyPayload(): Buffer {
    checkHeld(this)
    const copy = Buffer.allocUnsafe(this.#end - this.#start)
    copyBytes(this.#bytes, this.#start, this.#end, copy, 0)
    return copy
  }

  /** Copies header and payload into another frame, which then shares nothing with this one. */
  copyTo(frame: Frame): void {
    checkHeld(this)
    checkFrame(frame)
    const claimed = this.#claimed
    const lengthSize = this.#lengthSize
    copyIntoFrame(frame, this.#bytes, this.#start, this.#end)
    setFrame(frame, headOf(this), this.masked, this.maskKey)
    frame.#claimed = claimed
    frame.#lengthSize = lengthSize
  }

  /** Makes this an empty, final, unmasked binary frame again. */
  reset(): void {
    setFrame(this, FIN | Opcode.Binary, false, 0)
    lendToFrame(this, EMPTY, 0, 0)
  }

  /** For people: opcode, bits, length and the beginning of the payload, with control characters escaped. Never throws. */
  override toString(): string {
    if (this.isReleased) return 'released frame'
    const maskKey = this.masked ? this.maskKey : undefined
    return describeFrame(headOf(this), maskKey, this.length, this.#bytes.subarray(this.#start, this.#end))
  }

  /** Gives the frame back, as `releaseFrame()` does. */
  [Symbol.dispose](): void {
    dispose(this)
  }

  static {
    setFrame = (frame, head, masked, maskKey) => {
      setHeader(frame, head, masked, maskKey)
      frame.#claimed = undefined
      frame.#lengthSize = undefined
    }
    lendToFrame = (frame, bytes, start, end) => {
      checkHeld(frame)
      frame.#bytes = bytes
      frame.#start = start
      frame.#end = end
      frame.#claimed = undefined
      frame.#lengthSize = undefined
    }
    fillFrame = (frame, head, masked, maskKey, bytes, start, end, lengthSize) => {
      setHeader(frame, head, masked, maskKey)
      frame.#bytes = bytes
      frame.#start = start
      frame.#end = end
      frame.#claimed = undefined
      frame.#lengthSize = lengthSize
    }
    copyIntoFrame = (frame, bytes, start, end) => {
      checkHeld(frame)
      const length = end - start
      if (length > KEEP_STORAGE_UP_TO) {
        const own = Buffer.allocUnsafeSlow(length)
        copyBytes(bytes, start, end, own, 0)
        return lendToFrame(frame, own, 0, length)
      }
      if (length === 0) return lendToFrame(frame, EMPTY, 0, 0)
      if (frame.#viewed || length + SLACK > frame.#storage.bytes.length) {
        frame.#storage = newWordMemory(storageFor(length))
        frame.#viewed = false
      }
      const at = copyAlike(bytes, start, end, frame.#storage)
      lendToFrame(frame, frame.#storage.bytes, at, at + length)
    }
    bytesOf = (frame) => frame.#bytes
    startOf = (frame) => frame.#start
    endOf = (frame) => frame.#end
    heldBy = (frame) => {
      const own = frame.#storage.bytes.length
      const lent = frame.#bytes === frame.#storage.bytes ? 0 : frame.#end - frame.#start
      return FRAME_TAKES + (own && STORAGE_TAKES + own) + (lent && LENT_TAKES + lent)
    }
    companionOf = (frame) => frame.#companion
    setCompanion = (frame, companion) => {
      frame.#companion = companion
    }
    isSpecial = (frame) => frame.#claimed !== undefined || frame.#lengthSize !== undefined
    retire = (frame) => {
      setFrame(frame, FIN | Opcode.Binary, false, 0)
      lendToFrame(frame, EMPTY, 0, 0)
      if (frame.#viewed) frame.#storage = NOTHING
      frame.#viewed = false
      setReleased(frame, true)
    }
  }
}

/** The pool takes disposed frames; it tells the frame how, because it stands above it. @internal */
export function onDispose(release: (frame: Frame) => void): void {
  dispose = release
}
