import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CompressOptions, resolveCompress, withCompression } from '../../src/conn/compress-options.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import type { Extension } from '../../src/protocol/extension.js'

test('resolveCompress fills in the defaults', () => {
  assert.deepEqual(resolveCompress({}), {
    level: 3,
    memLevel: 8,
    threshold: 1024,
    serverNoContextTakeover: undefined,
    clientNoContextTakeover: undefined,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    maxRatio: Infinity,
    maxContexts: 1024,
    idleTimeout: 30_000,
  })
})

describe('compress refuses', () => {
  const ranges: [keyof CompressOptions, number[], number[]][] = [
    ['level', [1, 9], [0, 10, 1.5, NaN]],
    ['memLevel', [1, 9], [0, 10, 1.5]],
    ['threshold', [0, 5, Infinity], [-1, 0.5, NaN]],
    ['serverMaxWindowBits', [8, 15], [7, 16, 8.5]],
    ['clientMaxWindowBits', [8, 15], [7, 16, 8.5]],
    ['maxRatio', [1, 1.5, Infinity], [0, 0.9, NaN]],
    ['maxContexts', [0, 1, Infinity], [-1, 1.5, NaN]],
    ['idleTimeout', [0, 1.5, 2 ** 31 - 1], [-1, 2 ** 31, NaN, Infinity]],
  ]
  for (const [name, good, bad] of ranges)
    test(`${name} outside its range, or of another kind`, () => {
      for (const value of good) assert.equal(resolveCompress({ [name]: value })[name], value)
      for (const value of bad)
        assert.throws(() => resolveCompress({ [name]: value }), {
          name: 'RangeError',
          code: 'WS_ERR_ARGUMENT',
          message: new RegExp(`compress\\.${name}`),
        })
      assert.throws(() => resolveCompress({ [name]: '9' }), {
        name: 'TypeError',
        message: new RegExp(`compress\\.${name}`),
      })
    })

  for (const name of ['serverNoContextTakeover', 'clientNoContextTakeover'] as const)
    test(`${name} that is no boolean`, () => {
      for (const value of [true, false]) assert.equal(resolveCompress({ [name]: value })[name], value)
      assert.throws(() => resolveCompress({ [name]: 1 as never }), {
        name: 'TypeError',
        message: new RegExp(`compress\\.${name}`),
      })
    })

  test('what is no option, misspelt ones included', () => {
    assert.throws(() => resolveConnOptions({ compress: { treshold: 5 } as object }), {
      message: /compress\.treshold.*no such option/,
    })
    for (const compress of ['yes', 1, null, [], () => true])
      assert.throws(() => resolveConnOptions({ compress: compress as never }), {
        name: 'TypeError',
        message: /compress/,
      })
  })
})

describe('withCompression', () => {
  const other = (more: Partial<Extension> = {}): Extension => ({ name: 'x', start: () => ({}), ...more })
  const names = (...args: Parameters<typeof withCompression>): string[] =>
    withCompression(...args).map(({ name }) => name)

  test('puts it behind the others: they see what was not compressed yet', () => {
    assert.deepEqual(names([other()], true, false), ['x', 'permessage-deflate'])
    assert.deepEqual(names([other()], {}, false), ['x', 'permessage-deflate'])
    assert.deepEqual(names([other()], undefined, true), ['x', 'permessage-deflate'])
  })

  test('leaves it out where it is not wanted', () => {
    assert.deepEqual(names([other()], false, true), ['x'])
    assert.deepEqual(names([other()], undefined, false), ['x'])
  })

  test('leaves it out by default where another extension needs the name or the bit; asked for, it is there', () => {
    for (const more of [{ name: 'permessage-deflate' }, { rsv: 0x40 }, { rsv: 0x70 }]) {
      assert.equal(withCompression([other(more)], undefined, true).length, 1)
      assert.equal(withCompression([other(more)], true, true).length, 2)
    }
    assert.equal(withCompression([other({ rsv: 0x30 })], undefined, true).length, 2)
  })
})
