import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import type { Deflater, Inflater } from '../../src/deflate/engine.js'
import { ProtocolError } from '../../src/errors.js'
import { zlibEngines } from '../../src/node/zlib-engines.js'
import { handlesWork, isZlibFast } from '../../src/node/zlib-fast.js'
import { hex, inflateByHand, Random, seeded, toHex, turn } from '../support/index.js'

const TAIL = hex('0000ffff')
const HELLO = hex('f248cdc9c90700')
/** "Hello" in a block that is marked as final, and the byte that such a sender appends (RFC 7692 §7.2.3.4). */
const FINAL_HELLO = hex('f348cdc9c9070000')
/** Zeros: a thousandth of it on the wire. */
const zeros = (size: number): Buffer =>
  zlib.deflateRawSync(Buffer.alloc(size), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4)

/** Long enough for the thread pool, and what comes of it is, too. */
const LARGE = Buffer.from(
  JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ i, name: `name ${i % 97}` }))),
)

const deflater = (settings: Partial<Parameters<typeof zlibEngines.deflater>[0]> = {}): Deflater =>
  zlibEngines.deflater({ windowBits: 15, level: 3, memLevel: 8, ...settings }, false)

const inflater = (windowBits = 15): Inflater => zlibEngines.inflater(windowBits, false)

/** Copies: what engines give lies in memory that is used again. */
async function deflate(engine: Deflater, bytes: Buffer): Promise<Buffer> {
  return Buffer.from(await engine.deflate(bytes, 0, bytes.length))
}

const inflate = async (
  engine: Inflater,
  bytes: Buffer,
  isLast = true,
  check = (_length: number): void => {},
) => Buffer.from(await engine.inflate(bytes, 0, bytes.length, isLast, check))

/** A flushed stream as it goes on the wire. */
const withoutTail = (stream: Buffer): Buffer => {
  assert.equal(toHex(stream.subarray(-4)), '0000ffff')
  return stream.subarray(0, -4)
}

test('isZlibFast tells whether the handles of zlib streams are used: by default they are', () => {
  assert.equal(isZlibFast(), process.env.FASTWS_PORTABLE !== '1')
})

test('handlesWork finds out by itself: it does not where there are none', () => {
  assert.equal(handlesWork(true), true)
  assert.equal(handlesWork(false), false)
})

test('small input is worked on at once, large input later', async (t) => {
  const [packer, unpacker] = [deflater(), inflater()]
  t.after(() => packer.close())
  t.after(() => unpacker.close())
  const small = packer.deflate(Buffer.from('Hello'), 0, 5)
  assert.equal(small instanceof Promise, !isZlibFast())
  const large = packer.deflate(LARGE, 0, LARGE.length)
  assert.ok(large instanceof Promise)
  assert.equal(unpacker.inflate(HELLO, 0, HELLO.length, true, () => {}) instanceof Promise, !isZlibFast())
  // Little comes in, much comes out of it.
  const bomb = zlib.deflateRawSync(Buffer.alloc(1 << 20))
  assert.ok(bomb.length < 2000)
  const inflating = inflater().inflate(bomb, 0, bomb.length, true, () => {})
  assert.ok(inflating instanceof Promise)
  await Promise.all([large, inflating])
})

describe('a deflater', () => {
  test('gives flushed streams, small and large by turns, each with the context of those before', async () => {
    const engine = deflater()
    const plain = [Buffer.from('Hello'), LARGE, Buffer.from('Hello'), LARGE.subarray(0, 2000), LARGE]
    const packed: Buffer[] = []
    for (const bytes of plain) packed.push(await deflate(engine, bytes))
    for (const stream of packed) withoutTail(stream)
    assert.ok(
      zlib
        .inflateRawSync(Buffer.concat(packed), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
        .equals(Buffer.concat(plain)),
    )
    engine.close()
  })

  test('forgets its context on reset()', async () => {
    const engine = deflater()
    const first = await deflate(engine, LARGE.subarray(0, 1000))
    const second = await deflate(engine, LARGE.subarray(0, 1000))
    engine.reset()
    const third = await deflate(engine, LARGE.subarray(0, 1000))
    assert.ok(second.length < first.length / 4)
    assert.deepEqual(third, first)
    engine.close()
  })

  for (const windowBits of [8, 9, 10, 11, 12, 13, 14, 15])
    test(`refers back to at most 2^${windowBits} bytes`, async () => {
      await seeded(async (random) => {
        const engine = deflater({ windowBits, level: random.int(1, 9), memLevel: random.int(1, 9) })
        // What is repeated lies just within the window, and just outside of it.
        const size = 2 ** windowBits
        const unit = random.bytes(size / 2 - 1)
        const plain = [unit, unit, unit, random.bytes(300), unit, Buffer.alloc(700, 'x'), unit]
        const packed: Buffer[] = []
        for (const bytes of plain) packed.push(await deflate(engine, bytes))
        const { data, reach } = inflateByHand(Buffer.concat(packed))
        assert.ok(data.equals(Buffer.concat(plain)))
        assert.ok(reach <= size, `${reach}`)
        assert.ok(reach >= 1)
        engine.close()
      })
    })

  test('that is closed meanwhile rejects', async () => {
    const engine = deflater()
    const pending = engine.deflate(LARGE, 0, LARGE.length)
    engine.close()
    await assert.rejects(async () => pending, { code: 'WS_ERR_TERMINATED' })
  })

  test('that is closed while it waits for its turn rejects, and those behind it go on', async () => {
    const engines = Array.from({ length: 9 }, () => deflater())
    const pending = engines.map(async (engine) => engine.deflate(LARGE, 0, LARGE.length))
    engines[7]!.close()
    const results = await Promise.allSettled(pending)
    assert.deepEqual(
      results.map(({ status }) => status),
      engines.map((_, i) => (i === 7 ? 'rejected' : 'fulfilled')),
    )
    for (const engine of engines) engine.close()
  })

  test('that was closed says so', async () => {
    const engine = deflater()
    await deflate(engine, Buffer.from('Hello'))
    engine.close()
    for (const bytes of [LARGE, Buffer.from('small')])
      await assert.rejects(deflate(engine, bytes), { code: 'WS_ERR_TERMINATED' })
  })
})

describe('an inflater', () => {
  test('takes messages whole and in parts, large and small, each with the context of those before', async () => {
    await seeded(async (random) => {
      const [packer, unpacker] = [deflater(), inflater()]
      for (const plain of [
        Buffer.from('Hello'),
        LARGE,
        Buffer.alloc(0),
        LARGE.subarray(0, 999),
        LARGE,
        Buffer.from('Hello'),
      ]) {
        const packed = plain.length === 0 ? hex('00') : withoutTail(await deflate(packer, plain))
        const parts = random.split(packed)
        const made: Buffer[] = []
        if (random.chance()) made.push(await inflate(unpacker, packed))
        else {
          for (const part of parts.slice(0, -1)) made.push(await inflate(unpacker, part, false))
          made.push(await inflate(unpacker, parts.at(-1)!))
        }
        assert.ok(Buffer.concat(made).equals(plain))
      }
      packer.close()
      unpacker.close()
    }, 20)
  })

  test('reset() forgets the context', async () => {
    const engine = inflater()
    assert.equal(String(await inflate(engine, HELLO)), 'Hello')
    assert.equal(String(await inflate(engine, hex('f200110000'))), 'Hello')
    engine.reset()
    await assert.rejects(inflate(engine, hex('f200110000')), { code: 'WS_ERR_INFLATE' })
  })

  const finals: [what: string, parts: Buffer[], expected: string][] = [
    ['with the byte that RFC 7692 asks for behind it', [FINAL_HELLO], 'Hello'],
    ['without that byte', [FINAL_HELLO.subarray(0, -1)], 'Hello'],
    ['that ends a frame', [FINAL_HELLO.subarray(0, -1), hex('00')], 'Hello'],
    ['in the middle', [Buffer.concat([FINAL_HELLO.subarray(0, -1), HELLO])], 'HelloHello'],
    ['in two frames', [FINAL_HELLO.subarray(0, 3), FINAL_HELLO.subarray(3)], 'Hello'],
    [
      'several times',
      [Buffer.concat([FINAL_HELLO.subarray(0, -1), FINAL_HELLO.subarray(0, -1), FINAL_HELLO])],
      'HelloHelloHello',
    ],
    ['that is empty', [hex('030000')], ''],
  ]
  for (const [what, parts, expected] of finals)
    test(`takes a final block ${what}, and the next message behind it`, async () => {
      const engine = inflater()
      for (let round = 0; round < 3; round++) {
        let text = ''
        for (const [i, part] of parts.entries()) text += await inflate(engine, part, i === parts.length - 1)
        assert.equal(text, expected)
        assert.equal(String(await inflate(engine, HELLO)), 'Hello')
      }
      engine.close()
    })

  test('takes final blocks in large messages', async () => {
    const engine = inflater()
    const random = new Random(1).bytes(100_000)
    const final = zlib.deflateRawSync(random)
    assert.ok((await inflate(engine, final)).equals(random))
    const twice = Buffer.concat([final, final, hex('00')])
    assert.ok((await inflate(engine, twice)).equals(Buffer.concat([random, random])))
    assert.equal(String(await inflate(engine, HELLO)), 'Hello')
    engine.close()
  })

  for (const [size, blocks] of [
    ['small', 200],
    ['large', 40_000],
  ] as const)
    test(`refuses a ${size} flood of empty final blocks, each of which would be a new beginning`, async () => {
      const flood = Buffer.alloc(blocks * 2, hex('0300'))
      const engine = inflater()
      await assert.rejects(inflate(engine, flood), { code: 'WS_ERR_INFLATE', closeCode: 1007 })
      engine.close()
    })

  const garbage: [what: string, bytes: Buffer][] = [
    ['a block of a type that does not exist', hex('ffffffff')],
    ['a stored block whose lengths differ', hex('000500000048656c6c6f00')],
    ['a reference to what was before the beginning', hex('f200110000')],
    ['a code that cannot be', hex('04ffffffffffffffff')],
    ['large garbage', Buffer.alloc(100_000, 0xff)],
    ['garbage behind a final block', Buffer.concat([FINAL_HELLO.subarray(0, -1), hex('ffff')])],
  ]
  for (const [what, bytes] of garbage)
    test(`refuses ${what}`, async () => {
      const engine = inflater()
      await assert.rejects(inflate(engine, bytes), (error) => {
        assert.ok(error instanceof ProtocolError)
        assert.deepEqual([error.code, error.closeCode], ['WS_ERR_INFLATE', 1007])
        return true
      })
      engine.close()
      await turn() // an error of the stream itself must not come out
    })

  // 64 KiB are made at once, and the rest in the thread pool.
  for (const size of [-1, 0, 1].flatMap((more) => [(64 << 10) + more, (128 << 10) + more, (1 << 20) + more]))
    test(`makes ${size} bytes of few, and the next message with that context`, async () => {
      const engine = inflater()
      const told: number[] = []
      const made = await inflate(engine, zeros(size), true, (length) => told.push(length))
      assert.ok(made.equals(Buffer.alloc(size)))
      assert.equal(told.at(-1), size)
      assert.deepEqual(
        told,
        told.toSorted((a, b) => a - b),
      )
      // A reference 32 KiB back: the window is full of what came last.
      const before = Buffer.concat([made, Buffer.alloc(300)]).subarray(-(32 << 10))
      const next = zlib.deflateRawSync(Buffer.alloc(300), { dictionary: before })
      assert.ok((await inflate(engine, next)).equals(Buffer.alloc(300)))
      engine.close()
    })

  test('makes much of few bytes that end in a final block, or are no deflate stream at their end', async () => {
    const engine = inflater()
    const final = zlib.deflateRawSync(Buffer.alloc(200_000))
    assert.equal((await inflate(engine, Buffer.concat([final, final, hex('00')]))).length, 400_000)
    assert.equal(String(await inflate(engine, HELLO)), 'Hello')
    await assert.rejects(inflate(engine, Buffer.concat([final, hex('ffff')])), { code: 'WS_ERR_INFLATE' })
    engine.close()
  })

  test('that is closed while it makes much of few bytes rejects, and those behind it go on', async () => {
    const engines = Array.from({ length: 5 }, () => inflater())
    const packed = zeros(1 << 20)
    const pending = engines.map(async (engine) => engine.inflate(packed, 0, packed.length, true, () => {}))
    await turn()
    engines[1]!.close()
    const results = await Promise.allSettled(pending)
    assert.deepEqual(
      results.map((one) => (one.status === 'fulfilled' ? one.value.length : one.reason.code)),
      engines.map((_, i) => (i === 1 ? 'WS_ERR_TERMINATED' : 1 << 20)),
    )
    for (const engine of engines) engine.close()
  })

  test('tells how much has come before it spends more memory, and stops when told', async () => {
    const bomb = zlib.deflateRawSync(Buffer.alloc(64 << 20), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    for (const limit of [0, 10, 1 << 16, (1 << 16) + 1, 1 << 20]) {
      const engine = inflater()
      const told: number[] = []
      const check = (length: number): void => {
        told.push(length)
        if (length > limit) throw new ProtocolError('WS_ERR_MAX_MESSAGE', 1009, 'too much')
      }
      await assert.rejects(inflate(engine, bomb, true, check), { code: 'WS_ERR_MAX_MESSAGE' })
      assert.ok(told.at(-1)! <= limit + (64 << 10), `${told.at(-1)} for ${limit}`)
      engine.close()
    }
  })

  test('that is closed meanwhile rejects', async () => {
    const engine = inflater()
    const packed = zlib.deflateRawSync(new Random(1).bytes(1 << 20))
    const pending = engine.inflate(packed, 0, packed.length, true, () => {})
    engine.close()
    await assert.rejects(async () => pending, { code: 'WS_ERR_TERMINATED' })
  })

  test('with a window of 2^8 takes what zlib makes when it is asked for one', async () => {
    const unit = new Random(2).bytes(200)
    const packed = zlib.deflateRawSync(Buffer.concat([unit, unit]), { windowBits: 8 })
    assert.equal(inflateByHand(packed).reach, 200)
    const engine = inflater(8)
    for (const part of [packed, packed])
      assert.ok((await inflate(engine, part)).equals(Buffer.concat([unit, unit])))
    engine.close()
  })

  test('survives garbage of every kind: what it gives is bytes, or an error that is documented', async () => {
    await seeded(async (random) => {
      const engine = inflater()
      try {
        for (let i = 0; i < 5; i++) await inflate(engine, random.bytes(random.int(1, 200)), random.chance())
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
        assert.equal(error.code, 'WS_ERR_INFLATE')
      }
      engine.close()
    }, 200)
  })
})

test('TAIL is what the streams of this file end with', () => {
  assert.equal(
    toHex(zlib.deflateRawSync(Buffer.from('Hello'), { finishFlush: zlib.constants.Z_SYNC_FLUSH })),
    toHex(Buffer.concat([HELLO, TAIL])),
  )
})
