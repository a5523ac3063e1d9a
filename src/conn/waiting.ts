import { EMPTY } from '../frame/bytes.js'
import { sizeOf } from './bytes.js'
import { holdTogether } from './together.js'

/** Frames that wait are packed into blocks of at least this size. */
const BLOCK_SIZE = 16 << 10

/**
 * Blocks that have served: where every write waits for a moment, as with TLS, they would be most of the garbage. One for
 * each of many connections that are busy at once, 4 MiB in all.
 */
const spare: Buffer[] = []
const MOST_SPARE = 256

const newBlock = (size: number): Buffer =>
  (size <= BLOCK_SIZE ? spare.pop() : undefined) ??
  holdTogether(Buffer.allocUnsafeSlow(Math.max(size, BLOCK_SIZE)))

/**
 * Frames that wait until the transport takes more. Data in order: that of this connection packed into blocks, memory that
 * was made elsewhere as it is. Control frames in front of it, so that a pong never stands behind a megabyte of data
 * (RFC 6455 §5.5.2). Every piece ends where a frame ends, but for those of one frame: they are taken one after the other.
 */
export class Waiting {
  #queue: Buffer[] = []
  #block: Buffer = EMPTY
  #used = 0
  /** Where the part of the block begins that belongs at the end of the queue; -1 when there is none. */
  #from = -1
  #control: Buffer[] = []
  #pong: Buffer | undefined

  /** Pieces that do not end where a frame ends. */
  #open: WeakSet<Buffer> | undefined
  /** What was taken last ends inside a frame: its rest has to follow. */
  isInsideFrame = false

  /** The memory in which `reserve()` gave room. */
  into: Buffer = EMPTY
  /** How much waits. */
  bytes = 0
  /** What is held of the staging slab besides what waits there. */
  slab = 0

  /** Bytes that are held besides: the rest of the block, and the slab that a write under way lies in. */
  get unused(): number {
    return this.#block.length - this.#used + this.slab
  }

  /** Gives room in `into` for a frame of `size` bytes; returns where it begins. */
  reserve(size: number): number {
    if (this.#used + size > this.#block.length) this.#setBlock(newBlock(size))
    if (this.#from < 0) this.#from = this.#used
    const at = this.#used
    this.#used = at + size
    this.bytes += size
    this.into = this.#block
    return at
  }

  /** Gives memory for a control frame. */
  reserveControl(size: number): Buffer {
    const frame = Buffer.allocUnsafe(size)
    this.#control.push(frame)
    this.bytes += size
    return frame
  }

  /** Gives memory for a pong, in place of one that still waits: only the latest ping needs an answer (§5.5.3). */
  reservePong(size: number): Buffer {
    this.bytes += size - (this.#pong?.length ?? 0)
    this.#pong = Buffer.allocUnsafe(size)
    return this.#pong
  }

  /** Keeps memory that nobody writes to, without copying it. */
  push(bytes: Buffer): void {
    this.#seal()
    this.#queue.push(bytes)
    this.bytes += bytes.length
  }

  /** The same for a frame that lies in several pieces. */
  pushPieces(pieces: readonly Buffer[]): void {
    this.#open ??= new WeakSet()
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!.subarray() // an object of its own: the same piece may wait in two frames
      if (i < pieces.length - 1) this.#open.add(piece)
      this.push(piece)
    }
  }

  /** Takes out what goes into one write: all control frames, or the first piece of data and small ones behind it. */
  take(): Buffer {
    this.slab = 0 // what was under way has left
    const control = this.isInsideFrame ? undefined : this.#takeControl()
    const bytes = control ?? this.#takeData()
    this.bytes -= bytes.length
    return bytes
  }

  #takeControl(): Buffer | undefined {
    if (this.#pong !== undefined) this.#control.unshift(this.#pong)
    this.#pong = undefined
    if (this.#control.length === 0) return undefined
    return Buffer.concat(this.#control.splice(0))
  }

  #takeData(): Buffer {
    this.#seal()
    let size = this.#queue[0]!.length
    let count = 1
    for (; count < this.#queue.length; count++) {
      const { length } = this.#queue[count]!
      if (size + length > BLOCK_SIZE) break
      size += length
    }
    this.isInsideFrame = this.#open?.has(this.#queue[count - 1]!) === true
    return count === 1 ? this.#queue.shift()! : Buffer.concat(this.#queue.splice(0, count), size)
  }

  /** Drops the data; control frames stay. */
  dropData(): void {
    this.#setBlock(EMPTY)
    this.into = EMPTY
    this.#queue = []
    this.isInsideFrame = false
    this.bytes = sizeOf(this.#control) + (this.#pong?.length ?? 0)
  }

  /** Nobody looks any more at what was taken: when nothing waits, the block can serve somebody else. */
  recycle(): void {
    if (this.bytes > 0 || this.#block.length !== BLOCK_SIZE) return
    if (spare.length < MOST_SPARE) spare.push(this.#block)
    this.#setBlock(EMPTY)
    this.into = EMPTY
  }

  #setBlock(block: Buffer): void {
    this.#seal()
    this.#block = block
    this.#used = 0
  }

  #seal(): void {
    if (this.#from >= 0) this.#queue.push(this.#block.subarray(this.#from, this.#used))
    this.#from = -1
  }
}
