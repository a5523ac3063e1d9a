import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gc } from '../support/measure.js'
import { onWire } from './sent.js'
import { onLine } from './support.js'

const COUNT = 1000

/** The object that a message is, eight words, and a share of what each write takes. A promise would be five words more. */
const MESSAGE = 64 + 24

for (const [what, text] of [
  ['short', 'x'.repeat(40)],
  ['long', 'x'.repeat(400)],
] as const)
  test(`an event function that sends on what comes takes nothing from the heap but the message: ${what} ones`, () => {
    const { line } = onLine({ events: { message: (conn, message) => void conn.send(message) } })
    const bytes = onWire(Array.from({ length: COUNT }, () => ({ opcode: 1, payload: Buffer.from(text) })))
    const chunk = Buffer.alloc(bytes.length)
    let least = Infinity
    for (let round = 1; round <= 100; round++) {
      const isMeasured = round % 10 === 0 // else V8 does not get to compile it
      if (isMeasured) gc() // and none comes in between
      bytes.copy(chunk)
      const before = process.memoryUsage().heapUsed
      line.events.bytes(chunk, 0, chunk.length)
      const grown = process.memoryUsage().heapUsed - before
      if (isMeasured) least = Math.min(least, grown / COUNT)
      line.take()
    }
    assert.ok(least < MESSAGE, `${least} bytes a message`)
  })
