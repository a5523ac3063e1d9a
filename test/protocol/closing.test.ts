import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Closing,
  maySend,
  OPEN,
  onCloseReceived,
  onCloseSent,
  receivedOf,
  sentOf,
} from '../../src/protocol/closing.js'

const ours = { code: 1000, reason: 'ours' }
const theirs = { code: 4000, reason: 'theirs' }
const other = { code: 1011, reason: '' }

const sent = onCloseSent(OPEN, ours)
const received = onCloseReceived(OPEN, theirs)
const done = onCloseReceived(sent, theirs)

describe('onCloseSent', () => {
  test('begins the closing handshake', () => assert.deepEqual(sent, { phase: 'sent', sent: ours }))
  test('answers the peer', () =>
    assert.deepEqual(onCloseSent(received, ours), {
      phase: 'done',
      sent: ours,
      received: theirs,
      first: 'received',
    }))
  test('brings no news the second time', () => {
    assert.equal(onCloseSent(sent, other), sent)
    assert.equal(onCloseSent(done, other), done)
  })
})

describe('onCloseReceived', () => {
  test('is the peer beginning', () => assert.deepEqual(received, { phase: 'received', received: theirs }))
  test('is the answer to ours', () =>
    assert.deepEqual(done, { phase: 'done', sent: ours, received: theirs, first: 'sent' }))
  test('brings no news the second time', () => {
    assert.equal(onCloseReceived(received, other), received)
    assert.equal(onCloseReceived(done, other), done)
  })
})

const facts: readonly [string, Closing, boolean, unknown, unknown][] = [
  ['open', OPEN, true, undefined, undefined],
  ['sent', sent, false, ours, undefined],
  ['received', received, true, undefined, theirs],
  ['done', done, false, ours, theirs],
]
for (const [phase, closing, may, weSent, theySent] of facts)
  test(`maySend, sentOf and receivedOf know the facts of phase ${phase}`, () => {
    assert.equal(maySend(closing), may)
    assert.equal(sentOf(closing), weSent)
    assert.equal(receivedOf(closing), theySent)
  })
