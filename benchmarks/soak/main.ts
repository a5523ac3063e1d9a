// Thousands of connections that chat, keep silent, compress, fragment, flood, read slowly and vanish, for a given time;
// then a verdict. Server and clients are processes of their own. Exits with 1 when the verdict is bad.
//
//     npm run soak                                        10 minutes, 5,000 connections
//     npm run soak -- --seconds 60 --connections 500
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { whyTooMany } from '../e2e/limits.js'
import { end, LOAD_CORE, SERVER_CORE, spawnPinned } from '../e2e/pinned.js'
import { Questions } from '../e2e/rpc.js'
import { here } from '../root.js'
import type { Tally } from './clients.js'
import {
  type Finding,
  judgeDelay,
  judgeMemory,
  judgeMessages,
  type Sample,
  type SoakOutcome,
} from './verdict.js'

export interface SoakShape {
  readonly connections: number
  readonly seconds: number
  /** Milliseconds that the p99 of the event loop's delay may be. */
  readonly maxDelay: number
  readonly onSample?: (seconds: number, sample: Sample) => void
}

/** Samples in the whole time. */
const SAMPLES = 40

/** Runs it all and judges. */
export async function soak(shape: SoakShape): Promise<Finding[]> {
  const { connections, seconds, maxDelay, onSample } = shape
  const script = (name: string): string => join(here, `soak/${name}.js`)
  const server = spawnPinned(process.execPath, ['--expose-gc', script('server')], {
    core: SERVER_CORE,
    ipc: true,
  })
  const load = spawnPinned(process.execPath, [script('load')], { core: LOAD_CORE, ipc: true })
  try {
    const [port] = await once(createInterface(server.stdout!), 'line')
    const toServer = new Questions(server)
    const toLoad = new Questions(load)
    await toLoad.ask('open', { port: Number(port), connections })
    await toServer.ask('sample') // how they came is not what is asked
    const samples: Sample[] = []
    const begin = performance.now()
    while (performance.now() - begin < seconds * 1000) {
      await sleep(Math.max(100, (seconds * 1000) / SAMPLES))
      const sample = await toServer.ask<Sample>('sample')
      samples.push(sample)
      onSample?.((performance.now() - begin) / 1000, sample)
    }
    const tallies = await toLoad.ask<Record<string, Tally>>('stop')
    const counts = await settled(toServer)
    const outcome = { samples, tallies, server: counts }
    return [judgeMemory(samples, seconds), judgeDelay(samples, maxDelay), judgeMessages(outcome)]
  } finally {
    await Promise.all([end(server), end(load)])
  }
}

/** The server's counts when it has heard that all are gone. */
async function settled(server: Questions): Promise<SoakOutcome['server']> {
  for (let tries = 0; ; tries++) {
    const counts = await server.ask<SoakOutcome['server']>('counts')
    if (Object.values(counts).every(({ opened, closed }) => opened === closed) || tries === 100) return counts
    await sleep(100)
  }
}

const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      connections: { type: 'string', default: '5000' },
      'max-delay': { type: 'string', default: '100' },
    },
  })
  const connections = Number(values.connections)
  const why = whyTooMany(connections)
  if (why !== undefined) throw new Error(why)
  const shape: SoakShape = {
    connections,
    seconds: Number(values.seconds),
    maxDelay: Number(values['max-delay']),
    onSample: (seconds, { rss, heap, loopDelay, connections: open }) =>
      console.log(
        `${seconds.toFixed(0)} s: ${open} connections, heap ${mib(heap)}, resident ${mib(rss)}, loop p99 ${loopDelay.p99.toFixed(1)} ms`,
      ),
  }
  const findings = await soak(shape)
  for (const { what, isGood, text } of findings) console.log(`${isGood ? 'good' : 'BAD '}  ${what}: ${text}`)
  console.log(findings.every(({ isGood }) => isGood) ? 'The verdict is good.' : 'The verdict is BAD.')
  if (!findings.every(({ isGood }) => isGood)) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
