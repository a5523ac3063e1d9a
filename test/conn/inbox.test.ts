import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Inbox } from '../../src/conn/inbox.js'
import type { Frame } from '../../src/frame/frame.js'
import { acquireFrame } from '../../src/frame/pool.js'

function frame(opcode: number, payload: string, fin = true): Frame {
  const made = acquireFrame()
  made.opcode = opcode
  made.fin = fin
  made.payload = payload
  return made
}

test('Inbox keeps order and count through thousands of frames that never leave it empty', () => {
  const inbox = new Inbox({ maxInboxFrames: 16, maxInboxBytes: 1000 })
  let next = 0
  let expected = 0
  const push = (): void => inbox.push(frame(1, String(next++)))
  for (let i = 0; i < 8; i++) push()
  for (let i = 0; i < 5000; i++) {
    push()
    const [whole] = inbox.shiftMessage()
    assert.equal(whole?.text(), String(expected++))
    assert.equal(inbox.wholeMessages, 8)
  }
  while (!inbox.isEmpty) assert.equal(inbox.shift()?.text(), String(expected++))
  assert.equal(inbox.shift(), undefined)
  assert.equal(inbox.wholeMessages, 0)
})

test('Inbox is full by frames or by bytes; control frames count as neither', () => {
  const inbox = new Inbox({ maxInboxFrames: 3, maxInboxBytes: 10 })
  for (let i = 0; i < 10; i++) inbox.push(frame(9, 'ping'))
  assert.equal(inbox.isFull, false)
  inbox.push(frame(2, '0123456789'))
  assert.equal(inbox.isFull, true)
  assert.equal(inbox.shiftData()?.length, 10)
  assert.equal(inbox.isFull, false)
  for (let i = 0; i < 3; i++) inbox.push(frame(0, '', false))
  assert.equal(inbox.isFull, true)
  assert.equal(inbox.beginsInside, true)
  inbox.clear()
  assert.equal(inbox.isEmpty, true)
  assert.equal(inbox.beginsInside, false)
})
