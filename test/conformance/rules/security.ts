import { hex } from '../../support/index.js'
import { fails, type WireCase } from '../wire-case.js'
import { begin, binary, bytes, more, ping, pong, text, type WireRule } from './rule.js'

const limited = (
  name: string,
  options: NonNullable<WireCase['options']>,
  given: WireCase['given'],
  end: Pick<WireCase, 'end' | 'messages' | 'out'>,
): WireCase => ({ name, options, given: given ?? [], ...end })

const TOO_BIG = { end: fails(1009, 'WS_ERR_MAX_MESSAGE', 'maxMessage is 10, got 11') }
const tooBigFrame = (limit: number) => ({
  end: fails(1009, 'WS_ERR_MAX_FRAME', `maxFrame is ${limit}, got ${limit + 1}`),
})
const tooMany = (limit: number) => ({
  end: fails(1008, 'WS_ERR_MAX_FRAGMENTS', `maxFragments is ${limit}, got ${limit + 1}`),
})

export const security: readonly WireRule[] = [
  {
    section: '8.1',
    rule: 'Upon text that is not UTF-8 the connection is failed, with 1007',
    role: 'both',
    positive: [
      { name: 'characters of one to four bytes', given: [text('$¢€𤭢')], messages: ['$¢€𤭢'] },
      { name: 'the last code point', given: [text(hex('f48fbfbf'))], messages: ['\u{10ffff}'] },
      { name: 'a non-character', given: [text(hex('efbfbf'))], messages: ['\uffff'] },
    ],
    negative: (
      [
        ['a byte that never occurs', [text(hex('fe'))]],
        ['a continuation byte alone', [text(hex('80'))]],
        ['a lead byte alone', [text(hex('c3'))]],
        ['a surrogate', [text(hex('eda080'))]],
        ['an overlong form', [text(hex('c0af'))]],
        ['beyond the last code point', [text(hex('f4908080'))]],
        ['valid text, then not', [text(Buffer.concat([bytes(5000), hex('ff')]))]],
        ['in the second fragment', [begin('a'), more(hex('ff'), true)]],
        ['at once, before the message ends', [begin(hex('ff'))]],
      ] as const
    ).map(([name, given]) => ({ name, given, end: fails(1007, 'WS_ERR_UTF8') })),
  },
  {
    section: '10.4',
    rule: 'A limit on frames is kept from the header on, before memory is spent; 1009 tells it (§7.4.1)',
    role: 'both',
    positive: [
      limited('just the limit', { maxFrame: 10 }, [binary(bytes(10))], { messages: [bytes(10)] }),
      limited('a limit of 0 lets empty frames pass', { maxFrame: 0 }, [binary()], {
        messages: [Buffer.alloc(0)],
      }),
      limited('the default, 1 MiB', {}, [binary(bytes(1 << 20))], { messages: [bytes(1 << 20)] }),
      limited('control frames do not count', { maxFrame: 0 }, [ping('p')], { out: [pong('p')] }),
    ],
    negative: [
      limited('a byte more', { maxFrame: 10 }, [binary(bytes(11))], tooBigFrame(10)),
      limited('a byte more, in 16 bits', { maxFrame: 999 }, [{ opcode: 2, length: 1000 }], tooBigFrame(999)),
      limited(
        'a byte more than the default',
        {},
        [{ opcode: 2, length: (1 << 20) + 1 }],
        tooBigFrame(1 << 20),
      ),
      limited(
        'a byte more in a continuation',
        { maxFrame: 10 },
        [begin(''), more(bytes(11))],
        tooBigFrame(10),
      ),
    ],
  },
  {
    section: '10.4',
    rule: 'A limit on messages counts all their fragments; 1009 tells it',
    role: 'both',
    positive: [
      limited('just the limit', { maxMessage: 10 }, [binary(bytes(10))], { messages: [bytes(10)] }),
      limited(
        'just the limit in fragments',
        { maxMessage: 10 },
        [begin('12345'), more('6789'), more('0', true)],
        {
          messages: ['1234567890'],
        },
      ),
      limited('messages do not add up', { maxMessage: 3 }, [text('abc'), text('def')], {
        messages: ['abc', 'def'],
      }),
      limited('control frames do not count', { maxMessage: 1 }, [begin('a'), ping('pp'), more('', true)], {
        messages: ['a'],
        out: [pong('pp')],
      }),
    ],
    negative: [
      limited('a byte more', { maxMessage: 10 }, [binary(bytes(11))], TOO_BIG),
      limited(
        'a byte more in the last fragment',
        { maxMessage: 10 },
        [begin('12345'), more('678901', true)],
        TOO_BIG,
      ),
      limited(
        'as soon as a header tells it',
        { maxMessage: 10 },
        [begin('12345'), { opcode: 0, fin: false, length: 6 }],
        TOO_BIG,
      ),
    ],
  },
  {
    section: '10.4',
    rule: 'A limit on fragments counts empty ones too; 1008 tells it',
    role: 'both',
    positive: [
      limited('just the limit', { maxFragments: 3 }, [begin('a'), more('b'), more('c', true)], {
        messages: ['abc'],
      }),
      limited('one frame is one', { maxFragments: 1 }, [text('a'), text('b')], { messages: ['a', 'b'] }),
      limited(
        'control frames do not count',
        { maxFragments: 2 },
        [begin('a'), ping(), ping(), more('', true)],
        {
          messages: ['a'],
          out: [pong(), pong()],
        },
      ),
    ],
    negative: [
      limited(
        'one more',
        { maxFragments: 3 },
        [begin('a'), more('b'), more('c'), more('d', true)],
        tooMany(3),
      ),
      limited('empty ones', { maxFragments: 3 }, [begin(''), more(''), more(''), more('')], tooMany(3)),
      limited(
        'more than the default of 1,024',
        {},
        [begin(''), ...Array(1024).fill(more(''))],
        tooMany(1024),
      ),
    ],
  },
  {
    section: '10.7',
    rule: 'Whatever comes instead of frames fails the connection',
    role: 'server',
    positive: [{ name: 'frames', given: [text('a')], messages: ['a'] }],
    negative: [
      {
        name: 'an HTTP request',
        given: [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
        end: fails(1002, 'WS_ERR_RSV'),
      },
      { name: 'a TLS hello', given: [hex('16 03 01 02 00 01 00')], end: fails(1002, 'WS_ERR_RSV') },
      { name: 'zeros', given: [Buffer.alloc(64)], end: fails(1002, 'WS_ERR_MASK') },
    ],
  },
]
