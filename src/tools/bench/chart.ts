/** A histogram as lines of text. */
import type { Histogram } from './histogram.js'
import { milliseconds, whole } from './numbers.js'

/** Rows the chart has at least, where the values are spread that far; it never has many more than twice as many. */
const FEW = 7
const BAR = 40
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Rows for each power of ten, in steps that look even on a scale of ratios (preferred numbers, ISO 3). */
const SERIES = [1, 2, 3, 5, 10, 20, 40, 80]

export interface Row {
  /** Values up to here, in nanoseconds. */
  readonly to: number
  readonly count: number
}

/** Sums up what was counted in a handful of rows, each reaching further than the one before by the same factor. */
export function rowsOf(histogram: Histogram): readonly Row[] {
  if (histogram.count === 0) return []
  const scale = (value: number): number => Math.log10(Math.max(1, value))
  const spread = scale(histogram.max) - scale(histogram.min)
  const perDecade = SERIES.find((steps) => spread * steps >= FEW) ?? 80
  const rowOf = (value: number): number => Math.floor(scale(value) * perDecade)
  const buckets = [...histogram.buckets()]
  const last = rowOf(histogram.max)
  const first = buckets.length === 1 ? last : rowOf(histogram.min)
  const counts = Array.from({ length: last - first + 1 }, () => 0)
  for (const { from, to, count } of buckets) {
    // A bucket begins a little below the smallest value in it, maybe in the row before: the first and last row hold some.
    const row = to >= histogram.max ? last : Math.max(first, rowOf(from))
    counts[row - first] = (counts[row - first] ?? 0) + count
  }
  return counts.map((count, i) => ({ to: 10 ** ((first + i + 1) / perDecade), count }))
}

function bar(share: number): string {
  const eighths = Math.round(share * BAR * 8)
  const full = '█'.repeat(eighths >> 3) + BLOCKS[eighths & 7]
  return full === '' && share > 0 ? '▏' : full
}

const line = (to: string, bars: string, count: string, sofar: string): string =>
  `${to.padStart(12)}  ${bars.padEnd(BAR)} ${count.padStart(11)} ${sofar.padStart(9)}`

/** The rows as lines: up to how many milliseconds, a bar, how many, and how many of all so far. */
export function chart(histogram: Histogram): readonly string[] {
  const rows = rowsOf(histogram)
  const largest = Math.max(...rows.map(({ count }) => count))
  let seen = 0
  const lines = rows.map(({ to, count }) => {
    seen += count
    const share = ((seen / histogram.count) * 100).toFixed(2)
    return line(`${milliseconds(to)} ms`, bar(count / largest), whole(count), `${share} %`)
  })
  return [line('up to', '', 'messages', 'so far'), ...lines]
}
