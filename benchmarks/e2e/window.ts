import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadCount, LoadOutcome } from './load/counted.js'
import type { LoadProcess } from './load-process.js'
import type { ServerProcess } from './server-process.js'
import type { Usage } from './servers/usage.js'

export interface Times {
  /** Milliseconds before anything counts, and that count. */
  readonly warmUp: number
  readonly window: number
}

/** What one window gave. A type and not an interface, so that it is a record of numbers as well. */
export type CountedSample = {
  /** Microseconds of processor time that the server spent for each message. */
  cpuPerMessage: number
  messagesPerSecond: number
  /** Share of the time that the server was busy; below 0.95 it waited. */
  serverBusy: number
  loadBusy: number
  /** Microseconds. */
  p50?: number
  p99?: number
}

/** A window in which nothing came back, or nothing was compared, is made longer: the machine had other things to do, or a message takes its time. */
const PATIENCE = 20_000

/** Waits for so long, and asks; again while the answer is not enough. */
export async function afterSome<T>(
  milliseconds: number,
  ask: () => Promise<T>,
  isEnough: (answer: T) => boolean,
): Promise<T> {
  const end = performance.now() + PATIENCE
  for (;;) {
    await sleep(milliseconds)
    const answer = await ask()
    if (isEnough(answer) || performance.now() > end) return answer
  }
}

/** Measures while a load runs, and stops it. */
export async function measureWindow(
  server: ServerProcess,
  load: LoadProcess,
  milliseconds: number,
): Promise<CountedSample> {
  await load.ask('warm')
  const begin = await snapshot(server, load)
  const end = await afterSome(
    milliseconds,
    () => snapshot(server, load),
    ({ count }) => count.messages > begin.count.messages && count.checked > 0,
  )
  return sampleOf(begin, end, await load.ask<LoadOutcome>('stop'))
}

interface Snapshot {
  readonly usage: Usage
  readonly count: LoadCount
}

/** Both sides at about the same time, each with its own clock. */
async function snapshot(server: ServerProcess, load: LoadProcess): Promise<Snapshot> {
  const [usage, count] = await Promise.all([server.usage(), load.ask<LoadCount>('count')])
  return { usage, count }
}

function sampleOf(begin: Snapshot, end: Snapshot, outcome: LoadOutcome): CountedSample {
  const messages = end.count.messages - begin.count.messages
  const loadTime = end.count.at - begin.count.at
  const serverTime = end.usage.at - begin.usage.at
  const cpu = end.usage.cpu - begin.usage.cpu
  if (messages === 0) throw new Error('Nothing came back')
  if (outcome.checked === 0) throw new Error('Nothing was compared')
  return {
    // The two windows are not quite the same: rates are compared, not sums.
    cpuPerMessage: cpu / serverTime / (messages / loadTime),
    messagesPerSecond: (messages / loadTime) * 1000,
    serverBusy: cpu / 1000 / serverTime,
    loadBusy: (end.count.cpu - begin.count.cpu) / 1000 / loadTime,
    ...outcome.latency,
  }
}
