import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Row } from '../../benchmarks/results.js'
import { Histogram, median, ratios, spread } from '../../benchmarks/stats.js'

test('median takes the middle, or lies between the two in the middle', () => {
  assert.equal(median([3, 1, 10]), 3)
  assert.equal(median([4, 1, 3, 100]), 3.5)
  assert.throws(() => median([]), RangeError)
})

test('spread names the least and the greatest as well', () => {
  assert.deepEqual(spread([5, 1, 3]), { median: 3, min: 1, max: 5 })
})

test('ratios are those of pairs, and only of pairs', () => {
  assert.deepEqual(ratios([1, 4, 9], [2, 2]), [0.5, 2])
})

test('Histogram finds percentiles within 1.5 per cent', () => {
  const histogram = new Histogram()
  for (let value = 1; value <= 10_000; value++) histogram.add(value)
  for (const share of [0.1, 0.5, 0.99]) {
    const found = histogram.percentile(share)
    assert.ok(Math.abs(found / (share * 10_000) - 1) < 0.015, `${share}: ${found}`)
  }
  histogram.clear()
  assert.equal(histogram.total, 0)
  assert.ok(Number.isNaN(histogram.percentile(0.5)))
})

const rows: Row[] = [
  { subject: 'a', label: 'A', variant: '', metrics: { cpu: [1, 2, 3] } },
  { subject: 'b', label: 'B', variant: '', metrics: { cpu: [4, 4, 4] } },
]
const goal = { text: 'a / b', ours: { subject: 'a', metric: 'cpu' }, theirs: { subject: 'b', metric: 'cpu' } }

test('judge holds the median ratio against the bar, which itself still counts as met', () => {
  const bar = judge(rows, { ...goal, limit: 0.5 })
  assert.deepEqual(bar, {
    text: 'a / b',
    limit: 0.5,
    value: { median: 0.5, min: 0.25, max: 0.75 },
    isMet: true,
  })
  assert.equal(judge(rows, { ...goal, limit: 0.49 }).isMet, false)
})

test('judge holds a figure itself against the bar where there is no other side', () => {
  const { value, isMet } = judge(rows, { text: 'a', ours: goal.ours, limit: 1 })
  assert.deepEqual([value?.median, isMet], [2, false])
})

test('judge says who is missing instead of guessing', () => {
  const theirs = { subject: 'c', metric: 'cpu' }
  const bar = judge(rows, { ...goal, theirs, limit: 1 })
  assert.deepEqual(bar, { text: 'a / b', limit: 1, why: 'c was not measured' })
})

test('judge gives the ratio of Node itself beside it, where that was measured', () => {
  const floor = { ours: goal.theirs, theirs: goal.ours }
  assert.equal(judge(rows, { ...goal, floor, limit: 1 }).floor?.median, 2)
  const nobody = { subject: 'c', metric: 'cpu' }
  assert.equal('floor' in judge(rows, { ...goal, floor: { ...floor, ours: nobody }, limit: 1 }), false)
})
