import { Frame } from '../../../src/frame/frame.js'
import type { ActiveExtension } from '../../../src/protocol/extension.js'
import { closePayload, hex } from '../../support/index.js'
import { fails, type WireCase } from '../wire-case.js'
import { begin, binary, more, ping, pong, text, type WireRule } from './rule.js'

const bytes = (length: number): Buffer => Buffer.alloc(length, 'abcdefg')
const LENGTHS = [0, 1, 125, 126, 127, 128, 65535, 65536]

/** The header that claims a length, with nothing behind it. */
const claim = (length: bigint, opcode = 2): WireCase['given'] => [{ opcode, length }]

const receives = (name: string, given: WireCase['given'], ...messages: (string | Buffer)[]): WireCase => ({
  name,
  given: given ?? [],
  messages,
})

const refuses = (
  name: string,
  given: WireCase['given'],
  error: Parameters<typeof fails>[1],
  code = 1002,
): WireCase => ({ name, given: given ?? [], end: fails(code, error) })

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

export const masking: readonly WireRule[] = [
  {
    section: '5.1',
    rule: 'A server closes the connection upon receiving a frame that is not masked',
    role: 'server',
    positive: [
      receives('a masked message', [text('Hello')], 'Hello'),
      receives('the masked frame of §5.7', [hex('81 85 37fa213d 7f9f4d5158')], 'Hello'),
      receives('a masked empty message', [binary()], Buffer.alloc(0)),
      { name: 'a masked ping', given: [ping('a')], out: [pong('a')] },
    ],
    negative: [
      refuses('an unmasked message', [text('Hello', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('an unmasked empty message', [binary('', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('an unmasked ping', [ping('', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('an unmasked Close', [{ opcode: 8, wrongMask: true }], 'WS_ERR_MASK'),
      refuses(
        'an unmasked continuation',
        [begin('a'), { opcode: 0, payload: 'b', wrongMask: true }],
        'WS_ERR_MASK',
      ),
    ],
  },
  {
    section: '5.1',
    rule: 'A client closes the connection if it detects a masked frame',
    role: 'client',
    positive: [
      receives('an unmasked message', [text('Hello')], 'Hello'),
      receives('the unmasked frame of §5.7', [hex('81 05 48656c6c6f')], 'Hello'),
      { name: 'an unmasked ping', given: [ping('a')], out: [pong('a')] },
    ],
    negative: [
      refuses('a masked message', [text('Hello', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('a masked empty message', [binary('', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('a masked ping', [ping('', { wrongMask: true })], 'WS_ERR_MASK'),
      refuses('a message masked with zeros', [hex('81 81 00000000 61')], 'WS_ERR_MASK'),
    ],
  },
  {
    section: '5.1',
    rule: 'A client masks every frame it sends, a server none, whatever the application gives',
    role: 'both',
    positive: [
      { name: 'text', act: (conn) => conn.send('Hello'), out: [text('Hello')] },
      { name: 'bytes', act: (conn) => conn.send(bytes(1000)), out: [binary(bytes(1000))] },
      { name: 'an empty message', act: (conn) => conn.send(''), out: [text('')] },
      { name: 'a pong', act: (conn) => conn.pong('x'), out: [pong('x')] },
      {
        name: 'a frame with a mask of its own',
        act: (conn) => conn.writeFrame(new Frame({ masked: true, maskKey: 7, payload: 'abc' })),
        out: [binary('abc')],
      },
      {
        name: 'a frame without a mask',
        act: (conn) => conn.writeFrame(new Frame({ masked: false, payload: 'abc' })),
        out: [binary('abc')],
      },
    ],
    negative: [
      {
        name: 'a mask of the wrong kind is refused before anything is sent',
        act: (conn) => conn.writeFrame({ masked: false, payload: Buffer.from('abc') } as Frame),
        refused: { name: 'TypeError' },
      },
    ],
  },
  {
    section: '5.3',
    rule: 'The receiver takes the mask off byte i with byte i mod 4 of the key, whatever the key',
    role: 'server',
    positive: [
      receives('a key of zeros', [hex('81 83 00000000 616263')], 'abc'),
      receives('a key of ones', [hex('82 85 ffffffff 00 01 02 03 04')], hex('ff fe fd fc fb')),
      receives(
        'a length that is no multiple of four',
        [hex('82 87 01020408 00 00 00 00 00 00 00')],
        hex('01020408010204'),
      ),
      receives('a new key in each frame', [hex('01 81 00000001 61 80 81 01000000 63')], 'ab'),
    ],
    negative: [refuses('a key that makes text invalid', [hex('81 81 ff000000 00')], 'WS_ERR_UTF8', 1007)],
  },
]

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
      refuses('2^53 - 1', claim(2n ** 53n - 1n), 'WS_ERR_MAX_FRAME', 1009),
      refuses('2^32', claim(2n ** 32n), 'WS_ERR_MAX_FRAME', 1009),
      refuses('2^32 + 1', claim(2n ** 32n + 1n), 'WS_ERR_MAX_FRAME', 1009),
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

export const fragmentation: readonly WireRule[] = [
  {
    section: '5.4',
    rule: 'A message may come in fragments of any size; together they are the message',
    role: 'both',
    positive: [
      receives('two fragments, as in §5.7', [begin('Hel'), more('lo', true)], 'Hello'),
      receives('three fragments of bytes', [begin('a', 2), more('b'), more('c', true)], Buffer.from('abc')),
      receives('an empty first fragment', [begin(''), more('a'), more('b', true)], 'ab'),
      receives('an empty last fragment', [begin('a'), more('b'), more('', true)], 'ab'),
      receives('empty fragments only', [begin(''), more(''), more('', true)], ''),
      receives(
        'fragments of different sizes',
        [begin(bytes(200), 2), more(''), more(bytes(70000), true)],
        Buffer.concat([bytes(200), bytes(70000)]),
      ),
      receives(
        'two fragmented messages in a row',
        [begin('a'), more('b', true), begin('c', 2), more('d', true)],
        'ab',
        Buffer.from('cd'),
      ),
      receives(
        'a character cut between fragments (§5.6)',
        [begin(hex('e2')), more(hex('82')), more(hex('ac'), true)],
        '€',
      ),
      receives(
        '100 fragments of a byte',
        [begin('x'), ...Array.from({ length: 98 }, () => more('x')), more('x', true)],
        'x'.repeat(100),
      ),
    ],
    negative: [
      refuses(
        'a character cut at the end of the message',
        [begin(hex('e2')), more(hex('82'), true)],
        'WS_ERR_UTF8',
        1007,
      ),
    ],
  },
  {
    section: '5.4',
    rule: 'All but the first frame of a message are continuations; those of two messages are not mixed',
    role: 'both',
    positive: [
      receives('a new message behind the last frame', [begin('a'), more('b', true), text('c')], 'ab', 'c'),
    ],
    negative: [
      refuses('text inside a message', [begin('a'), text('b')], 'WS_ERR_CONTINUATION'),
      refuses('bytes inside a message', [begin('a'), binary('b')], 'WS_ERR_CONTINUATION'),
      refuses('a message begun inside a message', [begin('a', 2), begin('b', 2)], 'WS_ERR_CONTINUATION'),
      refuses('the same behind a continuation', [begin('a'), more('b'), text('c')], 'WS_ERR_CONTINUATION'),
      {
        ...refuses('the same behind a ping', [begin('a'), ping('p'), text('c')], 'WS_ERR_CONTINUATION'),
        out: [pong('p')],
      },
    ],
  },
  {
    section: '5.4',
    rule: 'A continuation follows a frame that is not final',
    role: 'both',
    positive: [
      receives('a continuation behind a frame that is not final', [begin('a'), more('b', true)], 'ab'),
    ],
    negative: [
      refuses('a continuation first of all', [more('a', true)], 'WS_ERR_CONTINUATION'),
      refuses('one that is not final', [more('a')], 'WS_ERR_CONTINUATION'),
      refuses('an empty one', [more('', true)], 'WS_ERR_CONTINUATION'),
      {
        ...refuses('one behind a whole message', [text('a'), more('b', true)], 'WS_ERR_CONTINUATION'),
        messages: ['a'],
      },
      {
        ...refuses(
          'one behind the last fragment',
          [begin('a'), more('b', true), more('c', true)],
          'WS_ERR_CONTINUATION',
        ),
        messages: ['ab'],
      },
      {
        ...refuses('one behind a ping', [ping('p'), more('c', true)], 'WS_ERR_CONTINUATION'),
        out: [pong('p')],
      },
    ],
  },
  {
    section: '5.4',
    rule: 'Control frames may come in the middle of a message, and are handled there',
    role: 'both',
    positive: [
      {
        name: 'a ping between fragments',
        given: [begin('a'), ping('p'), more('b', true)],
        out: [pong('p')],
        messages: ['ab'],
      },
      {
        name: 'pings between all fragments',
        given: [begin('a'), ping('1'), more('b'), ping('2'), pong('x'), more('c', true)],
        out: [pong('1'), pong('2')],
        messages: ['abc'],
      },
      {
        name: 'a ping is answered before the message ends',
        given: [begin('a'), ping('p')],
        out: [pong('p')],
      },
      {
        name: 'a ping between the bytes of a character',
        given: [begin(hex('c3')), ping('p'), more(hex('a9'), true)],
        out: [pong('p')],
        messages: ['é'],
      },
      {
        name: 'a Close frame in the middle of a message ends it',
        given: [begin('a'), { opcode: 8, payload: closePayload(1000) }],
        end: {
          close: closePayload(1000),
          report: { code: 1000, reason: '', clean: true, initiator: 'remote' },
        },
      },
    ],
    negative: [
      refuses(
        'a ping in fragments there',
        [begin('a'), ping('p', { fin: false })],
        'WS_ERR_CONTROL_FRAGMENTED',
      ),
    ],
  },
  {
    section: '5.4',
    rule: 'What is sent in fragments has the opcode first, continuations behind, FIN last, nothing else between',
    role: 'both',
    positive: [
      {
        name: 'a writer',
        act: (conn) => {
          const writer = conn.writer('text')
          void writer.write('Hel')
          void writer.write('l')
          void conn.send('behind')
          return writer.end('o')
        },
        out: [begin('Hel'), more('l'), more('o'), more('', true), text('behind')],
      },
      {
        name: 'control frames between the parts of a writer',
        act: async (conn) => {
          const writer = conn.writer()
          await writer.write(Buffer.from('a'))
          void conn.pong('now')
          await writer.end()
        },
        out: [begin('a', 2), pong('now'), more('', true)],
      },
      {
        name: 'a fragment size',
        options: { fragmentSize: 2 },
        act: (conn) => conn.send('abcde'),
        out: [begin('ab'), more('cd'), more('e', true)],
      },
      {
        name: 'frames of the application',
        act: async (conn) => {
          await conn.writeFrame(new Frame({ opcode: 1, fin: false, payload: 'a' }))
          await conn.writeFrame(new Frame({ opcode: 0, payload: 'b' }))
        },
        out: [begin('a'), more('b', true)],
      },
    ],
    negative: [
      {
        name: 'a continuation without a message is refused',
        act: (conn) => conn.writeFrame(new Frame({ opcode: 0, payload: 'b' })),
        refused: { code: 'WS_ERR_STATE' },
      },
      {
        name: 'a new message inside a message is refused',
        act: async (conn) => {
          await conn.writeFrame(new Frame({ opcode: 1, fin: false, payload: 'a' }))
          await conn.writeFrame(new Frame({ opcode: 1, payload: 'b' }))
        },
        refused: { code: 'WS_ERR_STATE' },
        out: [begin('a')],
      },
      {
        name: 'a control frame in fragments is refused',
        act: (conn) => conn.writeFrame(new Frame({ opcode: 9, fin: false })),
        refused: { code: 'WS_ERR_ARGUMENT' },
      },
    ],
  },
]
