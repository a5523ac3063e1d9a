import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chart, rowsOf } from '../../../src/tools/bench/chart.js'
import { Histogram } from '../../../src/tools/bench/histogram.js'
import { fc } from '../../support/fast-check.js'

const LARGEST = 2 ** 43 - 1

const histogramOf = (values: readonly number[]): Histogram => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

/** Values of every size: most random integers would be among the largest. */
const value = fc
  .tuple(fc.integer({ min: 0, max: 43 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, share]) => Math.floor(share * (2 ** bits - 1)))
const values = fc.array(value, { minLength: 1, maxLength: 200 })

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((one, other) => one + other, 0)

describe('Histogram', () => {
  test('puts every value into a bucket that holds it, and is no wider than 1/1024 of it', () => {
    fc.assert(
      fc.property(value, (one) => {
        const [bucket, ...more] = histogramOf([one]).buckets()
        assert.ok(bucket !== undefined && more.length === 0)
        assert.ok(bucket.from <= one && one <= bucket.to)
        assert.ok(bucket.to - bucket.from <= bucket.from / 1024)
      }),
    )
  })

  test('has buckets that follow each other without a gap, up to the largest value', () => {
    const edges = [0, 2046, 2047, 2048, 2049, 4095, 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 42]
    for (const edge of edges) {
      const [bucket] = histogramOf([edge]).buckets()
      const [next] = histogramOf([(bucket?.to ?? 0) + 1]).buckets()
      assert.equal(next?.from, (bucket?.to ?? 0) + 1, String(edge))
    }
    const [last] = histogramOf([LARGEST]).buckets()
    assert.equal(last?.to, LARGEST)
  })

  test('knows every percentile as sorting does, to 1/1024', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 100, noNaN: true }), (all, percent) => {
        const sorted = [...all].sort((one, other) => one - other)
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * all.length)) - 1] as number
        const found = histogramOf(all).percentile(percent)
        assert.ok(found >= exact && found <= exact + exact / 1024, `${found} for ${exact}`)
      }),
    )
  })

  test('knows the count, the least, the largest and the mean exactly', () => {
    fc.assert(
      fc.property(values, (all) => {
        const histogram = histogramOf(all)
        assert.equal(histogram.count, all.length)
        assert.equal(histogram.min, Math.min(...all))
        assert.equal(histogram.max, Math.max(...all))
        assert.equal(histogram.mean, sum(all) / all.length)
        assert.equal(sum([...histogram.buckets()].map(({ count }) => count)), all.length)
      }),
    )
  })

  test('holds the same however often a value is counted at once, and whichever of two counted it', () => {
    fc.assert(
      fc.property(values, values, fc.integer({ min: 1, max: 9 }), (one, other, times) => {
        const at = histogramOf(one)
        for (const value of other) at.record(value, times)
        const separate = histogramOf(other.flatMap((value) => Array.from({ length: times }, () => value)))
        separate.add(histogramOf(one))
        assert.deepEqual([...at.buckets()], [...separate.buckets()])
        assert.deepEqual([at.count, at.min, at.max], [separate.count, separate.min, separate.max])
      }),
    )
  })

  test('is as if it was new after clear(), and tells 0 where there is nothing', () => {
    const histogram = histogramOf([5, 1e9])
    histogram.clear()
    assert.deepEqual([...histogram.buckets()], [])
    const { count, min, max, mean } = histogram
    assert.deepEqual([count, min, max, mean, histogram.percentile(50)], [0, 0, 0, 0, 0])
    histogram.add(new Histogram())
    assert.equal(histogram.min, 0)
  })

  test('takes what is out of its range for its ends, and rounds', () => {
    const histogram = histogramOf([-5, 1e18, 1.4])
    assert.deepEqual([histogram.min, histogram.max, histogram.percentile(50)], [0, LARGEST, 1])
  })
})

describe('rowsOf()', () => {
  test('sums up everything in a handful of rows that reach further and further', () => {
    fc.assert(
      fc.property(values, (all) => {
        const histogram = histogramOf(all)
        const rows = rowsOf(histogram)
        assert.equal(sum(rows.map(({ count }) => count)), all.length)
        assert.ok(rows.length <= 18, `${rows.length} rows`)
        assert.ok((rows[0]?.count ?? 0) > 0 && (rows.at(-1)?.count ?? 0) > 0)
        assert.ok((rows.at(-1)?.to ?? 0) * 1.000001 >= histogram.max)
        for (const [i, { to }] of rows.entries()) assert.ok(i === 0 || to > (rows[i - 1]?.to ?? 0))
      }),
    )
  })

  test('counts the smallest and the largest value in the rows at the ends, though their bucket reaches into two', () => {
    for (const [all, counts] of [
      [
        [0, 1e12 + 1e8],
        [1, ...Array.from({ length: 11 }, () => 0), 1],
      ],
      [[1e12 - 1e8, 1e12 + 1e8], [2]], // one bucket
    ] as const)
      assert.deepEqual(
        rowsOf(histogramOf(all)).map(({ count }) => count),
        counts,
      )
  })

  test('puts values where they belong, to the width of their bucket', () => {
    fc.assert(
      fc.property(values, value, (all, limit) => {
        for (const { to, count } of rowsOf(histogramOf(all)).slice(0, 1)) {
          const [low, high] = [to * (1 - 2 / 1024), to * (1 + 2 / 1024)]
          assert.ok(count >= all.filter((one) => one <= low).length, `${limit}`)
          assert.ok(count <= all.filter((one) => one <= high || one <= 1).length)
        }
      }),
    )
  })
})

test('chart() draws the longest bar for the largest row, and a sign for a single value', () => {
  const histogram = new Histogram()
  histogram.record(1e6, 100_000)
  histogram.record(40e6)
  const [head, ...lines] = chart(histogram)
  assert.match(head ?? '', /up to +messages +so far$/)
  assert.match(lines[0] ?? '', /^ +\d\.\d\d ms {2}█{40} +100,000 +100.00 %$/)
  assert.match(lines.at(-1) ?? '', /^ +\d\d\.\d ms {2}▏ {40} +1 +100.00 %$/)
  for (const line of lines) assert.ok(line.length < 80, line)
  assert.equal(chart(new Histogram()).length, 1)
})
