// Hot: run benchmarks/e2e before and after any edit.

import type { Transport } from '../node/transport.js'
import { awaitFlush, keepSlab, type Stager, stage, stagingSlab } from './staging.js'

/** Frames that wait are packed into blocks of at least this size. */
const BLOCK_SIZE = 16 << 10

const EMPTY = Buffer.alloc(0)
const RESOLVED: Promise<void> = Promise.resolve()
const ignore = (): void => undefined

interface Waiter {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface OutboxOptions {
  readonly highWaterMark: number
  readonly maxOutboxBytes: number
}

/** What the outbox needs from the connection around it. */
export interface OutboxHost {
  /** What waited is below the high-water mark again. */
  onDrain(): void
}

/**
 * The only writer of a connection's transport. While the transport takes everything, frames go through the staging
 * slab, one write a turn. When it does not, they wait here, data in order and control frames in front of it, so that
 * a pong never stands behind a megabyte of data (RFC 6455 §5.5.2). Every block ends where a frame ends.
 */
export class Outbox implements Stager {
  readonly #transport: Transport
  readonly #options: OutboxOptions
  readonly #host: OutboxHost

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
  #block: Buffer = EMPTY
  #blockUsed = 0
  #control: Buffer[] = []
  #pong: Buffer | undefined

  #ending = false
  #gone: Promise<never> | undefined
  #below: Waiter | undefined
  #empty: Waiter | undefined
  #wasAbove = false

  /** The memory in which `reserve()` and `reserveControl()` gave room. */
  into: Buffer = EMPTY
  /** Bytes handed to the transport so far, and those about to be. */
  bytesOut = 0

  constructor(transport: Transport, options: OutboxOptions, host: OutboxHost) {
    this.#transport = transport
    this.#options = options
    this.#host = host
  }

  /** Bytes on their way out that have not left this process. */
  get bufferedAmount(): number {
    const staged = this.#end - this.#start + sizeOf(this.#cutOff)
    return this.#blocked ? staged + this.#queuedBytes + this.#transport.pending : staged
  }

  /** Whether more is waiting than may. */
  get isFull(): boolean {
    return this.#blocked && this.bufferedAmount > this.#options.maxOutboxBytes
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
    if (this.#pong !== undefined) this.#queuedBytes -= this.#pong.length
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

  /** A promise for "there is room for more": below the high-water mark. It needs no one to look at it. */
  accepted(): Promise<void> {
    if (this.#gone !== undefined) return this.#gone
    if (this.bufferedAmount <= this.#options.highWaterMark) return RESOLVED
    this.#wasAbove = true
    return (this.#below ??= newWaiter()).promise
  }

  /** A promise for "everything has left". */
  drained(): Promise<void> {
    if (this.#gone !== undefined) return this.#gone
    if (this.bufferedAmount === 0) return RESOLVED
    return (this.#empty ??= newWaiter()).promise
  }

  flushStaged(): void {
    this.#awaitsFlush = false
    if (this.#end === this.#start) return
    const last = this.#slab.subarray(this.#start, this.#end)
    const cutOff = this.#cutOff
    this.#start = this.#end = 0
    this.#cutOff = undefined
    if (cutOff !== undefined) this.#write(Buffer.concat([...cutOff, last]))
    else if (!this.#transport.mayLend) this.#write(Buffer.from(last))
    else if (!this.#write(last)) keepSlab()
    this.#settle()
  }

  /** The transport has let everything go. */
  onDrained(): void {
    this.#blocked = false
    this.#writeControl()
    while (!this.#blocked && this.#queue.length > 0) this.#writeNextBlock()
    if (this.#ending && !this.#blocked) this.#transport.end()
    this.#settle()
  }

  /** Drops the data that waits; what the transport has already taken goes its way. */
  dropQueue(): void {
    for (const block of this.#queue) this.bytesOut -= block.length
    this.#queue = []
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

  /** No more is taken: everyone who waits or asks gets `error`. What waits still goes out. */
  refuse(error: Error): void {
    if (this.#gone !== undefined) return
    this.#gone = rejected(error)
    this.#below?.reject(error)
    this.#empty?.reject(error)
    this.#below = this.#empty = undefined
  }

  /** The transport is gone, and with it everything that waits. */
  drop(): void {
    this.#start = this.#end = 0
    this.#cutOff = this.#pong = undefined
    this.#control = []
    this.dropQueue()
    this.#blocked = true // whatever is laid now stays here
  }

  #reserveStaged(size: number): number {
    const at = stage(size) // may flush everyone, us too, to make room
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

  #countControl(frame: Buffer): void {
    this.bytesOut += frame.length
    this.#queuedBytes += frame.length
  }

  #writeControl(): void {
    if (this.#pong !== undefined) this.#control.unshift(this.#pong)
    this.#pong = undefined
    if (this.#control.length === 0) return
    const frames = Buffer.concat(this.#control)
    this.#control = []
    this.#queuedBytes -= frames.length
    this.#write(frames)
  }

  #writeNextBlock(): void {
    const block = this.#queue.shift()!
    if (this.#queue.length === 0) {
      this.#block = EMPTY
      this.#blockUsed = 0
    }
    this.#queuedBytes -= block.length
    this.#write(block)
  }

  #write(bytes: Buffer): boolean {
    const taken = this.#transport.write(bytes)
    if (!taken) this.#blocked = true
    return taken
  }

  #settle(): void {
    if (this.#below === undefined && this.#empty === undefined && !this.#wasAbove) return
    const amount = this.bufferedAmount
    if (amount > this.#options.highWaterMark) return
    this.#below?.resolve()
    this.#below = undefined
    if (amount === 0) {
      this.#empty?.resolve()
      this.#empty = undefined
    }
    if (!this.#wasAbove) return
    this.#wasAbove = false
    this.#host.onDrain()
  }
}

function sizeOf(blocks: readonly Buffer[] | undefined): number {
  let size = 0
  if (blocks !== undefined) for (const block of blocks) size += block.length
  return size
}

function newWaiter(): Waiter {
  let resolve: () => void = ignore
  let reject: (error: Error) => void = ignore
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(ignore) // nobody has to look at it
  return { promise, resolve, reject }
}

function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(ignore)
  return promise
}
