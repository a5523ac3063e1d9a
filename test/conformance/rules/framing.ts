import { Frame } from '../../../src/frame/frame.js'
import type { ActiveExtension } from '../../../src/protocol/extension.js'
import { fails, type WireCase } from '../wire-case.js'
import { begin, binary, bytes, more, ping, pong, receives, refuses, text, type WireRule } from './rule.js'

const LENGTHS = [0, 1, 125, 126, 127, 128, 65535, 65536]

/** The header that claims a length, with nothing behind it. */
const claim = (length: bigint, opcode = 2): NonNullable<WireCase['given']> => [{ opcode, length }]

/** Uses one reserved bit of data frames: it is always set on the wire, and nowhere else. */
const marker = (rsv: number): ActiveExtension => {
  const mark = (frame: Frame, on: boolean): void => {
    if (!frame.isData) return
    frame.rsv1 = on && rsv === 0x40
    frame.rsv2 = on && rsv === 0x20
    frame.rsv3 = on && rsv === 0x10
  }
  return {
    name: 'marker',
    rsv,
    params: [],
    codec: { decode: (frame) => mark(frame, false), encode: (frame) => mark(frame, true) },
  }
}

export const baseFraming: readonly WireRule[] = [
  {
    section: '5.2',
    rule: 'RSV1, RSV2 and RSV3 are 0 unless an extension says what they mean; else the connection is failed',
    role: 'both',
    positive: [
      receives('no reserved bit', [text('a'), binary('b')], 'a', Buffer.from('b')),
      ...[0x40, 0x20, 0x10].map(
        (rsv, i): WireCase => ({
          name: `RSV${i + 1} with an extension that uses it`,
          extension: marker(rsv),
          given: [text('a', { rsv: rsv >> 4 }), binary('b', { rsv: rsv >> 4 })],
          messages: ['a', Buffer.from('b')],
          act: (conn) => conn.send('c'),
          out: [text('c', { rsv: rsv >> 4 })],
        }),
      ),
    ],
    negative: [
      ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) => [
        refuses(`bits ${rsv} on text`, [text('a', { rsv })], 'WS_ERR_RSV'),
        refuses(`bits ${rsv} on binary`, [binary('a', { rsv })], 'WS_ERR_RSV'),
        refuses(`bits ${rsv} on a ping`, [ping('a', { rsv })], 'WS_ERR_RSV'),
        refuses(`bits ${rsv} on Close`, [{ opcode: 8, rsv }], 'WS_ERR_RSV'),
      ]),
      refuses('a bit on a continuation', [begin('a'), { opcode: 0, rsv: 4 }], 'WS_ERR_RSV'),
      {
        name: 'a bit with an extension that uses another',
        extension: marker(0x40),
        given: [text('a', { rsv: 2 })],
        end: fails(1002, 'WS_ERR_RSV'),
      },
      {
        name: 'the bit of an extension for data, on a control frame',
        extension: marker(0x40),
        given: [ping('a', { rsv: 4 })],
        end: fails(1002, 'WS_ERR_RSV'),
      },
    ],
  },
  {
    section: '5.2',
    rule: 'Opcodes 0 to 2 and 8 to 10 are known; upon any other the connection is failed',
    role: 'both',
    positive: [
      receives('1, text', [text('a')], 'a'),
      receives('2, binary', [binary('a')], Buffer.from('a')),
      receives('0, continuation', [begin('a'), more('b', true)], 'ab'),
      { name: '9, ping', given: [ping()], out: [pong()] },
      { name: '10, pong', given: [pong()] },
    ],
    negative: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
      refuses(`${opcode}, empty`, [{ opcode }], 'WS_ERR_OPCODE'),
      refuses(`${opcode}, with a payload`, [{ opcode, payload: 'abc' }], 'WS_ERR_OPCODE'),
      refuses(`${opcode}, not final`, [{ opcode, fin: false }], 'WS_ERR_OPCODE'),
      { ...refuses(`${opcode}, behind a ping`, [ping('x'), { opcode }], 'WS_ERR_OPCODE'), out: [pong('x')] },
      refuses(`${opcode}, inside a message`, [begin('a'), { opcode }], 'WS_ERR_OPCODE'),
    ]),
  },
  {
    section: '5.2',
    rule: 'The length has 7 bits up to 125, 16 up to 65,535 and 64 beyond, highest byte first',
    role: 'both',
    positive: [
      ...LENGTHS.map((length) => receives(`${length} bytes`, [binary(bytes(length))], bytes(length))),
      receives(
        'several lengths in a row',
        LENGTHS.slice(0, 5).map((length) => binary(bytes(length))),
        ...LENGTHS.slice(0, 5).map(bytes),
      ),
    ],
    negative: [
      refuses('0 in 16 bits', [binary('', { lengthBits: 16 })], 'WS_ERR_LENGTH'),
      refuses('125 in 16 bits', [binary(bytes(125), { lengthBits: 16 })], 'WS_ERR_LENGTH'),
      refuses('0 in 64 bits', [binary('', { lengthBits: 64 })], 'WS_ERR_LENGTH'),
      refuses('126 in 64 bits', [binary(bytes(126), { lengthBits: 64 })], 'WS_ERR_LENGTH'),
      refuses('65,535 in 64 bits', [binary(bytes(65535), { lengthBits: 64 })], 'WS_ERR_LENGTH'),
      refuses('a ping of 5 in 16 bits', [ping('12345', { lengthBits: 16 })], 'WS_ERR_LENGTH'),
      refuses('a pong of 5 in 64 bits', [pong('12345', { lengthBits: 64 })], 'WS_ERR_LENGTH'),
    ],
  },
  {
    section: '5.2',
    rule: 'The highest bit of a 64-bit length is 0; what is right but too long is told so (§7.4.1: 1009)',
    role: 'both',
    positive: [receives('the highest bit is 0', [binary(bytes(65536))], bytes(65536))],
    negative: [
      refuses('2^63', claim(2n ** 63n), 'WS_ERR_LENGTH'),
      refuses('2^64 - 1', claim(2n ** 64n - 1n), 'WS_ERR_LENGTH'),
      refuses('2^63 + 1 on text', claim(2n ** 63n + 1n, 1), 'WS_ERR_LENGTH'),
      refuses('2^63 - 1', claim(2n ** 63n - 1n), 'WS_ERR_MAX_FRAME', 1009),
      refuses('2^53', claim(2n ** 53n), 'WS_ERR_MAX_FRAME', 1009),
      refuses(
        '2^53 - 1',
        claim(2n ** 53n - 1n),
        'WS_ERR_MAX_FRAME',
        1009,
        'maxFrame is 1048576, got 9007199254740991',
      ),
      refuses('2^32', claim(2n ** 32n), 'WS_ERR_MAX_FRAME', 1009, 'maxFrame is 1048576, got 4294967296'),
      refuses(
        '2^32 + 1',
        claim(2n ** 32n + 1n),
        'WS_ERR_MAX_FRAME',
        1009,
        'maxFrame is 1048576, got 4294967297',
      ),
    ],
  },
  {
    section: '5.2',
    rule: 'What is sent has the shortest length form there is',
    role: 'both',
    positive: [
      ...LENGTHS.map(
        (length): WireCase => ({
          name: `${length} bytes`,
          options: { whenFull: 'wait' },
          act: (conn) => conn.send(bytes(length)),
          out: [binary(bytes(length))],
        }),
      ),
      ...[125, 126, 65536].map(
        (length): WireCase => ({
          name: `text of ${length} bytes`,
          act: (conn) => conn.send('x'.repeat(length)),
          out: [text('x'.repeat(length))],
        }),
      ),
    ],
    negative: [
      {
        name: 'a longer form that was asked for is not sent',
        act: (conn) => {
          const frame = new Frame({ payload: 'abc' })
          frame.lengthSize = 64
          return conn.writeFrame(frame)
        },
        out: [binary('abc')],
      },
    ],
  },
]
