import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claim, giveBack } from '../../src/frame/claim.js'

const KIB = 1 << 10
const MIB = 1 << 20

/** Memory for a payload that has come already. */
const claimAll = (length: number): Buffer => claim(length, length, length)

/** Whether two payloads lie, or lay, in the same memory. */
const isSame = (one: Buffer, other: Buffer): boolean => one.buffer === other.buffer

test('claim gives memory that was given back to payloads of like size', () => {
  const memory = claimAll(MIB)
  giveBack(memory)
  assert.ok(!isSame(claimAll(MIB / 2 - 1), memory), 'most of it would lie idle')
  assert.ok(!isSame(claimAll(MIB + 1), memory), 'it is too small')
  const half = claimAll(MIB / 2)
  assert.ok(isSame(half, memory))
  assert.equal(half.length, MIB / 2)
  assert.ok(!isSame(claimAll(MIB), memory), 'it was given already')
  giveBack(half)
  const whole = claimAll(MIB)
  assert.ok(isSame(whole, memory))
  assert.equal(whole.length, MIB)
})

test('claim gives memory that was given back at once, whatever has arrived: it is there already', () => {
  const memory = claimAll(MIB)
  giveBack(memory)
  assert.ok(isSame(claim(1, 0, MIB), memory))
  assert.ok(!isSame(claim(1, 0, MIB), memory))
})

test('giveBack keeps no more than 2 MiB, and nothing that is small, large or of others', () => {
  const small = claimAll(64 * KIB - 1)
  const large = claimAll(MIB + 1)
  const foreign = Buffer.allocUnsafeSlow(MIB)
  for (const memory of [small, large, foreign]) {
    giveBack(memory)
    assert.ok(!isSame(claimAll(memory.length), memory))
  }

  const pieces = Array.from({ length: 40 }, () => claimAll(64 * KIB))
  for (const piece of pieces) giveBack(piece)
  const again = Array.from({ length: 40 }, () => claimAll(64 * KIB))
  const kept = again.filter((one) => pieces.some((piece) => isSame(piece, one)))
  assert.equal(kept.length, 32)
  assert.equal(new Set(again.map(({ buffer }) => buffer)).size, 40)
})

test('giveBack lets those go that nobody has claimed for longest', () => {
  const pieces = Array.from({ length: 32 }, () => claimAll(64 * KIB))
  const memory = claimAll(MIB)
  for (const one of [...pieces, memory]) giveBack(one)
  assert.ok(isSame(claimAll(MIB), memory))
  const again = Array.from({ length: 17 }, () => claimAll(64 * KIB))
  assert.equal(again.filter((one) => pieces.slice(16).some((piece) => isSame(piece, one))).length, 16)
  assert.equal(again.filter((one) => pieces.slice(0, 16).some((piece) => isSame(piece, one))).length, 0)
})
