import { closePayload, hex } from '../../support/index.js'
import { answers, breaks, closes } from '../wire-case.js'
import { begin, binary, close, more, ping, pong, refuses, text, type WireRule } from './rule.js'

const CONTROL = [
  ['Close', 8],
  ['ping', 9],
  ['pong', 10],
] as const

export const control: readonly WireRule[] = [
  {
    section: '5.5',
    rule: 'Control frames have at most 125 bytes',
    role: 'both',
    positive: [
      {
        name: 'a ping of 125 bytes',
        given: [ping('p'.repeat(125))],
        out: [pong('p'.repeat(125))],
      },
      { name: 'a pong of 125 bytes', given: [pong('p'.repeat(125))] },
      {
        name: 'a Close frame of 125 bytes',
        given: [close(closePayload(1000, 'r'.repeat(123)))],
        end: answers(1000, 'r'.repeat(123)),
      },
    ],
    negative: [
      ...CONTROL.flatMap(([name, opcode]) => [
        refuses(`${name} of 126 bytes`, [{ opcode, payload: 'p'.repeat(126) }], 'WS_ERR_CONTROL_LENGTH'),
        refuses(`${name} that claims 65,536`, [{ opcode, length: 65536 }], 'WS_ERR_CONTROL_LENGTH'),
      ]),
      {
        name: 'a ping of 126 bytes of our own',
        act: (conn) => conn.ping('p'.repeat(126)),
        refused: { name: 'RangeError', code: 'WS_ERR_ARGUMENT' },
      },
      {
        name: 'a pong of 63 characters of two bytes of our own',
        act: (conn) => conn.pong('é'.repeat(63)),
        refused: { name: 'RangeError', code: 'WS_ERR_ARGUMENT' },
      },
    ],
  },
  {
    section: '5.5',
    rule: 'Control frames are not fragmented',
    role: 'both',
    positive: CONTROL.slice(1).map(([name, opcode]) => ({
      name: `${name} with FIN`,
      given: [{ opcode }],
      out: opcode === 9 ? [pong()] : [],
    })),
    negative: CONTROL.flatMap(([name, opcode]) => [
      refuses(`${name} without FIN`, [{ opcode, fin: false }], 'WS_ERR_CONTROL_FRAGMENTED'),
      refuses(
        `${name} without FIN, with a continuation`,
        [{ opcode, fin: false, payload: 'a' }, more('b', true)],
        'WS_ERR_CONTROL_FRAGMENTED',
      ),
      refuses(
        `${name} without FIN inside a message`,
        [begin('a'), { opcode, fin: false }],
        'WS_ERR_CONTROL_FRAGMENTED',
      ),
    ]),
  },
  {
    section: '5.5.2',
    rule: 'A ping is answered with a pong that has the same payload (§5.5.3)',
    role: 'both',
    positive: [
      { name: 'an empty ping', given: [ping()], out: [pong()] },
      { name: 'a ping with text', given: [ping('Hello')], out: [pong('Hello')] },
      {
        name: 'a ping with any bytes',
        given: [ping(hex('00fffefdfcfb00ff'))],
        out: [pong(hex('00fffefdfcfb00ff'))],
      },
      {
        name: 'ten pings',
        given: Array.from({ length: 10 }, (_, i) => ping(`ping ${i}`)),
        out: Array.from({ length: 10 }, (_, i) => pong(`ping ${i}`)),
      },
      {
        name: 'a ping between messages',
        given: [text('a'), ping('p'), text('b')],
        out: [pong('p')],
        messages: ['a', 'b'],
      },
    ],
    negative: [
      {
        name: 'a ping is not answered when that is switched off',
        options: { autoPong: false },
        given: [ping('a'), text('b')],
        messages: ['b'],
        fin: true,
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
      {
        name: 'a ping behind Close is not answered',
        given: [close(closePayload(1000)), ping('p')],
        end: answers(1000),
      },
      {
        name: 'a ping is not answered once we have sent Close (§5.5.1)',
        act: (conn) => void conn.close(1000),
        given: [ping('p'), close(closePayload(1000))],
        end: closes(1000),
      },
    ],
  },
  {
    section: '5.5.3',
    rule: 'A pong that nobody asked for is not answered; one that was asked for settles its ping',
    role: 'both',
    positive: [
      { name: 'an empty pong', given: [pong()] },
      { name: 'a pong with a payload', given: [pong('nobody asked')] },
      { name: 'pongs around a ping', given: [pong('a'), ping('b'), pong('c')], out: [pong('b')] },
      {
        name: 'the answer to our ping',
        act: async (conn) => {
          const roundTrip = await conn.ping('ours')
          if (!(roundTrip >= 0)) throw new Error(`Round trip of ${roundTrip} ms`)
          await conn.send('answered')
        },
        given: [pong('ours')],
        out: [ping('ours'), text('answered')],
      },
      {
        name: 'the latest answer stands for the pings before it',
        act: async (conn) => {
          await Promise.all([conn.ping('1'), conn.ping('2'), conn.ping('3')])
          await conn.send('answered')
        },
        given: [pong('3')],
        out: [ping('1'), ping('2'), ping('3'), text('answered')],
      },
    ],
    negative: [
      {
        name: 'a pong with another payload does not answer our ping',
        act: (conn) => conn.ping('ours'),
        refused: { name: 'CloseError', code: 1006 },
        given: [pong('other')],
        fin: true,
        out: [ping('ours')],
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
    ],
  },
  {
    section: '5.6',
    rule: 'Text is UTF-8, bytes are anything, and each arrives as what it was sent as',
    role: 'both',
    positive: [
      { name: 'text', given: [text('κόσμε')], messages: ['κόσμε'] },
      { name: 'bytes that happen to be text', given: [binary('abc')], messages: [Buffer.from('abc')] },
      {
        name: 'bytes that are no UTF-8',
        given: [binary(hex('ff fe 80 c0'))],
        messages: [hex('ff fe 80 c0')],
      },
      { name: 'empty text', given: [text('')], messages: [''] },
      { name: 'no bytes', given: [binary()], messages: [Buffer.alloc(0)] },
      { name: 'text with a byte order mark', given: [text('\ufeffa')], messages: ['\ufeffa'] },
      { name: 'text with NUL', given: [text('a\0b')], messages: ['a\0b'] },
      { name: 'a string goes out as text', act: (conn) => conn.send('κόσμε'), out: [text('κόσμε')] },
      { name: 'bytes go out as bytes', act: (conn) => conn.send(hex('00ff')), out: [binary(hex('00ff'))] },
      {
        name: 'bytes go out as text when asked for',
        act: (conn) => conn.send(Buffer.from('é'), { text: true }),
        out: [text('é')],
      },
      {
        name: 'a lone surrogate goes out as U+FFFD',
        act: (conn) => conn.send('a\ud800b'),
        out: [text('a\ufffdb')],
      },
    ],
    negative: [
      refuses('text that is not UTF-8 (§8.1)', [text(hex('ff'))], 'WS_ERR_UTF8', 1007),
      {
        name: 'bytes that are no UTF-8 are not sent as text',
        act: (conn) => conn.send(hex('ff'), { text: true }),
        refused: { name: 'RangeError', code: 'WS_ERR_ARGUMENT' },
      },
    ],
  },
]
