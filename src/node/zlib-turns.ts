/**
 * Streams in the thread pool at a time, in the whole process: more do not go faster, as the pool has four threads, but
 * would take memory and keep file and name lookups waiting.
 */
const MAX_AT_ONCE = 3

let running = 0
const waiting: (() => void)[] = []

/** Runs work when its turn has come: first come, first served. */
export async function takeTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running++
  try {
    return await work()
  } finally {
    // The turn goes to the next in line, or back.
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}
