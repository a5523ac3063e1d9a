import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlainAscii, isUtf8, Utf8Validator } from '../../src/frame/utf8.js'
import { hex, misuse, Random, runSeed } from './helpers.js'

/** How many bytes a character takes that begins with this byte; 0 where none can. */
function lengthBy(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >> 5 === 0b110) return 2
  if (lead >> 4 === 0b1110) return 3
  return lead >> 3 === 0b11110 ? 4 : 0
}

const SMALLEST = [0, 0, 0x80, 0x800, 0x10000]

/**
 * Whether a character can begin with these bytes, slowly: the code points that are still possible make a range, and
 * something of it must be left when those that need fewer bytes, surrogates and those above U+10FFFF are taken away.
 */
function mayBegin(character: readonly number[]): boolean {
  const [lead = 0, ...rest] = character
  const length = lengthBy(lead)
  if (length === 0 || character.length > length) return false
  if (rest.some((byte) => byte >> 6 !== 0b10)) return false
  const known = rest.reduce(
    (point, byte) => point * 64 + (byte & 0x3f),
    length === 1 ? lead : lead & (0x7f >> length),
  )
  const open = 64 ** (length - character.length)
  const low = Math.max(known * open, SMALLEST[length] as number)
  const high = Math.min(known * open + open - 1, 0x10ffff)
  return low <= high && !(low >= 0xd800 && high <= 0xdfff)
}

/** Index of the first byte that cannot be right, -1 when there is none; and whether the end is between two characters. */
function findErrorSlowly(bytes: Uint8Array): { error: number; complete: boolean } {
  let character: number[] = []
  for (const [i, byte] of bytes.entries()) {
    character.push(byte)
    if (!mayBegin(character)) return { error: i, complete: false }
    if (character.length === lengthBy(character[0] as number)) character = []
  }
  return { error: -1, complete: character.length === 0 }
}

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
function isValidForTextDecoder(bytes: Uint8Array): boolean {
  try {
    fatal.decode(bytes)
    return true
  } catch {
    return false
  }
}

const BOUNDARIES = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]

/** Every lead byte, followed by `count` bytes from the boundaries. */
function* sequences(count: number): Generator<Buffer> {
  const total = BOUNDARIES.length ** count
  for (let lead = 0; lead < 256; lead++)
    for (let n = 0; n < total; n++) {
      const bytes = Buffer.alloc(1 + count, lead)
      for (let i = 1, rest = n; i <= count; i++, rest = Math.floor(rest / BOUNDARIES.length))
        bytes[i] = BOUNDARIES[rest % BOUNDARIES.length] as number
      yield bytes
    }
}

test('the slow reference of this file is right, says TextDecoder', () => {
  for (const count of [0, 1, 2])
    for (const bytes of sequences(count)) {
      const { error, complete } = findErrorSlowly(bytes)
      assert.equal(error === -1 && complete, isValidForTextDecoder(bytes), bytes.toString('hex'))
    }
})

test('isUtf8 is right for every lead byte with every boundary of the bytes behind it, short and long', () => {
  const long = Buffer.alloc(60, 0x61)
  for (const count of [0, 1, 2, 3])
    for (const bytes of sequences(count)) {
      const { error, complete } = findErrorSlowly(bytes)
      const expected = error === -1 && complete
      if (isUtf8(bytes) !== expected) assert.fail(bytes.toString('hex'))
      long.fill(0x61, 20, 30)
      bytes.copy(long, 20)
      if (isUtf8(long) !== expected) assert.fail(`in a longer text: ${bytes.toString('hex')}`)
    }
})

test('Utf8Validator is right for every lead byte with every boundary of the bytes behind it, byte by byte', () => {
  const validator = new Utf8Validator()
  for (const count of [0, 1, 2, 3])
    for (const bytes of sequences(count)) {
      validator.reset()
      let error = -1
      for (let i = 0; i < bytes.length && error === -1; i++) if (!validator.append(bytes, i, i + 1)) error = i
      const expected = findErrorSlowly(bytes)
      if (error !== expected.error || validator.isComplete !== expected.complete)
        assert.fail(bytes.toString('hex'))
    }
})

/** Text of all kinds of characters, with a few bytes broken in most rounds. */
function someText(random: Random): Buffer {
  const characters = Array.from({ length: random.int(60) }, () => {
    const point = random.int(random.pick([0x80, 0x80, 0x800, 0x10000, 0x110000]))
    return point >= 0xd800 && point < 0xe000 ? 'x' : String.fromCodePoint(point)
  })
  const bytes = Buffer.from(characters.join(''))
  if (bytes.length > 0)
    for (let broken = random.int(3); broken > 0; broken--) bytes[random.int(bytes.length)] = random.int(256)
  return bytes
}

test('isUtf8 agrees with TextDecoder on random text, whole and in part', () => {
  const seed = runSeed()
  const random = new Random(seed)
  for (let round = 0; round < 3000; round++) {
    const bytes = someText(random)
    const start = random.int(bytes.length + 1)
    const end = start + random.int(bytes.length - start + 1)
    const expected = isValidForTextDecoder(bytes.subarray(start, end))
    assert.equal(isUtf8(bytes, start, end), expected, `seed ${seed}: ${bytes.toString('hex', start, end)}`)
    assert.equal(isUtf8(Uint8Array.from(bytes), start, end), expected)
  }
})

test('Utf8Validator finds the first impossible byte, however the text is cut', () => {
  const seed = runSeed()
  const random = new Random(seed)
  for (let round = 0; round < 3000; round++) {
    const bytes = someText(random)
    const expected = findErrorSlowly(bytes)
    const validator = new Utf8Validator()
    const where = `seed ${seed}: ${bytes.toString('hex')}`
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + random.int(12))
      const good = expected.error === -1 || expected.error >= end
      assert.equal(validator.append(bytes, at, end), good, where)
      at = end
    }
    assert.equal(validator.isComplete, expected.complete, where)
  }
})

test('Utf8Validator tells half a character from a whole one', () => {
  const validator = new Utf8Validator()
  assert.equal(validator.isComplete, true)
  assert.equal(validator.append(hex('61e282')), true)
  assert.equal(validator.isComplete, false)
  assert.equal(validator.append(hex('ac')), true)
  assert.equal(validator.isComplete, true)
})

test('Utf8Validator stays broken, also for an empty piece, until it is reset', () => {
  for (const broken of ['ff', 'eda0', 'e228', 'c0', 'f490', '80']) {
    const validator = new Utf8Validator()
    assert.equal(validator.append(hex(broken)), false, broken)
    assert.equal(validator.append(hex('80')), false, broken)
    assert.equal(validator.append(hex('61')), false, broken)
    assert.equal(validator.append(hex('')), false, broken)
    assert.equal(validator.isComplete, false, broken)
    validator.reset()
    assert.deepEqual([validator.isComplete, validator.append(hex('61'))], [true, true])
  }
})

test('Utf8Validator.reset forgets half a character and the range of its next byte', () => {
  for (const half of ['e2', 'e0', 'ed', 'f0', 'f4', 'f09f']) {
    const validator = new Utf8Validator()
    validator.append(hex(half))
    validator.reset()
    assert.equal(validator.append(hex('e28080')), true, half)
    assert.equal(validator.isComplete, true, half)
  }
})

test('isUtf8 and Utf8Validator work on shared memory', () => {
  const bytes = Buffer.from(new SharedArrayBuffer(100))
  bytes.fill('€'.repeat(33), 0, 99)
  assert.equal(isUtf8(bytes), true)
  assert.equal(isUtf8(bytes, 1), false)
  assert.equal(new Utf8Validator().append(bytes), true)
})

test('isUtf8 and Utf8Validator throw for misuse, and name the argument', () => {
  const bytes = Buffer.alloc(4)
  for (const check of [isUtf8, (...args: Parameters<typeof isUtf8>) => new Utf8Validator().append(...args)]) {
    for (const wrong of [undefined, null, 'text', [97]])
      assert.throws(() => check(wrong as unknown as Buffer), misuse(TypeError, 'bytes'))
    assert.throws(() => check(bytes, 5), misuse(RangeError, 'start'))
    assert.throws(() => check(bytes, 0, 5), misuse(RangeError, 'end'))
  }
})

test('isPlainAscii is never true for anything else, and true for text that is short or long', () => {
  for (const length of [0, 1, 48, 1024, 5000]) {
    const bytes = Buffer.alloc(length + 2, 0x61)
    bytes[0] = bytes[length + 1] = 0xff
    assert.equal(isPlainAscii(bytes, 1, length + 1), true, `${length} bytes`)
    for (const at of [1, length])
      if (length > 0) {
        bytes[at] = 0x80
        assert.equal(isPlainAscii(bytes, 1, length + 1), false, `byte ${at} of ${length}`)
        bytes[at] = 0x61
      }
  }
  assert.equal(isPlainAscii(Buffer.alloc(500), 0, 500), false, 'not asked')
})
