import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import { fixedMask, mask, maskBlindly, secureMask, secureMasks, UNSEEN } from '../../src/frame/mask.js'
import { isCollected, maskNaively, misuse, Random, runSeed } from './helpers.js'

const KEY = 0x37fa213d

test('mask turns the masked text of RFC 6455 §5.7 into Hello, and back', () => {
  const bytes = Buffer.from('7f9f4d5158', 'hex')
  mask(bytes, 0, 5, KEY)
  assert.equal(bytes.toString(), 'Hello')
  mask(bytes, 0, 5, KEY)
  assert.equal(bytes.toString('hex'), '7f9f4d5158')
})

// Each call is made more than once: the first one goes byte by byte, later ones through words that were kept.
test('mask is equal to its naive twin at every length, alignment and phase', () => {
  const random = new Random(1)
  const memory = random.bytes(340)
  for (let i = 0; i < 340; i++) memory[i] = (KEY >>> (24 - ((i & 3) << 3))) & 0xff // little is left after masking: the OR tells
  for (const i of [17, 90, 200, 310]) memory[i] = random.int(256)
  const fast = Buffer.from(new ArrayBuffer(340))
  const slow = Buffer.alloc(340)
  for (let length = 0; length <= 300; length++)
    for (let alignment = 0; alignment < 8; alignment++)
      for (let phase = 0; phase < 4; phase++) {
        memory.copy(fast)
        memory.copy(slow)
        const start = 16 + alignment
        const seen = mask(fast, start, start + length, KEY, phase)
        const expected = maskNaively(slow, start, start + length, KEY, phase)
        const where = `length ${length}, alignment ${alignment}, phase ${phase}`
        assert.ok(fast.equals(slow), where) // what lies around the range is compared too
        assert.equal(seen, expected, where)
      }
})

test('mask is equal to its naive twin in the buffers of which views are kept, and in one more', () => {
  const random = new Random(2)
  const fast = [0, 1, 2, 3].map((offset) => Buffer.from(new ArrayBuffer(5000), offset))
  const slow = fast.map((buffer) => Buffer.alloc(buffer.length))
  for (const count of [3, 3, 3, 4, 4])
    for (let i = 0; i < count; i++) {
      const start = random.int(100)
      const seen = mask(fast[i]!, start, 4900, KEY)
      assert.equal(seen, maskNaively(slow[i]!, start, 4900, KEY))
      assert.ok(fast[i]!.equals(slow[i]!), `buffer ${i} of ${count}`)
    }
})

test('mask is equal to its naive twin for random keys, ranges and views', () => {
  const seed = runSeed()
  const random = new Random(seed)
  for (let round = 0; round < 300; round++) {
    const buffer = new ArrayBuffer(1 + random.int(round % 30 === 0 ? 1 << 21 : 5000)) // odd sizes too
    const offset = random.int(Math.min(9, buffer.byteLength))
    const fast = Buffer.from(buffer, offset)
    for (let i = 0; i < fast.length; i += 7) fast[i] = random.int(256)
    const slow = Buffer.from(fast)
    for (let call = 0; call < 3; call++) {
      const start = random.int(fast.length + 1)
      const end = start + random.int(fast.length - start + 1)
      const key = random.int(2 ** 32)
      const phase = random.int(100)
      const seen = mask(fast, start, end, key, phase)
      assert.equal(seen, maskNaively(slow, start, end, key, phase), `seed ${seed}, round ${round}`)
      assert.ok(fast.equals(slow), `seed ${seed}, round ${round}`)
    }
  }
})

// Long ranges go 64 bits at a time; what lies around them is compared, too, as the words at the ends are written whole.
test('maskBlindly is equal to the naive twin at every alignment and phase, up to the end of the memory', () => {
  const seed = runSeed()
  const random = new Random(seed)
  for (let offset = 0; offset < 9; offset++)
    for (let alignment = 0; alignment < 8; alignment++)
      for (let phase = 0; phase < 4; phase++) {
        const buffer = new ArrayBuffer(700 + random.int(30))
        const fast = Buffer.from(buffer, offset)
        random.bytes(fast.length).copy(fast)
        const slow = Buffer.from(fast)
        const end = random.int(3) === 0 ? fast.length : alignment + 505 + random.int(20)
        for (let call = 0; call < 2; call++) {
          assert.equal(maskBlindly(fast, alignment, end, KEY, phase), UNSEEN)
          maskNaively(slow, alignment, end, KEY, phase)
          assert.ok(
            fast.equals(slow),
            `seed ${seed}, offset ${offset}, alignment ${alignment}, phase ${phase}`,
          )
        }
      }
})

test('maskBlindly works on views of the same large memory, and on memory that other threads share', () => {
  const whole = Buffer.alloc(80_000, 0x61)
  for (const memory of [new ArrayBuffer(80_000), new SharedArrayBuffer(80_000)]) {
    const slow = Buffer.from(whole)
    const fast = Buffer.from(memory)
    whole.copy(fast)
    for (let offset = 0; offset < 12; offset++) {
      maskBlindly(fast.subarray(offset), 3, 5000 + offset, KEY)
      maskBlindly(fast, offset, 79_000 + offset, KEY)
      maskNaively(slow, offset + 3, offset + 5000 + offset, KEY)
      maskNaively(slow, offset, 79_000 + offset, KEY)
    }
    assert.ok(fast.equals(slow))
  }
})

test('mask may be applied in pieces, each with the phase where it begins', () => {
  const random = new Random(3)
  for (let round = 0; round < 200; round++) {
    const whole = random.bytes(200)
    const pieces = Buffer.from(whole)
    mask(whole, 0, 200, KEY)
    for (let at = 0; at < 200; ) {
      const end = Math.min(200, at + 1 + random.int(60))
      mask(pieces, at, end, KEY, at)
      at = end
    }
    assert.ok(pieces.equals(whole), `round ${round}`)
  }
})

test('mask returns less than 0x80 for ASCII, and never for anything else', () => {
  const memory = Buffer.alloc(80)
  for (let length = 1; length <= 70; length++)
    for (let odd = 0; odd < length; odd++) {
      const start = odd & 7
      const end = start + length
      memory.fill(0x7f)
      mask(memory, start, end, KEY)
      assert.equal(mask(memory, start, end, KEY), 0x7f, `${length} ASCII bytes at ${start}`)
      memory[start + odd] = 0x80
      mask(memory, start, end, KEY)
      assert.equal(
        mask(memory, start, end, KEY),
        length === 1 ? 0x80 : 0xff,
        `byte ${odd} of ${length} at ${start}`,
      )
    }
  assert.equal(mask(memory, 2, 2, KEY), 0, 'nothing is ASCII')
})

test('mask works on views into the same memory with different offsets', () => {
  const buffer = new ArrayBuffer(4096)
  const slow = Buffer.alloc(4096)
  for (let offset = 0; offset < 40; offset++)
    for (let again = 0; again < 2; again++) {
      const view = new Uint8Array(buffer, offset, 512)
      mask(view, 3, 500, KEY + offset)
      mask(view, 8, 400, KEY + offset, 1)
      maskNaively(slow, offset + 3, offset + 500, KEY + offset)
      maskNaively(slow, offset + 8, offset + 400, KEY + offset, 1)
    }
  assert.ok(Buffer.from(buffer).equals(slow))
})

test('mask works on two buffers that take turns', () => {
  const fast = [Buffer.alloc(500), Buffer.alloc(333)]
  const slow = [Buffer.alloc(500), Buffer.alloc(333)]
  for (let call = 0; call < 20; call++) {
    mask(fast[call % 2] as Buffer, call, 320, KEY + call)
    maskNaively(slow[call % 2] as Buffer, call, 320, KEY + call)
  }
  assert.deepEqual(fast, slow)
})

test('mask works on shared memory', () => {
  const fast = Buffer.from(new SharedArrayBuffer(1003), 1)
  const slow = Buffer.alloc(1002)
  for (let call = 0; call < 3; call++)
    assert.equal(mask(fast, call, 1000, KEY), maskNaively(slow, call, 1000, KEY))
  assert.ok(fast.equals(slow))
})

interface Growing {
  new (
    length: number,
    options: { maxByteLength: number },
  ): ArrayBuffer & { resize(n: number): void; grow(n: number): void }
}

for (const [name, kind, grow] of [
  ['a resizable buffer', ArrayBuffer, 'resize'],
  ['growable shared memory', SharedArrayBuffer, 'grow'],
] as const)
  test(`mask sees all of ${name} after it has grown`, () => {
    const buffer = new (kind as unknown as Growing)(64, { maxByteLength: 4096 })
    const view = new Uint8Array(buffer)
    for (let call = 0; call < 3; call++) mask(view, 0, 64, KEY)
    buffer[grow](2048)
    const slow = Buffer.from(view)
    for (let call = 0; call < 3; call++) {
      mask(view, 0, 2048, KEY)
      maskNaively(slow, 0, 2048, KEY)
    }
    assert.ok(Buffer.from(view).equals(slow))
  })

test('mask works behind the first 2 GiB of a buffer', () => {
  const at = 2 ** 31 + 5
  const huge = new Uint8Array(2 ** 31 + 1024) // never touched but for a page: it takes no memory
  for (const length of [20, 900]) {
    const slow = Buffer.from(huge.subarray(at, at + length))
    const seen = mask(huge, at, at + length, KEY)
    assert.equal(seen, maskNaively(slow, 0, length, KEY))
    assert.ok(slow.equals(huge.subarray(at, at + length)))
    assert.equal(huge[at - 1], 0)
    assert.equal(huge[at + length], 0)
    mask(huge, at, at + length, KEY)
  }
})

test('mask takes a signed key by its bits', () => {
  const signed = Buffer.from('a text of some length, more than a few words')
  const unsigned = Buffer.from(signed)
  mask(signed, 1, 40, 0x8081_8283 | 0, 1)
  mask(unsigned, 1, 40, 0x8081_8283, 1)
  assert.ok(signed.equals(unsigned))
})

test('mask throws for a range outside of the view, and touches nothing', () => {
  const memory = Buffer.alloc(100)
  const view = memory.subarray(20, 60)
  assert.throws(() => mask(view, 0, 41, KEY), misuse(RangeError, 'end'))
  assert.throws(() => mask(view, -1, 40, KEY), misuse(RangeError, 'start'))
  assert.throws(() => mask(view, 0.5, 40, KEY), misuse(RangeError, 'start'))
  assert.throws(() => mask('text' as unknown as Uint8Array, 0, 4, KEY), misuse(TypeError, 'bytes'))
  assert.throws(() => mask(view, 0, 40, undefined as unknown as number), misuse(TypeError, 'key'))
  assert.ok(memory.equals(Buffer.alloc(100)))
})

test('mask lets go of a buffer when two others came after it, and of a large one at once', async () => {
  const small = use(5000)
  const large = use((1 << 20) + 4)
  assert.equal(await isCollected(large), true)
  for (let i = 0; i < 3; i++) use(5000)
  assert.equal(await isCollected(small), true)
  function use(size: number): WeakRef<object> {
    const bytes = new Uint8Array(size)
    mask(bytes, 0, 20, KEY)
    mask(bytes, 0, size, KEY)
    return new WeakRef(bytes.buffer)
  }
})

test('secureMask gives 32-bit keys, each one different from the last', () => {
  const keys = Array.from({ length: 10_000 }, secureMask)
  for (const key of keys) assert.ok(Number.isInteger(key) && key >= 0 && key <= 0xffff_ffff, String(key))
  // 10,000 draws of 32 bits repeat a key about 0.01 times; 100 repetitions do not happen.
  assert.ok(new Set(keys).size > 9_900)
  const ones = keys.reduce((sum, key) => sum + key.toString(2).replaceAll('0', '').length, 0)
  assert.ok(Math.abs(ones / 320_000 - 0.5) < 0.02, `every bit is a coin: ${ones} of 320,000 are set`)
})

test('secureMasks draws from the system’s generator, and wipes a key as soon as it is spent', (t) => {
  const drawn: Uint32Array[] = []
  const original = crypto.randomFillSync
  t.mock.method(crypto, 'randomFillSync', (into: Uint32Array) => {
    drawn.push(into)
    return original(into)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  const source = secureMasks()
  assert.equal(drawn.length, 0, 'nothing is drawn before it is needed')
  const first = source()
  const pool = drawn[0]
  assert.ok(pool !== undefined)
  assert.equal(pool[0], 0)
  const rest = [...pool.subarray(1)]
  assert.equal(rest.includes(first), false)
  for (const expected of rest) assert.equal(source(), expected)
  assert.ok(
    pool.every((key) => key === 0),
    'all are spent and wiped',
  )
  assert.equal(drawn.length, 1)
  source()
  assert.equal(drawn.length, 2, 'the pool is filled again only when it is empty')
})

test('fixedMask gives the same key for ever', () => {
  const source = fixedMask(0xffff_fffe)
  assert.deepEqual([source(), source()], [0xffff_fffe, 0xffff_fffe])
})

test('fixedMask throws for what is no 32-bit key', () => {
  for (const wrong of [-1, 2 ** 32, 0.5, NaN, '1', undefined])
    assert.throws(() => fixedMask(wrong as number), misuse(RangeError, 'key'))
})
