// Runs the compiled tests, or some of them: node .ci/test.mjs [--portable] [frame] [conn/inbox] …
import { parseArgs } from 'node:util'
import { runTests, testFiles } from './run-tests.mjs'

const { values, positionals } = parseArgs({
  options: { portable: { type: 'boolean' } },
  allowPositionals: true,
})
const env = values.portable ? { FASTWS_PORTABLE: '1' } : {}
process.exitCode = await runTests(testFiles(positionals), { env })
