import { sharedMemory } from './shared-memory.js'

/**
 * How long what one connection sends may keep the others waiting, in milliseconds for each turn of the event loop. While
 * its reads come back full, libuv would read up to 32 of them in a row before it looks at anybody else.
 */
const BUDGET = 0.1

/** The smallest read: below it reading would cost more than what is read. */
const LEAST = 2 << 10

/** Shared memory, and its beginnings of half the size, a quarter … */
const MEMORIES: Buffer[] = [sharedMemory]
for (let size = sharedMemory.length >> 1; size >= LEAST; size >>= 1)
  MEMORIES.push(sharedMemory.subarray(0, size))

/** Who reads, and can wait for the next turn. */
export interface Resting {
  /** The turn is over: reading goes on. */
  wake(): void
}

/** The share that is being spent, and since when. */
let spending: Share | undefined
let since = 0
/** Whoever has spent time in this turn, and who waits for the next. */
const active: Share[] = []
const resting: Resting[] = []
let scheduled = false

/** Something else begins: what was going on until now is over. */
export function stopSpending(): void {
  if (spending === undefined) return
  spending.took(performance.now() - since)
  spending = undefined
}

function onTurnOver(): void {
  stopSpending()
  scheduled = false
  for (const share of active.splice(0)) share.spent = 0
  for (const one of resting.splice(0)) one.wake()
}

function awaitTurnOver(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(onTurnOver)
}

/** Waits for the next turn. */
export function rest(reader: Resting): void {
  resting.push(reader)
  awaitTurnOver()
}

/** One connection's share of each turn: made for those whose reads come back full, which is few of them. */
export class Share {
  #place = 0
  #last = 0
  /** Milliseconds in this turn. */
  spent = 0

  /** What to read into: less for those whose bytes take long. */
  get memory(): Buffer {
    return MEMORIES[this.#place]!
  }

  /** A full read is about to be worked on; true when the others are to have their turn behind it. */
  begin(): boolean {
    if (this.spent === 0) active.push(this)
    const isLast = this.spent + this.#last > BUDGET
    spending = this
    since = performance.now()
    awaitTurnOver()
    return isLast
  }

  /** What was read kept everybody for so long, jobs and ticks included. */
  took(milliseconds: number): void {
    this.spent += milliseconds
    this.#last = milliseconds
    if (milliseconds > BUDGET) this.#place = Math.min(this.#place + 1, MEMORIES.length - 1)
    else if (milliseconds < BUDGET / 4) this.#place = Math.max(this.#place - 1, 0)
  }
}
