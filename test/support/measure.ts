import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { turn } from './events.js'

setFlagsFromString('--expose-gc')
export const gc = runInNewContext('gc') as () => void

/** How much more heap is in use when that was done, what it gives being there still. The compiler may have taken some, too. */
export function heapGrowth(work: () => unknown): number {
  gc()
  const before = process.memoryUsage().heapUsed
  const held = work()
  gc()
  const after = process.memoryUsage().heapUsed
  assert.notEqual(held, undefined)
  return after - before
}

/** Whether the garbage collector takes what is referred to, when it is given the chance. */
export async function isCollected(ref: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 5 && ref.deref() !== undefined; i++) {
    await turn()
    gc()
  }
  return ref.deref() === undefined
}

/** Bytes of buffers that are in use. Garbage counts as long as all of it is no more than `limit`: to look is slow. */
export function buffersInUse(limit: number): number {
  const { arrayBuffers } = process.memoryUsage()
  if (arrayBuffers <= limit) return arrayBuffers
  gc()
  gc() // waits for what the first one has left to other threads
  return process.memoryUsage().arrayBuffers
}

async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/**
 * How much of the processor's time something takes, in milliseconds: other programs do not count. It is done up to
 * three times until it is below a limit: a machine that is stopped as a whole lets whoever is at it pay for that.
 */
export async function leastCpuOf(limit: number, work: () => unknown): Promise<number> {
  let least = Infinity
  for (let i = 0; i < 3 && least >= limit; i++) least = Math.min(least, await cpuOf(work))
  return least
}

/** The most memory in buffers that is in use while something goes on, beyond what was in use before. */
export async function peakWhile<T>(work: () => Promise<T>): Promise<{ peak: number; result: T }> {
  const before = process.memoryUsage().arrayBuffers
  let peak = 0
  let done = false
  const working = work().finally(() => {
    done = true
  })
  while (!done) {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
    await turn()
  }
  return { peak, result: await working }
}
