import { Frame } from '../../../src/frame/frame.js'
import { hex } from '../../support/index.js'
import { begin, binary, bytes, ping, pong, receives, refuses, text, type WireRule } from './rule.js'

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
