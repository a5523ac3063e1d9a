import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyAlike, copyBytes, newWordMemory } from '../../src/frame/copy.js'
import { Random, seeded } from '../support/random.js'

/** What `copyBytes` has to do, byte by byte. */
function naiveCopy(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!
}

/** A buffer that begins `skew` bytes behind a word's border. */
function skewed(length: number, skew: number, random: Random): Buffer {
  const buffer = Buffer.alloc(length + skew).subarray(skew)
  random.bytes(length).copy(buffer)
  return buffer
}

function check(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  const expected = Buffer.from(to)
  naiveCopy(from, start, end, expected, at)
  copyBytes(from, start, end, to, at)
  assert.ok(to.equals(expected), `${end - start} bytes from ${start} to ${at}`)
}

test('copyBytes copies every length at every alignment, and touches nothing else', () => {
  const random = new Random(1)
  // Large buffers are copied word by word; of small ones no views are kept.
  for (const size of [600, 8192])
    for (let skew = 0; skew < 4; skew++) {
      const from = skewed(size, skew, random)
      const to = skewed(size, 3 - skew, random)
      for (let length = 0; length <= 300; length++)
        for (let offset = 0; offset < 8; offset++) check(from, offset, offset + length, to, offset ^ 5)
    }
})

test('copyBytes keeps within memory that begins, and ends, with what is copied, and leaves its neighbours alone', () => {
  const random = new Random(3)
  const SIZE = 4096
  for (let alignment = 0; alignment < 16; alignment++) {
    const from = skewed(SIZE, alignment & 3, random)
    const around = random.bytes(SIZE + 16)
    const to = around.subarray(4 + (alignment >> 2), 4 + (alignment >> 2) + SIZE)
    for (let length = 1; length <= 200; length++)
      for (const [start, at] of [
        [0, SIZE - length],
        [SIZE - length, 0],
        [0, 0],
        [SIZE - length, SIZE - length],
      ] as const) {
        const expected = Buffer.from(around)
        naiveCopy(from, start, start + length, expected, at + to.byteOffset - around.byteOffset)
        copyBytes(from, start, start + length, to, at)
        assert.ok(around.equals(expected), `${length} bytes from ${start} to ${at}, ${alignment}`)
      }
  }
})

test('copyBytes gives what the naive twin gives, whichever buffers it met before', () =>
  seeded((random) => {
    const buffers = Array.from({ length: 6 }, () => skewed(5000, random.int(0, 4 - 1), random))
    for (let round = 0; round < 2000; round++) {
      const from = buffers[random.int(0, 3 - 1)]!
      const to = buffers[3 + random.int(0, 3 - 1)]!
      const length = random.int(0, 400 - 1)
      const start = random.int(0, 5000 - length - 1)
      check(from, start, start + length, to, random.int(0, 5000 - length - 1))
    }
  }))

test('copyAlike copies every length at every alignment into its memory, wherever it says', () => {
  const random = new Random(2)
  for (const size of [700, 8192])
    for (let skew = 0; skew < 4; skew++) {
      const from = skewed(size, skew, random)
      for (let length = 0; length <= 600; length++) {
        const start = size - length - (length & 7) // up to the very end of the memory
        const to = newWordMemory(length + 6)
        const at = copyAlike(from, start, start + length, to)
        const copy = to.bytes.subarray(at, at + length)
        assert.ok(copy.equals(from.subarray(start, start + length)), `${length} bytes from ${start}`)
      }
    }
})
