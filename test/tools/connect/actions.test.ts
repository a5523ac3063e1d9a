import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  base64Bytes,
  hexBytes,
  InputError,
  parsePlain,
  parseSlash,
  slashesFrom,
} from '../../../src/tools/connect/actions.js'

const bytes = (...values: number[]) => Buffer.from(values)

describe('parseSlash', () => {
  for (const [line, action] of [
    ['hello /there', { do: 'send', data: 'hello /there' }],
    ['//hello', { do: 'send', data: '/hello' }],
    ['/text /hello  you', { do: 'send', data: '/hello  you' }],
    ['/binary é', { do: 'send', data: Buffer.from('é') }],
    ['/hex 01 fF', { do: 'send', data: bytes(1, 255) }],
    ['/base64 AQI', { do: 'send', data: bytes(1, 2) }],
    ['/ping', { do: 'ping', payload: '' }],
    ['/pong now', { do: 'pong', payload: 'now' }],
    ['/close', { do: 'close', code: 1000, reason: '' }],
    ['/close 4000', { do: 'close', code: 4000, reason: '' }],
    ['/close 4000  good  bye ', { do: 'close', code: 4000, reason: 'good  bye' }],
    ['/quit', { do: 'close', code: 1000, reason: '' }],
    ['/terminate', { do: 'terminate' }],
    ['/help', { do: 'help' }],
  ] as const)
    test(`takes '${line}'`, () => assert.deepEqual(parseSlash(line, 'text'), action))

  for (const [line, message] of [
    ['/constructor', /there is no command '\/constructor'/],
    ['/hex 0', /'0' is not bytes in hex/],
    ['/base64 a', /'a' is not base64/],
    ['/close now', /a code of four digits/],
    [`/ping ${'x'.repeat(126)}`, /125 bytes at most/],
    ['/file /does/not/exist', /ENOENT/],
  ] as const)
    test(`refuses '${line.slice(0, 30)}'`, () =>
      assert.throws(
        () => parseSlash(line, 'text'),
        (error) => error instanceof InputError && message.test(error.message),
      ))

  test('reads files, as bytes and as text', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-actions-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'a file')
    writeFileSync(path, 'é')
    assert.deepEqual(parseSlash(`/file ${path}`, 'text'), { do: 'send', data: Buffer.from('é') })
    assert.deepEqual(parseSlash(`/textfile ${path}`, 'text'), { do: 'send', data: 'é' })
  })
})

test('parsePlain takes a line as it was told to', () => {
  assert.deepEqual(parsePlain('/ping', 'text'), { do: 'send', data: '/ping' })
  assert.deepEqual(parsePlain('ab', 'binary'), { do: 'send', data: Buffer.from('ab') })
  assert.deepEqual(parsePlain('ab', 'hex'), { do: 'send', data: bytes(0xab) })
  assert.deepEqual(parsePlain('ab', 'base64'), { do: 'send', data: Buffer.from('ab', 'base64') })
})

test('slashesFrom tells what a beginning may become', () => {
  assert.deepEqual(slashesFrom('/p'), ['/ping', '/pong'])
  assert.deepEqual(slashesFrom('/x'), [])
})

test('hexBytes takes hex as it is written in many places', () => {
  assert.deepEqual(hexBytes('0x01, 0x02'), bytes(1, 2))
  assert.deepEqual(hexBytes('01:02 03'), bytes(1, 2, 3))
  assert.deepEqual(hexBytes(''), bytes())
})

test('base64Bytes takes both alphabets', () => {
  assert.deepEqual(base64Bytes('-_8='), bytes(0xfb, 0xff))
  assert.deepEqual(base64Bytes('+/8='), bytes(0xfb, 0xff))
})
