// Hot: run benchmarks/e2e before and after any edit.

/** Somebody who lays frames into the shared slab and writes them out when the turn is over. */
export interface Stager {
  flushStaged(): void
}

/** One turn's frames of all connections; when there are more, they are written out in between. */
const SLAB_SIZE = 64 << 10

/** What is larger than this does not go through the slab. */
export const MAX_STAGED = SLAB_SIZE >>> 1

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

/** The slab that `stage()` last gave room in. */
export const stagingSlab = (): Buffer => slab

/** Gives room for `size` bytes (at most `MAX_STAGED`) in `stagingSlab()`; returns where it begins. */
export function stage(size: number): number {
  if (used + size > SLAB_SIZE) makeRoom(size)
  const at = used
  used += size
  return at
}

/** Asks for `flushStaged()` when this turn is over. */
export function awaitFlush(stager: Stager): void {
  waiting.push(stager)
  if (scheduled) return
  scheduled = true
  // nextTick runs after the promise jobs of the same turn, so that what awaiting handlers send goes along.
  process.nextTick(onTurnOver)
}

/** Tells that bytes in the slab have been written but have not left. */
export function keepSlab(): void {
  inUse = true
}

function onTurnOver(): void {
  scheduled = false
  flushAllStaged()
}

function makeRoom(size: number): void {
  if (!flushing) flushAllStaged()
  if (used + size > SLAB_SIZE) renewSlab()
}

function flushAllStaged(): void {
  const now = waiting
  waiting = spare
  flushing = true
  for (let i = 0; i < now.length; i++) now[i]!.flushStaged()
  flushing = false
  now.length = 0
  spare = now
  // Whoever staged more while the others were flushed keeps what lies there.
  if (waiting.length > 0) return
  if (inUse) renewSlab()
  used = 0
}

function renewSlab(): void {
  slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
  used = 0
  inUse = false
}
