import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { compareRuns } from '../../benchmarks/compare.js'
import { pinProcesses } from '../../benchmarks/e2e/pinned.js'
import { measureTwins } from '../../benchmarks/micro/pairs.js'
import { micro } from '../../benchmarks/micro/run.js'
import { writeReport } from '../../benchmarks/report.js'
import { type Results, type ScenarioResult, writeResults } from '../../benchmarks/results.js'
import { readResults } from '../../benchmarks/results-files.js'
import { scenarios } from '../../benchmarks/scenarios/index.js'
import { circumstances, QUICK, runScenario } from '../../benchmarks/suite.js'

// Of the peers those that the repository has among its own tools; the others come with benchmarks/package.json.
const only = new Set([
  ...['events', 'await', 'portable', 'ws', 'ws-js', 'net', 'bare', 'dial', 'ws-client'],
  ...['decoder', 'receiver', 'nextFrame', 'encoder', 'encoderWithMemory', 'sender', 'copier'],
])

/** Figures that may be 0. */
const COUNTS = new Set([
  'bytesPerMessage',
  'collections',
  'serverBusy',
  'loadBusy',
  'clientBusy',
  'cpuPerMessage',
])

/** How much memory a process has grown by is no matter of a moment: it may have shrunk. */
const GROWTH = new Set(['rssPerConnection', 'settledPerConnection', 'heapPerConnection', 'peakOfOne'])

function assertSane({ rows }: ScenarioResult): void {
  assert.ok(rows.length > 0, 'nothing was measured')
  for (const { label, variant, metrics } of rows) {
    assert.ok(Object.keys(metrics).length > 0)
    for (const [name, values] of Object.entries(metrics)) {
      const what = `${label}, ${variant}: ${name} is ${values}`
      assert.equal(values.length, QUICK.rounds, what)
      if (!GROWTH.has(name))
        assert.ok(
          values.every((value) => value > 0 || (value === 0 && COUNTS.has(name))),
          what,
        )
      assert.ok(values.every(Number.isFinite), what)
    }
  }
}

/** What ran, without what says that somebody was left out or waited. */
const failures = ({ notes }: ScenarioResult): string[] =>
  notes.filter((note) => !/was not measured|busy all the time|was the bottleneck/.test(note))

pinProcesses(false)

describe('every scenario of the benchmarks runs and yields figures', () => {
  const found: ScenarioResult[] = []
  const folder = mkdtempSync(join(tmpdir(), 'fastws-benchmarks-'))
  mkdirSync(join(folder, 'results'))
  const file = join(folder, 'results/quick.json')

  for (const scenario of scenarios)
    test(`${scenario.id}, ${scenario.title}`, async () => {
      const result = await runScenario(scenario, { ...QUICK, only, progress: () => undefined })
      assert.deepEqual(failures(result), [])
      assertSane(result)
      for (const { text, why } of result.bars)
        assert.ok(why === undefined || why.startsWith('bun'), `${text}: ${why}`)
      found.push(result)
    })

  test('their results are kept as they are, but for digits that mean nothing', () => {
    const results: Results = { ...circumstances(true), scenarios: found }
    writeResults(file, results)
    const kept = readResults(file)
    assert.deepEqual(kept.machine, results.machine)
    assert.equal(kept.scenarios.length, scenarios.length)
    for (const [i, { rows }] of kept.scenarios.entries())
      for (const [j, { metrics }] of rows.entries())
        for (const [name, values] of Object.entries(metrics))
          for (const [k, value] of values.entries()) {
            const measured = found[i]!.rows[j]!.metrics[name]![k]!
            assert.ok(Math.abs(value - measured) <= Math.abs(measured) * 1e-5)
          }
  })

  test('the report holds every scenario, every bar, and pictures that are there', () => {
    writeReport(folder)
    const report = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const { id, title, bars } of found) {
      assert.ok(report.includes(`## ${id}: ${title}\n`))
      for (const { text } of bars) assert.ok(report.includes(`| ${text} |`), text)
    }
    const pictures = [...report.matchAll(/\]\(plots\/([^)]+)\)/g)].map(([, name]) => name!)
    assert.deepEqual(pictures.toSorted(), readdirSync(join(folder, 'plots')).toSorted())
    assert.equal(pictures.length, 5)
    for (const name of pictures) {
      const svg = readFileSync(join(folder, 'plots', name), 'utf8')
      assert.match(svg, /^<svg [^>]+>[\s\S]+<\/svg>\n$/)
      assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
    }
  })

  test('a report of two machines is refused', (t) => {
    const other = mkdtempSync(join(tmpdir(), 'fastws-benchmarks-'))
    t.after(() => rmSync(other, { recursive: true }))
    cpSync(folder, other, { recursive: true })
    const { machine, ...results } = readResults(file)
    const [first, second] = results.scenarios
    writeResults(join(other, 'results/quick.json'), { ...results, machine, scenarios: [first!] })
    const elsewhere = { ...machine, processor: 'another one' }
    writeResults(join(other, 'results/other.json'), { ...results, machine: elsewhere, scenarios: [second!] })
    assert.throws(() => writeReport(other), /they come from different machines/)
  })

  test('runs are compared row by row, unless they come from different machines or were quick', () => {
    const before = { ...readResults(file), isQuick: false }
    const lines = compareRuns(before, before)
    assert.ok(lines.length > 20)
    for (const line of lines) assert.match(line.at(-1) ?? '', /^(?:1\.00|NaN)$/)
    const elsewhere = { ...before, machine: { ...before.machine, cores: before.machine.cores + 1 } }
    assert.throws(() => compareRuns(before, elsewhere), /different machines/)
    assert.throws(() => compareRuns(before, { ...before, isQuick: true }), /quick run/)
    rmSync(folder, { recursive: true })
  })
})

describe('every small benchmark runs, and so does its naive twin', () => {
  for (const [name, { twins }] of Object.entries(micro))
    test(name, () => {
      const lines = measureTwins(twins, { rounds: 1, time: 1 })
      assert.equal(lines.length, twins.length)
      for (const [, ours, theirs] of lines)
        for (const time of [ours, theirs]) assert.match(time ?? '', /^[\d.,]+ ns$/)
    })

  test('once at least, however little time there is', () => {
    const twins = { name: 'twins', fast: () => 1, naive: () => 1 }
    const [[, ours, theirs] = []] = measureTwins([twins], { rounds: 1, time: 0 })
    for (const time of [ours, theirs]) assert.match(time ?? '', /^[\d.,]+ ns$/)
  })
})
