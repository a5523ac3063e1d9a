import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkHeld, FrameHeader, headOf, setHeader, setReleased } from '../../src/frame/frame-header.js'
import { misuse, released } from './helpers.js'

const BITS = [
  ['fin', 0x80],
  ['rsv1', 0x40],
  ['rsv2', 0x20],
  ['rsv3', 0x10],
] as const

test('FrameHeader begins as that of a final, unmasked binary frame', () => {
  const header = new FrameHeader()
  assert.equal(headOf(header), 0x82)
  assert.deepEqual([header.masked, header.maskKey, header.isReleased], [false, 0, false])
})

for (const [name, bit] of BITS)
  test(`FrameHeader.${name} reads and sets its bit and no other`, () => {
    const header = new FrameHeader()
    for (let head = 0; head < 256; head++) {
      setHeader(header, head, false, 0)
      assert.equal(header[name], (head & bit) !== 0)
      header[name] = true
      assert.equal(headOf(header), head | bit)
      header[name] = false
      assert.equal(headOf(header), head & ~bit)
    }
    assert.throws(
      () => {
        header[name] = 1 as unknown as boolean
      },
      misuse(TypeError, name),
    )
  })

test('FrameHeader.opcode reads and sets its four bits and no other', () => {
  const header = new FrameHeader()
  for (const head of [0x00, 0xf0, 0xff, 0x81])
    for (let opcode = 0; opcode < 16; opcode++) {
      setHeader(header, head, false, 0)
      header.opcode = opcode
      assert.equal(header.opcode, opcode)
      assert.equal(headOf(header), (head & 0xf0) | opcode)
    }
  for (const wrong of [-1, 16, 1.5, NaN, '1', undefined])
    assert.throws(
      () => {
        header.opcode = wrong as number
      },
      misuse(RangeError, 'opcode'),
    )
})

test('FrameHeader.masked and maskKey are apart from each other', () => {
  const header = new FrameHeader()
  for (const key of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    header.maskKey = key
    assert.deepEqual([header.maskKey, header.masked], [key, false])
  }
  header.masked = true
  assert.deepEqual([header.maskKey, header.masked], [0xffff_ffff, true])
  for (const wrong of [-1, 2 ** 32, 0.5, NaN, '1', Buffer.alloc(4)])
    assert.throws(
      () => {
        header.maskKey = wrong as number
      },
      misuse(RangeError, 'maskKey'),
    )
  assert.throws(
    () => {
      header.masked = 'no' as unknown as boolean
    },
    misuse(TypeError, 'masked'),
  )
})

test('FrameHeader.isText and its siblings ask the opcode', () => {
  const kinds = ['isContinuation', 'isText', 'isBinary', 'isClose', 'isPing', 'isPong'] as const
  const opcodes = [0, 1, 2, 8, 9, 10]
  const header = new FrameHeader()
  for (let opcode = 0; opcode < 16; opcode++) {
    header.opcode = opcode
    for (const [i, kind] of kinds.entries())
      assert.equal(header[kind], opcode === opcodes[i], `${kind} of ${opcode}`)
    assert.equal(header.isControl, opcode >= 8)
    assert.equal(header.isData, opcode < 8)
  }
})

// Go's fastws ORs the bits of the next frame onto those of a used one.
test('setHeader on a used header leaves no bit of the former one', () => {
  const header = new FrameHeader()
  setHeader(header, 0xff, true, 0xffff_ffff)
  setHeader(header, 0x01, false, 0)
  assert.deepEqual([headOf(header), header.masked, header.maskKey], [0x01, false, 0])
})

test('setReleased makes every use throw, and allows it again', () => {
  const header = new FrameHeader()
  setReleased(header, true)
  assert.equal(header.isReleased, true)
  assert.throws(() => checkHeld(header), released)
  assert.throws(() => setHeader(header, 0, false, 0), released)
  setReleased(header, false)
  checkHeld(header)
  assert.equal(headOf(header), 0x82)
})
