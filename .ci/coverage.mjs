// Runs every test with coverage, those that meet the fast paths once more without them, and holds what both runs have
// covered against the gates. Fuzzing that follows new branches has to count them itself, and cannot where coverage is
// taken: it has a run of its own. The summaries of the runs come last.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gateFailures, readCoverage, table } from './gates.mjs'
import { root, run, tool } from './lib.mjs'
import { runTests, testFiles } from './run-tests.mjs'

/** With its whole path: programs that tests start elsewhere write there too. */
const V8 = join(root, 'coverage/v8')
const PORTABLE = ['conn', 'node', 'integration']
const GUIDED = ['fuzz/parsers', 'fuzz/wire']
/** All draw the same cases each time: red is red because of what was changed. `npm run fuzz` draws others. */
const SAME = { FASTWS_FUZZ_SEED: process.env.FASTWS_FUZZ_SEED ?? '1' }
const COVERED = { ...SAME, NODE_V8_COVERAGE: V8 }

const runs = [
  {
    name: `${PORTABLE.join(', ')}, with the fast paths off`,
    parts: PORTABLE,
    env: { ...COVERED, FASTWS_PORTABLE: '1' },
  },
  { name: 'every test', parts: [], env: COVERED },
  { name: 'fuzzing by new branches', parts: GUIDED, env: { ...SAME, FASTWS_FUZZ_SECONDS: '1' } },
]

rmSync('coverage', { recursive: true, force: true })
mkdirSync(V8, { recursive: true })

const results = []
for (const [index, { name, parts, env }] of runs.entries()) {
  console.log(`\n> ${name}`)
  const summary = `coverage/summary-${index}.txt`
  const code = await runTests(testFiles(parts), { summary, env })
  results.push({ name, summary, failed: code !== 0 })
}

await run(tool('c8'), ['report'])
const coverage = readCoverage()
const low = gateFailures(coverage)
console.log(`\n> coverage (coverage/index.html shows it line by line)\n${table(coverage)}`)
for (const line of low) console.error(`✖ ${line}`)

for (const { name, summary, failed } of results)
  console.log(`\n> ${name}${failed ? ': FAILED' : ''}\n${summaryOf(summary)}`)
if (low.length > 0) console.error('✖ coverage is below its gates: see above')
if (low.length > 0 || results.some(({ failed }) => failed)) process.exitCode = 1

function summaryOf(path) {
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch {
    return 'nothing ran'
  }
}
