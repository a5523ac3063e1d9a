import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HandshakeError } from '../../../src/index.js'
import { codeOf, exhaustionOf, kindOf } from '../../../src/tools/bench/failures.js'
import { bytes, counted, digits } from '../../../src/tools/bench/numbers.js'
import { Tally } from '../../../src/tools/bench/tally.js'

const failed = (code: string): Error =>
  new HandshakeError('WS_ERR_SOCKET', 'Cannot open', {
    cause: Object.assign(new Error('low'), { code }),
  })

describe('failures', () => {
  test('go by the code of what was at the bottom of them', () => {
    assert.equal(codeOf(failed('ECONNRESET')), 'ECONNRESET')
    assert.equal(codeOf('no error'), '')
    assert.equal(kindOf(failed('EPIPE')), 'a connection that could not be opened: EPIPE')
    assert.equal(kindOf(new Error('other')), 'a connection that could not be opened: other')
    assert.equal(kindOf('words'), 'a connection that could not be opened: words')
  })

  for (const [code, advice] of [
    ['EMFILE', /ulimit -n/],
    ['ENFILE', /this system/],
    ['EADDRNOTAVAIL', /no local port left/],
  ] as const)
    test(`say what to do about ${code}`, () => assert.match(exhaustionOf(failed(code)) ?? '', advice))

  test('of other kinds do not end the opening', () => {
    assert.equal(exhaustionOf(failed('ECONNREFUSED')), undefined)
  })
})

test('Tally tells kinds of errors apart, up to a limit', () => {
  const tally = new Tally()
  for (let i = 0; i < 100; i++) tally.error(`kind ${i}`)
  tally.error('kind 1', 2)
  tally.error('none', 0)
  assert.equal(tally.errors.size, 41)
  assert.equal(tally.errors.get('kind 1'), 3)
  assert.equal(tally.errors.get('other'), 60)
  assert.equal(tally.errorCount, 102)
})

test('numbers are told with the digits that count', () => {
  assert.deepEqual([0, 0.1234, 1.234, 12.34, 123.4, 1234567].map(digits), [
    ...['0.000', '0.123', '1.23', '12.3', '123', '1,234,567'],
  ])
  assert.deepEqual([0, 1023, 1024, 1.5 * 2 ** 20, 2 ** 40].map(bytes), [
    ...['0 B', '1,023 B', '1.00 KiB', '1.50 MiB', '1,024 GiB'],
  ])
  assert.deepEqual([counted(1, 'error'), counted(0, 'error')], ['1 error', '0 errors'])
})
