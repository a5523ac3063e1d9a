import { test } from 'node:test'
import { hex, seeded } from '../support/index.js'
import { finds } from './finds.js'
import { explore, runInput, type Target } from './guided.js'

const SECONDS = Number(process.env.FASTWS_FUZZ_SECONDS ?? 0.3)

/** Tests each target with what has broken it before, then with what leads to new branches, for `times` the usual time. */
export function testTargets(targets: readonly Target[], times = 1): void {
  for (const target of targets)
    test(`fuzz: ${target.name}: what is made of any input is right, or a documented error`, (t) =>
      seeded(async (random) => {
        for (const [name, input] of finds) if (name === target.name) await runInput(target, hex(input))
        const { runs, kept, branches } = await explore(target, random, times * SECONDS * 1000)
        t.diagnostic(`${runs} inputs, ${kept} kept, ${branches} ways`)
      }))
}
