import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { asBuffer, checkRange, EMPTY } from '../../src/frame/bytes.js'
import { copyBytes } from '../../src/frame/copy.js'
import { misuse } from './helpers.js'

const NOT_BYTES = [
  undefined,
  null,
  'text',
  5,
  {},
  [1, 2],
  new ArrayBuffer(2),
  new Uint16Array(2),
  new DataView(new ArrayBuffer(2)),
]

test('EMPTY has no bytes', () => assert.equal(EMPTY.length, 0))

test('asBuffer gives a Buffer as it is', () => {
  const bytes = Buffer.from('abc')
  assert.equal(asBuffer('chunk', bytes), bytes)
})

test('asBuffer gives the same memory of a Uint8Array, of another realm too', () => {
  const whole = Uint8Array.of(1, 2, 3, 4)
  const buffer = asBuffer('chunk', whole.subarray(1, 3))
  whole[1] = 9
  assert.deepEqual([...buffer], [9, 3])
  const foreign = runInNewContext('Uint8Array.of(7, 8)') as Uint8Array
  assert.deepEqual([...asBuffer('chunk', foreign)], [7, 8])
})

test('asBuffer throws for what is no bytes, and names the argument', () => {
  for (const wrong of NOT_BYTES)
    assert.throws(() => asBuffer('chunk', wrong as unknown as Uint8Array), misuse(TypeError, 'chunk'))
})

test('checkRange takes every range within the bytes', () => {
  for (const [start, end] of [
    [0, 0],
    [0, 4],
    [4, 4],
    [1, 3],
  ] as const)
    checkRange('bytes', Buffer.alloc(4), start, end)
})

test('checkRange throws for a range that is not within the bytes, and names the argument', () => {
  const bytes = Buffer.alloc(8).subarray(2, 6)
  for (const start of [-1, 5, 0.5, NaN, Infinity, undefined, '0'])
    assert.throws(() => checkRange('bytes', bytes, start as number, 4), misuse(RangeError, 'start'))
  for (const end of [-1, 0, 5, 1.5, NaN, undefined])
    assert.throws(() => checkRange('bytes', bytes, 1, end as number), misuse(RangeError, 'end'))
  for (const wrong of NOT_BYTES)
    assert.throws(() => checkRange('bytes', wrong as unknown as Uint8Array, 0, 0), misuse(TypeError, 'bytes'))
})

test('copyBytes copies the range and nothing else', () => {
  const into = Buffer.alloc(6, 0xee)
  copyBytes(Buffer.from('abcdef'), 1, 4, into, 2)
  assert.equal(into.toString('latin1'), '\xee\xeebcd\xee')
})

test('copyBytes throws where the memory was transferred away, and writes nothing', () => {
  const bytes = Buffer.from(new ArrayBuffer(8))
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
  const into = Buffer.alloc(8, 0xee)
  assert.throws(() => copyBytes(bytes, 0, 8, into, 0), misuse(RangeError, 'payload'))
  assert.deepEqual(into, Buffer.alloc(8, 0xee))
})
