import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerFor, encodeAnswer, reject } from '../../src/handshake/refusal.js'

const encode = (refusal: ReturnType<typeof reject>, method = 'GET'): string =>
  encodeAnswer(answerFor(refusal), method).toString('latin1')

test('reject says the status in words', () => {
  assert.equal(
    encode(reject(403)),
    'HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\nForbidden\n',
  )
})

test('reject takes headers and a body of its own', () => {
  const headers = { 'content-type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'] }
  assert.equal(
    encode(reject(401, { headers, body: Buffer.from('{}') })),
    'HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\ncontent-type: application/json\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n{}',
  )
})

test('the length of a body counts its bytes', () => {
  assert.match(encode(reject(400, { body: 'äö' })), /Content-Length: 4\r\n/)
})

test('an answer to HEAD has the length of its body, and no body', () => {
  assert.match(encode(reject(404), 'HEAD'), /Content-Length: 10\r\n\r\n$/)
})

for (const status of [204, 304])
  test(`${status} has neither body nor length`, () => {
    const text = encode(reject(status, { body: 'x' }))
    assert.doesNotMatch(text, /Content-/)
    assert.match(text, /\r\n\r\n$/)
  })

test('a status without a name is its own body', () => {
  assert.match(encode(reject(499)), /^HTTP\/1.1 499 \r\n[\s\S]*\r\n\r\n499\n$/)
})

test('an answer with Upgrade names it in Connection', () => {
  assert.match(
    encode({ status: 426, headers: { Upgrade: 'websocket' } }),
    /\r\nConnection: Upgrade, close\r\n/,
  )
})

const bad = [
  ['a status of 101', [101], RangeError],
  ['a status of 600', [600], RangeError],
  ['a broken status', [404.5], RangeError],
  ['a status that is no number', ['404'], TypeError],
  ['a body that is no text', [404, { body: {} }], TypeError],
  ['a header with a line break', [404, { headers: { A: 'b\r\nc' } }], RangeError],
  ['a length of its own', [404, { headers: { 'content-length': '3' } }], RangeError],
  ['headers that are no object', [404, { headers: 'x' }], TypeError],
] as const
for (const [name, args, kind] of bad)
  test(`reject refuses ${name}`, () => assert.throws(() => reject(...(args as unknown as [number])), kind))
