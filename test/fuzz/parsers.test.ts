import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, seeded } from '../support/index.js'
import { finds } from './finds.js'
import { explore, runInput, type Target } from './guided.js'
import { parsers } from './targets.js'

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 0.3)

for (const target of parsers)
  test(`fuzz: ${target.name}: what is made of any input is right, or a documented error`, (t) =>
    seeded(async (random) => {
      for (const [name, input] of finds) if (name === target.name) await runInput(target, hex(input))
      const { runs, kept, branches } = await explore(target, random, SECONDS * 1000)
      t.diagnostic(`${runs} inputs, ${kept} kept, ${branches} ways`)
    }))

test('finds.ts names targets that there are', () => {
  const names = new Set(parsers.map(({ name }) => name))
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
