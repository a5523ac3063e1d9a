import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/errors.js'
import { FrameDecoder } from '../../src/frame/decoder.js'
import { encodeFrame } from '../../src/frame/encoder.js'
import { Frame } from '../../src/frame/frame.js'
import type { FrameWatch } from '../../src/frame/watch.js'
import { type Random, seeded } from '../support/random.js'

const LIMIT = 1 << 24

/** Feeds bytes as a socket does that reads into the room it is given. */
function feed(decoder: FrameDecoder, bytes: Buffer, random: Random): Buffer[] {
  const payloads: Buffer[] = []
  const frame = new Frame()
  for (let at = 0; at < bytes.length; ) {
    const room = decoder.room()
    const count = Math.min(bytes.length - at, random.int(1, room?.length ?? 70_000))
    if (room === undefined) decoder.append(Buffer.from(bytes.subarray(at, at + count)))
    else bytes.copy(room, 0, at, at + count)
    if (room !== undefined && decoder.commit(Math.min(count, room.length), frame))
      payloads.push(frame.copyPayload())
    while (decoder.read(frame)) payloads.push(frame.copyPayload())
    at += room === undefined ? count : Math.min(count, room.length)
  }
  assert.equal(decoder.buffered, 0)
  return payloads
}

test('FrameDecoder.room gives the same frames as append, masked or not, beyond the length that is believed', () =>
  seeded((random) => {
    const sizes = [10, 16_384, 100_000, 5, (1 << 20) + 40_000, 70_000]
    for (const masked of [true, false]) {
      const payloads = sizes.map((size) => Buffer.alloc(size, random.bytes(1021)))
      const frames = payloads.map(
        (payload) => new Frame({ payload, masked, maskKey: random.int(0, 0xffffffff) }),
      )
      const decoder = new FrameDecoder({ role: masked ? 'server' : 'client', maxFrame: LIMIT })
      const got = feed(decoder, Buffer.concat(frames.map(encodeFrame)), random)
      assert.equal(got.length, payloads.length)
      for (const [i, payload] of payloads.entries()) assert.ok(got[i]?.equals(payload), `frame ${i}`)
    }
  }))

test('FrameDecoder.room is undefined between frames, and for what is left of a short payload', () => {
  const decoder = new FrameDecoder({ role: 'client' })
  assert.equal(decoder.room(), undefined)
  const bytes = encodeFrame(new Frame({ payload: Buffer.alloc(20_000) }))
  decoder.append(bytes.subarray(0, 3000))
  assert.equal(decoder.read(new Frame()), false)
  assert.equal(decoder.room()?.length, 20_000 - 2996)
  decoder.append(bytes.subarray(3000, 10_000))
  assert.equal(decoder.read(new Frame()), false)
  assert.equal(decoder.room(), undefined)
})

test('FrameDecoder.commit makes an error of the watch final', () => {
  const error = new ProtocolError('WS_ERR_UTF8', 1007, 'no')
  let pieces = 0
  const watch: FrameWatch = {
    header: () => undefined,
    payload: () => {
      if (++pieces === 2) throw error
    },
  }
  const decoder = new FrameDecoder({ role: 'client' }, watch)
  decoder.append(encodeFrame(new Frame({ payload: Buffer.alloc(40_000) })).subarray(0, 100))
  assert.equal(decoder.read(new Frame()), false)
  assert.ok(decoder.room())
  assert.throws(() => decoder.commit(50, new Frame()), error)
  assert.throws(() => decoder.read(new Frame()), error)
  assert.equal(decoder.room(), undefined)
})

test('FrameDecoder.room claims memory in proportion to what has arrived, not to what a header claims', () => {
  const length = 1 << 24
  const bytes = encodeFrame(new Frame({ payload: Buffer.alloc(length) }))
  const header = bytes.length - length
  const claimedAfter = (received: number): number => {
    const decoder = new FrameDecoder({ role: 'client', maxFrame: length })
    decoder.append(bytes.subarray(0, header + received))
    assert.equal(decoder.read(new Frame()), false)
    return received + (decoder.room()?.length ?? 0)
  }
  assert.equal(claimedAfter(0), 64 << 10)
  assert.equal(claimedAfter(100), 64 << 10)
  assert.equal(claimedAfter(10_000), 160_000)
  assert.equal(claimedAfter(64 << 10), 1 << 20)
  assert.equal(claimedAfter(500_000), 8_000_000)
  assert.equal(claimedAfter(600_000), length, 'rather than half of it and a little')
})
