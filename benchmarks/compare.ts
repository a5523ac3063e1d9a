// Holds two runs against each other, before and after a change:
//
//     npm run bench:compare -- BEFORE.json AFTER.json
import { parseArgs } from 'node:util'
import { isSameMachine } from './machine.js'
import { labelOfMetric, writeMetric } from './metrics.js'
import { type Results, type Row, rowOf } from './results.js'
import { readResults } from './results-files.js'
import { median } from './stats.js'
import { aligned } from './table.js'

/** The figures by which a subject is judged; less of each is better. */
const JUDGED = [
  'cpuPerMessage',
  'cpuPerDelivery',
  'cpuPerMiB',
  'cpuTotal',
  'nsPerMessage',
  'bytesPerMessage',
  'rssPerConnection',
  'heapPerConnection',
  'peakOfOne',
]

/** What has become of each row that both runs have: scenario, row, metric, before, after, ratio. */
export function compareRuns(before: Results, after: Results): string[][] {
  if (!isSameMachine(before.machine, after.machine))
    throw new Error('Cannot compare: the runs come from different machines')
  if (before.isQuick || after.isQuick)
    throw new Error('Cannot compare: the figures of a quick run mean nothing')
  return after.scenarios.flatMap(({ id, rows }) => {
    const earlier = before.scenarios.find((scenario) => scenario.id === id)?.rows ?? []
    return rows.flatMap((row) => compareRows(id, rowOf(earlier, row), row))
  })
}

function compareRows(id: string, before: Row | undefined, after: Row): string[][] {
  return JUDGED.flatMap((metric) => {
    const [left, right] = [before?.metrics[metric], after.metrics[metric]]
    if (left === undefined || right === undefined) return []
    const [was, is] = [median(left), median(right)]
    const name = [after.label, after.variant].filter(Boolean).join(', ')
    const figures = [writeMetric(metric, was), writeMetric(metric, is), (is / was).toFixed(2)]
    return [[`${id} ${name}`, labelOfMetric(metric), ...figures]]
  })
}

if (import.meta.filename === process.argv[1]) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [before, after] = positionals
  if (before === undefined || after === undefined) throw new Error('Two files are needed: before and after')
  const lines = compareRuns(readResults(before), readResults(after))
  console.log(aligned([['', '', 'before', 'after', 'ratio'], ...lines]))
}
