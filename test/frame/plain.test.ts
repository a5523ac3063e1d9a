import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameDecoder } from '../../src/frame/decoder.js'
import { findPlain, plainEnd, plainHead, plainStart } from '../../src/frame/plain.js'
import { clientFrame, seeded, serverFrame } from '../support/index.js'

const LONGEST = 70_000

/** Where the payload at the beginning of some bytes lies, as the ordinary decoder sees it, if it is a plain message. */
function naive(bytes: Buffer): { head: number; start: number; end: number } | undefined {
  const decoder = new FrameDecoder({ role: 'server', maxFrame: LONGEST })
  decoder.append(Buffer.from(bytes))
  try {
    using frame = decoder.next()
    if (frame === undefined || !frame.fin || (frame.opcode !== 1 && frame.opcode !== 2)) return undefined
    const start = (frame.length < 126 ? 2 : frame.length < 0x10000 ? 4 : 10) + 4
    return { head: 0x80 | frame.opcode, start, end: start + frame.length }
  } catch {
    return undefined
  }
}

const found = (bytes: Buffer, longest = LONGEST) =>
  findPlain(Buffer.concat([Buffer.alloc(3), bytes]), 3, 3 + bytes.length, longest)
    ? { head: plainHead, start: plainStart - 3, end: plainEnd - 3 }
    : undefined

test('findPlain finds a whole masked message of one frame, and says where its payload lies', () => {
  for (const length of [0, 1, 125, 126, 127, 300, 0xffff])
    for (const opcode of [1, 2]) {
      const bytes = clientFrame(opcode, Buffer.alloc(length, 0x61))
      assert.deepEqual(found(bytes), naive(bytes), `${length} bytes`)
      assert.ok(found(bytes) !== undefined)
      assert.equal(found(bytes.subarray(0, -1)), undefined, 'one byte is missing')
      assert.equal(found(bytes, length - 1), undefined, 'one byte too long')
    }
})

const others = [
  ['a fragment', clientFrame(1, 'Hello', { fin: false })],
  ['a continuation', clientFrame(0, 'Hello')],
  ['a ping', clientFrame(9, 'Hello')],
  ['a close', clientFrame(8)],
  ['a reserved opcode', clientFrame(3, 'Hello')],
  ['a compressed message', clientFrame(1, 'Hello', { rsv: 4 })],
  ['a message without a mask', serverFrame(1, 'Hello, all of you')],
  ['a length of 64 bits', clientFrame(2, Buffer.alloc(0x10000))],
  ['a length that is not in its shortest form', clientFrame(1, 'Hello', { lengthBits: 16 })],
  ['half a length', Buffer.from('81fe0100000000', 'hex')],
  ['half a key', Buffer.from('8180000000', 'hex')],
  ['nothing', Buffer.alloc(0)],
] as const

for (const [name, bytes] of others)
  test(`findPlain leaves ${name} to the decoder`, () => {
    assert.equal(found(bytes), undefined)
  })

test('findPlain finds nothing that the decoder does not find as well', () =>
  seeded((random) => {
    const bytes = random.chance(2)
      ? clientFrame(random.pick([0, 1, 2, 8, 9]), random.bytes(random.int(0, 300)))
      : random.bytes(random.int(0, 20))
    const cut = bytes.subarray(0, random.pick([bytes.length, random.int(0, bytes.length)]))
    const plain = found(cut)
    if (plain !== undefined) assert.deepEqual(plain, naive(cut))
    else assert.ok((naive(cut)?.end ?? 0x10000) >= 0x10000)
  }, 300))
