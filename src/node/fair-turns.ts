import { sharedMemory } from './shared-memory.js'

/**
 * How long what one connection sends may keep the others waiting, in milliseconds for each turn of the event loop. While
 * its reads come back full, libuv would read up to 32 of them in a row before it looks at anybody else.
 */
const BUDGET = 0.1

/** More while nobody light was read for so many turns: there is nobody to protect, and small reads have their price. */
const LARGER_BUDGET = 0.5
const ALONE_AFTER = 64

/** Who takes less is light, as everybody is who sends a few bytes only; one with a share is after so many reads of that kind. */
const LIGHT = 0.025
const CALM_AFTER = 16

/** The smallest read: below it reading would cost more than what is read. */
const LEAST = 2 << 10

/**
 * Reads from this size on are timed, though they do not come back full: a batch keeps the others waiting as well. Who
 * takes so many milliseconds twice within a second, or in two turns that follow each other, gets a share; once may be a
 * collection of garbage.
 */
export const TIMED_FROM = 4 << 10
const LONG = 1
const SOON = 1000

/** Shared memory, and its beginnings of half the size, a quarter … */
const MEMORIES: Buffer[] = [sharedMemory]
for (let size = sharedMemory.length >> 1; size >= LEAST; size >>= 1)
  MEMORIES.push(sharedMemory.subarray(0, size))

/** Who reads, and can wait for the next turn. */
export interface Resting {
  /** The turn is over: reading goes on. */
  wake(): void
  /** What it sends takes so long that it is to be held to a share of each turn. */
  share(): void
}

/** The share that is being spent, or who reads without one, and since when. */
let spending: Share | undefined
let reading: Resting | undefined
let since = 0
/** Who has taken long lately, and since when, and which turn, this is noted. */
let slow = new WeakSet<Resting>()
let slowSince = 0
let slowTurn = 0
/** Turns that had to be shared, when the last of them was over, and the last in which somebody light was read. */
let turn = 0
let turnOver = 0
let lightTurn = -ALONE_AFTER
/** Whoever has spent time in this turn, and who waits for the next. */
const active: Share[] = []
const resting: Resting[] = []
let scheduled = false

/** Something else begins: what was going on until now is over. */
function stopSpending(): void {
  if (spending === undefined && reading === undefined) return
  const now = performance.now()
  const took = now - since
  if (spending !== undefined) spending.took(took)
  else if (took > LONG) tookLong(reading!, now)
  else if (took < LIGHT) lightTurn = turn
  spending = reading = undefined
}

const nobodyIsLight = (): boolean => turn - lightTurn >= ALONE_AFTER

function tookLong(reader: Resting, now: number): void {
  if (now - slowSince > SOON && turn - slowTurn > 1) {
    slow = new WeakSet()
    slowSince = now
    slowTurn = turn
  }
  if (slow.has(reader)) reader.share()
  slow.add(reader)
}

/** So much was read, by somebody who has a share, or has none as most. */
export function beginRead(reader: Resting, share: Share | undefined, length: number): void {
  stopSpending()
  if (length < TIMED_FROM) {
    if (share === undefined || share.readLittle()) lightTurn = turn
  } else if (share === undefined) {
    reading = reader
    since = performance.now()
    awaitTurnOver()
  }
}

function onTurnOver(): void {
  stopSpending()
  turn++
  turnOver = performance.now()
  scheduled = false
  for (const share of active.splice(0)) share.spent = 0
  for (const one of resting.splice(0)) one.wake()
}

function awaitTurnOver(): void {
  if (scheduled) return
  scheduled = true
  if (since - turnOver > SOON) turn++ // a pause is a turn as well: what comes behind it does not follow what was before
  setImmediate(onTurnOver)
}

/** Waits for the next turn. */
export function rest(reader: Resting): void {
  resting.push(reader)
  awaitTurnOver()
}

/** One connection's share of each turn: made for those whose reads come back full or take long, which is few of them. */
export class Share {
  #place = 0
  #last = 0
  #budget = BUDGET
  #little = 0
  /** Milliseconds in this turn. */
  spent = 0

  /** What to read into: less for those whose bytes take long. */
  get memory(): Buffer {
    return MEMORIES[this.#place]!
  }

  /** Little was read; true when that has been so for a while. */
  readLittle(): boolean {
    return ++this.#little > CALM_AFTER
  }

  /**
   * A read is about to be worked on; true when the others are to have their turn behind it. Behind one that is not full
   * they have it anyway: it may take more.
   */
  begin(isFull: boolean): boolean {
    if (this.spent === 0) active.push(this)
    this.#little = 0
    this.#budget = nobodyIsLight() || !isFull ? LARGER_BUDGET : BUDGET
    const isLast = isFull && this.spent + this.#last > this.#budget
    reading = undefined
    spending = this
    since = performance.now()
    awaitTurnOver()
    return isLast
  }

  /** What was read kept everybody for so long, jobs and ticks included. */
  took(milliseconds: number): void {
    this.spent += milliseconds
    this.#last = milliseconds
    if (milliseconds > this.#budget) this.#place = Math.min(this.#place + 1, MEMORIES.length - 1)
    else if (milliseconds < this.#budget / 2) this.#place = Math.max(this.#place - 1, 0)
  }
}
