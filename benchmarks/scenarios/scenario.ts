import { subjectOf, whyMissing } from '../e2e/subjects.js'
import type { Times } from '../e2e/window.js'
import type { Goal, Row } from '../results.js'
import { median } from '../stats.js'

/** How much is measured. */
export interface Extent {
  /** A moment of everything, to see that it works. */
  readonly isQuick: boolean
  /** How often each is measured, in turn. */
  readonly rounds: number
  readonly times: Times
  /** Leaves everybody else out. */
  readonly only: ReadonlySet<string> | undefined
  /** Is told what is being measured. */
  readonly progress: (text: string) => void
}

/** What a scenario has found out; goals are judged by whoever runs it. */
export interface Findings {
  readonly rows: Row[]
  readonly notes: string[]
}

export interface Scenario {
  readonly id: string
  readonly title: string
  /** What happens, in a line. */
  readonly shape: string
  readonly goals: readonly Goal[]
  measure(extent: Extent): Promise<Findings>
}

/** One subject in one situation. */
export interface Cell {
  readonly subject: string
  readonly variant?: string
  /** For people, when the subject is no server. */
  readonly label?: string
  /** Nothing is held against it: some rounds do. */
  readonly isAside?: boolean
  /** Why it cannot be measured here, where the subject alone does not tell. */
  readonly missing?: string | undefined
}

const ROUNDS_ASIDE = 2

export type Sample = Readonly<Record<string, number | undefined>>

/**
 * Measures all cells in turn, A B C A B C …: what comes over the machine comes over all of them. A cell that fails is
 * left out from then on, and a note says why.
 */
export async function inTurn<C extends Cell>(
  cells: readonly C[],
  extent: Extent,
  measure: (cell: C) => Promise<Sample>,
): Promise<Findings> {
  const notes: string[] = []
  const rows = new Map(selectCells(cells, extent, notes).map((cell) => [cell, newRow(cell)]))
  for (let round = 1; round <= extent.rounds; round++)
    for (const [cell, row] of rows) {
      if (cell.isAside && round > ROUNDS_ASIDE) continue
      extent.progress(
        `round ${round} of ${extent.rounds}: ${[row.label, row.variant].filter(Boolean).join(', ')}`,
      )
      try {
        note(row, await measure(cell))
      } catch (error) {
        notes.push(`${row.label}${row.variant && `, ${row.variant}`}: ${(error as Error).message}`)
        rows.delete(cell)
      }
    }
  return { rows: [...rows.values()], notes }
}

/** Those that can be measured here; notes say why others cannot. */
function selectCells<C extends Cell>(cells: readonly C[], { only }: Extent, notes: string[]): C[] {
  const reasons = new Set<string>()
  const selected = cells.filter((cell) => {
    if (only !== undefined && !only.has(cell.subject)) return false
    const why = cell.missing ?? (cell.label === undefined ? whyMissing(subjectOf(cell.subject)) : undefined)
    if (why !== undefined) reasons.add(`${labelOf(cell)} was not measured: ${why}`)
    return why === undefined
  })
  notes.push(...reasons)
  return selected
}

const labelOf = (cell: Cell): string => cell.label ?? subjectOf(cell.subject).label

const newRow = (cell: Cell): Row => ({
  subject: cell.subject,
  label: labelOf(cell),
  variant: cell.variant ?? '',
  metrics: {},
})

function note(row: Row, sample: Sample): void {
  for (const [metric, value] of Object.entries(sample)) {
    if (value === undefined) continue
    row.metrics[metric] ??= []
    row.metrics[metric].push(value)
  }
}

/** A server that is busy for less of the time has waited. */
const BUSY = 0.95

/** Says who waited for whom: a server that waits has smaller batches, and looks dearer than it is. */
export function noteBottlenecks({ rows, notes }: Findings): void {
  for (const { label, variant, metrics } of rows) {
    const { serverBusy, loadBusy } = metrics
    if (serverBusy === undefined || loadBusy === undefined || median(serverBusy) >= BUSY) continue
    const isClient = median(loadBusy) >= BUSY
    const why = isClient ? 'the client was the bottleneck' : 'neither side was busy all the time'
    notes.push(
      `${label}${variant && `, ${variant}`}: ${why} (server ${percent(serverBusy)}, load ${percent(loadBusy)})`,
    )
  }
}

const percent = (shares: readonly number[]): string => `${Math.round(median(shares) * 100)} %`
