import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseTarget } from '../../src/client/target.js'

describe('parseTarget', () => {
  const good: [string, Record<string, unknown>][] = [
    ['ws://example.com', { secure: false, host: 'example.com', port: 80, path: '/' }],
    ['wss://example.com', { secure: true, port: 443 }],
    ['http://example.com:8080/a/b?c=d&e', { secure: false, port: 8080, path: '/a/b?c=d&e' }],
    ['https://example.com:80/', { secure: true, port: 80 }],
    ['ws://[::1]:9/', { host: '::1', port: 9 }],
    ['ws://ex\u00e4mple.com/\u00e4 b', { host: 'xn--exmple-cua.com', path: '/%C3%A4%20b' }],
    [
      'ws://user:p%40ss%C3%A4@h/',
      { authorization: `Basic ${Buffer.from('user:p@ss\u00e4').toString('base64')}` },
    ],
    ['ws://user@h/', { authorization: `Basic ${Buffer.from('user:').toString('base64')}` }],
    ['ws+unix:/tmp/my.sock', { socketPath: '/tmp/my.sock', path: '/', host: 'localhost', secure: false }],
    ['ws+unix:/tmp/my.sock:/chat?a=b:c', { socketPath: '/tmp/my.sock', path: '/chat?a=b:c' }],
    ['ws+unix:///tmp/my.sock:/', { socketPath: '/tmp/my.sock' }],
    ['ws+unix:/tmp/my%20dir/s:/', { socketPath: '/tmp/my dir/s' }],
    ['wss+unix:/tmp/s:/x', { socketPath: '/tmp/s', path: '/x', secure: true }],
    ['ws+unix:./s:/x', { socketPath: './s', path: '/x' }],
    ['ws+unix:./s:/a b', { path: '/a%20b' }],
  ]
  for (const [url, expected] of good)
    test(`reads ${url}`, () => {
      const target: Record<string, unknown> = { ...parseTarget(url) }
      for (const [name, value] of Object.entries(expected)) assert.equal(target[name], value, name)
    })

  test('keeps name and password out of the URL that it shows', () => {
    assert.equal(parseTarget('http://user:secret@h/x').url.href, 'ws://h/x')
  })

  test('takes a URL without changing it, and a socket path beside it', () => {
    const url = new URL('wss://user:secret@h/x')
    const target = parseTarget(url, '/tmp/s')
    assert.equal(url.href, 'wss://user:secret@h/x')
    assert.equal(target.socketPath, '/tmp/s')
  })

  test('refuses Latin-1 that would be a URL as UTF-8, also once it is compiled', () => {
    for (let i = 0; i < 30_000; i++)
      try {
        parseTarget('ws:\u00d7\u00af')
        assert.fail('it is no URL')
      } catch (error) {
        if ((error as { code?: string }).code !== 'WS_ERR_ARGUMENT') throw error
      }
  })

  const wrong: [string, string][] = [
    ['a fragment', 'ws://h/#x'],
    ['an empty fragment', 'ws://h/#'],
    ['a fragment on a unix socket', 'ws+unix:/tmp/s:/x#y'],
    ['another scheme', 'ftp://h/'],
    ['a relative URL', '/chat'],
    ['nothing', ''],
    ['a wrong port', 'ws://h:65536/'],
    ['a host beside a unix socket', 'ws+unix://h/tmp/s'],
    ['a unix socket without a path', 'ws+unix:'],
    ['a unix socket with a relative request path', 'ws+unix:/tmp/s:x'],
    ['a name that is not UTF-8', 'ws://%ff@h/'],
    ['a name that is wrongly encoded', 'ws://%secret@h/'],
  ]
  for (const [name, url] of wrong)
    test(`refuses ${name}, without showing the URL`, () =>
      assert.throws(
        () => parseTarget(url),
        (error: Error) => {
          assert.ok(error instanceof RangeError)
          assert.match(error.message, /url/)
          assert.ok(!error.message.includes('secret'))
          assert.equal(error.cause, undefined)
          return true
        },
      ))

  test('refuses two unix sockets', () => {
    assert.throws(() => parseTarget('ws+unix:/tmp/s', '/tmp/t'), RangeError)
  })

  for (const url of [undefined, null, 5, {}, ['ws://h']])
    test(`refuses ${JSON.stringify(url)} as a URL`, () =>
      assert.throws(() => parseTarget(url as unknown as string), TypeError))
})
