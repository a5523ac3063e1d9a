import { closePayload, hex } from '../../support/index.js'
import { answers, breaks, closes, fails } from '../wire-case.js'
import { begin, close, more, ping, refuses, text, type WireRule } from './rule.js'

const closeFrame: readonly WireRule[] = [
  {
    section: '5.5.1',
    rule: 'A Close frame is answered with one that has the same code',
    role: 'both',
    positive: [
      { name: 'Close without a code', given: [close()], end: answers(1005) },
      { name: 'Close with a code', given: [close(closePayload(1000))], end: answers(1000) },
      {
        name: 'Close with a reason',
        given: [close(closePayload(4321, 'bye, κόσμε'))],
        end: answers(4321, 'bye, κόσμε'),
      },
      {
        name: 'Close behind messages',
        given: [text('a'), close(closePayload(1001))],
        messages: ['a'],
        end: answers(1001),
      },
      {
        name: 'what was sent before goes out before the answer',
        act: (conn) => conn.send('mine'),
        given: [close(closePayload(1000))],
        out: [text('mine')],
        end: answers(1000),
      },
    ],
    negative: [
      {
        name: 'Close that answers ours is not answered',
        act: (conn) => void conn.close(4000),
        given: [close(closePayload(4000))],
        end: closes(4000),
      },
      {
        name: 'Close is not answered twice',
        given: [close(closePayload(1000)), close(closePayload(1001))],
        end: answers(1000),
      },
      {
        name: 'two Close frames that cross are both of them the answer to the other',
        act: (conn) => void conn.close(4001, 'mine'),
        given: [close(closePayload(4002))],
        end: { ...closes(4001, 4002), close: closePayload(4001, 'mine') },
      },
    ],
  },
  {
    section: '5.5.1',
    rule: 'The payload of Close is empty, or a code of two bytes and a reason in UTF-8',
    role: 'both',
    positive: [
      { name: 'no payload', given: [close()], end: answers(1005) },
      { name: 'a code', given: [close(hex('03e8'))], end: answers(1000) },
      {
        name: 'a code and a reason of one byte',
        given: [close(closePayload(1000, 'x'))],
        end: answers(1000, 'x'),
      },
      {
        name: 'a reason of 123 bytes, the longest',
        given: [close(closePayload(1000, `${'é'.repeat(61)}x`))],
        end: answers(1000, `${'é'.repeat(61)}x`),
      },
    ],
    negative: [
      refuses('a payload of one byte', [close(hex('03'))], 'WS_ERR_CLOSE_PAYLOAD'),
      refuses('a reason that is not UTF-8', [close(hex('03e8 ff'))], 'WS_ERR_UTF8', 1007),
      refuses('a reason that ends inside a character', [close(hex('03e8 c3'))], 'WS_ERR_UTF8', 1007),
      refuses('a reason with a surrogate', [close(hex('03e8 eda080'))], 'WS_ERR_UTF8', 1007),
      refuses(
        'a payload of 126 bytes',
        [close(closePayload(1000, 'r'.repeat(124)))],
        'WS_ERR_CONTROL_LENGTH',
      ),
      {
        name: 'a reason of 124 bytes of our own',
        act: (conn) => conn.close(1000, 'r'.repeat(124)),
        refused: { name: 'RangeError', code: 'WS_ERR_ARGUMENT' },
      },
    ],
  },
  {
    section: '5.5.1',
    rule: 'After Close no more is sent, and what comes behind the peer’s Close counts no more',
    role: 'both',
    positive: [
      {
        name: 'what was sent before our Close goes out before it',
        act: (conn) => {
          void conn.send('first')
          void conn.close(1000)
        },
        given: [close(closePayload(1000))],
        out: [text('first')],
        end: closes(1000),
      },
      {
        name: 'messages that cross our Close are still delivered',
        act: (conn) => void conn.close(1000),
        given: [text('on its way'), begin('a'), more('b', true), close(closePayload(1000))],
        messages: ['on its way', 'ab'],
        end: closes(1000),
      },
    ],
    negative: [
      {
        name: 'a message behind our Close is refused',
        act: async (conn) => {
          void conn.close(1000)
          await conn.send('too late')
        },
        refused: { code: 'WS_ERR_STATE' },
        given: [close(closePayload(1000))],
        end: closes(1000),
      },
      {
        name: 'a ping behind our Close is refused',
        act: async (conn) => {
          void conn.close(1000)
          await conn.ping()
        },
        refused: { code: 'WS_ERR_STATE' },
        given: [close(closePayload(1000))],
        end: closes(1000),
      },
      {
        name: 'a message behind the peer’s Close is not delivered',
        given: [close(closePayload(1000)), text('too late')],
        end: answers(1000),
      },
      {
        name: 'a violation behind the peer’s Close is not punished',
        given: [close(closePayload(1000)), { opcode: 3 }, hex('ffffffff')],
        end: answers(1000),
      },
    ],
  },
]

const connection: readonly WireRule[] = [
  {
    section: '7.1.1',
    rule: 'The server ends TCP first, at once after both Close frames; the client waits for that',
    role: 'both',
    positive: [
      { name: 'the peer closes', given: [close(closePayload(1000))], end: answers(1000) },
      {
        name: 'we close',
        act: (conn) => void conn.close(1000),
        given: [close(closePayload(1000))],
        end: closes(1000),
      },
    ],
    negative: [
      {
        name: 'TCP that ends without Close ends the connection in any case',
        given: [text('a')],
        messages: ['a'],
        fin: true,
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
      {
        name: 'TCP that ends instead of an answer to our Close',
        act: (conn) => void conn.close(1000),
        fin: true,
        end: breaks(1000, 'local', 'WS_ERR_EOF'),
      },
      {
        name: 'TCP that ends inside a frame',
        given: [hex('81')],
        fin: true,
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
      {
        name: 'TCP that ends inside a message',
        given: [begin('a')],
        fin: true,
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
    ],
  },
  {
    section: '7.1.5',
    rule: 'The code is that of the first Close frame received: 1005 without one in it, 1006 without a Close frame',
    role: 'both',
    positive: [
      { name: 'a code', given: [close(closePayload(3999, 'why'))], end: answers(3999, 'why') },
      { name: 'no code', given: [close()], end: answers(1005) },
      {
        name: 'no code in the answer to ours',
        act: (conn) => void conn.close(4000),
        given: [close()],
        end: { ...closes(4000, 1005), close: closePayload(4000) },
      },
    ],
    negative: [
      { name: 'no Close frame', fin: true, end: breaks(undefined, 'remote', 'WS_ERR_EOF') },
      {
        name: 'half a Close frame',
        given: [hex('88')],
        fin: true,
        end: breaks(undefined, 'remote', 'WS_ERR_EOF'),
      },
    ],
  },
  {
    section: '7.1.7',
    rule: 'A connection that is failed gets Close with a code, and no more of what comes is looked at',
    role: 'both',
    positive: [
      {
        name: 'what came before a violation counts',
        given: [text('a'), ping('p')],
        out: [{ opcode: 10, payload: 'p' }],
        messages: ['a'],
      },
    ],
    negative: [
      {
        name: 'what comes behind a violation does not',
        given: [text('a'), { opcode: 3 }, text('b'), ping('p'), close(closePayload(4000))],
        messages: ['a'],
        end: fails(1002, 'WS_ERR_OPCODE'),
      },
      {
        name: 'nor does a second violation',
        given: [text(hex('ff')), { opcode: 3 }],
        end: fails(1007, 'WS_ERR_UTF8'),
      },
      {
        name: 'a message half received is not delivered',
        given: [begin('half'), { opcode: 3 }],
        end: fails(1002, 'WS_ERR_OPCODE'),
      },
      {
        name: 'nothing can be sent any more',
        given: [{ opcode: 3 }],
        act: async (conn) => {
          await conn.closed
          await conn.send('too late')
        },
        refused: { name: 'CloseError', code: 1002 },
        end: fails(1002, 'WS_ERR_OPCODE'),
      },
      {
        name: 'a violation after our Close needs no second one',
        act: (conn) => void conn.close(4000),
        given: [{ opcode: 3 }],
        end: { ...fails(1002, 'WS_ERR_OPCODE'), close: closePayload(4000) },
      },
    ],
  },
]

export const closing: readonly WireRule[] = [...closeFrame, ...connection]
