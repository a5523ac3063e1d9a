import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  hasListed,
  headerLines,
  headerValues,
  isFieldValue,
  isToken,
  listHas,
  parseTokenList,
} from '../../src/handshake/tokens.js'
import { fc } from '../support/fast-check.js'
import { leastCpuOf } from '../support/measure.js'

test('isToken takes exactly the letters of RFC 9110 §5.6.2', () => {
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/
  for (let char = 0; char < 0x200; char++) {
    const text = String.fromCharCode(char)
    assert.equal(isToken(text), token.test(text), `letter ${char}`)
  }
  assert.equal(isToken(''), false)
  assert.equal(isToken('chat v2'), false)
})

test('isFieldValue takes visible ASCII, spaces and tabs only', () => {
  for (let char = 0; char < 0x200; char++)
    assert.equal(
      isFieldValue(String.fromCharCode(char)),
      char === 9 || (char >= 32 && char <= 126),
      `letter ${char}`,
    )
})

const lists = [
  ['chat', ['chat']],
  ['chat, superchat', ['chat', 'superchat']],
  ['chat,superchat', ['chat', 'superchat']],
  [' \tchat\t ,\t superchat ', ['chat', 'superchat']],
  [',chat,, ,superchat,', ['chat', 'superchat']],
  ['', undefined],
  [' ', undefined],
  [',', undefined],
  ['chat superchat', undefined],
  ['chat;v=1', undefined],
  ['"chat"', undefined],
  ['chat, (', undefined],
  ['ch\u00e4t', undefined],
  ['chat\r\n', undefined],
] as const
for (const [value, expected] of lists)
  test(`parseTokenList reads ${JSON.stringify(value)}`, () =>
    assert.deepEqual(parseTokenList(value), expected))

test('parseTokenList gives back any list of tokens', () => {
  const token = fc.string({ minLength: 1 }).filter(isToken)
  const space = fc.stringMatching(/^[ \t,]*$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(space, token), { minLength: 1 }), (members) => {
      const text = members.map(([before, name]) => `${before}${name}`).join(',')
      assert.deepEqual(
        parseTokenList(text),
        members.map(([, name]) => name),
      )
    }),
  )
})

const hostile = [
  ' '.repeat(1e6),
  ','.repeat(1e6),
  'a '.repeat(5e5),
  `a${' '.repeat(1e6)}b`,
  `${'\t,'.repeat(5e5)}x`,
]
/** Milliseconds: what reads letters by pairs takes an hour. */
const LINEAR = 4_000

test('parseTokenList and listHas read a megabyte in linear time', async () => {
  const cpu = await leastCpuOf(LINEAR, () => {
    for (const text of hostile) {
      parseTokenList(text)
      listHas(text, 'websocket')
    }
  })
  assert.ok(cpu < LINEAR, `${cpu} ms`)
})

const members = [
  ['Upgrade', true],
  ['upgrade', true],
  ['keep-alive, UPGRADE', true],
  ['keep-alive ,\tupgrade\t', true],
  ['HTTP/2.0, upgrade', true],
  ['upgrade2', false],
  ['up grade', false],
  ['"upgrade"', false],
  ['', false],
  ['keep-alive', false],
] as const
for (const [value, expected] of members)
  test(`listHas ${expected ? 'finds' : 'does not find'} upgrade in ${JSON.stringify(value)}`, () =>
    assert.equal(listHas(value, 'upgrade'), expected))

test('headerValues gives every value of a name in any case, in order', () => {
  const raw = ['Origin', 'a', 'X-Origin', 'b', 'oRIGIN', 'c', 'Origin']
  assert.deepEqual(headerValues(raw, 'origin'), ['a', 'c'])
  assert.deepEqual(headerValues(raw, 'host'), [])
})

test('hasListed looks through every line of a name, in any case', () => {
  const raw = ['Upgrade', 'h2c', 'X-Upgrade', 'websocket', 'uPGRADE', 'foo, WebSocket', 'Upgrade']
  assert.equal(hasListed(raw, 'upgrade', 'websocket'), true)
  assert.equal(hasListed(raw.slice(0, 4), 'upgrade', 'websocket'), false)
  assert.equal(hasListed([], 'upgrade', 'websocket'), false)
})

test('headerLines gives a line for each value', () => {
  assert.deepEqual(headerLines('headers', { 'Set-Cookie': ['a=1', 'b=2'], Age: 5, Vary: undefined }), [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Age', '5'],
  ])
})

const bad = [
  ['a line break in a value', { A: 'x\r\nSet-Cookie: y' }, /headers\['A'\]/],
  ['a bare line feed in a value', { A: 'x\ny' }, /headers\['A'\]/],
  ['a zero byte in a value', { A: 'x\0' }, /headers\['A'\]/],
  ['a letter that is not ASCII', { A: 'x\u00e9' }, /headers\['A'\]/],
  ['a bad value in an array', { A: ['x', 'y\r'] }, /headers\['A'\]/],
  ['a line break in a name', { 'A\r\nB': 'x' }, /name in headers/],
  ['a colon in a name', { 'A:': 'x' }, /name in headers/],
  ['an empty name', { '': 'x' }, /name in headers/],
  ['a reserved name', { UPGRADE: 'x' }, /headers\['UPGRADE'\]/],
  ['an object as value', { A: {} }, /headers\['A'\]/],
  ['null as value', { A: null }, /headers\['A'\]/],
  ['an array of headers', [['A', 'x']], /headers/],
  ['no object', 'A: x', /headers/],
] as const
for (const [name, headers, message] of bad)
  test(`headerLines refuses ${name}, and does not show it`, () => {
    assert.throws(
      () => headerLines('headers', headers as never, new Set(['upgrade'])),
      (error: Error & { code?: string }) =>
        error.code === 'WS_ERR_ARGUMENT' && message.test(error.message) && !error.message.includes('Cookie'),
    )
  })
