import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { LOAD_CORE, pinned } from '../e2e/pinned.js'
import type { Row } from '../results.js'
import { here, peerVersion } from '../root.js'
import { type Cell, type Extent, type Findings, inTurn } from '../scenarios/scenario.js'
import type { MemoryAnswer, MemoryJob } from './main.js'
import type { MemoryRow } from './rows.js'

const labels = {
  decoder: 'FrameDecoder.read(), pooled',
  nextFrame: 'conn.nextFrame()',
  receiver: "ws' Receiver",
  encoder: 'encodeFrameInto(), pooled',
  encoderWithMemory: 'encodeFrame()',
  sender: "ws' Sender",
  copier: 'a mere copy',
}

export type WorkerName = keyof typeof labels

/** Time for each row, and how many messages are looked at for their memory. */
const FULL = { milliseconds: 90, counted: 50_000 }
const QUICK = { milliseconds: 1, counted: 100 }

const quickly = (row: MemoryRow): MemoryRow => ({
  name: row.name,
  clients: Math.min(row.clients, 3),
  messages: Math.min(row.messages, 30),
  size: Math.min(row.size, 64 << 10),
})

/** So large that what is counted fits in: a collection meanwhile would take back what is to be counted. */
const COUNTING = ['--min-semi-space-size=128', '--max-semi-space-size=128']

/** Runs workers through rows, each in a process of its own, in turn. */
export async function measureInMemory(
  given: readonly MemoryRow[],
  workers: readonly WorkerName[],
  extent: Extent,
  { countsMemory, aside }: { countsMemory: boolean; aside: readonly WorkerName[] },
): Promise<Findings> {
  const { milliseconds, counted } = extent.isQuick ? QUICK : FULL
  const rows = extent.isQuick ? given.map(quickly) : given
  const found = new Map<string, MemoryAnswer[]>()
  const { rows: measured, notes } = await inTurn(
    [...workers.map((one) => cellOf(one)), ...aside.map((one) => cellOf(one, true))],
    extent,
    async ({ subject }) => {
      const job = { worker: subject, rows, milliseconds, counted }
      const times = await run({ ...job, measure: 'time' })
      const warmUp = milliseconds / 4
      const memory = countsMemory
        ? await run({ ...job, milliseconds: warmUp, measure: 'memory' }, COUNTING)
        : {}
      found.set(subject, [...(found.get(subject) ?? []), merged(times, memory)])
      return {}
    },
  )
  const inDetail = rows.flatMap(({ name }) =>
    measured.map((one) => rowOf(one, name, found.get(one.subject)!)),
  )
  return { rows: [...inDetail, ...measured.map((one) => sumUp(one, inDetail))], notes }
}

/** The variant that stands for all rows together. */
export const ALL_ROWS = 'all rows'

/** How several rows become one: time on average, memory at its worst, collections in all. */
const inAll: Readonly<Record<string, (values: readonly number[]) => number>> = {
  nsPerMessage: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  // Whole bytes, as in Go: a fraction is what the counting itself left behind.
  bytesPerMessage: (values) => Math.floor(Math.max(...values)),
  collections: (values) => values.reduce((sum, value) => sum + value, 0),
}

function sumUp({ subject, label }: Row, rows: readonly Row[]): Row {
  const own = rows.filter((row) => row.subject === subject)
  const rounds = own[0]?.metrics.nsPerMessage?.length ?? 0
  const metrics = Object.entries(inAll)
    .filter(([name]) => own[0]?.metrics[name] !== undefined)
    .map(([name, join]) => [
      name,
      Array.from({ length: rounds }, (_, round) => join(own.map((row) => row.metrics[name]![round]!))),
    ])
  return { subject, label, variant: ALL_ROWS, metrics: Object.fromEntries(metrics) }
}

const cellOf = (worker: WorkerName, isAside = false): Cell => ({
  subject: worker,
  label: labels[worker],
  isAside,
  missing:
    (worker === 'receiver' || worker === 'sender') && peerVersion('ws') === undefined
      ? 'ws is not installed (npm run bench:install)'
      : undefined,
})

/** A worker that takes longer is not going to end. */
const PATIENCE = 120_000

async function run(job: MemoryJob, flags: readonly string[] = []): Promise<MemoryAnswer> {
  const program = join(here, 'in-memory/main.js')
  const args = ['--expose-gc', ...flags, program, JSON.stringify(job)]
  const { command, rest, env } = pinned(process.execPath, args, { core: LOAD_CORE })
  return new Promise((resolve, reject) => {
    execFile(command, rest, { env, timeout: PATIENCE }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout))
      else reject(new Error(/^\w*Error: .*$/m.exec(stderr)?.[0] ?? `The process ended with ${error.code}`))
    })
  })
}

function merged(a: MemoryAnswer, b: MemoryAnswer): MemoryAnswer {
  return Object.fromEntries(Object.entries(a).map(([name, figures]) => [name, { ...figures, ...b[name] }]))
}

/** One figure of every round for each metric. */
function rowOf({ subject, label }: Row, variant: string, rounds: readonly MemoryAnswer[]): Row {
  const names = Object.keys(rounds[0]?.[variant] ?? {})
  const metrics = names.map((name) => [name, rounds.map((round) => round[variant]![name]!)] as const)
  return { subject, label, variant, metrics: Object.fromEntries(metrics) }
}
