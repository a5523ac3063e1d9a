// Hot: run benchmarks/e2e before and after any edit. The naive twin is a copy at once: test/conn/put-off.test.ts.
import { EMPTY } from '../frame/bytes.js'
import { copyBytes } from '../frame/copy.js'
import { readInt32, writeUint32 } from '../frame/header.js'

// Copies of what lies side by side, to side by side, are made as one: to call for each costs more than to copy a short one.
// Until `catchUp()` the bytes must stay as they are, and the target is not to be looked at.

/**
 * Stands at the beginning of memory that messages share, until somebody was given some of it. Then all of it may go at any
 * time: byte streams of Node 20 and 22 take it along, although it is marked as not to be transferred. It is drawn by lot:
 * who writes where he should not is not to bring it back.
 */
const SEAL = (Math.random() * 2 ** 31) | 1

export const SEAL_SIZE = 4

export function seal(memory: Buffer): Buffer {
  writeUint32(memory, 0, SEAL)
  return memory
}

/** Whether copies out of that memory may be put off. */
export const isSealed = (memory: Buffer): boolean => readInt32(memory, 0) === SEAL

/** Somebody is given some of that memory. */
export function unseal(memory: Buffer): void {
  catchUp()
  writeUint32(memory, 0, 0)
}

let from: Buffer = EMPTY
let start = 0
let end = 0
let to: Buffer = EMPTY
let at = 0

/** Has `bytes[first, last)`, in sealed memory, copied to `target`, beginning at `place`, when next somebody catches up. */
export function putOff(bytes: Buffer, first: number, last: number, target: Buffer, place: number): void {
  if (first !== end || bytes !== from || place - at !== end - start || target !== to) {
    catchUp()
    from = bytes
    start = first
    to = target
    at = place
  }
  end = last
}

/** Makes the copies that were put off. */
export function catchUp(): void {
  if (start === end) return
  copyBytes(from, start, end, to, at)
  from = to = EMPTY
  start = end = 0
}
