// G: echo servers that compress.
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadCount } from '../e2e/load/counted.js'
import type { PackedShape } from '../e2e/load/packed.js'
import type { LoadProcess } from '../e2e/load-process.js'
import { withServerAndLoad } from '../e2e/measure-echo.js'
import type { Compress } from '../e2e/servers/serve.js'
import { subjectOf } from '../e2e/subjects.js'
import { afterSome, measureWindow } from '../e2e/window.js'
import type { Goal } from '../results.js'
import {
  type Cell,
  type Extent,
  type Findings,
  inTurn,
  noteBottlenecks,
  type Sample,
  type Scenario,
} from './scenario.js'

interface PackedCell extends Cell {
  readonly variant: string
  readonly shape: PackedShape
  readonly compress: Compress
}

const SMALL = { connections: 50, size: 190, inFlight: 8 }
const LARGE = { connections: 50, size: 16 << 10, inFlight: 2 }
/** Connections that have said something and now say nothing. */
const HELD = { connections: 400, rounds: 3 }

const variants = [
  { variant: '190 B, takeover', shape: SMALL, compress: { takesOver: true }, limit: 0.25 },
  { variant: '190 B', shape: SMALL, compress: { takesOver: false }, limit: 0.25 },
  { variant: '16 KiB, takeover', shape: LARGE, compress: { takesOver: true }, limit: 0.8 },
  { variant: '16 KiB', shape: LARGE, compress: { takesOver: false }, limit: 0.8 },
]

/** What is said of speed must not be a matter of one level. */
const sameLevel = {
  variant: '16 KiB, level 6',
  shape: LARGE,
  compress: { takesOver: false, level: 6 },
}

const goals: readonly Goal[] = variants.map(({ variant, limit }) => ({
  text: `CPU per message, events / ws, ${variant}`,
  ours: { subject: 'events', variant, metric: 'cpuPerMessage' },
  theirs: { subject: 'ws', variant, metric: 'cpuPerMessage' },
  limit,
}))

const cells: readonly PackedCell[] = [
  ...variants.flatMap(({ limit: _, ...one }) => ['events', 'ws'].map((subject) => ({ subject, ...one }))),
  ...['events', 'ws'].map((subject) => ({ subject, ...sameLevel, isAside: true })),
  { subject: 'portable', ...variants[1]!, isAside: true },
]

const quickly = (shape: PackedShape): PackedShape => ({ ...shape, connections: 5 })

/** Processor time for each message; then memory for each connection, when all is quiet. */
async function measureCell({ subject, shape, compress }: PackedCell, extent: Extent): Promise<Sample> {
  const { isQuick, times } = extent
  const talk = isQuick ? quickly(shape) : shape
  const { takesOver } = compress
  const sample = await withServerAndLoad(subjectOf(subject), { compress }, async (server, load) => {
    await load.ask('startPacked', { shape: talk, target: { port: server.port }, takesOver })
    await sleep(times.warmUp)
    return measureWindow(server, load, times.window)
  })
  const held = {
    ...talk,
    connections: isQuick ? 10 : HELD.connections,
    times: HELD.rounds * talk.inFlight,
  }
  const memory = await withServerAndLoad(subjectOf(subject), { compress }, async (server, load) => {
    await server.ask('collect')
    const before = await server.usage()
    await load.ask('startPacked', { shape: held, target: { port: server.port }, takesOver })
    await untilQuiet(load, isQuick ? 50 : 150)
    await server.ask('collect')
    const after = await server.usage()
    await load.ask('stop')
    return { rssPerConnection: (after.rss - before.rss) / held.connections }
  })
  return { ...sample, ...memory }
}

/** Waits until no answer comes any more. */
async function untilQuiet(load: LoadProcess, interval: number): Promise<void> {
  let before = 0
  await afterSome(
    interval,
    () => load.ask<LoadCount>('count'),
    ({ messages }) => {
      const isQuiet = messages > 0 && messages === before
      before = messages
      return isQuiet
    },
  )
}

async function measure(extent: Extent): Promise<Findings> {
  const findings = await inTurn(cells, extent, (cell) => measureCell(cell, extent))
  noteBottlenecks(findings)
  return findings
}

export const packed: Scenario = {
  id: 'G',
  title: 'Compression',
  shape:
    'echo of JSON, every message compressed: 50 connections, 190 B and 8 in flight, or 16 KiB and 2 in flight; memory of 400 ' +
    'connections that have said something. fastws with its defaults, ws with the settings of its README, both at level 3; then both ' +
    "at level 6 with zlib's own sizes",
  goals,
  measure,
}
