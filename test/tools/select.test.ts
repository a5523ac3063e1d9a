import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { casesFor } from '../../src/tools/check/cases/index.js'
import { selectCases } from '../../src/tools/check/select.js'

const all = casesFor('server')
const ids = (selection: string): string[] => selectCases(all, selection).map(({ id }) => id)

describe('selectCases', () => {
  const selections: readonly (readonly [string, readonly string[]])[] = [
    ['1.1.1', ['1.1.1']],
    ['5.1', ['5.1']],
    ['7.13', ['7.13.1', '7.13.2']],
    ['7.13.*', ['7.13.1', '7.13.2']],
    ['10.*, 6.15.1', ['6.15.1', '10.1.1']],
    ['7.1,!7.1.2,!7.1.3', ['7.1.1', '7.1.4', '7.1.5', '7.1.6']],
  ]
  for (const [selection, expected] of selections)
    test(`'${selection}' picks ${expected.join(', ')}`, () => assert.deepEqual(ids(selection), expected))

  test('takes all of them for *, and all but some where nothing is asked for', () => {
    assert.equal(ids('*').length, all.length)
    assert.equal(ids('!10').length, all.length - 1)
  })

  test('does not take 1.1 for the beginning of 1.10', () => {
    assert.ok(ids('6.1').every((id) => id.startsWith('6.1.')))
  })

  for (const wrong of ['', '8.1', '1.1.9', '!99', '1,,2'])
    test(`refuses '${wrong}'`, () => {
      assert.throws(() => ids(wrong), { name: 'UsageError' })
    })
})
