// Hot: run benchmarks/e2e before and after any edit.
import { EMPTY } from '../frame/bytes.js'
import type { Transport } from '../node/transport.js'
import { BackPressure, type OutboxHost } from './back-pressure.js'
import { sizeOf } from './bytes.js'
import type { ResolvedConnOptions } from './options.js'
import { RESOLVED } from './quiet.js'
import { awaitFlush, flushAlone, keepSlab, MAX_STAGED, stage, stagingSlab, stretchOf } from './staging.js'
import { Waiting } from './waiting.js'

type OutboxOptions = Pick<ResolvedConnOptions, 'highWaterMark' | 'maxOutboxBytes'>

/**
 * The only writer of a connection's transport. While the transport takes everything, frames go through the staging
 * slab, one write a turn. When it does not, they wait. An idle connection holds no more of all this than it needs.
 */
export class Outbox {
  readonly #transport: Transport
  readonly #options: OutboxOptions
  readonly #host: OutboxHost
  /** Made for the first who has to wait. */
  #pressure: BackPressure | undefined
  /** Our stretch of the staging slab, and stretches before it that others' frames have cut off. */
  #slab: Buffer = EMPTY
  #start = 0
  #end = 0
  #cutOff: Buffer[] | undefined
  /** The stretch is not of the slab, but memory that others send as well. */
  #isShared = false
  #awaitsFlush = false
  /** The transport has not taken everything: what comes now waits. */
  isBlocked = false
  waits: Waiting | undefined
  /** Bytes of messages that wait for their turn to be laid here. */
  #held = 0
  #ending = false
  /** The memory in which `reserve()` and `reserveControl()` gave room. */
  into: Buffer = EMPTY
  /** Bytes handed to the transport so far, and those about to be. */
  bytesOut = 0

  constructor(transport: Transport, options: OutboxOptions, host: OutboxHost) {
    this.#transport = transport
    this.#options = options
    this.#host = host
  }

  get highWaterMark(): number {
    return this.#options.highWaterMark
  }

  /** Bytes on their way out that have not left this process. */
  get bufferedAmount(): number {
    return this.#held + this.waiting
  }

  /** Those that wait for nothing but the peer. */
  get waiting(): number {
    const staged = this.#end - this.#start + sizeOf(this.#cutOff)
    return this.isBlocked ? staged + this.#queued() + this.#transport.pending : staged
  }

  /** Whether more waits than may, behind the write that is under way: one message of any size is no sign of a slow peer. */
  get isFull(): boolean {
    return this.#waitsMoreThan(this.#options.maxOutboxBytes)
  }

  /** Whether the peer is slow: more than the high-water mark waits, counted the same way. */
  get isBehind(): boolean {
    return this.#waitsMoreThan(this.highWaterMark)
  }

  /** Counts bytes that wait for their turn, and takes them off again. */
  hold(bytes: number): void {
    this.#held += bytes
  }

  letGo(bytes: number): void {
    if (this.#pressure?.hasRefused === true) return
    this.#held -= bytes
    this.#settle()
  }

  /** Gives room in `into` for a data frame of `size` bytes; returns where it begins. */
  reserve(size: number): number {
    this.bytesOut += size
    return this.isBlocked ? this.#reserveQueued(size) : this.#reserveStaged(size)
  }

  /** Gives room for a control frame, in front of data that waits. */
  reserveControl(size: number): number {
    if (!this.isBlocked) return this.reserve(size)
    this.bytesOut += size
    this.into = this.#waiting().reserveControl(size)
    return 0
  }

  /** Like `reserveControl()`, in place of a pong that still waits. */
  reservePong(size: number): number {
    if (!this.isBlocked) return this.reserve(size)
    const waits = this.#waiting()
    const before = waits.bytes
    this.into = waits.reservePong(size)
    this.bytesOut += waits.bytes - before
    return 0
  }

  /** Sends memory that nobody else writes to from now on: for frames too large for `reserve()`. */
  writeOwned(bytes: Buffer): void {
    this.bytesOut += bytes.length
    if (!this.isBlocked) flushAlone(this)
    if (!this.isBlocked) return void this.#write(bytes)
    this.#waiting().push(bytes)
  }

  /** Sends memory that others send as well: copied only where it is small and stands behind frames of this turn. */
  writeShared(bytes: Buffer): void {
    if (this.isBlocked || bytes.length > MAX_STAGED) return this.writeOwned(bytes)
    if (this.#end !== this.#start) {
      const at = this.reserve(bytes.length)
      return void bytes.copy(this.into, at)
    }
    this.bytesOut += bytes.length
    this.#slab = bytes
    this.#end = bytes.length
    this.#isShared = true
    this.#awaitFlush()
  }

  /** Whether nobody but the kernel comes to see what is sent: others could change it. */
  get isPrivate(): boolean {
    return this.#transport.keeps !== 'for ever'
  }

  /** Like `writeOwned()`, for a frame in several pieces: nothing may come between. Returns whether all has left. */
  writePieces(pieces: readonly Buffer[]): boolean {
    if (!this.isBlocked) flushAlone(this)
    this.bytesOut += sizeOf(pieces)
    const { isBlocked } = this
    if (isBlocked) this.#waiting().pushPieces(pieces)
    else for (const piece of pieces) this.#host.writing(piece)
    return !isBlocked && this.#took(this.#transport.writeAll(pieces))
  }

  /** A promise for "there is room for more": below the high-water mark. */
  accepted(): Promise<void> {
    const { waiting } = this
    return this.#hasRoom(waiting) ? RESOLVED : this.#backPressure().accepted(waiting)
  }

  /** The same for what waits for its turn. */
  acceptedInTurn(): Promise<void> {
    const { bufferedAmount } = this
    return this.#hasRoom(bufferedAmount) ? RESOLVED : this.#backPressure().acceptedInTurn(bufferedAmount)
  }

  /** A promise for "everything has left". */
  drained(): Promise<void> {
    return this.#backPressure().drained(this.bufferedAmount)
  }

  flushStaged(): void {
    this.#awaitsFlush = false
    if (this.#end === this.#start) return
    const isShared = this.#isShared
    const last = isShared ? this.#slab : stretchOf(this.#slab, this.#start, this.#end)
    const cutOff = this.#cutOff
    this.#start = this.#end = 0
    this.#cutOff = undefined
    this.#letSlabGo()
    if (cutOff !== undefined || isShared) this.#write(cutOff ? Buffer.concat([...cutOff, last]) : last)
    else if (this.#transport.keeps === 'for ever') this.#write(Buffer.from(last))
    else if (!this.#write(last) && this.#transport.keeps !== 'for the call')
      this.#waiting().slab += keepSlab()
    this.#settle()
  }

  /** The transport has let everything go. */
  onDrained(): void {
    if (this.#queued() === 0) this.waits = undefined
    // Blocked until the last block is written: what is sent meanwhile must not overtake it.
    let taken = true
    while (taken && this.#queued() > 0) taken = this.#writeNext(this.waits!)
    if (taken) this.isBlocked = false
    if (taken && this.#ending) this.#transport.end()
    this.#settle()
  }

  /** Drops the data that waits; what the transport has already taken goes its way. */
  dropQueue(): void {
    this.bytesOut -= this.#queued()
    this.waits?.dropData()
    this.into = EMPTY
    this.bytesOut += this.#queued()
  }

  /** Ends the transport's sending direction when everything has left. */
  end(): void {
    flushAlone(this)
    this.#ending = true
    if (!this.isBlocked) this.#transport.end()
  }

  /** No more is taken: everyone who waits or asks gets the host's error. What waits still goes out. */
  refuse(): void {
    this.#held = 0
    this.#backPressure().refuse()
  }

  /** The transport is gone, and with it everything that waits. */
  drop(): void {
    this.bytesOut -= this.#end - this.#start + sizeOf(this.#cutOff) + this.#queued()
    this.#start = this.#end = 0
    this.#letSlabGo()
    this.#cutOff = this.waits = undefined
    this.isBlocked = true // whatever is laid now stays here
  }

  #queued(): number {
    return this.waits?.bytes ?? 0
  }

  #waiting(): Waiting {
    return (this.waits ??= new Waiting())
  }

  #backPressure(): BackPressure {
    return (this.#pressure ??= new BackPressure(this.#host, this.#options.highWaterMark))
  }

  /** Whether nobody has to wait, and nobody ever had to. */
  #hasRoom(bytes: number): boolean {
    return this.#pressure === undefined && bytes <= this.#options.highWaterMark
  }

  #waitsMoreThan(limit: number): boolean {
    if (!this.isBlocked && this.#held === 0) return false
    return this.#held + this.#queued() + this.#end - this.#start > limit
  }

  #reserveStaged(size: number): number {
    const at = stage(size) // may flush everyone, us too, to make room
    if (this.isBlocked) return this.#reserveQueued(size)
    this.#awaitFlush()
    const slab = stagingSlab()
    if (this.#end === at && this.#slab === slab && this.#end !== this.#start) this.#end = at + size
    else this.#openStretch(slab, at, size)
    this.into = slab
    return at
  }

  #awaitFlush(): void {
    if (this.#awaitsFlush) return
    this.#awaitsFlush = true
    awaitFlush(this)
  }

  /** Whoever has nothing to send any more must not hold it. */
  #letSlabGo(): void {
    this.#isShared = false
    this.#slab = this.into = EMPTY
  }

  #openStretch(slab: Buffer, at: number, size: number): void {
    if (this.#end !== this.#start) (this.#cutOff ??= []).push(this.#slab.subarray(this.#start, this.#end))
    this.#isShared = false
    this.#slab = slab
    this.#start = at
    this.#end = at + size
  }

  #reserveQueued(size: number): number {
    const at = this.#waiting().reserve(size)
    this.into = this.#waiting().into
    return at
  }

  #writeNext(waits: Waiting): boolean {
    let taken = this.#write(waits.take())
    while (waits.isInsideFrame) taken = this.#write(waits.take())
    if (waits.bytes === 0 && this.waits === waits) this.waits = undefined
    this.into = EMPTY
    if (this.#transport.keeps === 'for the call') waits.recycle()
    return taken
  }

  #write(bytes: Buffer): boolean {
    this.#host.writing(bytes)
    return this.#took(this.#transport.write(bytes))
  }

  #took(all: boolean): boolean {
    if (!all) this.isBlocked = true
    return all
  }

  #settle(): void {
    if (this.#pressure?.isAwaited === true) this.#pressure.settle(this.waiting, this.#held)
  }
}
