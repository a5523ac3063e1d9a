import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pinProcesses } from '../../benchmarks/e2e/pinned.js'
import { attacks } from '../../benchmarks/flood/attacks.js'
import { flood, floodTable } from '../../benchmarks/flood/main.js'
import { kinds, type Tally } from '../../benchmarks/soak/clients.js'
import { soak } from '../../benchmarks/soak/main.js'
import { judgeDelay, judgeMemory, judgeMessages, type Sample } from '../../benchmarks/soak/verdict.js'
import { GUARD } from '../support/guard.js'

pinProcesses(false)

describe('npm run flood', { ...GUARD, concurrency: 4 }, () => {
  for (const kind of Object.keys(attacks))
    test(`attacks with ${kind}, and measures the honest beside`, async () => {
      const [result] = await flood([kind], { milliseconds: 200, connections: 5 })
      assert.ok(result!.done > 0, 'nothing was attacked')
      assert.ok(result!.quiet.count > 0 && result!.flood.count > 0, 'nothing was measured')
      assert.equal(result!.flood.lost, 0, 'an honest connection was lost')
      assert.ok(Number.isFinite(result!.ratio) && result!.ratio > 0)
      assert.match(floodTable([result!]), new RegExp(`\\n${kind} .*(?:yes|NO)$`))
    })

  test('attacks ws as well', async () => {
    const [result] = await flood(['tiny-frames'], { milliseconds: 200, connections: 5, server: 'ws' })
    assert.ok(result!.done > 0 && result!.flood.count > 0)
  })

  test('names the kinds there are when it is asked for another', async () => {
    await assert.rejects(flood(['kindness'], { milliseconds: 1, connections: 1 }), /there are pings, /)
  })
})

describe('npm run soak', GUARD, () => {
  test('has every kind of connection, and every message accounted for', async () => {
    const findings = await soak({ connections: 60, seconds: 3, maxDelay: 60_000 })
    const shares = Object.values(kinds).reduce((sum, { share }) => sum + share, 0)
    assert.equal(shares, 100)
    assert.deepEqual(
      findings.map(({ isGood }) => isGood),
      [true, true, true],
      JSON.stringify(findings),
    )
    assert.match(findings[2]?.text ?? '', /, and [1-9]\d* resets$/)
  })

  const sample = (heap: number, rss = 100, p99 = 1): Sample => ({
    heap: heap * 1e6,
    rss: rss * 1e6,
    loopDelay: { p99, max: 2 * p99 },
    connections: 1,
  })

  test('calls memory flat that goes up and down, and not what only goes up', () => {
    const steady = Array.from({ length: 40 }, (_, i) => sample(50 + (i % 5)))
    const rising = steady.map((_, i) => sample(50 + i))
    const resident = steady.map((_, i) => sample(50, 100 + 3 * i))
    assert.equal(judgeMemory(steady, 30).isGood, true)
    assert.equal(judgeMemory(rising, 30).isGood, false)
    assert.equal(judgeMemory(resident, 30).isGood, false)
    for (const { isGood, text } of [judgeMemory(rising.slice(0, 7), 30), judgeMemory(rising, 29)]) {
      assert.equal(isGood, true)
      assert.match(text, /too short to judge/)
    }
  })

  test('judges the event loop by the worst sample', () => {
    assert.equal(judgeDelay([sample(1), sample(1, 1, 99), sample(1)], 100).isGood, true)
    assert.equal(judgeDelay([sample(1), sample(1, 1, 101), sample(1)], 100).isGood, false)
  })

  const none = { opened: 0, closed: 0, handled: 0, messagesIn: 0, messagesOut: 0, resets: 0 }
  const chat = (tally: Partial<Tally>): Record<string, Tally> => ({
    chat: { sent: 9, echoed: 9, wrong: 0, lost: 0, ...tally },
  })
  const steady = { ...none, opened: 1, closed: 1, handled: 9, messagesIn: 9, messagesOut: 9 }

  for (const [what, tallies, counts, said] of [
    ['an echo that did not come', chat({ echoed: 8 }), {}, /chat sent 9 and got 8/],
    ['an echo of something else', chat({ wrong: 1 }), {}, /1 echoes of chat were not what was sent/],
    ['a connection that was lost', chat({ lost: 1 }), {}, /1 connections of chat were lost/],
    ['a message that was never handled', chat({}), { handled: 8 }, /the server handled 8 of 9/],
    ['a connection that is left', chat({}), { closed: 0 }, /1 opened, 0 closed/],
    ['counters that disagree', chat({}), { messagesOut: 10 }, /9 in, 9 handled, 10 out/],
  ] as const)
    test(`notices ${what}`, () => {
      const server = { '/steady': { ...steady, ...counts }, '/rough': none }
      const finding = judgeMessages({ samples: [], tallies, server })
      assert.equal(finding.isGood, false)
      assert.match(finding.text, said)
    })

  test('takes it that some of what those who vanish have sent never arrives', () => {
    const rough = { ...none, opened: 1, closed: 1, handled: 5, messagesIn: 6 }
    const vanishing = { sent: 7, echoed: 4, wrong: 0, lost: 0 }
    const server = { '/steady': none, '/rough': rough }
    assert.equal(judgeMessages({ samples: [], tallies: { vanishing }, server }).isGood, true)
    const more = { '/steady': none, '/rough': { ...rough, handled: 8 } }
    assert.equal(judgeMessages({ samples: [], tallies: { vanishing }, server: more }).isGood, false)
  })
})
