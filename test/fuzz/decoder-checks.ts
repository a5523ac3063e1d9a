import assert from 'node:assert/strict'
import { isKnownOpcode } from '../../src/frame/opcode.js'

/** All that a stranger's bytes may lead to, with the close code that goes with it. */
const DOCUMENTED = new Map([
  ['WS_ERR_RSV', 1002],
  ['WS_ERR_OPCODE', 1002],
  ['WS_ERR_MASK', 1002],
  ['WS_ERR_LENGTH', 1002],
  ['WS_ERR_CONTROL_FRAGMENTED', 1002],
  ['WS_ERR_CONTROL_LENGTH', 1002],
  ['WS_ERR_MAX_FRAME', 1009],
])

/** Checks that an error is one of them. */
export function checkError(error: string, strict: boolean): void {
  const [code, closeCode] = error.split(' ') as [string, string]
  assert.equal(Number(closeCode), DOCUMENTED.get(code), error)
  if (!strict) assert.ok(code === 'WS_ERR_MAX_FRAME' || code === 'WS_ERR_LENGTH', error)
}

/** Checks RFC 6455 §5 on a frame that was let through, in other words than the decoder's. */
export function checkFrame(
  frame: string,
  role: string | undefined,
  allowedRsv: number,
  maxFrame: number,
): void {
  const [hexHead, masked, , length, lengthSize, payload = ''] = frame.split(' ')
  const head = Number.parseInt(hexHead as string, 16)
  assert.ok(isKnownOpcode(head % 16), frame)
  assert.equal((head & 0x70 & ~allowedRsv) === 0, true, frame)
  if (role !== undefined) assert.equal(masked, String(role === 'server'), frame)
  assert.equal(payload.length / 2, Number(length), frame)
  const shortest = Number(length) < 126 ? 7 : Number(length) < 65536 ? 16 : 64
  assert.equal(Number(lengthSize), shortest, frame)
  if (head % 16 < 8) assert.ok(Number(length) <= maxFrame, frame)
  else assert.ok(Number(length) <= 125 && (head & 0xf0) === 0x80, frame)
}
