import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { casesFor } from '../../src/tools/check/cases/index.js'
import { selectCases } from '../../src/tools/check/select.js'
import { listen } from '../support/index.js'
import { type Broken, brokenServers } from './broken-servers.js'
import { referenceServer } from './reference-server.js'
import { HASTE, PATIENCE, resultsOf, runMain } from './run-main.js'

/** Everything that takes no long time. */
const LIGHT = '!9,!12,!13,!L.4'

const ids = (patterns: string): string[] =>
  patterns === '' ? [] : selectCases(casesFor('server'), patterns).map(({ id }) => id)

/** The RFC leaves these open, so they are never OK. */
const INFORMATIONAL = ids('7.1.6,7.13,C.2.5')

async function check(port: number, cases: string, times: readonly string[], ...more: readonly string[]) {
  const results = resultsOf(
    await runMain('check', `ws://127.0.0.1:${port}/`, '--json', '--cases', cases, ...times, ...more),
  )
  const having = (behavior: string): string[] =>
    results.filter((one) => one.behavior === behavior).map(({ id }) => id)
  return { failed: having('FAILED'), nonStrict: having('NON-STRICT'), informational: having('INFORMATIONAL') }
}

test('a server that is right in every point passes every case', async (t) => {
  const port = await listen(t, referenceServer())
  // It reacts at once, so that nothing is waited for, unless the machine itself stands still.
  const found = await check(port, '!9,!12,!13', PATIENCE, '--reaction', '60000', '--timeout', '60000')
  assert.deepEqual(found, { failed: [], nonStrict: [], informational: INFORMATIONAL })
})

test('there are at least 25 broken servers, each unlike the others', () => {
  assert.ok(brokenServers.length >= 25)
  assert.equal(new Set(brokenServers.map(({ wrong }) => wrong)).size, brokenServers.length)
})

describe('fastws check finds the cases that a server fails, and no others, when it', {
  concurrency: 2,
}, () => {
  const run = (one: Broken) => async (t: Parameters<typeof listen>[0]) => {
    const port = await listen(t, referenceServer(one.parts))
    // On a machine that is busy with other things, haste finds more: what is to be found is there with patience, too.
    await judge(one, port, HASTE).catch(() => judge(one, port, PATIENCE))
  }
  const judge = async (one: Broken, port: number, times: readonly string[]) => {
    const found = await check(port, one.only ?? LIGHT, times, '--messages', '50')
    assert.deepEqual(found.failed.sort(), ids(one.fails).sort())
    if (one.nonStrict === 'others') assert.ok(found.nonStrict.length > 20)
    else assert.deepEqual(found.nonStrict.sort(), ids(one.nonStrict ?? '').sort())
    const open = found.informational.filter((id) => !INFORMATIONAL.includes(id))
    assert.deepEqual(open, ids(one.informational ?? ''))
  }
  for (const one of brokenServers) test(one.wrong, run(one))
})
