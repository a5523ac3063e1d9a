import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedText } from '../../src/conn/shared-text.js'
import { gc } from '../support/measure.js'

const KIB = 1 << 10

/** Text in memory of its own. */
const made = (text: string): string => Buffer.from(text).toString('latin1')

/** How much more heap is in use when that was done; what it gives is still there then. */
function growth(work: () => unknown): number {
  gc()
  const before = process.memoryUsage().heapUsed
  const held = work()
  gc()
  const after = process.memoryUsage().heapUsed
  assert.notEqual(held, undefined)
  return after - before
}

test('sharedText gives the text it is given, whatever others came before', () => {
  for (let i = 0; i < 2000; i++) {
    const text = `${i}`.repeat(i % 900)
    assert.equal(sharedText(text), text)
    assert.equal(sharedText(made(text)), text)
  }
})

test('sharedText keeps a text once for all who have it', () => {
  const text = 'x'.repeat(KIB)
  const bytes = growth(() => Array.from({ length: 1000 }, () => sharedText(made(text))))
  assert.ok(bytes < 100 * KIB, `${bytes} bytes`)
})

test('sharedText holds no more than 512 KiB, whatever it is given', () => {
  const give = (size: number): number => {
    for (let i = 0; i < 5000; i++) sharedText(made(`${i}`.padStart(size, 'abc')))
    return size
  }
  const bytes = growth(() => [2, 3, 64].map((size) => give(size * KIB)))
  assert.ok(bytes < 600 * KIB, `${bytes} bytes`)
})
