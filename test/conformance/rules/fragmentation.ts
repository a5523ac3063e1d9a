import { Frame } from '../../../src/frame/frame.js'
import { closePayload, hex } from '../../support/index.js'
import { begin, binary, bytes, more, ping, pong, receives, refuses, text, type WireRule } from './rule.js'

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
        name: 'a fragment size and a writer',
        options: { fragmentSize: 2 },
        act: async (conn) => {
          const writer = conn.writer()
          await writer.write(Buffer.from('abc'))
          await writer.end(Buffer.from('def'))
        },
        out: [begin('ab', 2), more('c'), more('de'), more('f'), more('', true)],
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
