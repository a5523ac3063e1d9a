import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptFor, createHandshakeKey, isHandshakeKey } from '../../src/frame/handshake-key.js'

test('acceptFor answers the key of RFC 6455 §1.3, and another one', () => {
  assert.equal(acceptFor('dGhlIHNhbXBsZSBub25jZQ=='), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.equal(acceptFor('x3JJHMbDL1EzLkh9GBhXDw=='), 'HSmrc0sMlYUkAGmm5OPpG2HaGWk=')
})

test('acceptFor takes no key that is not a string', () => {
  assert.throws(() => acceptFor(undefined as never), { name: 'TypeError', message: /key/ })
})

test('createHandshakeKey gives 16 bytes in base64, a new one each time', () => {
  const keys = new Set(Array.from({ length: 100 }, createHandshakeKey))
  assert.equal(keys.size, 100)
  for (const key of keys) {
    assert.ok(isHandshakeKey(key), key)
    assert.equal(Buffer.from(key, 'base64').length, 16)
  }
})

test('isHandshakeKey takes every letter of the alphabet, and any spare bits', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (const letter of alphabet) assert.ok(isHandshakeKey(`${letter.repeat(22)}==`), letter)
})

test('isHandshakeKey refuses every other character, whatever its place', () => {
  for (let code = 0; code < 256; code++) {
    const character = String.fromCharCode(code)
    if (/[A-Za-z0-9+/]/.test(character)) continue
    for (const at of [0, 10, 21]) {
      const key = `${'A'.repeat(at)}${character}${'A'.repeat(21 - at)}==`
      assert.equal(isHandshakeKey(key), false, JSON.stringify(key))
    }
  }
})

test('isHandshakeKey refuses a wrong length, wrong padding and what is no string', () => {
  const good = 'dGhlIHNhbXBsZSBub25jZQ=='
  for (const key of [
    '',
    '==',
    good.slice(0, -1),
    `${good}=`,
    ` ${good}`,
    `A${good}`,
    `${good.slice(0, 22)}=A`,
    'dGhlIHNhbXBsZSBub25jZSE=',
  ])
    assert.equal(isHandshakeKey(key), false, key)
  for (const wrong of [undefined, null, 24, [good], { length: 24 }])
    assert.equal(isHandshakeKey(wrong as unknown as string), false)
})
