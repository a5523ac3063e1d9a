import { sharedMemory } from './shared-memory.js'

/**
 * How long what one connection sends may keep the others waiting, in milliseconds for each turn of the event loop. While
 * its reads come back full, libuv would read up to 32 of them in a row before it looks at anybody else.
 */
const BUDGET = 0.1

/** The same when nobody else has said anything for so many reads: turns and small reads have their price. */
const BUDGET_ALONE = 0.3
const ALONE_AFTER = 64

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
/** Whose share was read last, if he has one, and how often in a row. */
let latest: Share | undefined
let inARow = 0
/** Whoever has spent time in this turn, and who waits for the next. */
const active: Share[] = []
const resting: Resting[] = []
let scheduled = false

/** Something else begins: what was going on until now is over. */
function stopSpending(): void {
  if (spending === undefined) return
  spending.took(performance.now() - since)
  spending = undefined
}

/** Somebody was read; most have no share. */
export function beginRead(share: Share | undefined): void {
  stopSpending()
  inARow = share !== undefined && share === latest ? inARow + 1 : 0
  latest = share
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
  #budget = BUDGET
  /** Milliseconds in this turn. */
  spent = 0

  /** What to read into: less for those whose bytes take long. */
  get memory(): Buffer {
    return MEMORIES[this.#place]!
  }

  /** A full read is about to be worked on; true when the others are to have their turn behind it. */
  begin(): boolean {
    if (this.spent === 0) active.push(this)
    this.#budget = latest === this && inARow >= ALONE_AFTER ? BUDGET_ALONE : BUDGET
    const isLast = this.spent + this.#last > this.#budget
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
    else if (milliseconds < this.#budget / 4) this.#place = Math.max(this.#place - 1, 0)
  }
}
