import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { CONN_OPTIONS, checkNames } from '../../src/conn/option-names.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { pair } from '../../src/conn/pair.js'

const misspelt = { name: 'TypeError', code: 'WS_ERR_ARGUMENT', message: /options\.maxMesage.*no such option/ }

test('CONN_OPTIONS names every option that is resolved', () => {
  const { keepaliveInterval, keepaliveTimeout, ...resolved } = resolveConnOptions({})
  assert.equal(typeof keepaliveInterval, typeof keepaliveTimeout)
  assert.deepEqual(
    Object.keys(CONN_OPTIONS).sort(),
    [...Object.keys(resolved), 'keepalive', 'compress'].sort(),
  )
})

test('pair and Conn.over refuse an option that does not exist', () => {
  assert.throws(() => pair({ maxMesage: 1 } as object), misspelt)
  assert.throws(() => Conn.over(new PassThrough(), { role: 'server', maxMesage: 1 } as never), misspelt)
})

test('checkNames refuses what is no object, and names that only Object has', () => {
  for (const options of [undefined, null, 5, 'a', []])
    assert.throws(() => checkNames('options', options as never, {}), {
      code: 'WS_ERR_ARGUMENT',
      message: /options/,
    })
  assert.throws(() => checkNames('options', { constructor: 1 }, {}), { message: /options\.constructor/ })
})
