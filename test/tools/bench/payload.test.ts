import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Payloads } from '../../../src/tools/bench/payload.js'
import { Times } from '../../../src/tools/bench/times.js'
import { fc } from '../../support/fast-check.js'

describe('Payloads', () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(1000, 70_000, 300_000))
  const number = fc.integer({ min: 0, max: 16 ** 11 - 1 })
  const connection = fc.integer({ min: 0, max: 99_999 })

  test('are of their size, text where they should be, and their own echoes', () => {
    fc.assert(
      fc.property(size, fc.boolean(), connection, number, (size, isBinary, connection, number) => {
        const payloads = new Payloads(size, isBinary)
        const message = Buffer.from(payloads.make(connection, number))
        assert.equal(message.length, size)
        assert.equal(payloads.size, size)
        if (!isBinary) assert.ok(message.every((byte) => byte < 0x80))
        payloads.make(connection + 1, number + 1)
        assert.ok(payloads.isEcho(message, connection, number))
      }),
      { numRuns: 200 },
    )
  })

  test('tell one message from every other, as far as they have room', () => {
    fc.assert(
      fc.property(connection, number, connection, number, (one, first, other, second) => {
        const payloads = new Payloads(16, false)
        const message = Buffer.from(payloads.make(one, first))
        assert.equal(payloads.isEcho(message, other, second), one === other && first === second)
      }),
    )
    const short = new Payloads(2, true)
    const message = Buffer.from(short.make(0, 7))
    assert.ok(!short.isEcho(message, 0, 8))
  })

  test('are no echo when a single byte is changed, or missing', () => {
    const payloads = new Payloads(5000, false)
    const message = Buffer.from(payloads.make(1, 2))
    message[4999] = 0
    assert.ok(!payloads.isEcho(message, 1, 2))
    assert.ok(!payloads.isEcho(message.subarray(0, 4999), 1, 2))
  })
})

test('Times gives back what it was given, in order, whatever comes between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ noNaN: true }), { nil: undefined })), (calls) => {
      const times = new Times()
      const model: number[] = []
      for (const call of calls) {
        if (call === undefined) assert.equal(times.shift(), model.shift())
        else {
          times.push(call)
          model.push(call)
        }
        assert.equal(times.length, model.length)
      }
    }),
  )
})
