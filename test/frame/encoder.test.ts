import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import * as ws from 'ws'
import { encodeClosePayload } from '../../src/frame/close.js'
import { encodedSize, encodeFrame, encodeFrameInto } from '../../src/frame/encoder.js'
import { copyIntoFrame, Frame, type FrameInit, lendToFrame, retire } from '../../src/frame/frame.js'
import { mask } from '../../src/frame/mask.js'
import { fc } from '../support/fast-check.js'
import { moreExamples, rfcExamples, validFrames } from './cases.js'
import { hex, maskNaively, misuse, released } from './helpers.js'

for (const [name, digits, init] of [...rfcExamples, ...moreExamples])
  test(`encodeFrame encodes ${name}`, () => {
    const frame = new Frame(init)
    assert.ok(encodeFrame(frame).equals(hex(digits)))
    assert.equal(encodedSize(frame), digits.length / 2)
  })

// What no endpoint may send, but a tool must be able to.
const invalid: readonly [name: string, digits: string, init: FrameInit, change?: (frame: Frame) => void][] = [
  ['a reserved opcode', '8301ff', { opcode: 3, payload: hex('ff') }],
  ['a reserved control opcode', '8f00', { opcode: 15 }],
  ['reserved bits', 'f200', { rsv1: true, rsv2: true, rsv3: true }],
  ['a fragmented ping', '0900', { fin: false, opcode: 9 }],
  ['a ping of 126 bytes', `897e007e${'61'.repeat(126)}`, { opcode: 9, payload: 'a'.repeat(126) }],
  ['a close of one byte', '880103', { opcode: 8, payload: hex('03') }],
  [
    'a length in 16 bits where 7 are enough',
    '827e0001aa',
    { payload: hex('aa') },
    (f) => Object.assign(f, { lengthSize: 16 }),
  ],
  [
    'a length in 64 bits where 7 are enough',
    '82ff000000000000000100000000aa',
    { payload: hex('aa'), masked: true },
    (f) => Object.assign(f, { lengthSize: 64 }),
  ],
  ['a length that is too long', '8205aa', { payload: hex('aa') }, (f) => Object.assign(f, { length: 5 })],
  [
    'a length that is too short',
    '8200aabb',
    { payload: hex('aabb') },
    (f) => Object.assign(f, { length: 0 }),
  ],
  ['the longest length', '827f001fffffffffffff', {}, (f) => Object.assign(f, { length: 2 ** 53 - 1 })],
  ['a length of 126 in 7 bits', '827e', {}, (f) => Object.assign(f, { length: 126, lengthSize: 7 })],
  ['a key without a mask', '8201aa', { payload: hex('aa'), maskKey: 5 }],
]

for (const [name, digits, init, change] of invalid)
  test(`encodeFrame encodes ${name}, byte for byte`, () => {
    const frame = new Frame(init)
    change?.(frame)
    assert.equal(encodeFrame(frame).toString('hex'), digits)
    assert.equal(encodedSize(frame), digits.length / 2)
  })

// Go's fastws keeps the status beside the payload, and sends it unmasked.
test('encodeFrame masks the close status, as it lies in the payload', () => {
  const frame = new Frame({
    opcode: 8,
    payload: encodeClosePayload(1000, 'bye'),
    masked: true,
    maskKey: 0x01020304,
  })
  assert.equal(encodeFrame(frame).toString('hex'), '888501020304 02ea617d64'.replace(' ', ''))
  assert.deepEqual(frame.closeStatus, { code: 1000, reason: 'bye' })
})

test('encodeFrame leaves the payload of a masked frame as it is', () => {
  const payload = Buffer.from('a payload of some length, to be masked by words')
  const before = Buffer.from(payload)
  const frame = new Frame({ payload, masked: true, maskKey: 0xdeadbeef })
  const bytes = encodeFrame(frame)
  assert.ok(payload.equals(before))
  maskNaively(bytes, 6, bytes.length, 0xdeadbeef)
  assert.ok(bytes.subarray(6).equals(before))
})

test('encodeFrame encodes a payload that was lent or copied', () => {
  const memory = Buffer.from('..abc..')
  const frame = new Frame()
  lendToFrame(frame, memory, 2, 5)
  assert.equal(encodeFrame(frame).toString('hex'), '8203616263')
  copyIntoFrame(frame, memory, 3, 5)
  assert.equal(encodeFrame(frame).toString('hex'), '82026263')
})

test('encodeFrameInto writes at an offset, says where it ends, and leaves the rest alone', () => {
  const frame = new Frame({ opcode: 1, payload: 'Hello', masked: true, maskKey: 0x37fa213d })
  const memory = Buffer.alloc(40, 0xee)
  const into = new Uint8Array(memory.buffer, memory.byteOffset + 5, 30)
  assert.equal(encodeFrameInto(frame, into, 3), 14)
  assert.equal(memory.toString('hex', 8, 19), '818537fa213d7f9f4d5158')
  memory.fill(0xee, 8, 19)
  assert.ok(memory.equals(Buffer.alloc(40, 0xee)))
  assert.equal(encodeFrameInto(frame, into, 19), 30, 'it fits exactly')
})

test('encodeFrameInto throws when it does not fit, and writes nothing', () => {
  const frame = new Frame({ payload: 'Hello' })
  const into = Buffer.alloc(10, 0xee)
  assert.throws(() => encodeFrameInto(frame, into, 4), misuse(RangeError, 'into'))
  for (const at of [-1, 11, 0.5, NaN])
    assert.throws(() => encodeFrameInto(frame, into, at), misuse(RangeError, 'at'))
  assert.throws(() => encodeFrameInto(frame, into, undefined as unknown as number), misuse(TypeError, 'at'))
  assert.throws(() => encodeFrameInto(frame, 'x' as unknown as Buffer, 0), misuse(TypeError, 'into'))
  assert.ok(into.equals(Buffer.alloc(10, 0xee)))
})

test('encodeFrameInto may write over the memory the payload lies in', () => {
  for (let from = 0; from <= 40; from++) {
    const memory = Buffer.alloc(80)
    memory.write('a payload that lies in the way', from)
    const frame = new Frame({ payload: memory.subarray(from, from + 30), masked: true, maskKey: 0x01020304 })
    const expected = encodeFrame(frame)
    const end = encodeFrameInto(frame, memory, 10)
    assert.ok(memory.subarray(10, end).equals(expected), `payload at ${from}`)
  }
})

test('encodeFrame throws for what is no frame, for a released one, and for memory that was transferred', () => {
  for (const call of [
    encodedSize,
    encodeFrame,
    (frame: Frame) => encodeFrameInto(frame, Buffer.alloc(9), 0),
  ]) {
    assert.throws(() => call({} as Frame), misuse(TypeError, 'frame'))
    const gone = new Frame({ payload: 'x' })
    gone.lengthSize = 16
    retire(gone)
    assert.throws(() => call(gone), released)
  }
  const bytes = new Uint8Array(100)
  const frame = new Frame({ payload: bytes })
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  assert.throws(() => encodeFrame(frame), misuse(RangeError, 'payload'))
})

interface WsSender {
  frame(data: Buffer, options: Record<string, unknown>): Buffer[]
}
interface WsReceiver extends Duplex {
  write(chunk: Buffer): boolean
}
const { Sender, Receiver } = ws as unknown as {
  Sender: WsSender
  Receiver: new (options: { isServer: boolean }) => WsReceiver
}

test('encodeFrame gives the bytes that the sender of ws gives', () => {
  fc.assert(
    fc.property(validFrames, (init) => {
      const frame = new Frame({ ...init, rsv2: false, rsv3: false })
      const parts = Sender.frame(Buffer.from(init.payload), {
        fin: frame.fin,
        rsv1: frame.rsv1,
        opcode: frame.opcode,
        mask: frame.masked,
        readOnly: true,
        generateMask: (into: Buffer) => into.writeUInt32BE(frame.maskKey),
        maskBuffer: Buffer.alloc(4),
      })
      assert.ok(encodeFrame(frame).equals(Buffer.concat(parts)))
    }),
  )
})

/** What the receiver of ws makes of a stream of frames. */
function receiveByWs(isServer: boolean, frames: Frame[]): [kind: string, data: string][] {
  const got: [string, string][] = []
  const note = (kind: string) => (data: Buffer) => got.push([kind, data.toString('hex')])
  const receiver = new Receiver({ isServer })
  receiver.on('message', note('message')).on('ping', note('ping')).on('pong', note('pong'))
  receiver.on('error', (error: Error) => got.push(['error', error.message]))
  for (const frame of frames) receiver.write(encodeFrame(frame))
  return got
}

const messages = fc.array(
  fc.record({
    kind: fc.constantFrom('message', 'ping', 'pong'),
    parts: fc.array(fc.uint8Array({ maxLength: 125 }), { minLength: 1, maxLength: 4 }),
    maskKey: fc.nat(0xffff_ffff),
  }),
  { maxLength: 8 },
)

for (const masked of [true, false])
  test(`encodeFrame is understood by the receiver of ws, ${masked ? '' : 'not '}masked`, () => {
    fc.assert(
      fc.property(messages, (sent) => {
        const frames: Frame[] = []
        const expected: [string, string][] = []
        for (const { kind, parts, maskKey } of sent) {
          const opcode = { message: 2, ping: 9, pong: 10 }[kind] as number
          const used = kind === 'message' ? parts : parts.slice(0, 1)
          for (const [i, payload] of used.entries()) {
            const fin = i === used.length - 1
            frames.push(new Frame({ fin, opcode: i === 0 ? opcode : 0, payload, masked, maskKey }))
          }
          expected.push([kind, Buffer.concat(used).toString('hex')])
        }
        assert.deepEqual(receiveByWs(masked, frames), expected)
      }),
    )
  })

test('encodedSize is the size of what encodeFrame gives, for any frame', () => {
  fc.assert(
    fc.property(validFrames, fc.constantFrom(undefined, 64 as const), (init, lengthSize) => {
      const frame = new Frame(init)
      if (lengthSize !== undefined) frame.lengthSize = lengthSize
      const bytes = encodeFrame(frame)
      assert.equal(bytes.length, encodedSize(frame))
      const payload = bytes.subarray(bytes.length - init.payload.length)
      if (init.masked) mask(payload, 0, payload.length, init.maskKey)
      assert.ok(payload.equals(init.payload))
    }),
  )
})
