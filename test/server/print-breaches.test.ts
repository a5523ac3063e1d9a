import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocketError } from '../../src/errors.js'
import { errorPrinter } from '../../src/server/print-breaches.js'
import { FakeClock } from '../support/index.js'
import { written } from './written.js'

const breach = (option: string): WebSocketError =>
  new WebSocketError('WS_ERR_MAX_MESSAGE', `${option} it was`, { breach: { option, limit: 1, value: 2 } })

test('errorPrinter tells of each limit once a minute, with how often it was reached besides', () => {
  const clock = new FakeClock()
  const print = errorPrinter(clock)
  const told = (option: string): string => written(() => print(breach(option)))
  assert.equal(told('maxFrame'), 'fastws: WebSocketError [WS_ERR_MAX_MESSAGE]: maxFrame it was\n')
  assert.equal(told('maxFrame'), '')
  assert.notEqual(told('maxMessage'), '')
  clock.advance(59_999)
  assert.equal(told('maxFrame'), '')
  clock.advance(1)
  assert.match(told('maxFrame'), /: maxFrame it was \(and 2 more since the last line\)\n$/)
  clock.advance(60_000)
  assert.match(told('maxFrame'), /: maxFrame it was\n$/)
})

test('errorPrinter tells of every other error', () => {
  const print = errorPrinter(new FakeClock())
  for (let i = 0; i < 3; i++)
    assert.match(
      written(() => print(new Error('boom'))),
      /^fastws: Error: boom \(at /,
    )
})
