import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOrigin, isSameOrigin, normalizeOrigin } from '../../src/handshake/origin.js'

const same = [
  ['http://example.com', 'example.com', false],
  ['https://example.com', 'example.com', true],
  ['https://example.com', 'example.com', false], // behind a proxy that takes TLS off
  ['https://example.com', 'example.com:443', true],
  ['https://example.com:443', 'example.com', true],
  ['http://example.com', 'example.com:80', false],
  ['http://example.com:8080', 'example.com:8080', false],
  ['HTTPS://Example.COM', 'example.com', true],
  ['http://[::1]:8080', '[::1]:8080', false],
  ['http://[::1]', '[::1]', false],
] as const
for (const [origin, host, secure] of same)
  test(`isSameOrigin takes ${origin} at ${host}${secure ? ' over TLS' : ''}`, () =>
    assert.equal(isSameOrigin({ origin, host, secure }), true))

const foreign = [
  ['http://evil.example', 'example.com', false],
  ['http://example.com', 'example.com', true], // a page that anyone on the wire may have changed
  ['http://example.com:8080', 'example.com', false],
  ['http://example.com', 'example.com:8080', false],
  ['https://example.com', 'example.com:80', false],
  ['http://example.com.evil.example', 'example.com', false],
  ['http://evil.example/example.com', 'example.com', false],
  ['http://example.com@evil.example', 'example.com', false],
  ['http://evil.example#example.com', 'example.com', false],
  ['http://evil.example, http://example.com', 'example.com', false],
  ['http://example.com/', 'example.com', false],
  ['http://[::1]:8080', '[::2]:8080', false],
  ['chrome-extension://example.com', 'example.com', false],
  ['file://', 'example.com', false],
  ['null', 'null', false],
  ['', '', false],
  ['example.com', 'example.com', false],
  ['://example.com', 'example.com', false],
  ['http://', '', false],
] as const
for (const [origin, host, secure] of foreign)
  test(`isSameOrigin refuses ${JSON.stringify(origin)} at ${host}${secure ? ' over TLS' : ''}`, () =>
    assert.equal(isSameOrigin({ origin, host, secure }), false))

test('isSameOrigin takes requests without Origin: no browser sent them', () => {
  assert.equal(isSameOrigin({ origin: undefined, host: 'example.com', secure: true }), true)
})

test('isOrigin tells origins from URLs and names', () => {
  for (const text of ['https://example.com', 'http://a:1', 'null', 'tauri://localhost'])
    assert.equal(isOrigin(text), true, text)
  for (const text of [
    'https://example.com/',
    'example.com',
    'https://a:b',
    'https://a:123456',
    '*',
    'https://*.a,b',
  ])
    assert.equal(isOrigin(text), false, text)
})

test('normalizeOrigin writes equal origins alike', () => {
  assert.equal(normalizeOrigin('HTTPS://Example.com:443'), 'https://example.com')
  assert.equal(normalizeOrigin('http://example.com:8080'), 'http://example.com:8080')
  assert.equal(normalizeOrigin('null'), 'null')
})
