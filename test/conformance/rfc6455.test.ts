import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dial } from '../../src/dial.js'
import { GUARD, rawAnswer, rawServer } from '../support/index.js'
import { Bench, ROLES } from './bench.js'
import { runAnswer, runRequest } from './handshake-case.js'
import { answerRules, requestRules, wireRules } from './rfc6455.js'
import { runCase, VARIANTS } from './wire-case.js'

for (const rule of requestRules)
  describe(`RFC 6455 §${rule.section}, server: ${rule.rule}`, () => {
    for (const one of [...rule.positive, ...rule.negative]) test(one.name, GUARD, (t) => runRequest(t, one))
  })

for (const rule of answerRules)
  describe(`RFC 6455 §${rule.section}, client: ${rule.rule}`, () => {
    for (const one of [...rule.positive, ...rule.negative]) test(one.name, GUARD, (t) => runAnswer(t, one))
  })

for (const rule of wireRules)
  describe(`RFC 6455 §${rule.section}: ${rule.rule}`, () => {
    for (const role of ROLES.filter((one) => rule.role === 'both' || rule.role === one))
      for (const one of [...rule.positive, ...rule.negative])
        test(`${role}: ${one.name}`, GUARD, async (t) => {
          const bench = await Bench.open(t, role)
          for (const variant of VARIANTS) await runCase(bench, one, variant)
        })
  })

test('RFC 6455 §4.1: dial() sends a fresh key of 16 bytes with every handshake', GUARD, async (t) => {
  const server = await rawServer(t)
  const keys = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const dialled = dial(`ws://127.0.0.1:${server.port}`)
    const key = (await rawAnswer(await server.accept())).headers['sec-websocket-key'] ?? ''
    assert.equal(Buffer.from(key, 'base64').length, 16)
    keys.add(key)
    ;(await dialled).terminate()
  }
  assert.equal(keys.size, 20)
})

test(
  'RFC 6455 §5.3: a client masks every frame with a fresh key, from a strong source (§10.3)',
  GUARD,
  async (t) => {
    const server = await rawServer(t)
    const dialled = dial(`ws://127.0.0.1:${server.port}`)
    const peer = await server.accept()
    await rawAnswer(peer)
    const conn = await dialled
    const count = 2000
    for (let i = 0; i < count; i++) void conn.send('')
    const bytes = await peer.read(count * 6)
    const keys = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(i * 6 + 2))
    // Two of 2,000 random keys are the same once in 2,000 runs; three pairs of them never.
    assert.ok(new Set(keys).size >= count - 2)
    for (let bit = 0; bit < 32; bit++) {
      const ones = keys.filter((key) => (key >>> bit) & 1).length
      // Nine standard deviations: a fair bit is never so far off.
      assert.ok(Math.abs(ones - count / 2) < 200, `bit ${bit} is set in ${ones} of ${count} keys`)
    }
    conn.terminate()
  },
)

test('the table has a positive and a negative case for every rule, each under a name of its own', () => {
  for (const { rule, positive, negative } of [...requestRules, ...answerRules, ...wireRules]) {
    assert.ok(positive.length > 0 && negative.length > 0, rule)
    const names = [...positive, ...negative].map((one) => one.name)
    assert.equal(new Set(names).size, names.length, rule)
  }
})
