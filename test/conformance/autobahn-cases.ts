/**
 * Groups 1 to 5, 7 and 10 as the descriptions of the Autobahn test suite have them, against an echo: what is written,
 * and what must come back, in the strict reading of each case. Group 6 stands in utf8-cases.ts.
 */
import { closePayload, hex } from '../support/index.js'
import type { Sent } from './bench.js'
import { MAY_TRAVEL } from './rules/codes.js'
import { begin, binary, close, more, ping, pong, text } from './rules/rule.js'
import { answers, type End, fails } from './wire-case.js'

export interface EchoCase {
  readonly id: string
  readonly given: readonly Sent[]
  /** Written in pieces of so many bytes; 0 writes everything at once. */
  readonly chop?: number
  /** What comes back, but for Close. */
  readonly out: readonly Sent[]
  readonly end?: End
  /**
   * What is echoed must go out before what comes behind it in the same packet is looked at. Events do that, and so does
   * a loop for messages in one frame; who reads otherwise may be too late to answer.
   */
  readonly atOnce?: 'one frame' | 'fragments'
}

const SIZES = [0, 125, 126, 127, 128, 65535, 65536]
const hello = text('Hello, world!')
const chopped = (cases: readonly EchoCase[]): EchoCase[] =>
  [0, 1].flatMap((chop) =>
    cases.map((one) => ({ ...one, chop, id: chop === 0 ? one.id : `${one.id} octet-wise` })),
  )

const same = (id: string, frame: Sent, chop = 0): EchoCase => ({ id, given: [frame], out: [frame], chop })
const opcode = fails(1002, 'WS_ERR_OPCODE')
const rsv = fails(1002, 'WS_ERR_RSV')
const continuation = fails(1002, 'WS_ERR_CONTINUATION')
const fragmentedControl = fails(1002, 'WS_ERR_CONTROL_FRAGMENTED')

const framing: readonly EchoCase[] = [
  ...SIZES.map((size) => same(`1.1 text of ${size}`, text('*'.repeat(size)))),
  same('1.1.8 text of 65536, chopped', text('*'.repeat(65536)), 997),
  ...SIZES.map((size) => same(`1.2 binary of ${size}`, binary(Buffer.alloc(size, 0xfe)))),
  same('1.2.8 binary of 65536, chopped', binary(Buffer.alloc(65536, 0xfe)), 997),
]

const pings: readonly EchoCase[] = [
  { id: '2.1 ping', given: [ping()], out: [pong()] },
  { id: '2.2 text ping', given: [ping('Hello, world!')], out: [pong('Hello, world!')] },
  { id: '2.3 binary ping', given: [ping(hex('00fffefdfcfb00ff'))], out: [pong(hex('00fffefdfcfb00ff'))] },
  { id: '2.4 ping of 125', given: [ping(Buffer.alloc(125, 0xfe))], out: [pong(Buffer.alloc(125, 0xfe))] },
  {
    id: '2.5 ping of 126',
    given: [ping(Buffer.alloc(126, 0xfe))],
    out: [],
    end: fails(1002, 'WS_ERR_CONTROL_LENGTH'),
  },
  { id: '2.7 unsolicited pong', given: [pong()], out: [] },
  { id: '2.8 unsolicited pong with payload', given: [pong('unsolicited')], out: [] },
  { id: '2.9 pong, ping', given: [pong('unsolicited'), ping('a')], out: [pong('a')] },
  {
    id: '2.10 ten pings',
    given: Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`)),
    out: Array.from({ length: 10 }, (_, i) => pong(`payload-${i}`)),
  },
]

const reserved: readonly EchoCase[] = [
  { id: '3.1 RSV 1', given: [text('Hello, world!', { rsv: 1 })], out: [], end: rsv },
  {
    id: '3.2 RSV 2 behind a message',
    given: [hello, text('a', { rsv: 2 }), ping()],
    out: [hello],
    end: rsv,
    atOnce: 'one frame',
  },
  {
    id: '3.4 RSV 4 behind a message',
    given: [hello, text('a', { rsv: 4 }), ping()],
    out: [hello],
    end: rsv,
    atOnce: 'one frame',
  },
  { id: '3.5 RSV 5 on binary', given: [binary('a', { rsv: 5 })], out: [], end: rsv },
  { id: '3.6 RSV 6 on ping', given: [ping('a', { rsv: 6 })], out: [], end: rsv },
  { id: '3.7 RSV 7 on Close', given: [{ opcode: 8, rsv: 7 }], out: [], end: rsv },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((reservedOpcode): EchoCase[] => [
    { id: `4 opcode ${reservedOpcode}`, given: [{ opcode: reservedOpcode }], out: [], end: opcode },
    {
      id: `4 opcode ${reservedOpcode} behind a message`,
      given: [hello, { opcode: reservedOpcode, payload: 'a' }, ping()],
      out: [hello],
      end: opcode,
      atOnce: 'one frame',
    },
  ]),
]

const PARTS = ['fragment1', 'fragment2', 'fragment3', 'fragment4', 'fragment5']
const whole = text(PARTS.join(''))
const fragments = (withPings: boolean): Sent[] =>
  PARTS.flatMap((part, i) => [
    i === 0 ? begin(part) : more(part, i === PARTS.length - 1),
    ...(withPings && i < PARTS.length - 1 ? [ping(`ping ${i}`)] : []),
  ])

const fragmentation: readonly EchoCase[] = [
  {
    id: '5.1 ping in fragments',
    given: [ping('a', { fin: false }), more('b', true)],
    out: [],
    end: fragmentedControl,
  },
  {
    id: '5.2 pong in fragments',
    given: [pong('a', { fin: false }), more('b', true)],
    out: [],
    end: fragmentedControl,
  },
  {
    id: '5.3 text in two fragments',
    given: [begin('fragment1'), more('fragment2', true)],
    out: [text('fragment1fragment2')],
  },
  {
    id: '5.6 ping between fragments',
    given: [begin('fragment1'), ping('p'), more('fragment2', true)],
    out: [pong('p'), text('fragment1fragment2')],
  },
  { id: '5.9 continuation first', given: [more('a', true), hello], out: [], end: continuation },
  { id: '5.12 continuation first, not final', given: [more('a'), hello], out: [], end: continuation },
  {
    id: '5.15 continuation behind a message',
    given: [begin('a'), more('b', true), more('c'), hello],
    out: [text('ab')],
    end: continuation,
    atOnce: 'fragments',
  },
  {
    id: '5.16 continuation, message, continuation',
    given: [more('a'), hello, more('b', true)],
    out: [],
    end: continuation,
  },
  { id: '5.18 both fragments are text', given: [begin('a'), text('b')], out: [], end: continuation },
  { id: '5.19 five fragments', given: fragments(false), out: [whole] },
  {
    id: '5.20 five fragments and pings',
    given: fragments(true),
    out: [...PARTS.slice(1).map((_, i) => pong(`ping ${i}`)), whole],
  },
]

const normal = closePayload(1000)
const REASON = '*'.repeat(123)

const closing: readonly EchoCase[] = [
  {
    id: '7.1.1 message, Close',
    given: [hello, close(normal)],
    out: [hello],
    end: answers(1000),
    atOnce: 'one frame',
  },
  { id: '7.1.2 two Closes', given: [close(normal), close(normal)], out: [], end: answers(1000) },
  { id: '7.1.3 ping behind Close', given: [close(normal), ping()], out: [], end: answers(1000) },
  { id: '7.1.4 message behind Close', given: [close(normal), hello], out: [], end: answers(1000) },
  {
    id: '7.1.5 Close between fragments',
    given: [begin('a'), close(normal), more('b', true)],
    out: [],
    end: answers(1000),
  },
  {
    id: '7.1.6 256 KiB, Close, ping',
    given: [text('*'.repeat(262144)), hello, close(normal), ping()],
    out: [text('*'.repeat(262144)), hello],
    end: answers(1000),
    atOnce: 'one frame',
  },
  { id: '7.3.1 Close without payload', given: [close()], out: [], end: answers(1005) },
  { id: '7.3.2 Close of 1 byte', given: [close('a')], out: [], end: fails(1002, 'WS_ERR_CLOSE_PAYLOAD') },
  {
    id: '7.3.4 Close with a reason',
    given: [close(closePayload(1000, 'Hello World!'))],
    out: [],
    end: answers(1000, 'Hello World!'),
  },
  {
    id: '7.3.5 the longest reason',
    given: [close(closePayload(1000, REASON))],
    out: [],
    end: answers(1000, REASON),
  },
  {
    id: '7.3.6 a reason too long',
    given: [close(closePayload(1000, `${REASON}*`))],
    out: [],
    end: fails(1002, 'WS_ERR_CONTROL_LENGTH'),
  },
  {
    id: '7.5.1 a reason that is not UTF-8',
    given: [close(hex('03e8 cebae1bdb9cf83cebcceb5eda080656469746564'))],
    out: [],
    end: fails(1007, 'WS_ERR_UTF8'),
  },
  ...MAY_TRAVEL.map(
    (code): EchoCase => ({
      id: `7.7 code ${code}`,
      given: [close(closePayload(code))],
      out: [],
      end: answers(code),
    }),
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code): EchoCase => ({
      id: `7.9 code ${code}`,
      given: [close(closePayload(code))],
      out: [],
      end: fails(1002, 'WS_ERR_CLOSE_PAYLOAD'),
    }),
  ),
]

const autoFragmented: EchoCase = {
  id: '10.1.1 64 KiB in frames of 1300',
  given: Array.from({ length: 51 }, (_, i) => ({
    opcode: i === 0 ? 1 : 0,
    fin: i === 50,
    payload: '*'.repeat(i === 50 ? 536 : 1300),
  })),
  out: [text('*'.repeat(65536))],
}

export const echoCases: readonly EchoCase[] = [
  ...framing,
  ...chopped([...pings, ...reserved, ...fragmentation]),
  ...closing,
  autoFragmented,
]
