import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { assertValues, type Compiled, compile, promisedOutput } from './snippets.js'

test('assertValues makes assertions of expressions with their values, and of nothing else', () => {
  const asserted = (code: string): string | undefined => assertValues(code).split('\n')[1]
  assert.equal(asserted(`f(1) // 'one'`), `;assertEqual(f(1), 'one')`)
  assert.equal(asserted('f(1) // true: as it should be'), ';assertEqual(f(1), true)')
  assert.equal(asserted(`f('a // b')\n// [{ a: 1 }]`), `;assertEqual(f('a // b'), [{ a: 1 }])`)
  assert.equal(asserted(';(await f())?.g() // -1'), ';assertEqual((await f())?.g(), -1)')
  for (const code of [
    'const a = 1 // 1',
    'f(1) // one',
    'console.log(1) // 1',
    '  a: 1, // 1',
    'f(1, // 1\n2)',
  ])
    assert.equal(assertValues(code), code)
})

test('promisedOutput gives what is printed, line by line', () => {
  const code = 'console.log(a) // one two\nf(1) // 2\nfor (;;) console.log(b) // 1, then 2\nconsole.log(c)'
  assert.deepEqual(promisedOutput(code), ['one two', '1', '2'])
})

describe('compile', () => {
  let compiled: Compiled
  before(async () => {
    const code = (text: string): string => assertValues(`import { mayTravel } from 'fastws/frame'\n${text}`)
    compiled = await compile(
      'snippets',
      [
        { name: 'right', code: code('mayTravel(1000) // true\nconsole.log(given)') },
        { name: 'wrong-type', code: code(`mayTravel('1000') // false`) },
        { name: 'wrong-value', code: code('mayTravel(1006) // true') },
      ],
      'declare const given: number',
    )
  })

  test('finds what does not compile, and where', () => {
    assert.equal(compiled.complaints('right'), '')
    assert.equal(compiled.complaints('wrong-value'), '')
    assert.match(compiled.complaints('wrong-type'), /^wrong-type\.ts\(3,\d+\): error TS2345: /)
  })

  test('runs and finds values that are not true', async () => {
    await assert.rejects(compiled.run(['wrong-value']), /AssertionError/)
    await assert.rejects(compiled.run(['right']), /given is not defined/)
  })

  test('refuses settings that the compiler does not take', async () => {
    await assert.rejects(compile('broken', [], '}'), /Cannot compile the snippets in broken/)
  })
})
