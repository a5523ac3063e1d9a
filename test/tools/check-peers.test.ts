import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { echoPeers, runCases } from './echo.js'
import { runMain } from './run-main.js'
import { serveMain } from './start-main.js'

const EXPECTED = ['--expect', join(root, 'test/conformance/expected.json')]

/** A few of those that take long; `npm run conformance` plays all of them. */
const SAMPLE =
  '9.1.3,9.2.3,9.3.5,9.4.6,9.5.6,9.6.6,9.7.3,9.8.4,12.1.4,12.3.7,12.5.13,13.2.4,13.3.7,13.5.2,13.7.6'
/** More patience than usual, for a machine that does other things, too. */
const CASES = ['--cases', `!9,!12,!13`, '--parallel', '5', '--reaction', '3000']
const FEW = ['--cases', SAMPLE, '--messages', '20']

/** What is not as it is written down. */
const differences = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.includes(' than expected'))

for (const [library, peer] of Object.entries(echoPeers))
  describe(`${library} comes to what is written down`, () => {
    for (const [name, cases] of [
      ['in every case that is quick', CASES],
      ['in some that take longer', FEW],
    ] as const) {
      test(`as a server, ${name}`, async (t) => {
        const url = `ws://127.0.0.1:${await listen(t, peer.server())}/`
        const { code, stderr } = await runMain(
          'check',
          url,
          '--agent',
          `${library} server`,
          ...EXPECTED,
          ...cases,
        )
        assert.deepEqual(differences(stderr), [])
        assert.equal(code, 0)
      })

      test(`as a client, ${name}`, async () => {
        const serving = await serveMain('--once', ...EXPECTED, ...cases)
        await runCases(serving.url, `${library} client`, peer)
        assert.equal(await serving.done, 0)
        assert.deepEqual(differences(serving.notes.join('\n')), [])
      })
    }
  })
