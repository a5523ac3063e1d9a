import { type CloseStatus, outOfRange, WebSocketError, wrongType } from '../errors.js'
import { decodeClosePayload } from './close.js'
import { FIN, type LengthSize, MASKED, minimalLengthSize, RSV, RSV1, RSV2, RSV3 } from './header.js'
import { isControl, Opcode, opcodeName } from './opcode.js'

const EMPTY = Buffer.alloc(0)

/** A pooled frame keeps storage of its own up to this size; larger payloads get memory that leaves with them. */
const KEEP_STORAGE_UP_TO = 4096

// What only fastws itself may do with a frame. Each is given its body in the static block of the class, where the
// private fields are in sight; as whole headers are set, no bit of a former frame can stay behind.

/** Sets the whole header of a frame. @internal */
export let setFrame: (frame: Frame, head: number, masked: boolean, maskKey: number) => void
/** Makes `bytes[start, end)` the payload without copying: the lender says how long that holds. @internal */
export let lendToFrame: (frame: Frame, bytes: Buffer, start: number, end: number) => void
/** Copies `bytes[start, end)` into the frame's own memory as its payload. @internal */
export let copyIntoFrame: (frame: Frame, bytes: Buffer, start: number, end: number) => void
/** The first header byte. @internal */
export let headOf: (frame: Frame) => number
/** The memory the payload lies in, from `startOf` to `endOf`. @internal */
export let bytesOf: (frame: Frame) => Buffer
/** @internal */
export let startOf: (frame: Frame) => number
/** @internal */
export let endOf: (frame: Frame) => number
/** Marks a frame as released and lets go of its payload. @internal */
export let retire: (frame: Frame) => void
/** Makes a released frame usable again. @internal */
export let revive: (frame: Frame) => void

let renewStorage: (frame: Frame, length: number) => void
let dispose: (frame: Frame) => void = (frame) => frame.reset()

/** What `new Frame()` takes; everything left out is as in an empty, final, unmasked binary frame. */
export interface FrameInit {
  readonly fin?: boolean
  readonly rsv1?: boolean
  readonly rsv2?: boolean
  readonly rsv3?: boolean
  readonly opcode?: number
  readonly masked?: boolean
  readonly maskKey?: number
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
export class Frame {
  /** The first byte as it goes on the wire: FIN, RSV1 to RSV3, opcode. */
  #head = FIN | Opcode.Binary
  #masked = false
  #maskKey = 0
  /** The payload is `#bytes[#start, #end)`. */
  #bytes: Buffer = EMPTY
  #start = 0
  #end = 0
  /** The length and form the header claims where they are not those of the payload, else undefined. */
  #claimed: number | undefined = undefined
  #lengthSize: LengthSize | undefined = undefined
  /** Memory of this frame's own, used again by the next payload that is copied in. */
  #storage: Buffer = EMPTY
  /** A view of `#storage` is out: it must not be used again when this frame is released. */
  #viewed = false
  #released = false

  constructor(init?: FrameInit) {
    if (init === undefined) return
    this.fin = init.fin ?? true
    this.rsv1 = init.rsv1 ?? false
    this.rsv2 = init.rsv2 ?? false
    this.rsv3 = init.rsv3 ?? false
    this.opcode = init.opcode ?? Opcode.Binary
    this.masked = init.masked ?? false
    this.maskKey = init.maskKey ?? 0
    if (init.payload !== undefined) this.payload = init.payload
  }

  /** FIN: this is the last frame of its message. */
  get fin(): boolean {
    return this.#has(FIN)
  }
  set fin(on: boolean) {
    this.#put(FIN, on)
  }

  get rsv1(): boolean {
    return this.#has(RSV1)
  }
  set rsv1(on: boolean) {
    this.#put(RSV1, on)
  }

  get rsv2(): boolean {
    return this.#has(RSV2)
  }
  set rsv2(on: boolean) {
    this.#put(RSV2, on)
  }

  get rsv3(): boolean {
    return this.#has(RSV3)
  }
  set rsv3(on: boolean) {
    this.#put(RSV3, on)
  }

  get opcode(): number {
    this.#check()
    return this.#head & 0x0f
  }
  set opcode(opcode: number) {
    this.#check()
    if (!Number.isInteger(opcode) || opcode < 0 || opcode > 15)
      throw outOfRange('opcode', 'an integer from 0 to 15', opcode)
    this.#head = (this.#head & 0xf0) | opcode
  }

  /** MASK: on the wire the payload is masked with `maskKey`. Here it never is. */
  get masked(): boolean {
    this.#check()
    return this.#masked
  }
  set masked(on: boolean) {
    this.#check()
    this.#masked = on
  }

  /** The four bytes of the masking key, read as a big-endian number. */
  get maskKey(): number {
    this.#check()
    return this.#maskKey
  }
  set maskKey(key: number) {
    this.#check()
    if (!Number.isInteger(key) || key < 0 || key > 0xffff_ffff)
      throw outOfRange('maskKey', 'an integer from 0 to 2^32 - 1', key)
    this.#maskKey = key
  }

  /** The unmasked payload: a view, no copy, and what you set is kept as it is, not copied. A string is set as UTF-8. */
  get payload(): Buffer {
    this.#check()
    if (this.#start === this.#end) return EMPTY
    if (this.#bytes === this.#storage) this.#viewed = true
    return this.#bytes.subarray(this.#start, this.#end)
  }
  set payload(payload: string | Uint8Array) {
    this.#check()
    this.#bytes = asBuffer(payload)
    this.#start = 0
    this.#end = this.#bytes.length
    this.#claimed = undefined
    this.#lengthSize = undefined
  }

  /** The length the header tells: that of the payload, unless another one was set to build a frame that lies. */
  get length(): number {
    this.#check()
    return this.#claimed ?? this.#end - this.#start
  }
  set length(length: number) {
    this.#check()
    if (!Number.isSafeInteger(length) || length < 0)
      throw outOfRange('length', 'an integer from 0 to 2^53 - 1', length)
    this.#claimed = length
  }

  /** The form of the length on the wire: 7, 16 or 64 bits; the shortest one (§5.2) unless another was set. */
  get lengthSize(): LengthSize {
    return this.#lengthSize ?? minimalLengthSize(this.length)
  }
  set lengthSize(size: LengthSize) {
    this.#check()
    if (size !== 7 && size !== 16 && size !== 64) throw outOfRange('lengthSize', '7, 16 or 64', size)
    this.#lengthSize = size
  }

  get isControl(): boolean {
    return isControl(this.opcode)
  }
  get isData(): boolean {
    return !isControl(this.opcode)
  }
  get isContinuation(): boolean {
    return this.opcode === Opcode.Continuation
  }
  get isText(): boolean {
    return this.opcode === Opcode.Text
  }
  get isBinary(): boolean {
    return this.opcode === Opcode.Binary
  }
  get isClose(): boolean {
    return this.opcode === Opcode.Close
  }
  get isPing(): boolean {
    return this.opcode === Opcode.Ping
  }
  get isPong(): boolean {
    return this.opcode === Opcode.Pong
  }
  /** Whether this frame was given back: then nothing but this may be asked of it. */
  get isReleased(): boolean {
    return this.#released
  }

  /** Code and reason of a Close frame; throws what `decodeClosePayload` throws when the payload is malformed. */
  get closeStatus(): CloseStatus {
    return decodeClosePayload(this.payload)
  }

  /** The payload as text. Bytes that are no UTF-8 become U+FFFD. */
  text(): string {
    this.#check()
    return this.#bytes.toString('utf8', this.#start, this.#end)
  }

  /** The payload in memory of your own. */
  copyPayload(): Buffer {
    this.#check()
    const copy = Buffer.allocUnsafe(this.#end - this.#start)
    this.#bytes.copy(copy, 0, this.#start, this.#end)
    return copy
  }

  /** Copies header and payload into another frame, which then shares nothing with this one. */
  copyTo(frame: Frame): void {
    this.#check()
    setFrame(frame, this.#head, this.#masked, this.#maskKey)
    copyIntoFrame(frame, this.#bytes, this.#start, this.#end)
    frame.#claimed = this.#claimed
    frame.#lengthSize = this.#lengthSize
  }

  /** Makes this an empty, final, unmasked binary frame again. */
  reset(): void {
    setFrame(this, FIN | Opcode.Binary, false, 0)
    this.#bytes = EMPTY
    this.#start = this.#end = 0
  }

  /** For people: opcode, bits, length and the beginning of the payload, with control characters escaped. */
  toString(): string {
    if (this.#released) return 'released frame'
    const bits = [this.fin && 'fin', this.rsv1 && 'rsv1', this.rsv2 && 'rsv2', this.rsv3 && 'rsv3']
    const key = this.#masked && `masked ${this.#maskKey.toString(16).padStart(8, '0')}`
    const words = [opcodeName(this.opcode), ...bits, key, `${this.length} bytes`, this.#preview()]
    return words.filter(Boolean).join(' ')
  }

  [Symbol.dispose](): void {
    dispose(this)
  }

  #preview(): string {
    const shown = this.#bytes.subarray(this.#start, Math.min(this.#end, this.#start + 32))
    const more = this.#end - this.#start > 32 ? '…' : ''
    if (shown.length === 0) return ''
    return this.isText ? JSON.stringify(shown.toString()) + more : shown.toString('hex') + more
  }

  #has(bit: number): boolean {
    this.#check()
    return (this.#head & bit) !== 0
  }

  #put(bit: number, on: boolean): void {
    this.#check()
    this.#head = on ? this.#head | bit : this.#head & ~bit
  }

  #check(): void {
    if (this.#released)
      throw new WebSocketError(
        'WS_ERR_RELEASED',
        'Cannot use a frame after it was released: copy what must outlive it',
      )
  }

  static {
    setFrame = (frame, head, masked, maskKey) => {
      frame.#check()
      frame.#head = head
      frame.#masked = masked
      frame.#maskKey = maskKey
      frame.#claimed = undefined
      frame.#lengthSize = undefined
    }
    lendToFrame = (frame, bytes, start, end) => {
      frame.#bytes = bytes
      frame.#start = start
      frame.#end = end
    }
    copyIntoFrame = (frame, bytes, start, end) => {
      const length = end - start
      if (frame.#viewed || length > frame.#storage.length) renewStorage(frame, length)
      bytes.copy(frame.#storage, 0, start, end)
      frame.#bytes = frame.#storage
      frame.#start = 0
      frame.#end = length
    }
    renewStorage = (frame, length) => {
      frame.#viewed = false
      frame.#storage =
        length > KEEP_STORAGE_UP_TO
          ? Buffer.allocUnsafeSlow(length)
          : Buffer.allocUnsafeSlow(Math.min(KEEP_STORAGE_UP_TO, (length + 255) & ~255))
    }
    headOf = (frame) => frame.#head
    bytesOf = (frame) => frame.#bytes
    startOf = (frame) => frame.#start
    endOf = (frame) => frame.#end
    retire = (frame) => {
      frame.#check()
      frame.#released = true
      frame.#bytes = EMPTY
      if (frame.#viewed || frame.#storage.length > KEEP_STORAGE_UP_TO) frame.#storage = EMPTY
      frame.#viewed = false
    }
    revive = (frame) => {
      frame.#released = false
      frame.reset()
    }
  }
}

function asBuffer(payload: string | Uint8Array): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload)
  if (Buffer.isBuffer(payload)) return payload
  if (payload instanceof Uint8Array)
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  throw wrongType('payload', 'a string, Buffer or Uint8Array', payload)
}

/** The first byte of a frame's header with everything in it. @internal */
export const packHead = (fin: boolean, rsv: number, opcode: number): number =>
  (fin ? FIN : 0) | (rsv & RSV) | opcode

/** The pool takes disposed frames; it tells the frame how, because it stands above it. @internal */
export function onDispose(release: (frame: Frame) => void): void {
  dispose = release
}

/** MASK as it stands in a frame's second byte. @internal */
export const maskBit = (masked: boolean): number => (masked ? MASKED : 0)
