import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandshakeRequest } from '../../src/conn/handshake-request.js'
import { seeded } from '../support/index.js'
import { heapGrowth } from '../support/measure.js'

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

/** As browsers of one kind send them, in memory of its own each time, as from Node's parser. */
function fromBrowser(): string[] {
  const lines = [
    'Host: chat.example.com',
    'Pragma: no-cache',
    'Cache-Control: no-cache',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
    'Upgrade: websocket',
    'Origin: https://chat.example.com',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-GB,en-US;q=0.9,en;q=0.8',
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  ]
  return lines.flatMap((line) => Buffer.from(line).toString('latin1').split(': '))
}

test('HandshakeRequest holds next to nothing of its own of what all browsers of a kind send', () => {
  const count = 5000
  const make = (): HandshakeRequest => new HandshakeRequest(Buffer.from('/chat').toString(), fromBrowser())
  const bytes = heapGrowth(() => Array.from({ length: count }, make)) / count
  assert.ok(bytes < 150, `${bytes} bytes each`)
})
