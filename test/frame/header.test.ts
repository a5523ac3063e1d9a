import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as header from '../../src/frame/header.js'
import { hex, violation } from './helpers.js'

const EDGES = [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]

test('minimalLengthSize changes at 126 and 65536', () => {
  assert.deepEqual(EDGES.map(header.minimalLengthSize), [7, 7, 7, 16, 16, 16, 16, 16, 64, 64, 64, 64, 64])
})

test('longestOf gives what the field holds', () => {
  assert.deepEqual(
    [7, 16, 64].map((size) => header.longestOf(size as header.LengthSize)),
    [127, 65535, 2 ** 53 - 1],
  )
})

const headers = [
  ['a short one', 0x82, 125, 0, '827d'],
  ['a short masked one', 0x81, 5, 0x80, '8185'],
  ['the first of 16 bits', 0x82, 126, 0, '827e007e'],
  ['the last of 16 bits', 0x82, 65535, 0x80, '82feffff'],
  ['the first of 64 bits', 0x02, 65536, 0, '027f0000000000010000'],
  ['more than 32 bits', 0xf1, 0x1_2345_6789, 0x80, 'f1ff0000000123456789'],
  ['the longest', 0x82, 2 ** 53 - 1, 0, '827f001fffffffffffff'],
] as const

for (const [name, head, length, maskBit, digits] of headers)
  test(`writeHeader writes ${name} and says where it ends`, () => {
    const into = Buffer.alloc(20, 0xee)
    const end = header.writeHeader(into, 3, head, length, maskBit)
    assert.equal(into.subarray(3, end).toString('hex'), digits)
    assert.equal(end - 3 + (maskBit === 0 ? 0 : 4), header.headerSize(length, maskBit !== 0))
    assert.equal(end - 3, header.sizeOfHeader(into[4] as number) - (maskBit === 0 ? 0 : 4))
    into.fill(0xee, 3, end)
    assert.deepEqual(into, Buffer.alloc(20, 0xee), 'bytes around the header are left alone')
  })

test('writeLongLength writes a length in a longer form than needed', () => {
  const into = Buffer.alloc(9)
  assert.equal(header.writeLongLength(into, 0, 5, 0, 7), 1)
  assert.equal(into.toString('hex', 0, 1), '05')
  assert.equal(header.writeLongLength(into, 0, 5, 0x80, 16), 3)
  assert.equal(into.toString('hex', 0, 3), 'fe0005')
  assert.equal(header.writeLongLength(into, 0, 5, 0, 64), 9)
  assert.equal(into.toString('hex'), '7f0000000000000005')
})

test('writeUint32 and readUint32 are each other’s reverse, the highest bit included', () => {
  const into = Buffer.alloc(6)
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0x8182_8384, 0xffff_ffff]) {
    assert.equal(header.writeUint32(into, 1, value), 5)
    assert.equal(into.readUInt32BE(1), value)
    assert.equal(header.readUint32(into, 1), value)
  }
  header.writeUint32(into, 1, 0x5_0000_0007)
  assert.equal(header.readUint32(into, 1), 7, 'only the low 32 bits are written')
  header.writeUint32(into, 1, -1)
  assert.equal(header.readUint32(into, 1), 0xffff_ffff, 'signed numbers are written by their bits')
})

test('sizeOfHeader tells the size of the whole header from every second byte', () => {
  for (let second = 0; second < 256; second++) {
    const short = second & 0x7f
    const expected = 2 + (short === 126 ? 2 : 0) + (short === 127 ? 8 : 0) + (second >= 128 ? 4 : 0)
    assert.equal(header.sizeOfHeader(second), expected, `second byte ${second}`)
  }
  assert.equal(header.sizeOfHeader(0xff), header.MAX_HEADER)
})

test('longForm names the form only where a shorter one would have been enough', () => {
  assert.equal(header.longForm(126, 125), 16)
  assert.equal(header.longForm(126, 126), undefined)
  assert.equal(header.longForm(127, 65535), 64)
  assert.equal(header.longForm(127, 0), 64)
  assert.equal(header.longForm(127, 65536), undefined)
})

test('readLength16 reads two bytes as a number without a sign', () => {
  assert.equal(header.readLength16(hex('00 ffff'), 1), 65535)
  assert.equal(header.readLength16(hex('8000'), 0), 32768)
})

test('readLength64 reads up to 2^53 - 1', () => {
  assert.equal(header.readLength64(hex('00 0000000000010000'), 1), 65536)
  assert.equal(header.readLength64(hex('00000000ffffffff'), 0), 2 ** 32 - 1)
  assert.equal(header.readLength64(hex('0000000100000000'), 0), 2 ** 32)
  assert.equal(header.readLength64(hex('001fffffffffffff'), 0), 2 ** 53 - 1)
})

test('readLength64 refuses 2^53 as too big for us, and the highest bit as a broken rule', () => {
  for (const digits of ['0020000000000000', '0020000000000001', '7fffffffffffffff'])
    assert.throws(() => header.readLength64(hex(digits), 0), violation('WS_ERR_MAX_FRAME', 1009), digits)
  for (const digits of ['8000000000000000', '8000000000000001', 'ffffffffffffffff'])
    assert.throws(() => header.readLength64(hex(digits), 0), violation('WS_ERR_LENGTH', 1002), digits)
})

test('packHead puts FIN, reserved bits and opcode where §5.2 has them', () => {
  assert.equal(header.packHead(true, 0, 1), 0x81)
  assert.equal(header.packHead(false, header.RSV1, 2), 0x42)
  assert.equal(header.packHead(true, header.RSV, 15), 0xff)
  assert.equal(header.packHead(false, 0xff, 0), header.RSV, 'only reserved bits are taken as such')
})

test('maskBit is the highest bit of the second byte', () => {
  assert.equal(header.maskBit(true), 0x80)
  assert.equal(header.maskBit(false), 0)
})
