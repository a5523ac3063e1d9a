import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../support/index.js'
import { finds } from './finds.js'
import { explore, type Target } from './guided.js'
import { testTargets } from './target-tests.js'
import { parsers } from './targets.js'
import { wireTargets } from './wire-targets.js'

testTargets(parsers)

test('finds.ts names targets that there are', () => {
  const names = new Set([...parsers, ...wireTargets].map(({ name }) => name))
  for (const [name] of finds) assert.ok(names.has(name), name)
})

test('explore() finds what only a way through the branches leads to, and makes it short', async () => {
  const fragile: Target = {
    name: 'fragile',
    seeds: ['x'.repeat(20)],
    words: ['ab', 'cd'],
    run: (input) => assert.equal(input.includes('abcd'), false),
  }
  await seeded((random) =>
    assert.rejects(explore(fragile, random, 60_000), (error: Error) => {
      assert.match(error.message, /with the input 61626364:/)
      return true
    }),
  )
})
