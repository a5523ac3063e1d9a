import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandshakeRequest } from '../../src/conn/handshake-request.js'
import { seeded } from '../support/index.js'

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

/** What `headers` is to be. */
function joined(fields: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [field, value] of fields) {
    const name = field.toLowerCase()
    const joint = name === 'cookie' ? '; ' : ', '
    headers[name] = name in headers ? `${headers[name]}${joint}${value}` : value
  }
  delete headers.upgrade
  return headers
}

test('HandshakeRequest has of each request what it sent, whatever others sent before', () =>
  seeded((random) => {
    const names = [
      'Host',
      'Origin',
      'User-Agent',
      'Via',
      'Cookie',
      'X-A',
      'x-a',
      'via',
      'cookie',
      'Upgrade',
      'X-Forwarded-For',
    ]
    const draw = (): string => random.pick(['', 'a', 'b', 'one, two', 'x'.repeat(random.pick([300, 3000]))])
    for (let request = 0; request < 300; request++) {
      const url = `/${draw()}${random.chance() ? '?' : ''}${draw()}`
      const raw = Array.from({ length: random.int(0, 6) }, () => [random.pick(names), draw()] as const)
      const made = new HandshakeRequest(url, raw.flat())
      assert.deepEqual([made.url, { ...made.headers }], [url, joined(raw)])
    }
  }, 5))
