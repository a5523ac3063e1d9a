// One worker through all rows, in a process of its own. Prints what it found as JSON.
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { decoder, nextFrame, receiver } from './readers.js'
import type { MemoryRow } from './rows.js'
import type { MakeWorker, MemoryWorker } from './worker.js'
import { copier, encoder, encoderWithMemory, sender } from './writers.js'

const makers: Readonly<Record<string, MakeWorker>> = {
  decoder,
  nextFrame,
  receiver,
  encoder,
  encoderWithMemory,
  sender,
  copier,
}

/** What the process is to do. */
export interface MemoryJob {
  readonly worker: string
  readonly rows: readonly MemoryRow[]
  /** `time`: how much processor time a message takes, for at least `milliseconds`. `memory`: how many bytes it allocates. */
  readonly measure: 'time' | 'memory'
  readonly milliseconds: number
  /** How many messages are looked at for their memory: what they leave must fit into the young generation. */
  readonly counted: number
}

/** Name and figures. */
export type MemoryAnswer = Record<string, Record<string, number>>

/** After so many messages it looks at the clock, as each look leaves a number behind; after fewer where they are large. */
const LOOK_EVERY = 10_000
const LOOK_EVERY_BYTES = 16 << 20

/** No more bytes than these are read or written for it. */
const COUNTED_BYTES = 64 << 20

/** Does nothing, as often as it is told to. */
const idler: MemoryWorker = { count: 0, work: () => undefined }

const collections: number[] = []
new PerformanceObserver((list) => {
  for (const { startTime } of list.getEntries()) collections.push(startTime)
}).observe({ entryTypes: ['gc'] })

const { worker, rows, measure, milliseconds, counted }: MemoryJob = JSON.parse(process.argv[2] ?? '{}')
const workersFor = (row: MemoryRow): MemoryWorker[] =>
  Array.from({ length: row.clients }, () => makers[worker]!(row.size))

// All rows once before any of them counts: the first one must not pay for the code that V8 still optimizes.
for (const row of rows) await passes(workersFor(row), row, milliseconds / 2)

const answer: MemoryAnswer = {}
for (const row of rows) {
  const workers = workersFor(row)
  await passes(workers, row, milliseconds / 2, workers.length)
  answer[row.name] =
    measure === 'time' ? await timeOf(workers, row) : { bytesPerMessage: await bytesOf(workers, row) }
}
console.log(JSON.stringify(answer))
process.exit()

/**
 * Every client has its messages, one client after the other, again and again until the time is up, and until there have
 * been so many turns: the first turn of each is for warming up.
 */
async function passes(
  workers: readonly MemoryWorker[],
  { messages, size }: MemoryRow,
  least: number,
  leastTurns = 0,
): Promise<number> {
  const end = performance.now() + least
  const lookEvery = Math.min(LOOK_EVERY, LOOK_EVERY_BYTES / size)
  let done = 0
  for (let turn = 0, look = 0; ; turn++) {
    const working = workers[turn % workers.length]!.work(messages)
    if (working !== undefined) await working
    done += messages
    if (done < look) continue
    if (performance.now() >= end && turn >= leastTurns) return done
    look = done + lookEvery
  }
}

/**
 * Processor time, that of the collector's threads included, as everywhere else: on a machine that has other work to do
 * the clock tells of that. No collection is forced before: V8 then drops code that it had optimized, and not everybody's
 * comes back.
 */
async function timeOf(workers: readonly MemoryWorker[], row: MemoryRow): Promise<Record<string, number>> {
  const before = sumOf(workers)
  const begin = performance.now()
  const used = process.cpuUsage()
  const messages = await passes(workers, row, milliseconds)
  const { user, system } = process.cpuUsage(used)
  const end = performance.now()
  // Collections are told of in a later turn.
  for (let i = 0; i < 3; i++) await setImmediate()
  if (sumOf(workers) - before !== messages) throw new Error('Not every message was seen')
  const ns = ((user + system) * 1000) / messages
  const within = collections.filter((at) => at >= begin && at < end).length
  return { nsPerMessage: ns, nsPerByte: ns / row.size, collections: within }
}

function sumOf(workers: readonly MemoryWorker[]): number {
  return workers.reduce((sum, { count }) => sum + count, 0)
}

/** Bytes that one message leaves behind, without what the counting itself does. */
async function bytesOf(workers: readonly MemoryWorker[], row: MemoryRow): Promise<number> {
  const idlers = workers.map(() => idler)
  await leftBy(idlers, row)
  const ours = (await leftBy(workers, row)) - (await leftBy(idlers, row))
  return Math.max(0, ours)
}

/** The least of three times: the first time there is something new, code or room that arrays have grown to. */
async function leftBy(workers: readonly MemoryWorker[], { size, messages }: MemoryRow): Promise<number> {
  const turns = Math.ceil(Math.min(counted, COUNTED_BYTES / size) / messages)
  const tries = []
  for (let i = 0; i < 3; i++) {
    await setImmediate()
    globalThis.gc?.()
    const before = heldNow()
    for (let turn = 0; turn < turns; turn++) {
      const working = workers[turn % workers.length]!.work(messages)
      if (working !== undefined) await working
    }
    tries.push((heldNow() - before) / (turns * messages))
  }
  return Math.min(...tries)
}

function heldNow(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
