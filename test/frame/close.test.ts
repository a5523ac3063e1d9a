import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CloseCode,
  decodeClosePayload,
  encodeClosePayload,
  isPeaceful,
  mayTravel,
} from '../../src/frame/close.js'
import { hex, misuse, violation } from './helpers.js'

test('CloseCode has the values of the IANA registry', () => {
  assert.deepEqual(
    Object.values(CloseCode),
    [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015],
  )
})

test('mayTravel is true for the codes that may stand in a Close frame (§7.4), and for no others', () => {
  const ranges: [number, number][] = []
  for (let code = 0; code < 65536; code++) {
    const last = ranges.at(-1)
    if (!mayTravel(code)) continue
    if (last?.[1] === code - 1) last[1] = code
    else ranges.push([code, code])
  }
  assert.deepEqual(ranges, [
    [1000, 1003],
    [1007, 1014],
    [3000, 4999],
  ])
  for (const code of [-1000, 1000.5, NaN, Infinity, 65536 + 1000, '1000', undefined])
    assert.equal(mayTravel(code as number), false, String(code))
})

test('isPeaceful is true for done, going away and no reason given', () => {
  const codes = Object.values(CloseCode).filter(isPeaceful)
  assert.deepEqual(codes, [1000, 1001, 1005])
})

const payloads = [
  ['a code', 1000, '', '03e8'],
  ['a code and a reason', 1001, 'bye', '03e9627965'],
  ['a reason beyond ASCII', 4999, 'größe', '13876772c3b6c39f65'],
  ['a byte order mark', 3000, '\ufeff', '0bb8efbbbf'],
] as const

for (const [name, code, reason, digits] of payloads)
  test(`encodeClosePayload and decodeClosePayload turn ${name} into bytes and back`, () => {
    assert.equal(encodeClosePayload(code, reason).toString('hex'), digits)
    assert.deepEqual(decodeClosePayload(hex(digits)), { code, reason })
  })

test('encodeClosePayload without a code is empty, and decodeClosePayload gives 1005 for it', () => {
  assert.equal(encodeClosePayload().length, 0)
  assert.deepEqual(decodeClosePayload(encodeClosePayload()), { code: 1005, reason: '' })
})

test('encodeClosePayload takes reasons of up to 123 bytes of UTF-8', () => {
  assert.equal(encodeClosePayload(1000, 'a'.repeat(123)).length, 125)
  assert.equal(encodeClosePayload(1000, '€'.repeat(41)).length, 125)
  assert.throws(() => encodeClosePayload(1000, 'a'.repeat(124)), misuse(RangeError, 'close reason'))
  assert.throws(() => encodeClosePayload(1000, '€'.repeat(42)), misuse(RangeError, 'close reason'))
})

test('encodeClosePayload sends half a surrogate pair as U+FFFD', () => {
  assert.equal(encodeClosePayload(1000, 'a\ud800').toString('hex'), '03e861efbfbd')
})

test('encodeClosePayload throws for codes that may not travel, and for misuse', () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1, 1000.5, NaN])
    assert.throws(() => encodeClosePayload(code), misuse(RangeError, 'close code'), String(code))
  for (const code of ['1000', null, Buffer.alloc(2)])
    assert.throws(() => encodeClosePayload(code as unknown as number), misuse(TypeError, 'close code'))
  for (const reason of [5, null, Buffer.from('bye'), new Uint16Array(3)])
    assert.throws(
      () => encodeClosePayload(1000, reason as unknown as string),
      misuse(TypeError, 'close reason'),
    )
  assert.throws(() => encodeClosePayload(undefined, 'bye'), misuse(RangeError, 'close reason'))
})

test('encodeClosePayload tells nothing of the reason in its errors', () => {
  assert.throws(
    () => encodeClosePayload(undefined, 'secret'),
    (error: Error) => !error.message.includes('secret'),
  )
})

test('decodeClosePayload reads views and plain Uint8Arrays', () => {
  const memory = Uint8Array.of(9, 9, 3, 0xe8, 0x6f, 0x6b, 0xff)
  assert.deepEqual(decodeClosePayload(memory.subarray(2, 6)), { code: 1000, reason: 'ok' })
})

test('decodeClosePayload gives every code that may travel, and refuses the others with 1002 (§7.4)', () => {
  const payload = Buffer.alloc(2)
  for (let code = 0; code < 65536; code++) {
    payload.writeUInt16BE(code)
    if (mayTravel(code)) assert.equal(decodeClosePayload(payload).code, code)
    else if (code % 97 === 0 || code < 6000)
      assert.throws(() => decodeClosePayload(payload), violation('WS_ERR_CLOSE_PAYLOAD', 1002), String(code))
  }
})

test('decodeClosePayload refuses a single byte with 1002 (§5.5.1)', () => {
  assert.throws(() => decodeClosePayload(hex('03')), violation('WS_ERR_CLOSE_PAYLOAD', 1002))
})

test('decodeClosePayload refuses a reason that is not UTF-8 with 1007 (§8.1)', () => {
  for (const reason of ['ff', 'c3', 'eda080', 'c080', '61e282'])
    assert.throws(() => decodeClosePayload(hex(`03e8${reason}`)), violation('WS_ERR_UTF8', 1007), reason)
  assert.throws(
    () => decodeClosePayload(hex(`03ed ff`)),
    violation('WS_ERR_CLOSE_PAYLOAD', 1002),
    'the code comes first',
  )
})

test('decodeClosePayload throws for what is no bytes', () => {
  for (const wrong of ['03e8', undefined, null, [3, 232]])
    assert.throws(() => decodeClosePayload(wrong as unknown as Buffer), misuse(TypeError, 'payload'))
})
