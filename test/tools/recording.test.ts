import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeFrame, Frame, Opcode } from '../../src/frame/index.js'
import { deflate } from '../../src/tools/check/deflate.js'
import { Direction } from '../../src/tools/recording/direction.js'
import type { WireEvent } from '../../src/tools/recording/events.js'
import { Exchange } from '../../src/tools/recording/exchange.js'
import { recordOf, sessionRecord } from '../../src/tools/recording/lines.js'
import { readRecording } from '../../src/tools/recording/read.js'
import { FrameScanner } from '../../src/tools/recording/scanner.js'
import { fc } from '../support/fast-check.js'

const readAll = (text: string): WireEvent[] => [...readRecording(text)]

const frames = fc.array(
  fc
    .record({
      fin: fc.boolean(),
      rsv1: fc.boolean(),
      rsv2: fc.boolean(),
      opcode: fc.integer({ min: 0, max: 15 }),
      masked: fc.boolean(),
      maskKey: fc.integer({ min: 0, max: 0xffff_ffff }),
      payload: fc.uint8Array({ maxLength: 300 }),
    })
    .map((init) => new Frame(init)),
  { maxLength: 12 },
)

/** The pieces of some bytes, cut where the numbers say. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

describe('FrameScanner', () => {
  test('finds the same frames however the bytes are cut, and leaves the bytes alone', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (all, sizes) => {
        const bytes = Buffer.concat(all.map(encodeFrame))
        const before = Buffer.from(bytes)
        const scanner = new FrameScanner(1000)
        const found = cut(bytes, sizes).flatMap((piece) => scanner.push(piece))
        assert.deepEqual(bytes, before)
        assert.deepEqual(Buffer.concat(found.map(({ frame }) => encodeFrame(frame))), bytes)
        assert.equal(scanner.pending, undefined)
        let offset = 0
        for (const [i, one] of found.entries()) {
          assert.equal(one.offset, offset)
          offset += encodeFrame(all[i] as Frame).length
        }
      }),
    )
  })

  test('steps over long payloads however the bytes are cut', () => {
    fc.assert(
      fc.property(
        frames,
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (all, limit, size) => {
          const scanner = new FrameScanner(limit)
          const found = cut(Buffer.concat(all.map(encodeFrame)), [size]).flatMap((piece) =>
            scanner.push(piece),
          )
          assert.deepEqual(
            found.map(({ frame, isSkipped }) => [frame.length, frame.opcode, frame.masked, isSkipped]),
            all.map(({ length, opcode, masked }) => [length, opcode, masked, length > limit]),
          )
          for (const [i, { frame, isSkipped }] of found.entries())
            assert.equal(frame.payload.length, isSkipped ? 0 : all[i]?.length)
        },
      ),
    )
  })

  test('tells what is there of a frame that is not whole', () => {
    const scanner = new FrameScanner(1000, 7)
    assert.equal(scanner.pending, undefined)
    const steps = [
      ['82', { offset: 7, has: 1, missing: 1 }],
      ['7e', { offset: 7, has: 2, missing: 2 }],
      ['0100', { offset: 7, has: 4, missing: 256 }],
      ['00'.repeat(200), { offset: 7, has: 204, missing: 56 }],
    ] as const
    for (const [hex, pending] of steps) {
      assert.deepEqual(scanner.push(Buffer.from(hex, 'hex')), [])
      assert.deepEqual(scanner.pending, pending)
    }
    const [found] = scanner.push(Buffer.alloc(56))
    assert.equal(found?.offset, 7)
  })
})

/** What an exchange tells of some pieces. */
function follow(
  pieces: readonly (readonly ['sent' | 'received', Buffer | string])[],
  maxFrame = 1 << 20,
): WireEvent[] {
  const events: WireEvent[] = []
  let now = 0
  const exchange = new Exchange({
    conn: 3,
    maxFrame,
    now: () => ++now,
    onEvent: (event) => events.push(event),
  })
  for (const [direction, bytes] of pieces) exchange.push(direction, Buffer.from(bytes as string))
  exchange.end('received', 'end')
  exchange.end('sent', 'ECONNRESET')
  return events
}

const REQUEST =
  'GET /a HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
const ANSWER =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
const HELLO = Buffer.from('c187000000 00f248cdc9c90700'.replaceAll(' ', ''), 'hex')
const FRAGMENTS = Buffer.from('0103 48656c 8900 8002 6c6f'.replaceAll(' ', ''), 'hex')

describe('Exchange', () => {
  test('follows a handshake, frames and the end, byte by byte too', () => {
    const whole = follow([
      ['sent', REQUEST],
      ['received', Buffer.concat([Buffer.from(ANSWER), FRAGMENTS])],
      ['sent', HELLO],
    ])
    assert.deepEqual(
      whole.map(({ type }) => type),
      ['handshake', 'frame', 'frame', 'frame', 'frame', 'end'],
    )
    const bytes = (direction: 'sent' | 'received', data: Buffer | string): ['sent' | 'received', Buffer][] =>
      [...Buffer.from(data as string)].map((byte) => [direction, Buffer.from([byte])])
    const single = follow([
      ...bytes('sent', REQUEST),
      ...bytes('received', Buffer.concat([Buffer.from(ANSWER), FRAGMENTS])),
      ...bytes('sent', HELLO),
    ])
    const plain = (events: WireEvent[]): string => JSON.stringify(events.map(recordOf))
    assert.equal(plain(single), plain(whole))
  })

  test('keeps frames that come before the answer, within limits', () => {
    const early = follow([
      ['sent', REQUEST],
      ['sent', HELLO],
      ['received', ANSWER],
    ])
    assert.deepEqual(
      early.map(({ type }) => type),
      ['handshake', 'frame', 'end'],
    )
    const endless = follow([
      ['sent', REQUEST],
      ['sent', Buffer.alloc(70_000)],
      ['received', ANSWER],
    ])
    assert.deepEqual(
      endless.map(({ type }) => type),
      ['stop', 'end'],
    )
  })

  test('does not look at what is no WebSocket', () => {
    const [stop, end, ...more] = follow([
      ['sent', 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
      ['received', 'HTTP/1.1 200 OK\r\n\r\n'],
    ])
    assert.equal(stop?.type === 'stop' && stop.reason, "'POST / HTTP/1.1' asks for no WebSocket")
    assert.equal(end?.type, 'end')
    assert.deepEqual(more, [])
  })

  test('looks no further than an answer that refuses, and finds no fault with it', () => {
    const [handshake, end, ...more] = follow([
      ['sent', REQUEST],
      ['received', 'HTTP/1.1 403 Forbidden\r\n\r\nno'],
    ])
    assert.ok(handshake?.type === 'handshake')
    assert.deepEqual([handshake.response?.line, handshake.faults], ['HTTP/1.1 403 Forbidden', []])
    assert.deepEqual([end?.type, more], ['end', []])
  })

  test('holds a request without an answer for one that was accepted, extensions or none', () => {
    const events: WireEvent[] = []
    const exchange = new Exchange({ conn: 1, maxFrame: 100, onEvent: (event) => events.push(event) })
    exchange.push('sent', Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    exchange.push('sent', HELLO)
    exchange.finish()
    const [handshake, frame, ...more] = events
    assert.ok(handshake?.type === 'handshake' && frame?.type === 'frame')
    assert.deepEqual([handshake.response, more, frame.inflated], [undefined, [], undefined])
    assert.equal(frame.faults.length, 1)
  })

  test('loses the context with a compressed message that is too long, and says so', () => {
    const events = follow(
      [
        ['sent', REQUEST],
        ['received', ANSWER],
        ['sent', Buffer.concat([HELLO, Buffer.from('8200', 'hex'), HELLO])],
      ],
      3,
    )
    const faults = events.map((event) => (event.type === 'frame' ? event.faults : []))
    assert.deepEqual(faults[1], ['The payload is not shown: the limit is 3 bytes'])
    const short = follow([
      ['sent', REQUEST],
      ['received', ANSWER.replace('permessage-deflate', 'permessage-deflate; client_no_context_takeover')],
      ['sent', Buffer.concat([Buffer.from('c1820000000007ff', 'hex'), HELLO])],
    ])
    const inflated = short.map((event) => (event.type === 'frame' ? event.inflated?.toString() : undefined))
    assert.deepEqual(inflated, [undefined, undefined, 'Hello', undefined])
  })

  test('inflates no message beyond the limit, and says so', () => {
    const bomb = deflate(Buffer.alloc(1 << 20), Buffer.alloc(0), 15)
    const wire = new Direction({
      direction: 'received',
      deflate: { takeover: false, windowBits: 15 },
      isAgreed: true,
      isExtended: false,
      maxFrame: 100_000,
      offset: 0,
    })
    const [seen] = wire.push(encodeFrame(new Frame({ opcode: Opcode.Binary, rsv1: true, payload: bomb })))
    assert.deepEqual([seen?.message, seen?.inflated], [undefined, undefined])
    assert.deepEqual(seen?.faults, [
      'The message is not shown: inflated it is longer than the limit of 100000 bytes',
    ])
  })

  test('reads interim answers without end', () => {
    const events: WireEvent[] = []
    const exchange = new Exchange({ conn: 1, maxFrame: 100, onEvent: (event) => events.push(event) })
    const answer = 'HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n'
    exchange.push(
      'received',
      Buffer.from(`${'HTTP/1.1 100 x\r\n\r\n'.repeat(50_000)}${answer}\x81\x00`, 'latin1'),
    )
    assert.deepEqual(
      events.map(({ type }) => type),
      ['handshake', 'frame'],
    )
  })

  test('holds a fragmented message to the limit as a whole', () => {
    const events = follow(
      [
        ['sent', REQUEST],
        ['received', ANSWER],
        ['received', FRAGMENTS],
      ],
      4,
    )
    assert.ok(events.every((event) => event.type !== 'frame' || event.message === undefined))
  })
})

describe('readRecording', () => {
  test('gives back what was recorded', () => {
    const events = follow([
      ['sent', REQUEST],
      ['received', Buffer.concat([Buffer.from(ANSWER), FRAGMENTS])],
      ['sent', HELLO],
      ['sent', Buffer.from('83ff', 'hex')],
      ['sent', Buffer.alloc(20, 0xff)],
    ])
    const lines = [sessionRecord('test', new Date(0), null), ...events.map(recordOf)]
    const again = readAll(lines.map((line) => JSON.stringify(line)).join('\n'))
    assert.deepEqual(again.map(recordOf), events.map(recordOf))
    const messages = (all: readonly WireEvent[]): unknown[] =>
      all.map((event) => event.type === 'frame' && event.message?.data.toString())
    assert.deepEqual(messages(again), messages(events))
  })

  test('keeps the length of a frame whose payload was not kept', () => {
    const events = follow(
      [
        ['sent', REQUEST],
        ['received', ANSWER],
        ['received', Buffer.from('827e000300aaaa', 'hex')],
      ],
      2,
    )
    const [, frame] = readAll(events.map((event) => JSON.stringify(recordOf(event))).join('\n'))
    assert.ok(frame?.type === 'frame' && frame.isSkipped)
    assert.deepEqual([frame.frame.length, frame.frame.lengthSize, frame.message], [3, 16, undefined])
  })

  test('passes over what later versions may add', () => {
    assert.deepEqual(readAll('{"type":"session"}\n\n{"type":"weather"}\n'), [])
  })
})
