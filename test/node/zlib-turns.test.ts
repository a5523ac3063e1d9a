import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeTurn } from '../../src/node/zlib-turns.js'
import { type Deferred, deferred, turn } from '../support/index.js'

test('takeTurn lets three work at a time, the others in the order in which they came', async () => {
  const begun: number[] = []
  const works: Deferred<number>[] = Array.from({ length: 7 }, () => deferred<number>())
  const results = works.map(({ promise }, i) =>
    takeTurn(() => {
      begun.push(i)
      return promise
    }),
  )
  const all = Promise.allSettled(results)
  assert.deepEqual(begun, [0, 1, 2])
  works[1]!.resolve(1)
  works[2]!.reject(new Error('failed'))
  await turn()
  assert.deepEqual(begun, [0, 1, 2, 3, 4])
  for (const [i, { resolve }] of works.entries()) resolve(i)
  const settled = await all
  assert.deepEqual(
    settled.map((one) => (one.status === 'fulfilled' ? one.value : one.status)),
    [0, 1, 'rejected', 3, 4, 5, 6],
  )
  assert.equal(await takeTurn(async () => 'again'), 'again')
})
