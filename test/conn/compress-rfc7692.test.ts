import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clientFrame, hex, toHex, wireFrame } from '../support/index.js'
import { compression, endsWith, onPackedLine, TAKEOVER } from './compress-support.js'
import { onLine, settle } from './support.js'

// The examples of RFC 7692 §7.2.3, byte for byte. They are frames of a server; to be read here they come from a client,
// whose mask is zero.

/** The frames of an example, as a client with mask 0 would send them. */
function fromClient(frames: readonly string[]): Buffer {
  return Buffer.concat(
    frames.map((frame) => {
      const bytes = hex(frame)
      return Buffer.concat([
        bytes.subarray(0, 1),
        Buffer.from([bytes[1]! | 0x80]),
        Buffer.alloc(4),
        bytes.subarray(2),
      ])
    }),
  )
}

const examples: [section: string, what: string, frames: string[], messages: string[]][] = [
  ['7.2.3.1', 'one compressed frame', ['c1 07 f2 48 cd c9 c9 07 00'], ['Hello']],
  ['7.2.3.1', 'two frames', ['41 03 f2 48 cd', '80 04 c9 c9 07 00'], ['Hello']],
  [
    '7.2.3.2',
    'a second message that refers to the first',
    ['c1 07 f2 48 cd c9 c9 07 00', 'c1 05 f2 00 11 00 00'],
    ['Hello', 'Hello'],
  ],
  [
    '7.2.3.2',
    'a second message that does not',
    ['c1 07 f2 48 cd c9 c9 07 00', 'c1 07 f2 48 cd c9 c9 07 00'],
    ['Hello', 'Hello'],
  ],
  ['7.2.3.3', 'a block without compression', ['c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00'], ['Hello']],
  ['7.2.3.4', 'a block marked as final', ['c1 08 f3 48 cd c9 c9 07 00 00'], ['Hello']],
  [
    '7.2.3.4',
    'a message behind one with a final block',
    ['c1 08 f3 48 cd c9 c9 07 00 00', 'c1 07 f2 48 cd c9 c9 07 00'],
    ['Hello', 'Hello'],
  ],
  ['7.2.3.5', 'two blocks', ['c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00'], ['Hello']],
  ['7.2.3.6', 'an empty last fragment', ['41 0b f2 48 cd c9 c9 07 00 00 00 ff ff', '80 01 00'], ['Hello']],
  ['7.2.3.6', 'an empty message', ['c1 01 00'], ['']],
]

describe('RFC 7692 examples are read', () => {
  for (const [section, what, frames, messages] of examples)
    test(`§${section}: ${what}`, async () => {
      const { conn, line } = onPackedLine({ compress: TAKEOVER })
      line.receive(fromClient(frames))
      for (const message of messages) assert.equal((await conn.read())?.text(), message)
      // What comes behind them is read as well.
      line.receive(clientFrame(1, hex('f248cdc9c90700'), { rsv: 4 }), clientFrame(1, 'plain'))
      assert.equal((await conn.read())?.text(), 'Hello')
      assert.equal((await conn.read())?.text(), 'plain')
    })

  test('byte by byte, too', async () => {
    for (const [, , frames, messages] of examples) {
      const { conn, line } = onPackedLine({ compress: TAKEOVER })
      for (const byte of fromClient(frames)) line.receive(Buffer.from([byte]))
      for (const message of messages) assert.equal((await conn.read())?.text(), message)
    }
  })

  test('§7.2.3.2: a reference to the message before fails where there is no context', async () => {
    const { conn, line } = onPackedLine()
    line.receive(fromClient(['c1 07 f2 48 cd c9 c9 07 00', 'c1 05 f2 00 11 00 00']))
    assert.equal((await conn.read())?.text(), 'Hello')
    await assert.rejects(conn.read(), endsWith(1007, 'WS_ERR_INFLATE'))
  })
})

describe('RFC 7692 examples are sent', () => {
  const sent = async (
    compress: typeof TAKEOVER,
    send: (conn: ReturnType<typeof onLine>['conn']) => unknown,
  ) => {
    const { conn, line } = onPackedLine({ compress })
    await send(conn)
    await conn.drained()
    await settle()
    return toHex(line.take())
  }
  const bytes = (...frames: string[]): string => toHex(hex(frames.join('')))

  test('§7.2.3.1: one compressed frame', async () => {
    assert.equal(await sent(TAKEOVER, (conn) => conn.send('Hello')), bytes('c1 07 f2 48 cd c9 c9 07 00'))
  })

  test('§7.2.3.1: two frames, where messages are cut', async () => {
    const { conn, line } = onLine({ active: compression({ ...TAKEOVER, threshold: 0 }), fragmentSize: 4 })
    await conn.send('Hello')
    await conn.drained()
    await settle()
    assert.equal(toHex(line.take()), bytes('41 04 f2 48 cd c9', '80 03 c9 07 00'))
  })

  test('§7.2.3.2: the second message refers to the first', async () => {
    const twice = async (conn: ReturnType<typeof onLine>['conn']): Promise<void> => {
      await conn.send('Hello')
      await conn.send('Hello')
    }
    assert.equal(await sent(TAKEOVER, twice), bytes('c1 07 f2 48 cd c9 c9 07 00', 'c1 05 f2 00 11 00 00'))
  })

  test('a message that would get longer goes as it is, where none builds on it', async () => {
    assert.equal(await sent({}, (conn) => conn.send('Hello')), bytes('81 05 48656c6c6f'))
    assert.equal(await sent({}, (conn) => conn.send('aaaaaaaa')), bytes('c1 06 4a 4c 84 00 00 00'))
  })

  test('§7.2.3.6: an empty last fragment', async () => {
    const parts = async (conn: ReturnType<typeof onLine>['conn']): Promise<void> => {
      const writer = conn.writer('text')
      await writer.write('Hello')
      await writer.end()
    }
    assert.equal(await sent({}, parts), bytes('41 0b f2 48 cd c9 c9 07 00 00 00 ff ff', '80 01 00'))
  })

  test('an empty message goes as it is', async () => {
    assert.equal(await sent({}, (conn) => conn.send('', { compress: true })), bytes('81 00'))
  })
})

/** A frame with its bits, from a client. */
const bits = (first: number, payload: Buffer | string): Buffer =>
  wireFrame({ fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 0x0f, mask: 0, payload })

describe('RSV1', () => {
  const PACKED = hex('f248cdc9c90700')
  const broken: [what: string, frames: Buffer[], code: number][] = [
    ['on a ping (§6.1)', [bits(0xc9, 'x')], 1002],
    ['on a Close frame (§6.1)', [bits(0xc8, hex('03e8'))], 1002],
    [
      'on a fragment that is not the first (§6.1)',
      [bits(0x41, PACKED.subarray(0, 3)), bits(0xc0, PACKED.subarray(3))],
      1002,
    ],
    ['on a fragment of a message that is not compressed', [bits(0x01, 'a'), bits(0xc0, 'b')], 1002],
    ['and RSV2', [bits(0xe1, PACKED)], 1002],
  ]
  for (const [what, frames, code] of broken)
    test(`${what} fails the connection`, async () => {
      const { conn, line } = onPackedLine()
      line.receive(...frames)
      await assert.rejects(conn.read(), endsWith(code, 'WS_ERR_RSV'))
    })

  test('on no frame means no compression, whatever was agreed on (§6)', async () => {
    const { conn, line } = onPackedLine({ compress: TAKEOVER })
    line.receive(
      bits(0x81, 'plain'),
      bits(0x01, 'pl'),
      bits(0x80, 'ain'),
      bits(0xc1, PACKED),
      bits(0x82, PACKED),
    )
    const texts = []
    for (let i = 0; i < 3; i++) texts.push((await conn.read())?.text())
    assert.deepEqual(texts, ['plain', 'plain', 'Hello'])
    assert.deepEqual((await conn.read())?.data, PACKED)
  })

  test('pings come between the fragments of a compressed message', async () => {
    const { conn, line } = onPackedLine()
    line.receive(bits(0x41, PACKED.subarray(0, 3)), bits(0x89, 'p'), bits(0x80, PACKED.subarray(3)))
    assert.equal((await conn.read())?.text(), 'Hello')
    await settle()
    assert.equal(toHex(line.take()), '8a0170')
  })
})
