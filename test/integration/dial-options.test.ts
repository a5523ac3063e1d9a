import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { type DialOptions, dial, type RetryingOptions } from '../../src/dial.js'

const URL_OF_NOBODY = 'ws://nowhere.invalid/'

/** Options as JavaScript may give them, and what the error must name. */
const wrong: [
  name: string,
  options: Record<string, unknown>,
  error: 'TypeError' | 'RangeError',
  named: string,
][] = [
  ['an unknown option', { maxMesage: 5 }, 'TypeError', 'options.maxMesage'],
  [
    'an unknown option without a value',
    { perMessageDeflate: undefined },
    'TypeError',
    'options.perMessageDeflate',
  ],
  ['an option of connections', { maxMessage: -1 }, 'RangeError', 'maxMessage'],
  ['a timeout that is no number', { timeout: '10' }, 'TypeError', 'timeout'],
  ['a negative timeout', { timeout: -1 }, 'RangeError', 'timeout'],
  ['a timeout that no timer takes', { timeout: 2 ** 31 }, 'RangeError', 'timeout'],
  ['a subprotocol that is no token', { protocols: 'a, b' }, 'RangeError', 'protocols'],
  ['an empty subprotocol', { protocols: [''] }, 'RangeError', 'protocols'],
  ['a subprotocol that is no string', { protocols: [5] }, 'TypeError', 'protocols'],
  ['subprotocols that are no list', { protocols: { a: 1 } }, 'TypeError', 'protocols'],
  ['a subprotocol with a line break', { protocols: 'a\r\nX: b' }, 'RangeError', 'protocols'],
  ['a subprotocol twice', { protocols: ['a', 'b', 'a'] }, 'RangeError', 'protocols'],
  ['headers that are no object', { headers: 'a: b' }, 'TypeError', 'headers'],
  ['a header with a line break', { headers: { 'X-A': 'secret\r\nX-B: c' } }, 'RangeError', "headers['X-A']"],
  [
    'a header with a bare LF',
    { headers: { 'X-A': ['b', 'secret\nX-B: c'] } },
    'RangeError',
    "headers['X-A']",
  ],
  ['a header with NUL', { headers: { 'X-A': 'secret\0' } }, 'RangeError', "headers['X-A']"],
  ['a header beyond ASCII', { headers: { 'X-A': 'secret\u0100' } }, 'RangeError', "headers['X-A']"],
  ['a header name with a line break', { headers: { 'X-A: 1\r\nX-B': 'c' } }, 'RangeError', 'headers'],
  ['a header that is an object', { headers: { 'X-A': {} } }, 'TypeError', "headers['X-A']"],
  ...['Connection', 'UPGRADE', 'Sec-WebSocket-Key', 'sec-websocket-version', 'Sec-WebSocket-Protocol'].map(
    (name): (typeof wrong)[number] => [
      `the header ${name}`,
      { headers: { [name]: 'x' } },
      'RangeError',
      name,
    ],
  ),
  ...[
    'Sec-WebSocket-Extensions',
    'Sec-WebSocket-Accept',
    'Content-Length',
    'Transfer-Encoding',
    'Expect',
  ].map((name): (typeof wrong)[number] => [
    `the header ${name}`,
    { headers: { [name]: 'x' } },
    'RangeError',
    name,
  ]),
  ['two hosts', { headers: { Host: ['a', 'b'] } }, 'RangeError', 'host'],
  ['an origin that is no string', { origin: 5 }, 'TypeError', 'origin'],
  ['an origin with a line break', { origin: 'secret\r\nX: y' }, 'RangeError', 'origin'],
  ['tls that is no object', { tls: true }, 'TypeError', 'tls'],
  ['connect that is no object', { connect: 5 }, 'TypeError', 'connect'],
  ['an unknown option of connect', { connect: { port: 5 } }, 'TypeError', 'connect.port'],
  ['a socket path that is no string', { socketPath: 5 }, 'TypeError', 'socketPath'],
  ['an empty socket path', { socketPath: '' }, 'RangeError', 'socketPath'],
  ['a socket that is none', { socket: {} }, 'TypeError', 'socket'],
  ['a proxy that is no URL', { proxy: 'secret' }, 'RangeError', 'proxy'],
  ['a proxy of another kind', { proxy: 'socks5://me:secret@proxy' }, 'RangeError', 'proxy'],
  ['a proxy that is a number', { proxy: 5 }, 'TypeError', 'proxy'],
  ['a proxy without a URL', { proxy: {} }, 'TypeError', 'proxy'],
  ['an unknown option of the proxy', { proxy: { url: 'http://p', host: 'x' } }, 'TypeError', 'proxy.host'],
  [
    'a header of the proxy with a line break',
    { proxy: { url: 'http://p', headers: { A: 'b\n' } } },
    'RangeError',
    "proxy.headers['A']",
  ],
  ['redirects that are no number', { followRedirects: true }, 'TypeError', 'followRedirects'],
  ['half a redirect', { followRedirects: 0.5 }, 'RangeError', 'followRedirects'],
  ['a signal that is none', { signal: {} }, 'TypeError', 'signal'],
  ['onRequest that is no function', { onRequest: 5 }, 'TypeError', 'onRequest'],
  ['onResponse that is no function', { onResponse: {} }, 'TypeError', 'onResponse'],
  [
    'an extension without a token for a name',
    { extensions: [{ name: 'a b', start: () => ({}) }] },
    'RangeError',
    'extensions',
  ],
  ['a proxy and a unix socket', { proxy: 'http://p', socketPath: '/tmp/s' }, 'RangeError', 'socket'],
  ['a stream and a proxy', { proxy: 'http://p', socket: new PassThrough() }, 'RangeError', 'socket'],
  [
    'a stream and redirects',
    { followRedirects: 1, socket: new PassThrough() },
    'RangeError',
    'followRedirects',
  ],
]

const expected =
  (error: 'TypeError' | 'RangeError', named: string) => (thrown: Error & { code?: string }) => {
    assert.equal(thrown.name, error)
    assert.equal(thrown.code, 'WS_ERR_ARGUMENT')
    assert.ok(thrown.message.includes(named), thrown.message)
    assert.ok(!thrown.message.includes('secret'), thrown.message)
    return true
  }

describe('dial rejects', () => {
  for (const [name, options, error, named] of wrong)
    test(name, () => assert.rejects(dial(URL_OF_NOBODY, options as DialOptions), expected(error, named)))

  for (const options of [null, 5, 'ws', []])
    test(`${JSON.stringify(options)} as options`, () =>
      assert.rejects(
        dial(URL_OF_NOBODY, options as unknown as DialOptions),
        expected('TypeError', 'options'),
      ))

  test('a URL that is none, instead of throwing', () =>
    assert.rejects(dial('nowhere'), expected('RangeError', 'url')))

  test('what onRequest makes of the headers when it cannot be sent', async () => {
    const onRequest: DialOptions['onRequest'] = ({ headers }) => {
      headers['x-new'] = 'secret\r\nX: y'
    }
    await assert.rejects(
      dial(URL_OF_NOBODY, { onRequest }),
      expected('RangeError', "request.headers['x-new']"),
    )
  })
})

describe('dial.retrying throws at once for', () => {
  const more: typeof wrong = [
    ['an unknown option', { retries: 5 }, 'TypeError', 'options.retries'],
    ['a stream, which is gone after one dial', { socket: new PassThrough() }, 'TypeError', 'options.socket'],
    ['a negative delay', { initialDelay: -1 }, 'RangeError', 'initialDelay'],
    ['a delay that is no number', { maxDelay: '5' }, 'TypeError', 'maxDelay'],
    ['waits that get shorter', { factor: 0.5 }, 'RangeError', 'factor'],
    ['no attempt at all', { maxAttempts: 0 }, 'RangeError', 'maxAttempts'],
    ['isFatal that is no function', { isFatal: true }, 'TypeError', 'isFatal'],
    ['random that is no function', { random: 0.5 }, 'TypeError', 'random'],
    ['a reset that is no number', { resetAfter: 'x' }, 'TypeError', 'resetAfter'],
  ]
  for (const [name, options, error, named] of more)
    test(name, () =>
      assert.throws(() => dial.retrying(URL_OF_NOBODY, options as RetryingOptions), expected(error, named)),
    )

  test('a URL that is none', () =>
    assert.throws(() => dial.retrying('nowhere'), expected('RangeError', 'url')))
  test('null as options', () =>
    assert.throws(
      () => dial.retrying('ws://h', null as unknown as RetryingOptions),
      expected('TypeError', 'options'),
    ))
})
