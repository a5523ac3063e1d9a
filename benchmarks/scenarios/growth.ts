// J: what more of it costs.
import { addressesFor, whyTooMany } from '../e2e/limits.js'
import { measureEcho } from '../e2e/measure-echo.js'
import { subjectOf } from '../e2e/subjects.js'
import { ALL_ROWS, measureInMemory } from '../in-memory/measure.js'
import { sizeRows } from '../in-memory/rows.js'
import type { Goal, Side } from '../results.js'
import { type Cell, type Extent, type Findings, inTurn, noteBottlenecks, type Scenario } from './scenario.js'
import { quickly, shapes } from './shapes.js'

const CROWDS = [10, 100, 1_000, 10_000]
const COMPARED = [100, 10_000]

const nameOf = (connections: number): string => `${connections.toLocaleString('en')} connections`

interface Crowd extends Cell {
  readonly connections: number
}

async function crowds(extent: Extent): Promise<Findings> {
  const cells: Crowd[] = CROWDS.flatMap((connections) =>
    ['events', 'ws', ...(COMPARED.includes(connections) ? ['net'] : [])].map((subject) => ({
      subject,
      variant: nameOf(connections),
      connections,
      // What the bar compares is ours; what the others' growth is shows how much of it is the machine's and Node's.
      isAside: subject !== 'events' || !COMPARED.includes(connections),
      missing: extent.isQuick ? undefined : whyTooMany(connections),
    })),
  )
  const findings = await inTurn(cells, extent, ({ subject, connections }) => {
    const shape = { ...shapes.A, connections }
    return measureEcho({
      subject: subjectOf(subject),
      shape: extent.isQuick ? quickly(shape) : shape,
      times: extent.times,
      addresses: addressesFor(connections),
    })
  })
  noteBottlenecks(findings)
  return findings
}

/** How much a byte of a long frame costs, compared with one of a short frame; a copy reads and writes each byte as well. */
const perByte = (subject: string, name: string): Goal => ({
  text: `${name} a byte in a frame of 16 MiB / of 4 KiB`,
  ours: { subject, variant: '16 MiB', metric: 'nsPerByte' },
  theirs: { subject, variant: '4 KiB', metric: 'nsPerByte' },
  floor: {
    ours: { subject: 'copier', variant: '16 MiB', metric: 'nsPerByte' },
    theirs: { subject: 'copier', variant: '4 KiB', metric: 'nsPerByte' },
  },
  limit: 2,
  whenMissed:
    'encoding: bytes that lie in the cache are copied several times as fast as those that do not; a mere copy has the same step.',
})

const growthOf = (subject: string): { ours: Side; theirs: Side } => ({
  ours: { subject, variant: nameOf(10_000), metric: 'cpuPerMessage' },
  theirs: { subject, variant: nameOf(100), metric: 'cpuPerMessage' },
})

export const growth: Scenario = {
  id: 'J',
  title: 'Growth',
  shape:
    "A with 10 to 10,000 connections; frames of 16 B to 16 MiB in memory, where ws' Sender makes headers and leaves payloads where " +
    'they are, as `conn.send()` does with large ones, and its Receiver unmasks long payloads with native code',
  goals: [
    {
      text: 'CPU per message, events, 10,000 connections / 100',
      ...growthOf('events'),
      floor: growthOf('net'),
      limit: 1.4,
      whenMissed:
        'connections: what is touched for a message is no longer in the cache when a connection has its next turn, in Node as in ' +
        'the system. That adds about as many microseconds to everybody; to who takes fewer before, it is a larger multiple.',
    },
    perByte('decoder', 'Decoding'),
    perByte('encoder', 'Encoding'),
  ],
  measure: async (extent) => {
    const connections = await crowds(extent)
    const sizes = await measureInMemory(sizeRows, ['decoder', 'encoder'], extent, {
      countsMemory: false,
      aside: ['copier', 'receiver', 'sender'],
    })
    return {
      rows: [...connections.rows, ...sizes.rows.filter(({ variant }) => variant !== ALL_ROWS)],
      notes: [...connections.notes, ...sizes.notes],
    }
  },
}
