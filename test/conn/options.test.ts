import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { milliseconds } from '../../src/conn/option-checks.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { fixedMask } from '../../src/frame/mask.js'
import { FakeClock } from '../support/index.js'

test('resolveConnOptions gives objects that are alike to V8, however many connections are dialled', () => {
  setFlagsFromString('--allow-natives-syntax')
  const areAlike = new Function('a', 'b', 'return %HasFastProperties(a) && %HaveSameMap(a, b)')
  const first = resolveConnOptions()
  for (let i = 0; i < 100; i++) {
    const keepalive = i % 2 === 0 || { interval: i, timeout: 1 }
    const next = resolveConnOptions({
      keepalive,
      maxMessage: 1000 + i,
      maxControlRate: { rate: 1, burst: i + 1 },
    })
    assert.ok(areAlike(first, next), `number ${i}`)
  }
})

test('resolveConnOptions gives the documented defaults, frozen', () => {
  const { maskSource, clock, ...rest } = resolveConnOptions()
  assert.deepEqual(rest, {
    maxMessage: 1_048_576,
    maxFrame: 1_048_576,
    maxFragments: 1024,
    maxInboxFrames: 16,
    maxInboxBytes: 262_144,
    highWaterMark: 65_536,
    maxOutboxBytes: 4_194_304,
    whenFull: 'close',
    maxControlRate: { rate: 100, burst: 200 },
    maxMessageRate: { rate: Infinity, burst: Infinity },
    maxByteRate: { rate: Infinity, burst: Infinity },
    whenTooFast: 'pause',
    messageTimeout: 30_000,
    minByteRate: 500,
    idleTimeout: 0,
    maxLifetime: 0,
    fragmentSize: Infinity,
    keepaliveInterval: 25_000,
    keepaliveTimeout: 20_000,
    readTimeout: 0,
    writeTimeout: 0,
    closeTimeout: 5000,
    validateText: true,
    autoPong: true,
    autoClose: true,
    extensions: [],
  })
  assert.equal(typeof maskSource(), 'number')
  assert.equal(typeof clock.now(), 'number')
  assert.ok(Object.isFrozen(resolveConnOptions()))
})

test('resolveConnOptions takes what is given', () => {
  const clock = new FakeClock()
  const maskSource = fixedMask(1)
  const extension = { name: 'x', start: () => ({}) }
  const given = resolveConnOptions({
    maxMessage: Infinity,
    maxFrame: 0,
    keepalive: { interval: 5 },
    whenFull: 'wait',
    validateText: false,
    extensions: [extension],
    clock,
    maskSource,
  })
  assert.deepEqual(
    [given.maxMessage, given.maxFrame, given.keepaliveInterval, given.keepaliveTimeout, given.whenFull],
    [Infinity, 0, 5, 20_000, 'wait'],
  )
  assert.deepEqual([given.clock, given.maskSource, given.extensions], [clock, maskSource, [extension]])
  assert.equal(resolveConnOptions({ keepalive: false }).keepaliveInterval, 0)
  assert.equal(resolveConnOptions({ keepalive: true }).keepaliveInterval, 25_000)
})

const wrong: readonly [string, unknown, string][] = [
  ...[
    'maxMessage',
    'maxFrame',
    'maxFragments',
    'maxInboxFrames',
    'maxInboxBytes',
    'highWaterMark',
    'maxOutboxBytes',
    'fragmentSize',
    'minByteRate',
  ].flatMap((name): [string, unknown, string][] => [
    [name, '1', 'TypeError'],
    [name, -1, 'RangeError'],
    [name, 1.5, 'RangeError'],
    [name, Number.NaN, 'RangeError'],
  ]),
  ['maxFragments', 0, 'RangeError'],
  ...['readTimeout', 'writeTimeout', 'closeTimeout', 'messageTimeout', 'idleTimeout', 'maxLifetime'].flatMap(
    (name): [string, unknown, string][] => [
      [name, '1', 'TypeError'],
      [name, -1, 'RangeError'],
      [name, 2 ** 31, 'RangeError'],
      [name, Number.NaN, 'RangeError'],
    ],
  ),
  ...['validateText', 'autoPong', 'autoClose'].map((name): [string, unknown, string] => [
    name,
    1,
    'TypeError',
  ]),
  ...['maxControlRate', 'maxMessageRate', 'maxByteRate'].flatMap((name): [string, unknown, string][] => [
    [name, '1', 'TypeError'],
    [name, null, 'TypeError'],
    [name, 0, 'RangeError'],
    [name, Number.NaN, 'RangeError'],
    [name, { rate: 1, burst: 0 }, 'RangeError'],
    [name, { rate: 1, burst: '2' }, 'TypeError'],
    [name, { burst: 2 }, 'TypeError'],
    [name, { rate: 1, brust: 2 }, 'TypeError'],
  ]),
  ['whenFull', 'drop', 'TypeError'],
  ['whenTooFast', 'wait', 'TypeError'],
  ['keepalive', 5, 'TypeError'],
  ['maskSource', 7, 'TypeError'],
  ['extensions', {}, 'TypeError'],
  ['extensions', [{}], 'TypeError'],
  ['extensions', [null], 'TypeError'],
  ['extensions', [{ name: 'x' }], 'TypeError'],
]
for (const [name, value, kind] of wrong)
  test(`resolveConnOptions refuses ${name}: ${JSON.stringify(value) ?? String(value)}, ${typeof value}`, () =>
    assert.throws(() => resolveConnOptions({ [name]: value } as ConnOptions), {
      name: kind,
      code: 'WS_ERR_ARGUMENT',
      message: new RegExp(name),
    }))

test('resolveConnOptions takes a rate as a number, or with a burst of its own', () => {
  const { maxControlRate, maxMessageRate, maxByteRate } = resolveConnOptions({
    maxControlRate: Infinity,
    maxMessageRate: 0.2,
    maxByteRate: { rate: 1000, burst: 5 },
  })
  assert.deepEqual(maxControlRate, { rate: Infinity, burst: Infinity })
  assert.deepEqual(maxMessageRate, { rate: 0.2, burst: 1 })
  assert.deepEqual(maxByteRate, { rate: 1000, burst: 5 })
})

test('resolveConnOptions refuses what are no options', () => {
  for (const options of [null, 7, 'x'])
    assert.throws(() => resolveConnOptions(options as never), { name: 'TypeError', message: /options/ })
  assert.throws(() => resolveConnOptions({ keepalive: { interval: -1 } }), { message: /keepalive\.interval/ })
  assert.throws(() => resolveConnOptions({ keepalive: { timeout: '1' as never } }), {
    message: /keepalive\.timeout/,
  })
})

test('milliseconds checks a number of milliseconds', () => {
  assert.equal(milliseconds('timeout', undefined, 7), 7)
  assert.equal(milliseconds('timeout', 0.5, 7), 0.5)
})
