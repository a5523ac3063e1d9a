// Hot: run benchmarks/e2e before and after any edit. The naive twin is a copy at once: test/conn/put-off.test.ts.
import { EMPTY } from '../frame/bytes.js'
import { copyBytes } from '../frame/copy.js'

// Copies of what lies side by side, to side by side, are made as one: to call for each costs more than to copy a short one.
// Until `catchUp()` the bytes must stay as they are, and the target is not to be looked at.

let from: Buffer = EMPTY
let start = 0
let end = 0
let to: Buffer = EMPTY
let at = 0

/** Has `bytes[first, last)` copied to `target`, beginning at `place`, when next somebody catches up. */
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
  try {
    copyBytes(from, start, end, to, at)
  } catch (error) {
    // Node 22 transfers what is marked not to be (`ArrayBuffer.transfer()`): whoever did that is told, and others go on.
    to.fill(0, at, at + end - start)
    process.nextTick(() => {
      throw error
    })
  }
  from = to = EMPTY
  start = end = 0
}
