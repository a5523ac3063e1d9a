import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { followRedirect, type Route } from '../../src/client/redirect.js'
import { parseTarget } from '../../src/client/target.js'
import type { HandshakeResponse } from '../../src/handshake/client.js'

/** The route after a redirect, for a request that asked for subprotocols. */
function follow(from: string, location: string): Route {
  const route = { authorization: undefined, headers: [], protocols: ['chat'], tls: {} }
  const response: HandshakeResponse = {
    version: '1.1',
    status: 302,
    reason: '',
    headers: {},
    rawHeaders: ['Location', location],
  }
  return followRedirect({ ...route, target: parseTarget(from) }, response)
}

describe('a redirect to another origin, with subprotocols', () => {
  for (const [from, to] of [
    ['ws://example.com/', 'wss://example.com/'],
    ['ws://example.com:80/a', 'https://EXAMPLE.com:443/b'],
  ] as const)
    test(`is followed from ${from} to ${to}`, () => assert.deepEqual(follow(from, to).protocols, ['chat']))

  for (const [from, to] of [
    ['ws://example.com/', 'ws://example.com:8080/'],
    ['ws://example.com/', 'wss://example.com:8443/'],
    ['ws://example.com:8080/', 'wss://example.com/'],
    ['ws://example.com/', 'wss://www.example.com/'],
    ['wss://example.com/', 'wss://example.org/'],
    ['ws+unix:/tmp/x:/', 'wss://localhost/'],
  ] as const)
    test(`is not followed from ${from} to ${to}`, () =>
      assert.throws(() => follow(from, to), { code: 'WS_ERR_REDIRECT', message: /subprotocol/ }))
})
