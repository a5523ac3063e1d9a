import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFrame } from '../../src/frame/describe.js'

const show = (head: number, payload: string | Buffer = '', maskKey?: number): string => {
  const bytes = Buffer.from(payload)
  return describeFrame(head, maskKey, bytes.length, bytes)
}

test('describeFrame names opcode, bits, key, length and payload', () => {
  assert.equal(show(0x81, 'Hello'), 'text fin 5 bytes "Hello"')
  assert.equal(show(0x02, Buffer.from([0, 255])), 'binary 2 bytes 00ff')
  assert.equal(show(0xf9, '', 0xab), 'ping fin rsv1 rsv2 rsv3 masked 000000ab 0 bytes')
  assert.equal(show(0x40, 'x'), 'continuation rsv1 1 byte 78')
  assert.equal(show(0x8b), 'reserved 0xb fin 0 bytes')
  assert.equal(describeFrame(0x82, undefined, 2 ** 40, Buffer.alloc(1)), 'binary fin 1099511627776 bytes 00')
})

test('describeFrame shows 32 bytes at most', () => {
  assert.equal(show(0x82, Buffer.alloc(32, 0xaa)), `binary fin 32 bytes ${'aa'.repeat(32)}`)
  assert.equal(show(0x82, Buffer.alloc(33, 0xaa)), `binary fin 33 bytes ${'aa'.repeat(32)}…`)
  assert.equal(show(0x81, 'a'.repeat(32)), `text fin 32 bytes "${'a'.repeat(32)}"`)
  assert.equal(show(0x81, 'a'.repeat(33)), `text fin 33 bytes "${'a'.repeat(32)}"…`)
})

test('describeFrame does not show a character that it cut as broken, but a broken one', () => {
  assert.equal(show(0x81, `${'a'.repeat(31)}€`), `text fin 34 bytes "${'a'.repeat(31)}"…`)
  assert.equal(show(0x81, Buffer.from([0x61, 0xff])), 'text fin 2 bytes "a\ufffd"')
})

test('describeFrame escapes every control character, C1 and direction marks too', () => {
  for (let code = 0; code < 0x300; code++) {
    const character = String.fromCharCode(code)
    const shown = show(0x81, character)
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0xad
    if (isControl) assert.match(shown, /^text fin \d bytes? "\\[\w{}]+"$/, `U+${code.toString(16)}`)
    else assert.ok(shown.includes(character), `U+${code.toString(16)}`)
  }
  assert.equal(show(0x81, '\x1b[2J\x9b\x7f'), 'text fin 7 bytes "\\u001b[2J\\u{9b}\\u{7f}"')
  assert.equal(show(0x81, '\u2028\u202e\u{e0001}'), 'text fin 10 bytes "\\u{2028}\\u{202e}\\u{e0001}"')
  assert.equal(show(0x81, 'say "hi"\\'), 'text fin 9 bytes "say \\"hi\\"\\\\"')
})
