import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedText } from '../../src/conn/shared-text.js'
import { heapGrowth } from '../support/measure.js'

const KIB = 1 << 10

/** Text in memory of its own. */
const made = (text: string): string => Buffer.from(text).toString('latin1')

test('sharedText gives the text it is given, whatever others came before', () => {
  for (let i = 0; i < 2000; i++) {
    const text = `${i}`.repeat(i % 900)
    assert.equal(sharedText(text), text)
    assert.equal(sharedText(made(text)), text)
  }
})

test('sharedText keeps a text once for all who have it', () => {
  const text = 'x'.repeat(KIB)
  const bytes = heapGrowth(() => Array.from({ length: 10_000 }, () => sharedText(made(text))))
  assert.ok(bytes < 3000 * KIB, `${bytes} bytes`)
})

test('sharedText holds little, however much it is given', () => {
  const give = (size: number): number => {
    for (let i = 0; i < 5000; i++) sharedText(made(`${i}`.padStart(size, 'abc')))
    return size
  }
  const bytes = heapGrowth(() => [2, 3, 64].map((size) => give(size * KIB)))
  assert.ok(bytes < 1000 * KIB, `${bytes} bytes`)
})
