// F: what one says, all hear.
import { setTimeout as sleep } from 'node:timers/promises'
import { withServerAndLoad } from '../e2e/measure-echo.js'
import { subjectOf } from '../e2e/subjects.js'
import { type CountedSample, measureWindow } from '../e2e/window.js'
import type { Goal, Side } from '../results.js'
import { type Cell, type Extent, type Findings, inTurn, noteBottlenecks, type Scenario } from './scenario.js'

const SIZE = 256
const CROWDS = [1_000, 5_000]

const nameOf = (connections: number): string => `${connections.toLocaleString('en')} connections`

const side = (subject: string, connections: number): Side => ({
  subject,
  variant: nameOf(connections),
  metric: 'cpuPerDelivery',
})

const goal = (connections: number): Goal => ({
  text: `CPU per delivery, events / ws, ${nameOf(connections)}`,
  ours: side('events', connections),
  theirs: side('ws', connections),
  floor: { ours: side('bare', connections), theirs: side('ws', connections) },
  limit: 0.5,
  whenMissed:
    'six sevenths of the time go by in the write of each connection, which is a call into the system that nobody can spare; ' +
    "what fastws does is cheaper than what Node's own sockets take for the same bytes.",
})

interface Crowd extends Cell {
  readonly connections: number
}

async function measureCrowd({ subject, connections }: Crowd, { times, isQuick }: Extent): Promise<object> {
  const { cpuPerMessage, messagesPerSecond, ...rest } = await withServerAndLoad(
    subjectOf(subject),
    { mode: 'broadcast', sent: { size: SIZE } },
    async (server, load): Promise<CountedSample> => {
      const target = { port: server.port }
      await load.ask('startBroadcast', { connections: isQuick ? 20 : connections, size: SIZE, target })
      await sleep(times.warmUp)
      return measureWindow(server, load, times.window)
    },
  )
  return { cpuPerDelivery: cpuPerMessage, deliveriesPerSecond: messagesPerSecond, ...rest }
}

async function measure(extent: Extent): Promise<Findings> {
  const cells: Crowd[] = CROWDS.flatMap((connections) =>
    ['events', 'ws', 'bare', 'bun'].map((subject) => ({
      subject,
      variant: nameOf(connections),
      connections,
      isAside: subject === 'bare' || subject === 'bun',
    })),
  )
  const findings = await inTurn(cells, extent, async (cell) => ({ ...(await measureCrowd(cell, extent)) }))
  noteBottlenecks(findings)
  return findings
}

export const broadcast: Scenario = {
  id: 'F',
  title: 'Broadcast',
  shape: `a text of ${SIZE} B from one connection to 1,000 and to 5,000, two under way at a time`,
  goals: CROWDS.map(goal),
  measure,
}
