import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkHeader,
  type FrameDecoderOptions,
  type FrameRules,
  resolveRules,
} from '../../src/frame/rules.js'
import { misuse, violation } from './helpers.js'

const server: FrameRules = { expectMasked: true, allowedRsv: 0, maxFrame: 1000, strict: true }
const client: FrameRules = { ...server, expectMasked: false }

test('checkHeader takes every frame that RFC 6455 defines', () => {
  for (const head of [0x00, 0x80, 0x01, 0x81, 0x02, 0x82, 0x88, 0x89, 0x8a])
    for (const length of [0, 1, 125]) {
      checkHeader(head, true, length, server)
      checkHeader(head, false, length, client)
    }
})

test('checkHeader refuses reserved bits that no extension uses (§5.2)', () => {
  for (const rsv of [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70]) {
    assert.throws(() => checkHeader(0x82 | rsv, true, 0, server), violation('WS_ERR_RSV', 1002))
    checkHeader(0x82 | rsv, true, 0, { ...server, allowedRsv: rsv })
    checkHeader(0x82 | rsv, true, 0, { ...server, allowedRsv: 0x70 })
  }
  assert.throws(
    () => checkHeader(0xe2, true, 0, { ...server, allowedRsv: 0x40 }),
    violation('WS_ERR_RSV', 1002),
  )
})

test('checkHeader refuses reserved bits on control frames, even those an extension uses (RFC 7692 §6.1)', () => {
  for (const head of [0xc8, 0xc9, 0xca])
    assert.throws(
      () => checkHeader(head, true, 0, { ...server, allowedRsv: 0x70 }),
      violation('WS_ERR_RSV', 1002),
    )
})

test('checkHeader refuses reserved opcodes (§5.2)', () => {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    assert.throws(() => checkHeader(0x80 | opcode, true, 0, server), violation('WS_ERR_OPCODE', 1002))
})

test('checkHeader refuses a mask that is wrong for the side (§5.1)', () => {
  assert.throws(() => checkHeader(0x82, false, 0, server), violation('WS_ERR_MASK', 1002))
  assert.throws(() => checkHeader(0x82, true, 0, client), violation('WS_ERR_MASK', 1002))
  for (const masked of [true, false]) checkHeader(0x82, masked, 0, { ...server, expectMasked: undefined })
})

test('checkHeader refuses fragmented and long control frames (§5.5)', () => {
  for (const opcode of [8, 9, 10]) {
    assert.throws(() => checkHeader(opcode, true, 0, server), violation('WS_ERR_CONTROL_FRAGMENTED', 1002))
    assert.throws(
      () => checkHeader(0x80 | opcode, true, 126, server),
      violation('WS_ERR_CONTROL_LENGTH', 1002),
    )
    checkHeader(0x80 | opcode, true, 125, { ...server, maxFrame: 0 }) // maxFrame is for data
  }
})

test('checkHeader refuses data frames above maxFrame, with 1009', () => {
  for (const head of [0x80, 0x81, 0x02]) {
    checkHeader(head, true, 1000, server)
    assert.throws(() => checkHeader(head, true, 1001, server), violation('WS_ERR_MAX_FRAME', 1009))
    checkHeader(head, true, 2 ** 53 - 1, { ...server, maxFrame: Infinity })
  }
})

test('checkHeader names the first broken rule in the order of the RFC', () => {
  const code = (head: number, masked: boolean): string | undefined => {
    try {
      checkHeader(head, masked, 2000, server)
    } catch (error) {
      return (error as { code: string }).code
    }
    return undefined
  }
  assert.equal(code(0x7f, false), 'WS_ERR_RSV')
  assert.equal(code(0x0f, false), 'WS_ERR_OPCODE')
  assert.equal(code(0x09, false), 'WS_ERR_MASK')
  assert.equal(code(0x09, true), 'WS_ERR_CONTROL_FRAGMENTED')
  assert.equal(code(0x89, true), 'WS_ERR_CONTROL_LENGTH')
  assert.equal(code(0x82, true), 'WS_ERR_MAX_FRAME')
})

test('checkHeader looks at the limit alone where it is not strict', () => {
  const lax: FrameRules = { ...server, strict: false }
  checkHeader(0x7f, false, 1000, lax)
  assert.throws(() => checkHeader(0x7f, false, 1001, lax), violation('WS_ERR_MAX_FRAME', 1009))
})

test('resolveRules gives decoders that are alike the same rules', () => {
  const given = { role: 'server', maxFrame: 77 } as const
  assert.equal(resolveRules(given), resolveRules({ ...given }))
  for (const other of [
    { role: 'client' },
    { maxFrame: 78 },
    { allowedRsv: 0x40 },
    { strict: false },
  ] as const)
    assert.notEqual(resolveRules(given), resolveRules({ ...given, ...other }))
})

test('resolveRules fills in the defaults', () => {
  assert.deepEqual(resolveRules({}), {
    expectMasked: undefined,
    allowedRsv: 0,
    maxFrame: 1 << 20,
    strict: true,
  })
  assert.equal(resolveRules({ role: 'server' }).expectMasked, true)
  assert.equal(resolveRules({ role: 'client' }).expectMasked, false)
  assert.deepEqual(resolveRules({ maxFrame: Infinity, allowedRsv: 0x50, strict: false }), {
    expectMasked: undefined,
    allowedRsv: 0x50,
    maxFrame: Infinity,
    strict: false,
  })
})

const wrongOptions = [
  ['options', null, TypeError],
  ['options', 'server', TypeError],
  ['role', { role: 'peer' }, TypeError],
  ['maxFrame', { maxFrame: '1' }, TypeError],
  ['maxFrame', { maxFrame: -1 }, RangeError],
  ['maxFrame', { maxFrame: 1.5 }, RangeError],
  ['maxFrame', { maxFrame: NaN }, RangeError],
  ['maxFrame', { maxFrame: 2 ** 53 }, RangeError],
  ['allowedRsv', { allowedRsv: '64' }, TypeError],
  ['allowedRsv', { allowedRsv: 0x80 }, RangeError],
  ['allowedRsv', { allowedRsv: 1 }, RangeError],
  ['allowedRsv', { allowedRsv: NaN }, RangeError],
  ['strict', { strict: 0 }, TypeError],
] as const

test('resolveRules throws for a wrong option, and names it', () => {
  for (const [name, options, kind] of wrongOptions)
    assert.throws(() => resolveRules(options as FrameDecoderOptions), misuse(kind, name))
})
