// H: large messages on one connection.
import { setTimeout as sleep } from 'node:timers/promises'
import type { EchoShape } from '../e2e/load/echo.js'
import type { LoadProcess } from '../e2e/load-process.js'
import { measureEchoOn, withServerAndLoad } from '../e2e/measure-echo.js'
import type { ServerProcess } from '../e2e/server-process.js'
import type { ServerOptions } from '../e2e/servers/serve.js'
import { subjectOf } from '../e2e/subjects.js'
import { BINARY } from '../e2e/wire.js'
import type { Goal, Side } from '../results.js'
import {
  type Cell,
  type Extent,
  type Findings,
  inTurn,
  noteBottlenecks,
  type Sample,
  type Scenario,
} from './scenario.js'

const MIB = 1 << 20
const FRAGMENT = 64 << 10
const ANSWERED_WITHIN = 20_000

interface Variant {
  readonly name: string
  readonly size: number
  readonly fragment?: number
  /** The server answers how long the message was, and sends nothing large. */
  readonly onlyReceived?: boolean
}

const variants: readonly Variant[] = [
  { name: '1 MiB', size: MIB },
  { name: '1 MiB in fragments', size: MIB, fragment: FRAGMENT },
  { name: '16 MiB', size: 16 * MIB },
  { name: '16 MiB in fragments', size: 16 * MIB, fragment: FRAGMENT },
  { name: '16 MiB, received only', size: 16 * MIB, onlyReceived: true },
]

const OF_THE_SYSTEM =
  'nine tenths of the time go by in the system, which copies the bytes out of one socket and into another; what fastws adds to ' +
  "that is to unmask them, at 16 GB/s in JavaScript, where ws' helper uses instructions that only native code has."

const BY_THE_PROCESS =
  'ws runs at one of two speeds here, from one process to the next; fastws at one. The median says how ' +
  'often ws had the better one.'

/** Where what the system takes for it is most of the time. */
const hasFloor = ({ size }: Variant): boolean => size === MIB

const side = (subject: string, variant: string): Side => ({ subject, variant, metric: 'cpuPerMiB' })

const goals: readonly Goal[] = [
  ...variants.map((variant) => ({
    text: `CPU per MiB, events / ws, ${variant.name}`,
    ours: side('events', variant.name),
    theirs: side('ws', variant.name),
    ...(hasFloor(variant) && {
      floor: { ours: side('bare', variant.name), theirs: side('ws', variant.name) },
    }),
    limit: 0.8,
    whenMissed: hasFloor(variant) ? OF_THE_SYSTEM : BY_THE_PROCESS,
  })),
  // Below that size the figure would tell of the engine's young generation, and not of the message.
  ...variants
    .filter(({ size }) => size > MIB)
    .map(({ name }) => ({
      text: `Memory for one message at its peak, as a multiple of the message, events, ${name}`,
      ours: { subject: 'events', variant: name, metric: 'peakOfOne' },
      limit: 2,
    })),
]

interface LargeCell extends Cell {
  readonly size: number
  readonly shape: EchoShape
  readonly options: Partial<ServerOptions>
}

function cellOf(
  subject: string,
  { name, size, fragment, onlyReceived }: Variant,
  isQuick: boolean,
): LargeCell {
  const actual = isQuick ? Math.min(size, 2 * FRAGMENT) : size
  const sent = { size: actual, opcode: BINARY, ...(fragment && { fragment }) } as const
  return {
    subject,
    variant: name,
    size: actual,
    shape: { connections: 1, inFlight: 1, ...sent, ...(onlyReceived && { reply: `${actual}` }) },
    options: { maxMessage: size, mode: onlyReceived ? 'count' : 'echo', sent },
  }
}

/** The highest memory while one message comes in, and goes out again, beyond what the server held before. */
async function peakOfOne(server: ServerProcess, load: LoadProcess, shape: EchoShape): Promise<number> {
  const target = { port: server.port }
  if (server.canBeAsked) await server.ask('collect')
  const before = await server.usage()
  await load.ask('startEcho', { shape: { ...shape, once: true }, target })
  const patience = AbortSignal.timeout(ANSWERED_WITHIN)
  for (;;) {
    const { messages } = await load.ask<{ messages: number }>('count')
    if (messages > 0) break
    if (patience.aborted) throw new Error(`No answer within ${ANSWERED_WITHIN / 1000} s`)
    await sleep(5)
  }
  const { peak } = await server.usage()
  await load.ask('stop')
  return peak - before.rss
}

/** The peak as a multiple of the message. */
async function measurePeak(
  server: ServerProcess,
  load: LoadProcess,
  { size, shape }: LargeCell,
): Promise<number> {
  // A message that weighs nothing first: what any connection needs once is not the message's.
  await peakOfOne(server, load, { ...shape, size: 64, ...(shape.reply && { reply: '64' }) })
  return (await peakOfOne(server, load, shape)) / size
}

async function measureCell(cell: LargeCell, { times, isQuick }: Extent): Promise<Sample> {
  const { size, shape, options } = cell
  const hasPeak = cell.subject !== 'bare'
  const subject = subjectOf(cell.subject)
  const mib = size / MIB
  const stream = await withServerAndLoad(subject, options, async (server, load) => {
    const sample = await measureEchoOn(server, load, { subject, shape, times, options })
    const peakOfMany = (await server.usage()).peak / size
    return {
      sample,
      peakOfMany,
      peak: isQuick && hasPeak ? await measurePeak(server, load, cell) : undefined,
    }
  })
  const { cpuPerMessage, messagesPerSecond, serverBusy, loadBusy } = stream.sample
  const figures = {
    cpuPerMiB: cpuPerMessage / mib,
    mibPerSecond: messagesPerSecond * mib,
    serverBusy,
    loadBusy,
  }
  if (!hasPeak) return figures
  // On a server of its own: a forced collection makes V8 drop optimized code, which must not count as the server's.
  const peakOfOne =
    stream.peak ??
    (await withServerAndLoad(subject, options, (server, load) => measurePeak(server, load, cell)))
  return { ...figures, peakOfOne, peakOfMany: stream.peakOfMany }
}

async function measure(extent: Extent): Promise<Findings> {
  const cells = variants.flatMap((variant) =>
    ['events', 'ws', ...(hasFloor(variant) ? ['bare'] : [])].map((subject) =>
      cellOf(subject, variant, extent.isQuick),
    ),
  )
  const findings = await inTurn(cells, extent, (cell) => measureCell(cell, extent))
  noteBottlenecks(findings)
  return findings
}

export const large: Scenario = {
  id: 'H',
  title: 'Large messages',
  shape: 'one connection, binary echo, one message in flight, whole and in fragments of 64 KiB',
  goals,
  measure,
}
