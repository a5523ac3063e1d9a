// Runs the benchmarks:
//
//     npm run bench                         all of them, in less than a quarter of an hour
//     npm run bench -- B C                  those only
//     npm run bench -- --json FILE          keeps the raw figures
//     npm run bench -- --quick              a moment of each, to see that they work
//     npm run bench -- --only events,ws     leaves everybody else out
//     npm run bench -- --rounds 9           measures more often
import { parseArgs } from 'node:util'
import { pinProcesses } from './e2e/pinned.js'
import { type ScenarioResult, writeResults } from './results.js'
import { scenarios } from './scenarios/index.js'
import type { Extent, Scenario } from './scenarios/scenario.js'
import { circumstances, FULL, QUICK, runScenario } from './suite.js'
import { aligned, barText, cellsOf, headLines } from './table.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
})

const begin = performance.now()
pinProcesses(!values.quick)
const head = circumstances(values.quick)
console.log(headLines(head).join('\n'))

const results: ScenarioResult[] = []
for (const scenario of chosen(positionals)) {
  console.log(`\n${scenario.id}  ${scenario.title}: ${scenario.shape}`)
  const result = await runScenario(scenario, extentFor(scenario))
  progress('')
  results.push(result)
  console.log(aligned(cellsOf(result.rows)))
  for (const bar of result.bars)
    console.log(`  ${bar.isMet === false ? '✖' : bar.isMet ? '✔' : '-'} ${barText(bar)}`)
  for (const note of result.notes) console.log(`  ${note}`)
  // After each scenario: what was measured is not lost when a later one is interrupted.
  if (values.json !== undefined) writeResults(values.json, { ...head, scenarios: results })
}
console.log(`\n${results.length} scenarios in ${Math.round((performance.now() - begin) / 1000)} s`)
process.exit()

function chosen(ids: readonly string[]): readonly Scenario[] {
  const wanted = ids.map((id) => id.toUpperCase())
  const known = scenarios.map(({ id }) => id)
  const unknown = wanted.filter((id) => !known.includes(id))
  if (unknown.length > 0) throw new Error(`No scenario is called ${unknown}; known are ${known.join(' ')}`)
  return wanted.length === 0 ? scenarios : scenarios.filter(({ id }) => wanted.includes(id))
}

function extentFor({ id }: Scenario): Extent {
  const extent = values.quick ? QUICK : FULL
  return {
    ...extent,
    rounds: values.rounds === undefined ? extent.rounds : Number(values.rounds),
    only: values.only === undefined ? undefined : new Set(values.only.split(',')),
    progress: (text) => progress(`${id}, ${Math.round((performance.now() - begin) / 1000)} s: ${text}`),
  }
}

/** One line that is written over, on a terminal; nothing elsewhere would overwrite it. */
function progress(text: string): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  else if (text !== '') process.stderr.write(`${text}\n`)
}
