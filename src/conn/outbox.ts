// Hot: run benchmarks/e2e before and after any edit.
import type { Transport } from '../node/transport.js'
import { BackPressure, type BackPressureHost } from './back-pressure.js'
import { sizeOf } from './bytes.js'
import { awaitFlush, keepSlab, type Stager, stage, stagingSlab, stretchOf } from './staging.js'

/** Frames that wait are packed into blocks of at least this size. */
const BLOCK_SIZE = 16 << 10

const EMPTY = Buffer.alloc(0)

export interface OutboxOptions {
  readonly highWaterMark: number
  readonly maxOutboxBytes: number
}

/** What the outbox needs from the connection around it. */
export type OutboxHost = BackPressureHost

/**
 * The only writer of a connection's transport. While the transport takes everything, frames go through the staging
 * slab, one write a turn. When it does not, they wait here, data in order and control frames in front of it, so that
 * a pong never stands behind a megabyte of data (RFC 6455 §5.5.2). Every block ends where a frame ends.
 */
export class Outbox implements Stager {
  readonly #transport: Transport
  readonly #limit: number
  readonly #pressure: BackPressure

  /** Our stretch of the staging slab, and stretches before it that others' frames have cut off. */
  #slab: Buffer = EMPTY
  #start = 0
  #end = 0
  #cutOff: Buffer[] | undefined
  #awaitsFlush = false

  /** The transport has not taken everything: what comes now waits. */
  #blocked = false
  #queue: Buffer[] = []
  #queuedBytes = 0
  /** Blocks that end inside a frame: what is behind them goes with them. */
  #insideFrame: Set<Buffer> | undefined
  #block: Buffer = EMPTY
  #blockUsed = 0
  #control: Buffer[] = []
  #pong: Buffer | undefined
  /** Bytes of messages that wait for their turn to be laid here. */
  #held = 0

  #ending = false

  /** The memory in which `reserve()` and `reserveControl()` gave room. */
  into: Buffer = EMPTY
  /** Bytes handed to the transport so far, and those about to be. */
  bytesOut = 0

  constructor(transport: Transport, options: OutboxOptions, host: OutboxHost) {
    this.#transport = transport
    this.#limit = options.maxOutboxBytes
    this.#pressure = new BackPressure(host, options.highWaterMark)
  }

  /** Bytes on their way out that have not left this process. */
  get bufferedAmount(): number {
    return this.#held + this.waiting
  }

  /** Those that wait for nothing but the peer. */
  get waiting(): number {
    const staged = this.#end - this.#start + sizeOf(this.#cutOff)
    return this.#blocked ? staged + this.#queuedBytes + this.#transport.pending : staged
  }

  /** Whether more waits than may, behind the write that is under way: one message of any size is no sign of a slow peer. */
  get isFull(): boolean {
    if (!this.#blocked && this.#held === 0) return false
    return this.#held + this.#queuedBytes + this.#end - this.#start > this.#limit
  }

  /** Counts bytes that wait for their turn, and takes them off again. */
  hold(bytes: number): void {
    this.#held += bytes
  }

  letGo(bytes: number): void {
    if (this.#pressure.hasRefused) return
    this.#held -= bytes
    this.#settle()
  }

  /** Gives room in `into` for a data frame of `size` bytes; returns where it begins. */
  reserve(size: number): number {
    this.bytesOut += size
    return this.#blocked ? this.#reserveQueued(size) : this.#reserveStaged(size)
  }

  /** Gives room for a control frame, in front of data that waits. */
  reserveControl(size: number): number {
    if (!this.#blocked) return this.reserve(size)
    this.into = Buffer.allocUnsafe(size)
    this.#countControl(this.into)
    this.#control.push(this.into)
    return 0
  }

  /** Like `reserveControl()`, in place of a pong that still waits: only the latest ping needs an answer (§5.5.3). */
  reservePong(size: number): number {
    if (!this.#blocked) return this.reserve(size)
    if (this.#pong !== undefined) this.#countControl(this.#pong, -1)
    this.into = Buffer.allocUnsafe(size)
    this.#countControl(this.into)
    this.#pong = this.into
    return 0
  }

  /** Sends memory that nobody else writes to from now on: for frames too large for `reserve()`. */
  writeOwned(bytes: Buffer): void {
    this.bytesOut += bytes.length
    if (!this.#blocked) this.flushStaged()
    if (!this.#blocked) return void this.#write(bytes)
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#block = EMPTY
    this.#blockUsed = 0
  }

  /** Whether nobody but the kernel comes to see what is sent: others could change it. */
  get isPrivate(): boolean {
    return this.#transport.keeps !== 'for ever'
  }

  /** The same as `writeOwned()` for a frame that lies in several pieces: nothing may come between them. */
  writePieces(pieces: readonly Buffer[]): void {
    const last = pieces.length - 1
    if (!this.#blocked) this.flushStaged()
    if (!this.#blocked) {
      this.bytesOut += sizeOf(pieces)
      for (const piece of pieces) this.#write(piece)
      return
    }
    this.#insideFrame ??= new Set()
    for (const [i, piece] of pieces.entries()) {
      const block = piece.subarray() // of its own: the same piece may wait in two frames
      if (i < last) this.#insideFrame.add(block)
      this.writeOwned(block)
    }
  }

  /** A promise for "there is room for more": below the high-water mark. */
  accepted(): Promise<void> {
    return this.#pressure.accepted(this.waiting)
  }

  /** The same for what waits for its turn. */
  acceptedInTurn(): Promise<void> {
    return this.#pressure.acceptedInTurn(this.bufferedAmount)
  }

  /** A promise for "everything has left". */
  drained(): Promise<void> {
    return this.#pressure.drained(this.bufferedAmount)
  }

  flushStaged(): void {
    this.#awaitsFlush = false
    if (this.#end === this.#start) return
    const last = stretchOf(this.#slab, this.#start, this.#end)
    const cutOff = this.#cutOff
    this.#start = this.#end = 0
    this.#cutOff = undefined
    if (cutOff !== undefined) this.#write(Buffer.concat([...cutOff, last]))
    else if (this.#transport.keeps === 'for ever') this.#write(Buffer.from(last))
    else if (!this.#write(last) && this.#transport.keeps !== 'for the call') keepSlab()
    this.#settle()
  }

  /** The transport has let everything go. */
  onDrained(): void {
    // Blocked until the last block is written: what is sent meanwhile must not overtake it.
    let taken = true
    while (taken && this.#queuedBytes > 0) taken = this.#writeControl() ?? this.#writeNextBlock()
    if (taken) this.#blocked = false
    if (taken && this.#ending) this.#transport.end()
    this.#settle()
  }

  /** Drops the data that waits; what the transport has already taken goes its way. */
  dropQueue(): void {
    for (const block of this.#queue) this.bytesOut -= block.length
    this.#queue = []
    this.#insideFrame = undefined
    this.#block = EMPTY
    this.#blockUsed = 0
    this.#queuedBytes = sizeOf(this.#control) + (this.#pong?.length ?? 0)
  }

  /** Ends the transport's sending direction when everything has left. */
  end(): void {
    this.flushStaged()
    this.#ending = true
    if (!this.#blocked) this.#transport.end()
  }

  /** No more is taken: everyone who waits or asks gets the host's error. What waits still goes out. */
  refuse(): void {
    this.#held = 0
    this.#pressure.refuse()
  }

  /** The transport is gone, and with it everything that waits. */
  drop(): void {
    this.bytesOut -= this.#end - this.#start + sizeOf(this.#cutOff)
    this.bytesOut -= sizeOf(this.#control) + (this.#pong?.length ?? 0)
    this.#start = this.#end = 0
    this.#cutOff = this.#pong = undefined
    this.#control = []
    this.dropQueue()
    this.#blocked = true // whatever is laid now stays here
  }

  #reserveStaged(size: number): number {
    const at = stage(size) // may flush everyone, us too, to make room
    if (this.#blocked) return this.#reserveQueued(size)
    if (!this.#awaitsFlush) {
      this.#awaitsFlush = true
      awaitFlush(this)
    }
    const slab = stagingSlab()
    if (this.#end === at && this.#slab === slab && this.#end !== this.#start) this.#end = at + size
    else this.#openStretch(slab, at, size)
    this.into = slab
    return at
  }

  #openStretch(slab: Buffer, at: number, size: number): void {
    if (this.#end !== this.#start) (this.#cutOff ??= []).push(this.#slab.subarray(this.#start, this.#end))
    this.#slab = slab
    this.#start = at
    this.#end = at + size
  }

  #reserveQueued(size: number): number {
    if (this.#blockUsed + size > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(size, BLOCK_SIZE))
      this.#blockUsed = 0
      this.#queue.push(EMPTY)
    }
    const at = this.#blockUsed
    this.#blockUsed = at + size
    this.#queue[this.#queue.length - 1] = this.#block.subarray(0, this.#blockUsed)
    this.#queuedBytes += size
    this.into = this.#block
    return at
  }

  #countControl(frame: Buffer, sign: 1 | -1 = 1): void {
    this.bytesOut += sign * frame.length
    this.#queuedBytes += sign * frame.length
  }

  /** Undefined when there is none. */
  #writeControl(): boolean | undefined {
    if (this.#pong !== undefined) this.#control.unshift(this.#pong)
    this.#pong = undefined
    if (this.#control.length === 0) return undefined
    const frames = Buffer.concat(this.#control)
    this.#control = []
    this.#queuedBytes -= frames.length
    return this.#write(frames)
  }

  #writeNextBlock(): boolean {
    const block = this.#queue.shift()!
    if (this.#queue.length === 0) {
      this.#block = EMPTY
      this.#blockUsed = 0
    }
    this.#queuedBytes -= block.length
    const taken = this.#write(block)
    return this.#insideFrame?.delete(block) === true ? this.#writeNextBlock() : taken
  }

  #write(bytes: Buffer): boolean {
    const taken = this.#transport.write(bytes)
    if (!taken) this.#blocked = true
    return taken
  }

  #settle(): void {
    if (this.#pressure.isAwaited) this.#pressure.settle(this.waiting, this.#held)
  }
}
