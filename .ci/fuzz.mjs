// Runs the fuzz tests for a long time, round after round, each with other random numbers:
//
//     npm run fuzz -- --seconds 600              ends with the first failure
//     npm run fuzz -- --seconds 600 --seed 42    the same rounds as another time
//     npm run fuzz -- --seconds 600 model        only test/fuzz/model.test.ts
//
// A failure names the seed of its own run, and how to bring it back.
import { parseArgs } from 'node:util'
import { runTests, testFiles } from './run-tests.mjs'

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string' } },
  allowPositionals: true,
})
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))
const until = performance.now() + Number(values.seconds) * 1000
const files = testFiles(positionals.length > 0 ? positionals.map((name) => `fuzz/${name}`) : ['fuzz'])

/** How long each test goes on in a round. */
const ROUND = Math.min(5, Math.max(0.5, Number(values.seconds) / 20))

let code = 0
let round = 0
do {
  const seed = (first + round) >>> 0
  console.log(`\n> round ${round + 1}: npm run fuzz -- --seconds 1 --seed ${seed} ${positionals.join(' ')}`)
  code = await runTests(files, {
    env: { FASTWS_FUZZ_SECONDS: String(ROUND), FASTWS_FUZZ_SEED: String(seed) },
  })
  round++
} while (code === 0 && performance.now() < until)
console.log(
  code === 0 ? `\n${round} rounds, nothing found` : `\nround ${round} has found something: see above`,
)
process.exitCode = code
