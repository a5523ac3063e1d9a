/** Groups 1 to 4: data frames, pings and pongs, reserved bits, opcodes. */
import {
  binary,
  type Case,
  closeWith,
  echoed,
  type FrameSpec,
  fails,
  type Group,
  group,
  ping,
  pong,
  quiet,
  type Refusal,
  read,
  type Step,
  send,
  shut,
  text,
} from '../case.js'

const SIZES = [0, 125, 126, 127, 128, 65535, 65536]
const BYTE = 0xfe

/** In pieces: the framing must not depend on how TCP cuts. */
const CHOP = 997

const dataCases = (kind: string, make: (size: number) => FrameSpec): Omit<Case, 'id'>[] => [
  ...SIZES.map((size) => ({ description: `${kind} of ${size} bytes`, steps: echoed(make(size)) })),
  { description: `${kind} of 65536 bytes, in pieces of ${CHOP}`, steps: echoed(make(65536), CHOP) },
]

const framing: readonly Group[] = [
  group(
    '1.1',
    'Text messages',
    dataCases('Text', (size) => text('*'.repeat(size))),
  ),
  group(
    '1.2',
    'Binary messages',
    dataCases('Binary', (size) => binary(Buffer.alloc(size, BYTE))),
  ),
]

const longest = Buffer.alloc(125, BYTE)
const tooLong = Buffer.alloc(126, BYTE)
const unsolicited = pong('unsolicited pong payload')
const tenPings = Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`))

/** Control frames must be 125 bytes at most, in one frame (RFC 6455 §5.5). */
const pings: Group = group('2', 'Pings and pongs', [
  { description: 'Ping without payload', steps: echoed(ping()) },
  { description: 'Ping with text', steps: echoed(ping('Hello, world!')) },
  {
    description: 'Ping with bytes that are no UTF-8',
    steps: echoed(ping(Buffer.from('00fffefdfcfb00ff', 'hex'))),
  },
  { description: 'Ping of 125 bytes', steps: echoed(ping(longest)) },
  { description: 'Ping of 126 bytes: one too many', steps: [send(ping(tooLong)), fails([1002])] },
  { description: 'Ping of 125 bytes, byte by byte', steps: echoed(ping(longest), 1) },
  { description: 'Pong that answers nothing, empty', steps: [send(pong()), quiet(), ...shut] },
  { description: 'Pong that answers nothing, with payload', steps: [send(unsolicited), quiet(), ...shut] },
  {
    description: 'Pong that answers nothing, then a ping',
    steps: [send([unsolicited, ping('ping payload')]), read(ping('ping payload')), ...shut],
  },
  { description: 'Ten pings', steps: [send(tenPings), read(tenPings), ...shut] },
  { description: 'Ten pings, byte by byte', steps: [send(tenPings, 1), read(tenPings), ...shut] },
])

const hello = text('Hello, world!')

/** A message that was right may still be unanswered when the peer fails what came behind it. */
const mayBeLost: Refusal = { codes: [1002], verdict: 'NON-STRICT' }

/** A message, a wrong frame, a ping: the message is echoed, then the connection fails, and the ping has no answer. */
const behindMessage = (wrong: FrameSpec, pieces: 'whole' | 'frames' | 1): readonly Step[] => [
  send([hello, wrong, ping()], pieces),
  read(hello, mayBeLost),
  fails([1002]),
]
const alone = (wrong: FrameSpec, pieces: 'whole' | 1 = 'whole'): readonly Step[] => [
  send(wrong, pieces),
  fails([1002]),
]

const reserved: Group = group('3', 'Reserved bits, without an extension that uses them', [
  { description: 'Text with RSV 1', steps: alone(text('Hello, world!', { rsv: 1 })) },
  {
    description: 'Text, text with RSV 2, ping, in one piece',
    steps: behindMessage(text('Hello, world!', { rsv: 2 }), 'whole'),
  },
  {
    description: 'Text, text with RSV 3, ping, frame by frame',
    steps: behindMessage(text('Hello, world!', { rsv: 3 }), 'frames'),
  },
  {
    description: 'Text, text with RSV 4, ping, byte by byte',
    steps: behindMessage(text('Hello, world!', { rsv: 4 }), 1),
  },
  { description: 'Binary with RSV 5', steps: alone(binary(longest, { rsv: 5 })) },
  { description: 'Ping with RSV 6', steps: alone(ping('', { rsv: 6 })) },
  {
    // The same bits on a Close frame that is right otherwise: who does not look at them answers 1000, not 1002.
    description: 'Close with RSV 7',
    steps: alone({ ...closeWith(Buffer.from('03e8', 'hex')), rsv: 7 }),
  },
])

/** Five reserved opcodes: two alone, one behind a message in each way to cut it. */
function opcodeCases(first: number): Omit<Case, 'id'>[] {
  const wrong = (opcode: number, payload = ''): FrameSpec => ({ opcode, payload })
  return [
    { description: `Opcode ${first}`, steps: alone(wrong(first)) },
    { description: `Opcode ${first + 1} with payload`, steps: alone(wrong(first + 1, 'reserved opcode')) },
    {
      description: `Text, opcode ${first + 2}, ping`,
      steps: behindMessage(wrong(first + 2), 'whole'),
    },
    {
      description: `Text, opcode ${first + 3} with payload, ping, frame by frame`,
      steps: behindMessage(wrong(first + 3, 'reserved opcode'), 'frames'),
    },
    {
      description: `Text, opcode ${first + 4} with payload, ping, byte by byte`,
      steps: behindMessage(wrong(first + 4, 'reserved opcode'), 1),
    },
  ]
}

const opcodes: readonly Group[] = [
  group('4.1', 'Reserved opcodes of data frames', opcodeCases(3)),
  group('4.2', 'Reserved opcodes of control frames', opcodeCases(11)),
]

export const framingGroups: readonly Group[] = [...framing, pings, reserved, ...opcodes]
