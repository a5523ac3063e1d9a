import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { barPlot, linePlot } from '../../benchmarks/report/svg.js'
import { fc } from '../support/fast-check.js'

/** What a quick run measures may be nothing, and what memory has grown by may be less than nothing. */
const figure = fc.oneof(fc.constant(0), fc.double({ min: -1e9, max: 1e9, noNaN: true }))

function assertDrawn(svg: string): void {
  assert.match(svg, /^<svg [^>]+>[\s\S]+<\/svg>\n$/)
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
  for (const [, number] of svg.matchAll(/ (?:width|height|x|y|cx|cy)="(.*?)"/g))
    assert.ok(Number(number) >= 0 && Number(number) <= 2000, `a place out of the picture: ${number}`)
}

describe('a picture is drawn of whatever was measured', () => {
  test('bars', () => {
    fc.assert(
      fc.property(fc.array(figure, { minLength: 1, maxLength: 8 }), (values) => {
        const bars = values.map((value, i) => ({ label: `${i}`, value, text: '', isOurs: i === 0 }))
        assertDrawn(barPlot('Memory', bars))
      }),
    )
  })

  test('bars of nothing at all', () => {
    const bars = [0, 0].map((value) => ({ label: 'idle', value, text: '0 B', isOurs: false }))
    assertDrawn(barPlot('Memory', bars))
  })

  test('lines', () => {
    const line = fc.array(fc.tuple(fc.constantFrom(1, 10, 1000), figure), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), (lines) => {
        const drawn = lines.map((points, i) => ({ label: `${i}`, points }))
        assertDrawn(linePlot('Growth', 'connections', 'µs', drawn))
      }),
    )
  })

  test('lines of nothing at all', () => {
    assertDrawn(linePlot('Growth', 'connections', 'µs', [{ label: 'idle', points: [[1, 0]] }]))
  })
})
