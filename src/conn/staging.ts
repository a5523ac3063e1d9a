// Hot: run benchmarks/e2e before and after any edit.

import { evictMessage, type Message } from './message.js'
import { catchUp } from './put-off.js'
import { RESOLVED } from './quiet.js'

/** Somebody who lays frames into the shared slab and writes them out when the turn is over. */
export interface Stager {
  flushStaged(): void
}

/** One turn's frames of all connections; when there are more, they are written out in between. */
const SLAB_SIZE = 64 << 10

/** What is larger than this does not go through the slab. */
export const MAX_STAGED = SLAB_SIZE >>> 1

/** How many promise jobs in a row may stage nothing before the turn counts as over. */
const PATIENCE = 2

/** How often more may be staged meanwhile; then the end of all jobs is waited for. */
const MOST_ROUNDS = 4

/**
 * The staging area: frames sent in one turn of the event loop are laid side by side into one slab, and every
 * connection writes its stretch of it once, when the turn is over. It is used again at once when the kernel took
 * everything, which is nearly always: then nothing is allocated on the way out.
 */
let slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
let used = 0
/** A write has not left yet: its memory must be left alone. */
let inUse = false
let waiting: Stager[] = []
let spare: Stager[] = []
let scheduled = false
let flushing = false
/** Somebody's bytes are being taken in: what is staged meanwhile is written when that is done. */
let inTurn = false
/** More came in than was read: whoever reads will most likely read, and send, again. */
let expectsMore = false
/** What was staged when last looked at, how many jobs ago that was, and how often there was more. */
let staged = 0
let quiet = 0
let rounds = 0

/** Views of the slab from its beginning, by their length: to make one costs more than to lay a short frame. */
const views: (Buffer | undefined)[] = new Array(256).fill(undefined)

/**
 * A message whose bytes lie where the next frame's payload would: when it is what is sent, they need not be copied.
 * Before anything else is laid there it gets memory of its own.
 */
let guest: Message | undefined
/** Where its frame would begin; -1 once that was laid, for then nobody writes there before all is flushed. */
let guestAt = -1

/** Where a frame of `size` bytes would be laid next; -1 where there is no room for it, or a guest already. */
export const roomAhead = (size: number): number =>
  guest === undefined && used + size <= SLAB_SIZE ? used : -1

/** Lets a message lie in the room ahead, until `checkOut()`. */
export function checkIn(newcomer: Message): void {
  guest = newcomer
  guestAt = used
}

export function checkOut(): void {
  guest = undefined
}

/**
 * Whether a message is the guest and goes out where it lies, if it `may`: then its frame must be laid at once. A guest
 * that may not moves out, for its bytes are about to be copied.
 */
export function laysGuest(message: Message, may: boolean): boolean {
  if (message !== guest) return false
  if (may && guestAt === used) {
    guestAt = -1
    return true
  }
  // It is being sent: to have its text does not do, as when it only has to make room.
  guest.keep()
  guest = undefined
  return false
}

function evict(): void {
  evictMessage(guest!)
  guest = undefined
}

/** The slab that `stage()` last gave room in. */
export const stagingSlab = (): Buffer => slab

/** Gives room for `size` bytes (at most `MAX_STAGED`) in `stagingSlab()`; returns where it begins. */
export function stage(size: number): number {
  if (guest !== undefined && guestAt === used) evict()
  makeRoom(size)
  const at = used
  used += size
  return at
}

/** `from[start, end)`, to be written. */
export function stretchOf(from: Buffer, start: number, end: number): Buffer {
  if (start !== 0 || from !== slab) return from.subarray(start, end)
  const known = views[end & 255]
  if (known !== undefined && known.length === end) return known
  const view = from.subarray(0, end)
  views[end & 255] = view
  return view
}

/** Asks for `flushStaged()` when this turn is over. */
export function awaitFlush(stager: Stager): void {
  waiting.push(stager)
  if (!inTurn) schedule()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  if (expectsMore) process.nextTick(onTurnOver)
  else flushSoon()
}

/** Tells that one turn brought several messages for somebody who takes them one by one. */
export function expectMore(): void {
  expectsMore = true
}

/** Begins a turn that `endTurn()` ends, once; false inside of another, which goes on. */
export function beginTurn(): boolean {
  if (inTurn) return false
  inTurn = true
  return true
}

/**
 * Writes at once what was staged in the turn: no job has to be made for that. Unless it was a write that brought the
 * bytes in, through streams within this process: then others' frames still lie in the slab, and are written first.
 */
export function endTurn(): void {
  inTurn = false
  if (waiting.length === 0) return
  if (flushing) schedule()
  else flushAllStaged()
}

/** Tells that bytes in the slab have been written but have not left; returns its size to the first who does. */
export function keepSlab(): number {
  const size = inUse ? 0 : SLAB_SIZE
  inUse = true
  return size
}

/**
 * What awaiting handlers send goes along in one write: they go on in promise jobs, a few for each message. When there
 * is much, `nextTick` tells when all jobs are done; for little it would cost more than the message.
 */
function flushSoon(): void {
  staged = used
  quiet = rounds = 0
  void RESOLVED.then(onJobDone)
}

function onJobDone(): void {
  if (used === staged) {
    if (++quiet === PATIENCE) return onTurnOver()
  } else {
    if (++rounds === MOST_ROUNDS) return process.nextTick(onTurnOver)
    staged = used
    quiet = 0
  }
  void RESOLVED.then(onJobDone)
}

function onTurnOver(): void {
  scheduled = false
  flushAllStaged()
}

/** Makes room ahead of `stage()`, for which others may have to be written: who is shown that may do whatever he likes. */
export function makeRoom(size: number): void {
  if (used + size <= SLAB_SIZE) return
  if (!flushing) flushAllStaged()
  if (used + size > SLAB_SIZE) renewSlab()
}

function flushAllStaged(): void {
  if (guest !== undefined) evict()
  const now = waiting
  waiting = spare
  flushing = true
  expectsMore = false
  for (let i = 0; i < now.length; i++) flushOne(now[i]!)
  flushing = false
  now.length = 0
  spare = now
  // Whoever staged more while the others were flushed keeps what lies there.
  if (waiting.length > 0) return
  if (inUse) renewSlab()
  used = 0
}

/**
 * Has one write out of its turn. Whoever is shown its bytes may have others send: they get memory behind these, or a new
 * slab, until they have left.
 */
export function flushAlone(stager: Stager): void {
  const isInner = flushing
  flushing = true
  flushOne(stager)
  flushing = isInner
}

/** What was put off belongs to this one's frames, or others': they are written as they stand. */
function flushOne(stager: Stager): void {
  catchUp()
  stager.flushStaged()
}

function renewSlab(): void {
  slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
  views.fill(undefined)
  used = 0
  inUse = false
}
