import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UNSEEN } from '../../src/frame/mask.js'
import { unmaskInto } from '../../src/frame/unmask-into.js'
import { Random, seeded } from '../support/random.js'

/** What `unmaskInto` has to do, byte by byte; returns the OR of the bytes. */
function naiveUnmask(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  let seen = 0
  for (let i = 0; i < end - start; i++) {
    to[at + i] = from[start + i]! ^ from[start - 4 + (i & 3)]!
    seen |= to[at + i]!
  }
  return seen
}

/** How many bytes behind the payload may be changed. */
const BEHIND = 3

function check(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  const source = Buffer.from(from)
  const expected = Buffer.from(to)
  const seen = naiveUnmask(from, start, end, expected, at)
  const told = unmaskInto(from, start, end, to, at)
  const text = `${end - start} bytes from ${start} to ${at}`
  const stop = at + end - start
  if (told === UNSEEN) assert.ok(end - start >= 512, text)
  else assert.equal(told, seen, text)
  assert.ok(to.subarray(0, stop).equals(expected.subarray(0, stop)), text)
  assert.ok(to.subarray(stop + BEHIND).equals(expected.subarray(stop + BEHIND)), `behind ${text}`)
  assert.ok(from.equals(source), `the source of ${text}`)
}

/** A buffer that begins `skew` bytes behind a border. */
function skewed(length: number, skew: number, random: Random): Buffer {
  const buffer = Buffer.alloc(length + skew).subarray(skew)
  random.bytes(length).copy(buffer)
  return buffer
}

test('unmaskInto unmasks every length at every alignment, and leaves the source as it is', () => {
  const random = new Random(1)
  // Of small buffers no views are kept, and of short ranges none are made.
  for (const size of [700, 8192])
    for (let skew = 0; skew < 8; skew += 3) {
      const from = skewed(size, skew, random)
      const to = skewed(size, 7 - skew, random)
      for (let length = 0; length <= 80; length++)
        for (let offset = 0; offset < 8; offset++)
          check(from, 4 + offset, 4 + offset + length, to, offset ^ 5)
      for (const length of [255, 256, 511, 512, 513, 600])
        for (let offset = 0; offset < 8; offset++) check(from, 4 + offset, 4 + offset + length, to, 3)
    }
})

test('unmaskInto keeps within memory that ends with the payload', () => {
  const random = new Random(2)
  for (const size of [4096, 4097, 4098, 4099, 8000])
    for (let length = 16; length < 40; length++) {
      const from = skewed(size, 0, random)
      check(from, size - length, size, skewed(size, 1, random), size - length)
      check(from, 8, 8 + length, skewed(size, 0, random), size - length)
    }
})

test('unmaskInto gives what the naive twin gives, whichever buffers it met before', () =>
  seeded((random) => {
    const buffers = Array.from({ length: 6 }, () => skewed(5000, random.int(0, 7), random))
    for (let round = 0; round < 1000; round++) {
      const from = random.pick(buffers)
      const to = random.pick(buffers.filter((buffer) => buffer !== from))
      const length = random.int(0, random.pick([40, 300, 3000]))
      const start = random.int(4, 5000 - length)
      check(from, start, start + length, to, random.int(0, 5000 - length))
    }
  }))
