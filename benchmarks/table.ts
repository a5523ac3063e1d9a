import { labelOfMetric, writeMetric, writeSpread } from './metrics.js'
import type { Bar, Results, Row } from './results.js'
import { median } from './stats.js'

/** Rows of a scenario as cells of a table, the first row its head. */
export function cellsOf(rows: readonly Row[]): string[][] {
  const names = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))]
  const hasVariants = rows.some(({ variant }) => variant !== '')
  const front = (label: string, variant: string): string[] => (hasVariants ? [variant, label] : [label])
  const head = [...front('', ''), ...names.map(labelOfMetric)]
  const write = (name: string, values: readonly number[] | undefined): string =>
    values === undefined ? '' : writeMetric(name, median(values))
  const body = rows.map(({ label, variant, metrics }) => [
    ...front(label, variant),
    ...names.map((name) => write(name, metrics[name])),
  ])
  return [head, ...body]
}

/** Cells in columns, for a terminal. */
export function aligned(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  return cells.map((row) => line(row).trimEnd()).join('\n')
}

/** Whether a bar was reached, in a word. */
export const verdictOf = ({ isMet, why }: Bar): string =>
  why === undefined ? (isMet ? 'met' : 'missed') : why

export function barText(bar: Bar): string {
  const { text, value, limit, floor } = bar
  const figure = value === undefined ? '' : `${writeSpread(value)}, `
  const lowest = floor === undefined ? '' : `; Node alone ${writeSpread(floor)}`
  return `${text}: ${figure}bar ${limit}, ${verdictOf(bar)}${lowest}`
}

/** What was measured with, one line each. */
export function headLines({
  machine,
  node,
  commit,
  peers,
  taken,
  isQuick,
}: Omit<Results, 'scenarios'>): string[] {
  const { processor, cores, memory, system, isPinned } = machine
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version ?? 'not installed'}`)
  return [
    ...(isQuick ? ['A quick run: the figures mean nothing.'] : []),
    `${processor}, ${cores} cores, ${memory} GiB, ${system}`,
    isPinned ? 'server and load on a core each' : 'server and load were not pinned to cores',
    `Node ${node}, fastws at commit ${commit}, ${taken}`,
    versions.join(', '),
  ]
}
