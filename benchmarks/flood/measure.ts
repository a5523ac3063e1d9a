// Honest clients beside one attack: how long their echoes take while all is quiet, and while it goes on.

import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { end, LOAD_CORE, SERVER_CORE, spawnPinned } from '../e2e/pinned.js'
import { Questions } from '../e2e/rpc.js'
import { here } from '../root.js'
import { median } from '../stats.js'
import { attacks } from './attacks.js'

/** Whose server can be attacked. */
export const SERVERS = ['fastws', 'ws'] as const
export type Attacked = (typeof SERVERS)[number]

export interface FloodShape {
  /** Milliseconds for each measurement. */
  readonly milliseconds: number
  /** Honest clients. */
  readonly connections: number
  /** Whose server is attacked; ours, unless another is named. */
  readonly server?: Attacked
  /** Options of our server's, besides the defaults. */
  readonly options?: Readonly<Record<string, unknown>>
}

interface Latency {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly lost: number
}

interface ServerState {
  readonly connections: number
  readonly rss: number
  /** Share of a core. */
  readonly busy: number
  /** p99 of the delay of the event loop, in milliseconds. */
  readonly loopDelay: number
}

export interface FloodResult {
  readonly kind: string
  readonly title: string
  /** How much was sent in all, and how much of it a second while it was measured: a server may have stopped it by then. */
  readonly done: number
  readonly rate: number
  readonly unit: string
  /** Milliseconds. */
  readonly quiet: Latency
  readonly flood: Latency
  readonly ratio: number
  readonly server: ServerState
}

class Program {
  readonly #child
  readonly #questions: Questions

  constructor(name: string, args: readonly string[], core: number) {
    const file = join(here, `flood/${name}.js`)
    this.#child = spawnPinned(process.execPath, [file, ...args], { core, ipc: true })
    this.#questions = new Questions(this.#child)
  }

  async firstLine(): Promise<string> {
    const [line] = await once(createInterface(this.#child.stdout!), 'line')
    return line
  }

  ask<T = void>(name: string, argument?: unknown): Promise<T> {
    return this.#questions.ask<T>(name, argument)
  }

  stop(): Promise<void> {
    return end(this.#child)
  }
}

/** What a moment of settling in takes: caches, the compiler, connections that still open. */
const warmUp = (milliseconds: number): number => Math.min(1_000, milliseconds / 2)

const WINDOW = 500

/** Windows of half a second, and of all their figures the median: what else this machine does must not decide. */
async function latencyOf(honest: Program, milliseconds: number): Promise<Latency> {
  await sleep(warmUp(milliseconds))
  await honest.ask('latency')
  const windows: Latency[] = []
  // Where nothing came back in time, it is waited for: that is a figure, too.
  for (let left = milliseconds; left > 0 || windows.length === 0; left -= WINDOW) {
    await sleep(left > 0 ? Math.min(left, WINDOW) : WINDOW)
    const window = await honest.ask<Latency>('latency')
    if (window.count > 0) windows.push(window)
  }
  const middle = (of: (latency: Latency) => number): number => median(windows.map(of))
  return {
    count: windows.reduce((sum, { count }) => sum + count, 0),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    lost: windows.at(-1)!.lost,
  }
}

/** Quiet, attack, quiet again: the quiet figure is that of both sides together, by the worse of the two. */
export async function measureFlood(kind: string, shape: FloodShape): Promise<FloodResult> {
  const { milliseconds, connections, server: subject = 'fastws', options = {} } = shape
  const { title, unit } = attacks[kind]!
  const quietTime = Math.min(milliseconds, 10_000)
  const server = new Program('server', [subject, JSON.stringify(options)], SERVER_CORE)
  const honest = new Program('honest', [], LOAD_CORE)
  try {
    const port = await server.firstLine()
    await honest.ask('open', { port, count: connections })
    const before = await latencyOf(honest, quietTime)
    const attacker = new Program('attacker', [kind, port], LOAD_CORE)
    while ((await attacker.ask<number>('done')) === 0) await sleep(10)
    const earlier = await attacker.ask<number>('done')
    const begun = performance.now()
    await server.ask('state')
    const flood = await latencyOf(honest, milliseconds)
    const state = await server.ask<ServerState>('state')
    const done = await attacker.ask<number>('done')
    const rate = (done - earlier) / ((performance.now() - begun) / 1000)
    await attacker.stop()
    const after = await latencyOf(honest, quietTime)
    const quiet = before.p99 < after.p99 ? before : after
    return { kind, title, done, rate, unit, quiet, flood, ratio: flood.p99 / quiet.p99, server: state }
  } finally {
    await Promise.all([server.stop(), honest.stop()])
  }
}
