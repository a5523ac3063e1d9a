import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compare, readAgents } from '../../src/tools/check/expectation.js'
import type { Behavior, CaseResult } from '../../src/tools/check/verdict.js'

const result = (id: string, behavior: Behavior): CaseResult => ({
  id,
  behavior,
  behaviorClose: 'OK',
  duration: 1,
  remoteCloseCode: 1000,
  remarks: ['a remark'],
  log: [],
})

const written = JSON.stringify({
  one: {
    '1.1.1': { behavior: 'NON-STRICT', reason: 'because' },
    '12.*': { behavior: 'UNIMPLEMENTED' },
    '12.1.*': { behavior: 'FAILED' },
  },
})

const verdict = (id: string, behavior: Behavior): string => {
  const { worse, better } = compare([result(id, behavior)], readAgents(written)('one'))
  return worse.length > 0 ? 'worse' : better.length > 0 ? 'better' : 'same'
}

describe('compare', () => {
  const cases: readonly (readonly [string, Behavior, string])[] = [
    ['1.1.1', 'NON-STRICT', 'same'],
    ['1.1.1', 'OK', 'better'],
    ['1.1.1', 'FAILED', 'worse'],
    ['1.1.2', 'OK', 'same'],
    ['1.1.2', 'INFORMATIONAL', 'worse'],
    ['12.2.1', 'UNIMPLEMENTED', 'same'],
    ['12.2.1', 'OK', 'better'],
    ['12.1.1', 'FAILED', 'same'],
    ['12.1.1', 'UNIMPLEMENTED', 'better'],
    ['2.1', 'FAILED', 'worse'],
  ]
  for (const [id, behavior, expected] of cases)
    test(`finds ${behavior} in ${id} ${expected}`, () => assert.equal(verdict(id, behavior), expected))
})

describe('readAgents', () => {
  test('keeps the reason', () => {
    assert.equal(readAgents(written)('one').get('1.1.1')?.reason, 'because')
  })

  test('takes the only agent there is for another', () => {
    assert.equal(readAgents(written)('two').size, 3)
  })

  for (const [what, text] of [
    ['no JSON', '{'],
    ['no object', '[1'],
    ['no object but a number', '1'],
    ['no object but a list', '[{"1.1.1":{"behavior":"OK"}}]'],
    ['two agents, and another one is asked for', '{"a":{},"b":{}}'],
    ['an agent that is no object', '{"one":1}'],
    ['a case without a verdict', '{"one":{"1.1.1":{}}}'],
    ['a case that is no object', '{"one":{"1.1.1":null}}'],
    ['a verdict that does not exist', '{"one":{"1.1.1":{"behavior":"GREAT"}}}'],
  ] as const)
    test(`refuses ${what}`, () => {
      assert.throws(() => readAgents(text)('one'), { name: 'UsageError' })
    })
})
