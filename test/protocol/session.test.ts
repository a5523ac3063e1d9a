import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ProtocolError } from '../../src/errors.js'
import { FrameDecoder } from '../../src/frame/decoder.js'
import { Frame, headOf } from '../../src/frame/frame.js'
import { type MessageRules, Session } from '../../src/protocol/session.js'
import { clientFrame, seeded } from '../support/index.js'

const rules: MessageRules = { maxMessage: 100, maxFragments: 4, validateText: true }

/** A session behind a decoder, as it is used; a frame's end is told as the connection does. */
function follow(given: Partial<MessageRules> = {}, allowedRsv = 0) {
  const session = new Session({ ...rules, ...given })
  const decoder = new FrameDecoder({ role: 'server', allowedRsv }, session)
  const frame = new Frame()
  const push = (...pieces: Uint8Array[]): number => {
    let frames = 0
    for (const piece of pieces) {
      decoder.append(Buffer.from(piece))
      for (; decoder.read(frame); frames++) session.frameEnd(headOf(frame))
    }
    return frames
  }
  return { session, push }
}

const text = (payload: string | Uint8Array, fin = true): Buffer => clientFrame(1, payload, { fin })
const binary = (payload: string | Uint8Array, fin = true): Buffer => clientFrame(2, payload, { fin })
const more = (payload: string | Uint8Array, fin = true): Buffer => clientFrame(0, payload, { fin })
const ping = clientFrame(9, Buffer.of(0xff, 0xfe))

const refuses = (code: string, closeCode: number) => (error: unknown) =>
  error instanceof ProtocolError && error.code === code && error.closeCode === closeCode

describe('Session takes', () => {
  const cases: readonly [string, Buffer[]][] = [
    ['messages of one frame', [text('a'), binary('b'), text('')]],
    [
      'messages of several frames',
      [text('a', false), more('b', false), more('c'), binary('', false), more('')],
    ],
    ['control frames between and inside messages', [ping, text('a', false), ping, more('b'), ping]],
    [
      'as many bytes as allowed',
      [binary(Buffer.alloc(100)), binary(Buffer.alloc(60), false), more(Buffer.alloc(40))],
    ],
    ['as many frames as allowed', [text('', false), more('', false), more('', false), more('')]],
    ['a character cut between frames', [text(Buffer.of(0xe2, 0x82), false), ping, more(Buffer.of(0xac))]],
    [
      'a character cut by an empty frame',
      [text(Buffer.of(0xc3), false), more('', false), more(Buffer.of(0xa9))],
    ],
    ['binary that is no UTF-8', [binary(Buffer.of(0xff, 0xc0), false), more(Buffer.of(0xff))]],
    ['text after binary that is no UTF-8', [binary(Buffer.of(0xc3)), text('é')]],
  ]
  for (const [name, frames] of cases) test(name, () => assert.equal(follow().push(...frames), frames.length))
})

describe('Session refuses', () => {
  const cases: readonly [string, Buffer[], string, number][] = [
    ['a continuation of nothing', [more('a')], 'WS_ERR_CONTINUATION', 1002],
    ['a continuation behind a whole message', [text('a'), more('b')], 'WS_ERR_CONTINUATION', 1002],
    ['text inside a message', [text('a', false), text('b')], 'WS_ERR_CONTINUATION', 1002],
    ['binary inside a message', [binary('a', false), ping, binary('b')], 'WS_ERR_CONTINUATION', 1002],
    ['a byte too many', [binary(Buffer.alloc(101))], 'WS_ERR_MAX_MESSAGE', 1009],
    [
      'a byte too many, added up',
      [binary(Buffer.alloc(60), false), more(Buffer.alloc(41))],
      'WS_ERR_MAX_MESSAGE',
      1009,
    ],
    [
      'a frame too many',
      [text('', false), more('a', false), more('', false), more('', false), more('')],
      'WS_ERR_MAX_FRAGMENTS',
      1008,
    ],
    ['text that is no UTF-8', [text(Buffer.of(0x61, 0xff))], 'WS_ERR_UTF8', 1007],
    ['text that ends inside a character', [text(Buffer.of(0xe2, 0x82))], 'WS_ERR_UTF8', 1007],
    [
      'fragments that end inside a character',
      [text(Buffer.of(0xe2), false), more(Buffer.of(0x82))],
      'WS_ERR_UTF8',
      1007,
    ],
    [
      'a character broken by the next frame',
      [text(Buffer.of(0xe2), false), ping, more('a', false)],
      'WS_ERR_UTF8',
      1007,
    ],
    ['a surrogate', [text(Buffer.of(0xed, 0xa0, 0x80))], 'WS_ERR_UTF8', 1007],
  ]
  for (const [name, frames, code, closeCode] of cases)
    test(name, () => {
      const { push } = follow()
      assert.equal(push(...frames.slice(0, -1)), frames.length - 1)
      assert.throws(() => push(frames.at(-1)!), refuses(code, closeCode))
    })
})

test('Session refuses a message that is too long from the header, before its payload', () => {
  const { push } = follow()
  const header = binary(Buffer.alloc(101)).subarray(0, 6)
  assert.throws(() => push(header), refuses('WS_ERR_MAX_MESSAGE', 1009))
})

test('Session refuses a frame too many from the header', () => {
  const { push } = follow({ maxFragments: 1 })
  push(text('a', false))
  assert.throws(() => push(more('bcd').subarray(0, 6)), refuses('WS_ERR_MAX_FRAGMENTS', 1008))
})

test('Session finds a wrong byte in the middle of a frame, before the rest of it is here', () => {
  const { push } = follow()
  const frame = text(Buffer.concat([Buffer.from('abc'), Buffer.of(0xff), Buffer.alloc(90, 0x61)]))
  push(frame.subarray(0, 9))
  assert.throws(() => push(frame.subarray(9, 10)), refuses('WS_ERR_UTF8', 1007))
})

test('Session with validateText off takes text that is no UTF-8', () => {
  const { push, session } = follow({ validateText: false })
  assert.equal(push(text(Buffer.of(0xff)), text(Buffer.of(0xc3), false), more('a')), 3)
  assert.equal(session.isAscii, false)
})

test('Session leaves text with an extension bit to the extension', () => {
  const { push, session } = follow({}, 0x40)
  assert.equal(push(clientFrame(1, Buffer.of(0xff, 0xfe), { rsv: 4 })), 1)
  assert.equal(session.isAscii, false)
  assert.throws(() => push(text(Buffer.of(0xff))), refuses('WS_ERR_UTF8', 1007))
})

test('Session knows what is ASCII', () => {
  const { push, session } = follow()
  const after = (...frames: Buffer[]): boolean => {
    push(...frames)
    return session.isAscii
  }
  assert.equal(after(text('plain')), true)
  assert.equal(after(text('é')), false)
  assert.equal(after(text('plain, and long enough to be unmasked word by word')), true)
  assert.equal(after(text('é', false), more('plain')), false)
  assert.equal(after(text('')), true)
  assert.equal(after(binary('plain')), false)
})

test('Session knows what is ASCII where that was not seen while it was unmasked', () => {
  const { push, session } = follow({ maxMessage: 10_000 })
  const after = (...frames: Buffer[]): boolean => {
    push(...frames)
    return session.isAscii
  }
  assert.equal(after(text('x'.repeat(5000))), true)
  assert.equal(after(text(`${'x'.repeat(5000)}é`)), false)
  assert.equal(after(text('x'.repeat(5000), false), more('x'.repeat(2000))), true)
  const half = Buffer.concat([Buffer.alloc(2000, 0x61), Buffer.of(0xc3)])
  push(text(half, false))
  assert.throws(() => push(more('x'.repeat(2000))), refuses('WS_ERR_UTF8', 1007))
})

test('Session finds the same errors however the bytes are cut', () =>
  seeded((random) => {
    const bad = random.chance()
    const payload = Buffer.concat([
      Buffer.from('grüße 𝄞 €'.repeat(random.int(0, 3))),
      bad
        ? random.pick([Buffer.of(0xc0, 0xaf), Buffer.of(0xf5), Buffer.of(0xed, 0xa0, 0x80), Buffer.of(0xe2)])
        : Buffer.of(),
    ])
    const cut = random.int(0, payload.length)
    const stream = Buffer.concat([text(payload.subarray(0, cut), false), ping, more(payload.subarray(cut))])
    const { push } = follow()
    const run = (): number => push(...random.split(stream))
    if (bad) assert.throws(run, refuses('WS_ERR_UTF8', 1007))
    else assert.equal(run(), 3)
  }, 200))
