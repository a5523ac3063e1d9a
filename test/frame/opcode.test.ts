import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isControl, isKnownOpcode, Opcode, opcodeName } from '../../src/frame/opcode.js'

test('Opcode has the values of RFC 6455 §11.8', () => {
  assert.deepEqual(Opcode, { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 })
})

test('isControl is true for 8 to 15 only, the reserved ones too', () => {
  for (let opcode = 0; opcode < 16; opcode++) assert.equal(isControl(opcode), opcode >= 8, `opcode ${opcode}`)
})

test('isKnownOpcode is false for the reserved opcodes', () => {
  const known = Array.from({ length: 16 }, (_, opcode) => opcode).filter(isKnownOpcode)
  assert.deepEqual(known, [0, 1, 2, 8, 9, 10])
})

test('opcodeName gives the word of the RFC, or says that it is reserved', () => {
  const names = Array.from({ length: 16 }, (_, opcode) => opcodeName(opcode))
  assert.deepEqual(names.slice(0, 4), ['continuation', 'text', 'binary', 'reserved 0x3'])
  assert.deepEqual(names.slice(7, 12), ['reserved 0x7', 'close', 'ping', 'pong', 'reserved 0xb'])
  assert.equal(names[15], 'reserved 0xf')
})
