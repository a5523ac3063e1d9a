import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Waiting } from '../../src/conn/waiting.js'

function lay(waiting: Waiting, text: string): void {
  const at = waiting.reserve(text.length)
  waiting.into.write(text, at)
}

/** Everything that waits, as it would be written. */
function takeAll(waiting: Waiting): string[] {
  const taken: string[] = []
  while (waiting.bytes > 0) taken.push(waiting.take().toString())
  return taken
}

describe('Waiting', () => {
  test('takes small pieces together, and large ones each by itself', () => {
    const waiting = new Waiting()
    const large = 'x'.repeat(20_000)
    lay(waiting, 'one ')
    lay(waiting, 'two ')
    waiting.push(Buffer.from('three '))
    lay(waiting, 'four')
    waiting.push(Buffer.from(large))
    lay(waiting, 'end')
    assert.equal(waiting.bytes, 18 + large.length + 3)
    assert.deepEqual(takeAll(waiting), ['one two three four', large, 'end'])
  })

  test('recycle() gives the block to the next one, unless something waits in it', () => {
    const first = new Waiting()
    first.reserve(10)
    const block = first.into
    first.recycle()
    assert.equal(first.into, block) // something waits
    first.take()
    first.recycle()
    const second = new Waiting()
    second.reserve(1)
    assert.equal(second.into, block)
    first.reserve(1)
    assert.notEqual(first.into, block)
  })
})
