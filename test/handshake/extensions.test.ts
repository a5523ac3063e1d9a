import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkExtensionNames,
  closeExtensions,
  formatExtensions,
  negotiate,
  parseExtensions,
} from '../../src/handshake/extensions.js'
import type { Extension, ExtensionParams } from '../../src/protocol/extension.js'
import { leastCpuOf } from '../support/measure.js'

const entry = (name: string, ...params: [string, string | undefined][]): object => ({ name, params })

const headers = [
  ['foo', [entry('foo')]],
  ['foo, bar; baz=2', [entry('foo'), entry('bar', ['baz', '2'])]],
  ['foo; a; b="2"', [entry('foo', ['a', undefined], ['b', '2'])]],
  ['foo;a=1;a=2', [entry('foo', ['a', '1'], ['a', '2'])]],
  ['foo; a="\\x\\y"', [entry('foo', ['a', 'xy'])]],
  [' foo\t;\ta = 1 , , foo', [entry('foo', ['a', '1']), entry('foo')]],
  ['foo; __proto__=1; constructor', [entry('foo', ['__proto__', '1'], ['constructor', undefined])]],
  ['hasOwnProperty', [entry('hasOwnProperty')]],
  ['', undefined],
  [',', undefined],
  ['foo;', undefined],
  ['foo; =1', undefined],
  ['foo; a=', undefined],
  ['foo; a=""', undefined],
  ['foo; a="x y"', undefined],
  ['foo; a="x,y"', undefined],
  ['foo; a="x', undefined],
  ['foo; a="x\\', undefined],
  ['foo; a="x\\"', undefined],
  ['foo; a=x y', undefined],
  ['foo bar', undefined],
  ['foo; a="x"y', undefined],
  ['; a', undefined],
  ['f\u00f6o', undefined],
  ['foo\0', undefined],
] as const
for (const [value, expected] of headers)
  test(`parseExtensions reads ${JSON.stringify(value)}`, () =>
    assert.deepEqual(parseExtensions(value), expected))

/** Milliseconds: what reads letters by pairs takes hours. */
const LINEAR = 20_000

test('parseExtensions reads a megabyte of anything in linear time', async () => {
  const cpu = await leastCpuOf(LINEAR, () => {
    for (const part of [';', ',', 'a;', 'a,', 'a; ', 'a="', '"', '\\', 'a;b="\\c",', ' ', 'a ='])
      parseExtensions(`x${part.repeat(1e6 / part.length)}`)
  })
  assert.ok(cpu < LINEAR, `${cpu} ms`)
})

test('formatExtensions writes what parseExtensions reads', () => {
  const text = 'foo; a; b=2; b=3, bar'
  assert.equal(formatExtensions(parseExtensions(text)!), text)
  assert.equal(formatExtensions([]), '')
})

for (const bad of [
  entry('a\r\nb'),
  entry(''),
  entry('a', ['b;c', undefined]),
  entry('a', ['b', 'c"d']),
  entry('a', ['b', 'c\r\nd']),
])
  test(`formatExtensions refuses ${JSON.stringify(bad)}`, () =>
    assert.throws(() => formatExtensions([bad as never]), RangeError))

/** An extension that takes the first offer and notes what happens to it. */
function fake(name: string, more: Partial<Extension> = {}, log: unknown[] = []): Extension {
  return {
    name,
    accept: (offers) => offers[0],
    start: (params, role) => {
      log.push(['start', name, params, role])
      return { close: () => void log.push(['close', name]) }
    },
    ...more,
  }
}

const offers = (header: string) => parseExtensions(header)!

test('negotiate starts nothing that was not offered', () => {
  assert.deepEqual(negotiate([fake('a')], []), { active: [], header: '' })
  assert.deepEqual(negotiate([fake('a')], offers('b, A')), { active: [], header: '' })
})

test("negotiate gives an extension all offers of its name in the client's order", () => {
  let seen: readonly ExtensionParams[] = []
  const accept = (given: readonly ExtensionParams[]): undefined => {
    seen = given
  }
  const { active } = negotiate([fake('a', { accept })], offers('a; x=1, b, a; x=2; x=3, a'))
  assert.deepEqual(seen, [
    [['x', '1']],
    [
      ['x', '2'],
      ['x', '3'],
    ],
    [],
  ])
  assert.deepEqual(active, [])
})

test('negotiate answers in our order and starts with the answered parameters', () => {
  const log: unknown[] = []
  const b = fake('b', { rsv: 0x20, accept: () => [['y', undefined]] }, log)
  const { active, header } = negotiate([b, fake('a', { rsv: 0x40 }, log)], offers('a; x=1, b'))
  assert.equal(header, 'b; y, a; x=1')
  assert.deepEqual(
    active.map(({ name, rsv, params }) => [name, rsv, params]),
    [
      ['b', 0x20, [['y', undefined]]],
      ['a', 0x40, [['x', '1']]],
    ],
  )
  assert.deepEqual(log, [
    ['start', 'b', [['y', undefined]], 'server'],
    ['start', 'a', [['x', '1']], 'server'],
  ])
})

test('negotiate declines the second extension that claims a reserved bit, or a name', () => {
  const list = [fake('a', { rsv: 0x60 }), fake('b', { rsv: 0x40 }), fake('c', { rsv: 0x10 }), fake('a')]
  assert.equal(negotiate(list, offers('b, c, a')).header, 'a, c')
})

test('negotiate starts local extensions always and answers nothing for them', () => {
  const local: Extension = { name: 'log', start: () => ({}) }
  const { active, header } = negotiate([local, fake('a')], offers('log, a'))
  assert.equal(header, 'a')
  assert.deepEqual(
    active.map(({ name, rsv }) => [name, rsv]),
    [
      ['log', 0],
      ['a', 0],
    ],
  )
})

test('negotiate leaves out an extension that only offers', () => {
  assert.equal(negotiate([{ name: 'a', offer: () => [[]], start: () => ({}) }], offers('a')).header, '')
})

for (const [what, broken] of [
  ['accept() throws', fake('b', { accept: () => assert.fail('no') })],
  ['start() throws', fake('b', { start: () => assert.fail('no') })],
  ['the answer cannot be written', fake('b', { accept: () => [['x', '\r\n']] })],
  ['the answer is a promise', fake('b', { accept: (async () => []) as never })],
] as const)
  test(`negotiate throws and closes what it started when ${what}`, () => {
    const log: unknown[] = []
    const noisy = fake('c', { start: () => ({ close: () => assert.fail('not heard') }) })
    assert.throws(() => negotiate([noisy, fake('a', {}, log), broken], offers('a, b, c')))
    assert.deepEqual(log.at(-1), ['close', 'a'])
  })

test('closeExtensions takes codecs without close()', () => {
  closeExtensions(negotiate([fake('a', { start: () => ({}) })], offers('a')).active)
})

test('checkExtensionNames refuses names that are no tokens and bits that the peer does not know of', () => {
  checkExtensionNames([fake('a', { rsv: 0x40 }), { name: 'log', rsv: 0, start: () => ({}) }])
  assert.throws(() => checkExtensionNames([fake('a b')]), /name/)
  assert.throws(
    () => checkExtensionNames([{ name: 'log', rsv: 0x40, start: () => ({}) }]),
    /rsv of extension log/,
  )
})
