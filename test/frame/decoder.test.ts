import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameDecoder, type FrameDecoderOptions } from '../../src/frame/decoder.js'
import { encodeFrame } from '../../src/frame/encoder.js'
import { Frame, retire } from '../../src/frame/frame.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import type { FrameWatch } from '../../src/frame/watch.js'
import { fc } from '../support/fast-check.js'
import { moreExamples, rfcExamples, validFrames } from './cases.js'
import { decode, everywhere } from './decoding.js'
import { hex, isCollected, misuse, released, violation } from './helpers.js'

/** The only frame in these bytes. */
function decodeOne(bytes: Buffer, options: FrameDecoderOptions = {}): Frame {
  const decoder = new FrameDecoder(options)
  decoder.append(Buffer.from(bytes))
  const frame = decoder.next()
  assert.ok(frame !== undefined, 'a frame')
  assert.equal(decoder.next(), undefined)
  assert.equal(decoder.buffered, 0)
  return frame
}

for (const [name, digits, init] of [...rfcExamples, ...moreExamples])
  test(`FrameDecoder decodes ${name}`, () => {
    const frame = decodeOne(hex(digits), { role: init.masked === true ? 'server' : 'client' })
    const expected = new Frame(init)
    assert.equal(String(frame), String(expected))
    assert.ok(frame.payload.equals(expected.payload))
    assert.deepEqual([frame.maskKey, frame.lengthSize], [expected.maskKey, expected.lengthSize])
  })

const refused: readonly [
  name: string,
  digits: string,
  code: string,
  closeCode: number,
  options?: FrameDecoderOptions,
][] = [
  ['an unmasked frame at a server', '8100', 'WS_ERR_MASK', 1002, { role: 'server' }],
  ['a masked frame at a client', '818000000000', 'WS_ERR_MASK', 1002, { role: 'client' }],
  ['a reserved bit', 'c100', 'WS_ERR_RSV', 1002],
  ['a reserved bit beside an allowed one', 'e100', 'WS_ERR_RSV', 1002, { allowedRsv: 0x40 }],
  ['a reserved opcode', '8300', 'WS_ERR_OPCODE', 1002],
  ['a fragmented ping', '0900', 'WS_ERR_CONTROL_FRAGMENTED', 1002],
  ['a ping of 126 bytes', '897e007e', 'WS_ERR_CONTROL_LENGTH', 1002],
  ['0 bytes in 16 bits', '827e0000', 'WS_ERR_LENGTH', 1002],
  ['125 bytes in 16 bits', '827e007d', 'WS_ERR_LENGTH', 1002],
  ['125 bytes in 64 bits', '827f000000000000007d', 'WS_ERR_LENGTH', 1002],
  ['65535 bytes in 64 bits', '827f000000000000ffff', 'WS_ERR_LENGTH', 1002],
  [
    'a length with its highest bit set',
    '827f8000000000000000',
    'WS_ERR_LENGTH',
    1002,
    { maxFrame: Infinity },
  ],
  ['a length of 2^64 - 1', '827fffffffffffffffff', 'WS_ERR_LENGTH', 1002, { maxFrame: Infinity }],
  ['a length of 2^53', '827f0020000000000000', 'WS_ERR_MAX_FRAME', 1009, { maxFrame: Infinity }],
  ['a length of 2^32 + 1, though its low half is small', '827f0000000100000001', 'WS_ERR_MAX_FRAME', 1009],
  ['one byte more than 1 MiB', '827f0000000000100001', 'WS_ERR_MAX_FRAME', 1009],
  ['one byte more than maxFrame', '8204', 'WS_ERR_MAX_FRAME', 1009, { maxFrame: 3 }],
]

for (const [name, digits, code, closeCode, options] of refused)
  test(`FrameDecoder refuses ${name} as soon as the header is there, and gives nothing`, () => {
    const decoder = new FrameDecoder(options)
    decoder.append(Buffer.concat([hex(digits)]))
    const frame = new Frame({ payload: 'as it was', opcode: 1 })
    assert.throws(() => decoder.read(frame), violation(code, closeCode))
    assert.equal(String(frame), 'text fin 9 bytes "as it was"')
    assert.deepEqual(decode(hex(digits), options ?? {}, everywhere(hex(digits)), 'shared').frames, [])
  })

test('FrameDecoder takes lengths up to each limit', () => {
  for (const length of [125, 126, 127, 65535, 65536, 1 << 20]) {
    const payload = Buffer.alloc(length, 0x61)
    const bytes = encodeFrame(new Frame({ payload, masked: true, maskKey: 0x12345678 }))
    const frame = decodeOne(bytes, { role: 'server', maxFrame: length })
    assert.ok(frame.payload.equals(payload), `${length} bytes`)
  }
})

const roles = fc.constantFrom('server' as const, 'client' as const)

/** A valid stream for one side, with a tail of random bytes in half of the cases. */
const streams = fc
  .tuple(
    roles,
    fc.array(validFrames, { maxLength: 6 }),
    fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array()),
  )
  .map(([role, inits, tail]) => {
    const frames = inits.map((init) => encodeFrame(new Frame({ ...init, masked: role === 'server' })))
    return { role, stream: Buffer.concat([...frames, tail]), count: frames.length }
  })

test('FrameDecoder gives the same frames, pieces and errors however the bytes are split', () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat()), ({ role, stream, count }, places) => {
      const options = { role, allowedRsv: 0x70 }
      const whole = decode(stream, options)
      assert.ok(whole.frames.length >= count)
      const cuts = places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b)
      for (const feeding of ['own', 'shared', 'late'] as const)
        assert.deepEqual(decode(stream, options, cuts, feeding), whole, feeding)
    }),
  )
})

test('FrameDecoder gives the same frames when every byte comes alone', () => {
  fc.assert(
    fc.property(streams, ({ role, stream }) => {
      const short = stream.subarray(0, 3000)
      const options = { role, allowedRsv: 0x70 }
      const whole = decode(short, options)
      for (const feeding of ['own', 'shared'] as const)
        assert.deepEqual(decode(short, options, everywhere(short), feeding), whole, feeding)
    }),
    { numRuns: 40 },
  )
})

test('FrameDecoder gives back what encodeFrame was given, for any valid frames and both roles', () => {
  fc.assert(
    fc.property(roles, fc.array(validFrames, { maxLength: 5 }), (role, inits) => {
      const frames = inits.map((init) => {
        const masked = role === 'server'
        return new Frame({ ...init, masked, maskKey: masked ? init.maskKey : 0 })
      })
      const decoder = new FrameDecoder({ role, allowedRsv: 0x70 })
      decoder.append(Buffer.concat(frames.map(encodeFrame)))
      for (const expected of frames) {
        using frame = decoder.next()
        assert.ok(frame !== undefined)
        assert.equal(String(frame), String(expected))
        assert.ok(frame.payload.equals(expected.payload))
        assert.ok(encodeFrame(frame).equals(encodeFrame(expected)))
      }
      assert.equal(decoder.next(), undefined)
    }),
  )
})

test('FrameDecoder that is not strict gives every frame as it is on the wire', () => {
  const anything = fc.record({
    head: fc.nat(255),
    masked: fc.boolean(),
    maskKey: fc.nat(0xffff_ffff),
    payload: fc.uint8Array({ maxLength: 200 }),
    lengthSize: fc.constantFrom(undefined, 16 as const, 64 as const),
  })
  fc.assert(
    fc.property(fc.array(anything), (all) => {
      const frames = all.map(({ head, lengthSize, ...init }) => {
        const frame = new Frame({
          ...init,
          maskKey: init.masked ? init.maskKey : 0,
          opcode: head & 15,
          fin: head > 127,
        })
        Object.assign(frame, { rsv1: (head & 64) !== 0, rsv2: (head & 32) !== 0, rsv3: (head & 16) !== 0 })
        if (lengthSize !== undefined) frame.lengthSize = lengthSize
        return frame
      })
      const stream = Buffer.concat(frames.map(encodeFrame))
      const decoder = new FrameDecoder({ strict: false, role: 'server' })
      decoder.append(Buffer.from(stream))
      const again: Buffer[] = []
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next())
        again.push(encodeFrame(frame))
      assert.ok(Buffer.concat(again).equals(stream))
    }),
  )
})

test('FrameDecoder that is not strict still keeps to maxFrame and to what a number can hold', () => {
  const lenient = { strict: false }
  for (const digits of ['827f0000000000100001', '897f0000000000100001', '827f0020000000000000'])
    assert.throws(() => decodeOne(hex(digits), lenient), violation('WS_ERR_MAX_FRAME', 1009))
  assert.throws(() => decodeOne(hex('827f8000000000000000'), lenient), violation('WS_ERR_LENGTH', 1002))
  const decoder = new FrameDecoder({ strict: false, maxFrame: Infinity })
  decoder.append(hex('827f001fffffffffffff'))
  assert.equal(decoder.next(), undefined)
})

test('FrameDecoder tells a long form of the length only of the frame that has it', () => {
  const decoder = new FrameDecoder({ strict: false })
  decoder.append(hex('827e0000 827f0000000000000000 8200'))
  const sizes = [16, 64, 7].map(() => decoder.next()?.lengthSize)
  assert.deepEqual(sizes, [16, 64, 7])
})

test('FrameDecoder throws for wrong options, and names them', () => {
  assert.throws(() => new FrameDecoder(null as unknown as FrameDecoderOptions), misuse(TypeError, 'options'))
  assert.throws(() => new FrameDecoder({ maxFrame: -1 }), misuse(RangeError, 'maxFrame'))
})

/** Bytes of memory outside of the heap that a call took and holds. */
function memoryOf(call: () => unknown): number {
  const before = process.memoryUsage().arrayBuffers
  const held = call()
  const after = process.memoryUsage().arrayBuffers
  assert.ok(held !== null)
  return after - before
}

test('FrameDecoder spends nothing on a length it refuses', () => {
  const header = hex('827f 0000010000000000') // 2^40 bytes
  const spent = memoryOf(() =>
    Array.from({ length: 100 }, () => {
      const decoder = new FrameDecoder()
      decoder.append(header)
      assert.throws(() => decoder.next(), violation('WS_ERR_MAX_FRAME', 1009))
      return decoder
    }),
  )
  assert.ok(spent < 64 * 1024, `${spent} bytes for 100 decoders`)
})

test('FrameDecoder believes a length up to 64 KiB only, without a limit too', () => {
  const decoder = new FrameDecoder({ maxFrame: Infinity })
  const begun = hex('827f 0000010000000000 07') // made before: Node may take a new pool for it
  const spent = memoryOf(() => {
    decoder.append(begun)
    assert.equal(decoder.next(), undefined)
  })
  assert.ok(spent <= (64 << 10) + 64, `${spent} bytes`)
  const more = memoryOf(() => {
    for (let i = 0; i < 16; i++) {
      decoder.append(Buffer.alloc(1 << 16))
      assert.equal(decoder.next(), undefined)
    }
  })
  assert.ok(
    more <= (16 << 16) + (5 << 18) + 1024,
    `${more} bytes: the chunks, and a body that grows with them`,
  )
})

test('FrameDecoder puts a payload together that is longer than it believed', () => {
  for (const [length, chunkSize] of [
    [(1 << 20) + 1, 1 << 16],
    [5_000_001, 300_007],
    [3 << 20, 2_900_000],
  ] as const) {
    const payload = Buffer.alloc(length)
    for (let i = 0; i < length; i += 1013) payload[i] = i & 0xff
    const bytes = encodeFrame(new Frame({ payload, masked: true, maskKey: 0xfedcba98 }))
    const decoder = new FrameDecoder({ role: 'server', maxFrame: length })
    let frame: Frame | undefined
    for (let at = 0; at < bytes.length; at += chunkSize) {
      assert.equal(frame, undefined)
      decoder.append(bytes.subarray(at, at + chunkSize))
      frame = decoder.next()
    }
    assert.ok(frame !== undefined)
    assert.ok(frame.payload.equals(payload))
    assert.equal(decoder.ownsPayload, true)
    assert.ok(frame.payload.buffer.byteLength <= length + 64, 'hardly more than the payload is kept')
  }
})

test('FrameDecoder.ownsPayload is true where the payload does not lie in the chunk', () => {
  const decoder = new FrameDecoder()
  const chunk = hex('820161 8203')
  assert.equal(decoder.ownsPayload, false)
  decoder.append(chunk)
  const first = decoder.next()
  assert.equal(decoder.ownsPayload, false)
  assert.equal(first?.payload.buffer, chunk.buffer)
  assert.equal(decoder.next(), undefined)
  decoder.append(hex('626364 8200'))
  const second = decoder.next()
  assert.equal(decoder.ownsPayload, true)
  assert.equal(second?.payload.buffer.byteLength, 3)
  decoder.next()
  assert.equal(decoder.ownsPayload, false, 'it speaks of the last frame')
})

test('FrameDecoder.buffered counts every byte that is in no frame yet, and is 0 between frames', () => {
  const frames = hex('8205 48656c6c6f 82fe007e 01020304').subarray(0)
  const stream = Buffer.concat([frames, Buffer.alloc(126), hex('8900')])
  const ends = new Map([
    [7, 0],
    [7 + 8 + 126, 0],
    [stream.length, 0],
  ])
  const decoder = new FrameDecoder()
  let begun = 0
  for (let at = 0; at < stream.length; at++) {
    decoder.append(Buffer.from(stream.subarray(at, at + 1)))
    assert.equal(decoder.buffered, ++begun, `before read ${at}`)
    decoder.next()
    begun = ends.get(at + 1) ?? begun
    assert.equal(decoder.buffered, begun, `after read ${at}`)
  }
})

test('FrameDecoder.buffered counts bytes that nobody has read, appended in any number of pieces', () => {
  const decoder = new FrameDecoder()
  decoder.append(hex('8200 8200'))
  decoder.append(hex('8200'))
  decoder.append(hex('ff8201ff'), 1, 3)
  assert.equal(decoder.buffered, 8)
  for (const left of [6, 4, 2]) {
    decoder.next()
    assert.equal(decoder.buffered, left)
  }
})

test('FrameDecoder.append takes a part of a chunk, and a plain Uint8Array', () => {
  const decoder = new FrameDecoder()
  decoder.append(Uint8Array.of(1, 2, 0x81, 1, 0x61, 9).subarray(1), 1, 4)
  assert.equal(decoder.next()?.text(), 'a')
  assert.equal(decoder.next(), undefined)
  assert.equal(decoder.buffered, 0)
})

test('FrameDecoder.append throws for misuse, and takes nothing', () => {
  const decoder = new FrameDecoder()
  const chunk = hex('810161')
  for (const wrong of ['810161', undefined, null, [0x81], chunk.buffer])
    assert.throws(() => decoder.append(wrong as unknown as Buffer), misuse(TypeError, 'chunk'))
  assert.throws(() => decoder.append(chunk, 4), misuse(RangeError, 'start'))
  assert.throws(() => decoder.append(chunk, -1), misuse(RangeError, 'start'))
  assert.throws(() => decoder.append(chunk, 2, 1), misuse(RangeError, 'end'))
  assert.throws(() => decoder.append(chunk, 0, 4), misuse(RangeError, 'end'))
  assert.equal(decoder.buffered, 0)
})

test('FrameDecoder.read throws for what is no frame or was released, and loses nothing', () => {
  const decoder = new FrameDecoder()
  decoder.append(hex('818537fa213d7f9f4d5158'))
  const gone = new Frame()
  retire(gone)
  assert.throws(() => decoder.read(gone), released)
  assert.throws(() => decoder.read({} as Frame), misuse(TypeError, 'frame'))
  const frame = new Frame()
  assert.equal(decoder.read(frame), true)
  assert.equal(frame.text(), 'Hello')
})

// Go's fastws ORs the bits of the next frame onto those of a used one.
test('FrameDecoder.read into a used frame never ORs old bits', () => {
  const decoder = new FrameDecoder({ allowedRsv: 0x70 })
  decoder.append(hex('f185ffffffffb79a939390 0100'))
  const frame = new Frame()
  frame.length = 70_000
  frame.lengthSize = 64
  decoder.read(frame)
  assert.equal(String(frame), 'text fin rsv1 rsv2 rsv3 masked ffffffff 5 bytes "Hello"')
  decoder.read(frame)
  assert.equal(String(frame), 'text 0 bytes')
  assert.deepEqual([frame.maskKey, frame.lengthSize], [0, 7])
})

test('FrameDecoder.read leaves the frame as it was while more bytes are needed', () => {
  const decoder = new FrameDecoder()
  const frame = new Frame({ opcode: 1, payload: 'as it was' })
  for (const byte of hex('8203 6162')) {
    decoder.append(Buffer.of(byte))
    assert.equal(decoder.read(frame), false)
    assert.equal(decoder.read(frame), false, 'asking again changes nothing')
    assert.equal(frame.text(), 'as it was')
  }
})

test('FrameDecoder throws the same error for ever, and decodes nothing behind it', () => {
  const decoder = new FrameDecoder({ role: 'client' })
  decoder.append(hex('8100 8300 8100'))
  assert.equal(decoder.next()?.length, 0)
  let first: unknown
  try {
    decoder.next()
  } catch (error) {
    first = error
  }
  assert.ok(first instanceof Error)
  for (let i = 0; i < 3; i++) {
    assert.throws(
      () => decoder.next(),
      (error) => error === first,
    )
    assert.throws(
      () => decoder.read(new Frame()),
      (error) => error === first,
    )
    decoder.append(hex('8100'))
    assert.equal(decoder.buffered, 0)
  }
})

test('FrameDecoder.next loses no frame of the pool where it gives none', () => {
  const empty = new FrameDecoder()
  const failing = new FrameDecoder()
  failing.append(hex('8300'))
  const ours = new Set(Array.from({ length: 2000 }, acquireFrame).slice(0, 264))
  for (const frame of ours) releaseFrame(frame)
  for (let i = 0; i < 64; i++) acquireFrame() // those that rested before ours came
  for (let i = 0; i < 500; i++) {
    assert.equal(empty.next(), undefined)
    assert.throws(() => failing.next(), violation('WS_ERR_OPCODE', 1002))
  }
  const again = Array.from({ length: 200 }, acquireFrame)
  assert.ok(again.every((frame) => ours.has(frame)))
})

/** A watch that throws at its n-th call. */
class Thrower implements FrameWatch {
  readonly calls: string[] = []
  #left: number
  constructor(calls: number) {
    this.#left = calls
  }
  #count(name: string): void {
    this.calls.push(name)
    if (--this.#left === 0) throw new Error('stop')
  }
  header(): void {
    this.#count('header')
  }
  payload(): void {
    this.#count('payload')
  }
}

test('FrameDecoder stops where the watch throws, and asks it nothing more', () => {
  for (const cuts of [[], [1], [8], [9], [10, 20]])
    for (let n = 1; n <= 4; n++) {
      const watch = new Thrower(n)
      const decoder = new FrameDecoder({}, watch)
      const bytes = hex('82077061796c6f6164 82077061796c6f6164')
      let frames = 0
      let error: unknown
      let at = 0
      try {
        for (const cut of [...cuts, bytes.length]) {
          decoder.append(bytes.subarray(at, cut))
          at = cut
          while (decoder.next() !== undefined) frames++
        }
      } catch (thrown) {
        error = thrown
      }
      assert.equal((error as Error | undefined)?.message, 'stop')
      assert.equal(watch.calls.length, n)
      assert.equal(watch.calls[0], 'header')
      assert.throws(() => decoder.next(), /stop/)
      assert.equal(watch.calls.length, n)
      assert.equal(decoder.buffered, 0, 'nothing is held for a stream that ended')
      assert.ok(frames < 2)
    }
})

test('FrameDecoder makes an Error of what is thrown by a watch and is none', () => {
  const decoder = new FrameDecoder(
    {},
    {
      header: () => {
        throw 'text'
      },
      payload: () => {},
    },
  )
  decoder.append(hex('8200'))
  assert.throws(() => decoder.next(), { name: 'Error', cause: 'text' })
})

test('FrameDecoder tells the watch of a header before any payload is there, and never of a refused one', () => {
  const calls: string[] = []
  const decoder = new FrameDecoder(
    {},
    {
      header: (head, length) => calls.push(`header ${head.toString(16)} ${length}`),
      payload: (_head, bytes, start, end, seen) =>
        calls.push(`payload ${bytes.toString('hex', start, end)} ${seen}`),
    },
  )
  const feed = (digits: string): void => {
    decoder.append(hex(digits))
    while (decoder.next() !== undefined);
  }
  feed('818537fa213d')
  assert.deepEqual(calls.splice(0), ['header 81 5'])
  feed('7f9f')
  feed('4d5158 8200 8180 00000000')
  assert.deepEqual(calls.splice(0), [
    `payload 4865 ${0x48 | 0x65}`,
    `payload 6c6c6f ${0x6c | 0x6f}`,
    'header 82 0',
    'payload  256', // nobody has looked at what was not masked
    'header 81 0',
    'payload  0',
  ])
  assert.throws(() => feed('8300'), violation('WS_ERR_OPCODE', 1002))
  assert.deepEqual(calls, [])
})

test('FrameDecoder.keep copies what is left, so that the chunk may be used again', () => {
  const decoder = new FrameDecoder()
  const chunk = hex('820161 820162 8201')
  decoder.append(chunk)
  assert.equal(decoder.next()?.text(), 'a')
  decoder.keep()
  chunk.fill(0xff)
  assert.equal(decoder.next()?.text(), 'b')
  decoder.keep()
  assert.equal(decoder.next(), undefined)
  decoder.keep()
  decoder.append(hex('63'))
  assert.equal(decoder.next()?.text(), 'c')
})

test('FrameDecoder lets go of a chunk when it has given all frames, kept it, or failed', async () => {
  const decoders = ['8200', '820561', '82', '8300'].map(
    (digits) => [new FrameDecoder(), feedTo(digits)] as const,
  )
  const refs = decoders.map(([decoder, feed]) => feed(decoder))
  const keeping = new FrameDecoder()
  refs.push(keepIn(keeping))
  for (const ref of refs) assert.equal(await isCollected(ref), true)
  assert.deepEqual([...decoders.map(([decoder]) => decoder.buffered), keeping.buffered], [0, 3, 1, 0, 2])

  function feedTo(digits: string): (decoder: FrameDecoder) => WeakRef<object> {
    return (decoder) => {
      const chunk = Buffer.from(new Uint8Array(hex(digits)).buffer)
      decoder.append(chunk)
      try {
        for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) releaseFrame(frame)
      } catch {}
      return new WeakRef(chunk.buffer)
    }
  }
  function keepIn(decoder: FrameDecoder): WeakRef<object> {
    const chunk = Buffer.from(new Uint8Array(hex('8200')).buffer)
    decoder.append(chunk)
    decoder.keep()
    return new WeakRef(chunk.buffer)
  }
})

test('FrameDecoder lets go of a payload it put together', async () => {
  const decoder = new FrameDecoder()
  const ref = give()
  assert.equal(await isCollected(ref), true)
  assert.equal(decoder.buffered, 0)

  function give(): WeakRef<object> {
    decoder.append(hex('8203'))
    assert.equal(decoder.next(), undefined)
    decoder.append(hex('616263'))
    using frame = decoder.next()
    assert.ok(frame !== undefined && decoder.ownsPayload)
    return new WeakRef(frame.payload.buffer)
  }
})
