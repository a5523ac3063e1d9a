import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readResults } from '../../benchmarks/results-files.js'
import { root } from '../support/root.js'

/** The rows of the README's table, in its order. */
const SCENARIOS = ['A', 'B', 'C']

test('the README tells of speed what its run has measured', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, section = ''] = readme.split('## How fast it is\n')
  const [, file = ''] = /\(benchmarks\/(results\/[\w.-]+\.json)\)/.exec(section) ?? []
  const { scenarios, isQuick } = readResults(join(root, 'benchmarks', file))
  assert.equal(isQuick, false)
  const measured = SCENARIOS.map((id) => {
    const { bars, shape } = scenarios.find((one) => one.id === id)!
    const ratios = ['events', 'await'].map((who) =>
      bars.find(({ text }) => text === `CPU per message, ${who} / ws`)!.value!.median.toPrecision(2),
    )
    return { numbers: shape.match(/\d[\d,]*/g)!.toSorted(), ratios }
  })
  const told = [...section.matchAll(/^\| ([\d,]+) B \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|$/gm)]
  assert.equal(told.length, SCENARIOS.length)
  for (const [i, [, size, connections, under, ...ratios]] of told.entries()) {
    assert.deepEqual(ratios, measured[i]!.ratios)
    const numbers = measured[i]!.numbers
    assert.ok([size!, connections!].every((number) => numbers.includes(number)))
    assert.ok(under === '1' || numbers.includes(under!))
  }
})
