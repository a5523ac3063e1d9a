import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAcceptance, isRefusal, judge, type RequestFacts } from '../../src/handshake/server.js'
import { fc } from '../support/fast-check.js'
import { ACCEPT, GOOD, KEY } from './raw.js'

const split = (line: string): string[] => {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}

function facts(lines: readonly string[] = [], more: Partial<RequestFacts> = {}): RequestFacts {
  const names = lines.map((line) => line.split(':', 1)[0]!.toLowerCase())
  const kept = GOOD.filter((line) => !names.includes(line.split(':', 1)[0]!.toLowerCase()))
  const all = [...kept, ...lines.filter((line) => line.includes(':'))]
  return { method: 'GET', httpVersion: '1.1', rawHeaders: all.flatMap(split), ...more }
}

test('judge reads the offer of a handshake that is in order', () => {
  assert.deepEqual(judge(facts()), {
    key: KEY,
    host: 'example.com',
    origin: undefined,
    protocols: [],
    extensions: [],
  })
})

test('judge joins lists that stand on several lines', () => {
  const lines = [
    'Sec-WebSocket-Protocol: a, b',
    'sec-websocket-protocol: c',
    'Sec-WebSocket-Extensions: x; y=1',
    'Sec-WebSocket-Extensions: x',
    'Connection: keep-alive',
    'Connection: UPGRADE',
    'Upgrade: h2c, WebSocket',
    'Origin: https://example.com',
  ]
  const offer = judge(facts(lines))
  assert.ok(!isRefusal(offer))
  assert.deepEqual(offer.protocols, ['a', 'b', 'c'])
  assert.deepEqual(offer.extensions, [
    { name: 'x', params: [['y', '1']] },
    { name: 'x', params: [] },
  ])
  assert.equal(offer.origin, 'https://example.com')
})

const refusals: [string, number, RequestFacts][] = [
  ['POST', 405, facts([], { method: 'POST' })],
  ['no method', 405, facts([], { method: undefined })],
  ['HTTP/1.0', 400, facts([], { httpVersion: '1.0' })],
  ['HTTP/2.0', 400, facts([], { httpVersion: '2.0' })],
  ['no headers at all', 426, facts([], { rawHeaders: [] })],
  ['a name without a value', 426, facts([], { rawHeaders: ['Upgrade'] })],
]
for (const [name, status, request] of refusals)
  test(`judge answers ${name} with ${status}`, () => {
    const verdict = judge(request)
    assert.ok(isRefusal(verdict))
    assert.equal(verdict.status, status)
  })

test('judge never throws, whatever the headers hold', () => {
  const name = fc.constantFrom(
    'Host',
    'Connection',
    'Upgrade',
    'Origin',
    'Sec-WebSocket-Key',
    'Sec-WebSocket-Version',
    'Sec-WebSocket-Protocol',
    'Sec-WebSocket-Extensions',
    'Content-Length',
  )
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('websocket', 'Upgrade', '13', KEY, 'a', ''),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 14 }), (headers) => {
      const verdict = judge({ method: 'GET', httpVersion: '1.1', rawHeaders: headers.flat() })
      if (isRefusal(verdict)) assert.ok([400, 426].includes(verdict.status))
      else assert.equal(verdict.key.length, 24)
    }),
  )
})

test('encodeAcceptance writes the response of RFC 6455 §1.3', () => {
  const lines = [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
  ] as const
  assert.equal(
    encodeAcceptance({ key: KEY, protocol: 'chat', extensions: 'x; y', lines }).toString(),
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n` +
      'Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x; y\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
  )
  assert.doesNotMatch(
    encodeAcceptance({ key: KEY, protocol: '', extensions: '', lines: [] }).toString(),
    /-Protocol|-Ext/,
  )
})
