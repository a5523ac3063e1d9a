import { outOfRange, WebSocketError, wrongType } from '../errors.js'
import { FIN, RSV1, RSV2, RSV3 } from './header.js'
import { isControl, Opcode } from './opcode.js'

// What only fastws itself may do with a header. Each is given its body in the static block of the class, where the
// private fields are in sight; as whole headers are set, no bit of a former frame can stay behind.

/** Sets the whole header but for the length. @internal */
export let setHeader: (frame: FrameHeader, head: number, masked: boolean, maskKey: number) => void
/** The first header byte. @internal */
export let headOf: (frame: FrameHeader) => number
/** Throws when the frame was released. @internal */
export let checkHeld: (frame: FrameHeader) => void
/** From now on every use of the frame throws, or none does. @internal */
export let setReleased: (frame: FrameHeader, released: boolean) => void

/** The header of a frame without its length (RFC 6455 §5.2): every bit can be read and set, valid or not. */
export class FrameHeader {
  /** The first byte as it goes on the wire: FIN, RSV1 to RSV3, opcode. */
  #head = FIN | Opcode.Binary
  #masked = false
  /** As a signed number: one of 2^31 and above would be an object on the heap, for every other frame. */
  #maskKey = 0
  #released = false

  /** FIN: this is the last frame of its message. */
  get fin(): boolean {
    return this.#has(FIN)
  }
  set fin(on: boolean) {
    this.#put('fin', FIN, on)
  }

  /** RSV1, the first reserved bit: for extensions; compression uses it. */
  get rsv1(): boolean {
    return this.#has(RSV1)
  }
  set rsv1(on: boolean) {
    this.#put('rsv1', RSV1, on)
  }

  /** RSV2, the second reserved bit. */
  get rsv2(): boolean {
    return this.#has(RSV2)
  }
  set rsv2(on: boolean) {
    this.#put('rsv2', RSV2, on)
  }

  /** RSV3, the third reserved bit. */
  get rsv3(): boolean {
    return this.#has(RSV3)
  }
  set rsv3(on: boolean) {
    this.#put('rsv3', RSV3, on)
  }

  /** What the frame is, from 0 to 15; see `Opcode`. */
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
    this.#masked = asBoolean('masked', on)
  }

  /** The four bytes of the masking key, read as a big-endian number. */
  get maskKey(): number {
    this.#check()
    return this.#maskKey >>> 0
  }
  set maskKey(key: number) {
    this.#check()
    if (!Number.isInteger(key) || key < 0 || key > 0xffff_ffff)
      throw outOfRange('maskKey', 'an integer from 0 to 2^32 - 1', key)
    this.#maskKey = key | 0
  }

  /** Whether it is a control frame: Close, ping, pong, or a reserved one. */
  get isControl(): boolean {
    return isControl(this.opcode)
  }
  /** Whether it is a data frame: text, binary, continuation, or a reserved one. */
  get isData(): boolean {
    return !isControl(this.opcode)
  }
  /** Whether it goes on with a message. */
  get isContinuation(): boolean {
    return this.opcode === Opcode.Continuation
  }
  /** Whether it begins a text message. */
  get isText(): boolean {
    return this.opcode === Opcode.Text
  }
  /** Whether it begins a binary message. */
  get isBinary(): boolean {
    return this.opcode === Opcode.Binary
  }
  /** Whether it is a Close frame. */
  get isClose(): boolean {
    return this.opcode === Opcode.Close
  }
  /** Whether it is a ping. */
  get isPing(): boolean {
    return this.opcode === Opcode.Ping
  }
  /** Whether it is a pong. */
  get isPong(): boolean {
    return this.opcode === Opcode.Pong
  }

  /** Whether this frame was given back: then only this and `toString()` may be asked of it. */
  get isReleased(): boolean {
    return this.#released
  }

  #has(bit: number): boolean {
    this.#check()
    return (this.#head & bit) !== 0
  }

  #put(name: string, bit: number, on: boolean): void {
    this.#check()
    this.#head = asBoolean(name, on) ? this.#head | bit : this.#head & ~bit
  }

  #check(): void {
    if (this.#released)
      throw new WebSocketError(
        'WS_ERR_RELEASED',
        'Cannot use a frame after it was released: copy what must outlive it',
      )
  }

  static {
    setHeader = (frame, head, masked, maskKey) => {
      frame.#check()
      frame.#head = head
      frame.#masked = masked
      frame.#maskKey = maskKey | 0
    }
    headOf = (frame) => frame.#head
    checkHeld = (frame) => frame.#check()
    setReleased = (frame, released) => {
      frame.#released = released
    }
  }
}

function asBoolean(argument: string, value: boolean): boolean {
  if (typeof value !== 'boolean') throw wrongType(argument, 'a boolean', value)
  return value
}
