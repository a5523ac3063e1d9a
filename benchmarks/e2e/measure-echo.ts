import { setTimeout as sleep } from 'node:timers/promises'
import type { EchoCount, EchoOutcome, EchoShape } from './load/echo.js'
import { LoadProcess } from './load-process.js'
import { ServerProcess } from './server-process.js'
import type { ServerOptions } from './servers/serve.js'
import type { Usage } from './servers/usage.js'
import type { Subject } from './subjects.js'

export interface EchoTimes {
  /** Milliseconds before anything counts, and that count. */
  readonly warmUp: number
  readonly window: number
}

/** What one window of an echo gave. A type and not an interface, so that it is a record of numbers as well. */
export type EchoSample = {
  /** Microseconds of processor time that the server spent for each message. */
  cpuPerMessage: number
  messagesPerSecond: number
  /** Share of the time that the server was busy; below 0.95 it waited for the load. */
  serverBusy: number
  loadBusy: number
  /** Microseconds. */
  p50?: number
  p99?: number
}

export interface EchoRun {
  readonly subject: Subject
  readonly shape: EchoShape
  readonly times: EchoTimes
  readonly options?: Partial<ServerOptions>
  readonly addresses?: readonly string[]
  /** Is called before and after the window, with the server. */
  readonly around?: {
    before(server: ServerProcess): Promise<void>
    after(server: ServerProcess): Promise<void>
  }
}

/** Starts a server and a load, lets them warm up, and measures one window. */
export async function measureEcho(run: EchoRun): Promise<EchoSample> {
  const server = await ServerProcess.start(run.subject, run.options)
  const load = new LoadProcess()
  try {
    return await measureBetween(server, load, run)
  } finally {
    await Promise.all([server.stop(), load.stop()])
  }
}

async function measureBetween(server: ServerProcess, load: LoadProcess, run: EchoRun): Promise<EchoSample> {
  const { shape, times, around, addresses } = run
  const target = { port: server.port, tls: run.options?.tls === true, raw: run.subject.raw === true }
  await load.ask('startEcho', { shape, target, addresses })
  await sleep(times.warmUp)
  await around?.before(server)
  await load.ask('warm')
  const begin = await snapshot(server, load)
  await sleep(times.window)
  const end = await snapshot(server, load)
  await around?.after(server)
  return sampleOf(begin, end, await load.ask<EchoOutcome>('stop'))
}

interface Snapshot {
  readonly usage: Usage
  readonly count: EchoCount
}

/** Both sides at about the same time, each with its own clock. */
async function snapshot(server: ServerProcess, load: LoadProcess): Promise<Snapshot> {
  const [usage, count] = await Promise.all([server.usage(), load.ask<EchoCount>('count')])
  return { usage, count }
}

function sampleOf(begin: Snapshot, end: Snapshot, outcome: EchoOutcome): EchoSample {
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
