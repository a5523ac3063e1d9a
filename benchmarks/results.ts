// What a run leaves behind, as it stands in the JSON files.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Machine } from './machine.js'
import { ratios, type Spread, spread } from './stats.js'

/** Everything that was measured for one subject in one situation; one number for each round. */
export interface Row {
  /** Who: `events`, `ws` … */
  readonly subject: string
  readonly label: string
  /** Where: `1,000 connections`; empty in scenarios that have but one. */
  readonly variant: string
  readonly metrics: Record<string, number[]>
}

/** A row by its name, and what of it is looked at. */
export interface Side {
  readonly subject: string
  readonly variant?: string
  readonly metric: string
}

/** What fastws has set itself to reach. */
export interface Goal {
  /** For people: `CPU per message, events / ws`. */
  readonly text: string
  readonly ours: Side
  /** Left out where the figure itself is held against the limit. */
  readonly theirs?: Side
  /** The same without any WebSocket library: how far Node's own sockets, or a mere copy, get. */
  readonly floor?: { readonly ours: Side; readonly theirs: Side }
  readonly limit: number
  /** What the profile shows where it is missed. */
  readonly whenMissed?: string
}

/** A goal after the run. Without `value` it could not be judged: `why` says so. */
export interface Bar {
  readonly text: string
  readonly limit: number
  readonly value?: Spread
  readonly isMet?: boolean
  readonly floor?: Spread
  readonly why?: string
  readonly whenMissed?: string
}

export interface ScenarioResult {
  readonly id: string
  readonly title: string
  readonly shape: string
  readonly rows: readonly Row[]
  readonly bars: readonly Bar[]
  /** What a reader has to know: who was the bottleneck, what could not run. */
  readonly notes: readonly string[]
  readonly seconds: number
}

export interface Results {
  readonly format: 1
  readonly taken: string
  /** A smoke run: its figures mean nothing. */
  readonly isQuick: boolean
  readonly machine: Machine
  readonly node: string
  readonly commit: string
  readonly peers: Readonly<Record<string, string | undefined>>
  readonly scenarios: readonly ScenarioResult[]
}

export const rowOf = (
  rows: readonly Row[],
  { subject, variant = '' }: Omit<Side, 'metric'>,
): Row | undefined => rows.find((row) => row.subject === subject && row.variant === variant)

const figures = (rows: readonly Row[], ...[left, right]: readonly [Side, Side]): [number[], number[]] => [
  rowOf(rows, left)?.metrics[left.metric] ?? [],
  rowOf(rows, right)?.metrics[right.metric] ?? [],
]

/** Holds what was measured against a goal, pair by pair. */
export function judge(rows: readonly Row[], goal: Goal): Bar {
  const { text, ours, theirs, floor, limit, whenMissed } = goal
  const [left, right] = figures(rows, ours, theirs ?? ours)
  const values = theirs === undefined ? left : ratios(left, right)
  if (values.length === 0) {
    const missing = left.length === 0 ? ours : theirs
    return { text, limit, why: `${missing?.subject} was not measured` }
  }
  const value = spread(values)
  const lowest = floor === undefined ? [] : ratios(...figures(rows, floor.ours, floor.theirs))
  const isMet = value.median <= limit
  return {
    text,
    limit,
    value,
    isMet,
    ...(lowest.length > 0 && { floor: spread(lowest) }),
    ...(!isMet && whenMissed !== undefined && { whenMissed }),
  }
}

/** Writes results so that a change of one row is a change of one line. */
export function writeResults(path: string, results: Results): void {
  const { scenarios, ...head } = results
  mkdirSync(dirname(path), { recursive: true })
  const text = JSON.stringify({ ...head, scenarios: '@' }, null, 2)
  writeFileSync(path, `${text.replace('"@"', () => `[\n${scenarios.map(scenarioText).join(',\n')}\n  ]`)}\n`)
}

function scenarioText({ rows, ...rest }: ScenarioResult): string {
  const lines = rows.map((row) => `        ${JSON.stringify(row, round)}`)
  const text = JSON.stringify({ ...rest, rows: '@' }, round, 2).replaceAll(/^/gm, '    ')
  return text.replace('"@"', () => `[\n${lines.join(',\n')}\n      ]`)
}

/** Six digits are more than a measurement has. */
const round = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
