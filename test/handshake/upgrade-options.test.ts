import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathOf } from '../../src/server/options.js'
import { upgrade } from '../../src/upgrade.js'

const ok = (): void => undefined

const bad: [string, unknown, RegExp][] = [
  ['an unknown name', { maxPayload: 1 }, /options\.maxPayload/],
  ['a name of Object', { toString: 1 }, /options\.toString/],
  ['null', null, /options/],
  ['a path that is a number', { path: 1 }, /path/],
  ['a path without a slash', { path: 'ws' }, /path/],
  ['a path with a query', { path: '/ws?a' }, /path/],
  ['an origin that is a text', { origins: 'https://a.example' }, /origins/],
  ['an origin with a path', { origins: ['https://a.example/'] }, /origins/],
  ['an origin that is a host', { origins: ['a.example'] }, /origins/],
  ['an origin that is no text', { origins: [1] }, /origins/],
  ['a protocol that is no token', { protocols: ['a b'] }, /protocols/],
  ['an empty protocol', { protocols: [''] }, /protocols/],
  ['protocols in one text', { protocols: 'a, b' }, /protocols/],
  ['a header with a line break', { headers: { A: '\r\n' } }, /headers\['A'\]/],
  [
    'a header of the handshake',
    { headers: { 'Sec-WebSocket-Protocol': 'a' } },
    /headers\['Sec-WebSocket-Protocol'\]/,
  ],
  ['headers that are a text', { headers: 'a: b' }, /headers/],
  ['accept that is no function', { accept: true }, /accept/],
  ['fallback that is no function', { fallback: {} }, /fallback/],
  ['onError that is no function', { onError: 'log' }, /onError/],
  ['maxConnections 0', { maxConnections: 0 }, /maxConnections/],
  ['maxConnections in words', { maxConnections: '5' }, /maxConnections/],
  ['handshakeTimeout below 0', { handshakeTimeout: -1 }, /handshakeTimeout/],
  ['handshakeTimeout longer than a timer can be', { handshakeTimeout: 2 ** 31 }, /handshakeTimeout/],
  ['a bad connection option', { maxMessage: -1 }, /maxMessage/],
  ['an extension whose name is no token', { extensions: [{ name: 'a b', start: ok }] }, /extensions/],
  ['a local extension with a reserved bit', { extensions: [{ name: 'a', rsv: 0x40, start: ok }] }, /rsv/],
]
for (const [name, options, message] of bad)
  test(`upgrade refuses ${name}`, () => {
    assert.throws(
      () => upgrade(ok, options as never),
      (error: Error & { code?: string }) =>
        (error instanceof TypeError || error instanceof RangeError) &&
        error.code === 'WS_ERR_ARGUMENT' &&
        message.test(error.message),
    )
  })

for (const handler of [undefined, null, {}, 'x', { path: '/' }, { message: 'x' }, { message: ok, open: 1 }])
  test(`upgrade refuses ${JSON.stringify(handler)} as handler`, () => {
    assert.throws(() => upgrade(handler as never), /handler/)
  })

for (const server of [undefined, {}, 8080])
  test(`attach refuses ${JSON.stringify(server)}`, () => {
    assert.throws(() => upgrade(ok).attach(server as never), /server/)
  })

test('upgrade takes every option at once', () => {
  upgrade(
    { message: ok },
    {
      path: '/ws',
      origins: ['https://a.example', 'null'],
      protocols: ['a'],
      headers: { A: 'b' },
      accept: () => undefined,
      maxConnections: 5,
      fallback: ok,
      handshakeTimeout: 0,
      onError: ok,
      maxMessage: 5,
      keepalive: false,
    },
  )
})

for (const [url, path] of [
  ['/a', '/a'],
  ['/a?b/c', '/a'],
  ['/a%20b', '/a%20b'],
  ['http://example.com/a?b', '/a'],
  ['http://example.com', '/'],
  ['http://example.com?a', '/'],
  ['//a', '//a'],
  ['*', '/'],
  ['', '/'],
] as const)
  test(`pathOf finds the path of '${url}'`, () => assert.equal(pathOf(url), path))
