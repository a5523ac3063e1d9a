import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { casesFor } from '../../src/tools/check/cases/index.js'
import { selectCases } from '../../src/tools/check/select.js'
import type { CaseResult } from '../../src/tools/check/verdict.js'
import { answerRules, type ClientParts, referenceClient } from './reference-client.js'
import { HASTE, PATIENCE } from './run-main.js'
import { serveMain } from './start-main.js'

/** What the simple client is about: handshakes, masks, and echoes of one frame. */
const CASES = '1.1.2,1.2.2,2.1,H,L.5'

interface Broken {
  readonly wrong: string
  readonly parts: Partial<ClientParts>
  readonly fails: string
}

const without = (...names: readonly string[]): Partial<ClientParts> => ({
  rules: Object.fromEntries(Object.entries(answerRules).filter(([name]) => !names.includes(name))),
})
const losing = (name: string): Partial<ClientParts> => ({
  headers: (usual) => usual.filter((line) => !line.startsWith(name)),
})
const changing = (from: string, to: string): Partial<ClientParts> => ({
  headers: (usual) => usual.map((line) => line.replace(from, to)),
})

const brokenClients: readonly Broken[] = [
  { wrong: 'takes HTTP/1.0', parts: without('version'), fails: 'H.8.8' },
  { wrong: 'does not look at Upgrade', parts: without('upgrade'), fails: 'H.8.9,H.8.10,H.11.7,H.11.9' },
  {
    wrong: 'does not look at Connection',
    parts: without('connection'),
    fails: 'H.8.11,H.8.12,H.11.8,H.11.10',
  },
  {
    wrong: 'does not look at Sec-WebSocket-Accept',
    parts: without('accept'),
    fails: 'H.8.13,H.8.14,H.8.15,H.11.4,H.11.5,H.11.6,H.11.11',
  },
  { wrong: 'takes any status', parts: without('status'), fails: 'H.11.14' },
  { wrong: 'takes any subprotocol', parts: without('protocol'), fails: 'H.8.16' },
  { wrong: 'takes any extension', parts: without('extensions'), fails: 'H.8.17,H.8.18,H.8.19,H.8.20' },
  {
    wrong: 'sends the same key again and again',
    parts: { key: () => 'AAAAAAAAAAAAAAAAAAAAAA==' },
    fails: 'H.7.7',
  },
  { wrong: 'sends a key of 15 bytes', parts: { key: () => 'dGhlIHNhbXBsZSBub25j' }, fails: 'H.7.6,H.7.7' },
  { wrong: 'sends no Host', parts: losing('Host'), fails: 'H.7.2' },
  { wrong: 'asks for version 8', parts: changing('Version: 13', 'Version: 8'), fails: 'H.7.5' },
  {
    wrong: 'says no Connection: Upgrade',
    parts: changing('Connection: Upgrade', 'Connection: close'),
    fails: 'H.7.4',
  },
  { wrong: 'masks everything with the same key', parts: { maskKey: () => 0x01020304 }, fails: 'L.5.1' },
  { wrong: 'does not mask', parts: { masked: false }, fails: '1.1.2,1.2.2,2.1,H.7,H.9,L.5.1' },
]

async function failuresOf(parts: Partial<ClientParts>, times: readonly string[]): Promise<string[]> {
  const serving = await serveMain('--once', '--json', '--cases', CASES, ...times)
  const count = Number(await referenceClient(`${serving.url}/getCaseCount`))
  for (let i = 1; i <= count; i++) await referenceClient(`${serving.url}/runCase?case=${i}`, parts)
  await referenceClient(`${serving.url}/updateReports`)
  await serving.done
  const results = serving.lines.map((line): CaseResult => JSON.parse(line))
  assert.equal(results.length, count)
  return results.filter(({ behavior }) => behavior !== 'OK').map(({ id }) => id)
}

/** In haste; on a machine that is busy with other things that finds more, and is done once more with patience. */
async function assertFails(parts: Partial<ClientParts>, expected: readonly string[]): Promise<void> {
  const judge = async (times: readonly string[]) => assert.deepEqual(await failuresOf(parts, times), expected)
  await judge(HASTE).catch(() => judge(PATIENCE))
}

test('a client that is right passes', () => assertFails({}, []))

describe('fastws check --serve finds the cases that a client fails, and no others, when it', () => {
  for (const { wrong, parts, fails } of brokenClients)
    test(wrong, () =>
      assertFails(
        parts,
        selectCases(casesFor('client'), fails).map(({ id }) => id),
      ),
    )
})
