import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { casesFor } from '../../src/tools/check/cases/index.js'
import { compare, readAgents } from '../../src/tools/check/expectation.js'
import { listen } from '../support/index.js'
import { root } from '../support/root.js'
import { echoPeers, runCases } from './echo.js'
import { resultsOf, runMain } from './run-main.js'
import { serveMain } from './start-main.js'

const EXPECTED = ['--expect', join(root, 'test/conformance/expected.json')]

/** A few of those that take long; `npm run conformance` plays all of them. */
const SAMPLE =
  '9.1.3,9.2.3,9.3.5,9.4.6,9.5.6,9.6.6,9.7.3,9.8.4,12.1.4,12.3.7,12.5.13,13.2.4,13.3.7,13.5.2,13.7.6'
/** Spaces in a header's name: the HTTP parser of Node 20.19.0 (llhttp 8) lets them through to every server. */
const SPACES = Number.parseInt(process.versions.llhttp ?? '', 10) < 9 ? ',!H.4.2,!H.4.3' : ''
/** More patience than usual, for a machine that does other things, too, or stands still. */
const PATIENTLY = ['--parallel', '5', '--timeout', '60000', '--reaction', '3000']
const CASES = ['--cases', '!9,!12,!13', ...PATIENTLY]
const SERVER_CASES = ['--cases', `!9,!12,!13${SPACES}`, ...PATIENTLY]
const FEW = ['--cases', SAMPLE, '--messages', '20']

/** What is not as it is written down. */
const differences = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.includes(' than expected'))

for (const [library, peer] of Object.entries(echoPeers))
  describe(`${library} comes to what is written down`, () => {
    for (const [name, serverCases, clientCases] of [
      ['in every case that is quick', SERVER_CASES, CASES],
      ['in some that take longer', FEW, FEW],
    ] as const) {
      test(`as a server, ${name}`, async (t) => {
        const url = `ws://127.0.0.1:${await listen(t, peer.server())}/`
        const { code, stderr } = await runMain(
          'check',
          url,
          '--agent',
          `${library} server`,
          ...EXPECTED,
          ...serverCases,
        )
        assert.deepEqual(differences(stderr), [])
        assert.equal(code, 0)
      })

      test(`as a client, ${name}`, async () => {
        const serving = await serveMain('--once', ...EXPECTED, ...clientCases)
        await runCases(serving.url, `${library} client`, peer)
        assert.equal(await serving.done, 0)
        assert.deepEqual(differences(serving.notes.join('\n')), [])
      })
    }
  })

describe('what is known about ws', () => {
  test('is what is written down: 510 of 517 OK, 4 NON-STRICT, 3 INFORMATIONAL', () => {
    const text = readFileSync(join(root, 'test/conformance/expected.json'), 'utf8')
    for (const [side, cases] of [
      ['server', casesFor('server')],
      ['client', casesFor('client')],
    ] as const) {
      const common = cases.filter(({ id }) => !/^[HLC]/.test(id))
      const fine = { behavior: 'OK', behaviorClose: 'OK', duration: 0, remoteCloseCode: 1000 } as const
      const results = common.map(({ id }) => ({ id, ...fine, remarks: [], log: [] }))
      const { better } = compare(results, readAgents(text)(`ws ${side}`))
      const having = (verdict: string) => better.filter(({ expected }) => expected === verdict)
      assert.deepEqual(
        having('NON-STRICT').map(({ id }) => id),
        ['6.4.1', '6.4.2', '6.4.3', '6.4.4'],
      )
      assert.deepEqual(
        having('INFORMATIONAL').map(({ id }) => id),
        ['7.1.6', '7.13.1', '7.13.2'],
      )
      assert.equal(common.length - better.length, 510)
    }
  })

  test('is found with its default limit of fragments, too: it closes 1008 in four cases', async (t) => {
    const server = createServer()
    new WebSocketServer({ server }).on('connection', (socket) => {
      socket.on('error', () => undefined)
      socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }))
    })
    const url = `ws://127.0.0.1:${await listen(t, server)}/`
    const cases = ['9.3.1,9.3.2,9.3.3,9.4.1,9.4.2,9.4.3', '--agent', 'ws']
    const results = resultsOf(await runMain('check', url, '--json', '--cases', ...cases))
    const failed = results.filter(({ behavior }) => behavior === 'FAILED')
    assert.equal(results.length, 6)
    assert.deepEqual(failed.map(({ id }) => id).sort(), ['9.3.1', '9.3.2', '9.4.1', '9.4.2'])
    for (const { remoteCloseCode } of failed) assert.equal(remoteCloseCode, 1008)
  })
})
