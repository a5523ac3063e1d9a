import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandshakeRequest } from '../../src/conn/handshake-request.js'

test('HandshakeRequest gives names in lower case, and joins repeated fields as Node does', () => {
  const request = new HandshakeRequest('/a?b=c', [
    'Host',
    'x',
    'X-A',
    '1',
    'Cookie',
    'a=1',
    'x-a',
    '2',
    'cookie',
    'b=2',
  ])
  assert.equal(request.url, '/a?b=c')
  assert.deepEqual({ ...request.headers }, { host: 'x', 'x-a': '1, 2', cookie: 'a=1; b=2' })
})

test('HandshakeRequest keeps nothing of what asked for the upgrade itself', () => {
  const request = new HandshakeRequest('/', [
    ...['Upgrade', 'websocket', 'CONNECTION', 'Upgrade', 'Origin', 'http://a'],
    ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version', '13'],
    ...['Sec-WebSocket-Protocol', 'chat', 'X-Upgrade', 'yes'],
  ])
  assert.deepEqual(
    { ...request.headers },
    { origin: 'http://a', 'sec-websocket-protocol': 'chat', 'x-upgrade': 'yes' },
  )
})

test('HandshakeRequest has no headers where there were none, and none that were not sent', () => {
  const { headers } = new HandshakeRequest('/', [])
  assert.deepEqual(Object.keys(headers), [])
  assert.equal(headers.constructor, undefined)
  assert.equal(Object.getPrototypeOf(headers), null)
})
