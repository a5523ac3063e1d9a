/** Group L: headers that lie, floods, and slow peers. What the RFC leaves to limits of one's own is INFORMATIONAL. */
import {
  type Actor,
  act,
  answerTo,
  begin,
  binary,
  type Case,
  type FrameSpec,
  fails,
  type Group,
  group,
  last,
  more,
  ping,
  pong,
  type Refusal,
  read,
  type Step,
  send,
  shut,
  text,
} from '../case.js'

const hello = text('Hello, world!')

/** A limit of the peer's own that ends the connection properly. */
const limited: Refusal = { codes: [1008, 1009], verdict: 'OK' }

/** A header that claims a length in 64 bits; nothing of the payload follows. */
const claim = (length: bigint, opcode = 0x82): Step =>
  act(`sends the header of a frame of ${length} bytes`, (play) => {
    const header = Buffer.alloc(14)
    header[0] = opcode
    header[1] = play.role === 'client' ? 0xff : 0x7f
    header.writeBigUInt64BE(length, 2)
    return play.send([{ opcode: 0, bytes: header.subarray(0, play.role === 'client' ? 14 : 10) }])
  })

const inFrame = { insideFrame: true }

/** Larger than anybody takes: to say so at once is best, to wait for the bytes is not forbidden. */
const tooLarge = (words: string, length: bigint): Omit<Case, 'id'> => ({
  description: `The header of a frame of ${words}`,
  steps: [claim(length), fails([1009], { ...inFrame, ifOpen: 'INFORMATIONAL' })],
})

/** A sender must write lengths in the shortest form; receivers often let others pass (§5.2). */
const tooLong = (words: string, frame: FrameSpec): Omit<Case, 'id'> => ({
  description: `${words}: not the shortest form`,
  steps: [send(frame), fails([1002], { ifOpen: 'NON-STRICT', instead: answerTo(frame) })],
})

const headers: readonly Omit<Case, 'id'>[] = [
  {
    description: 'Text with the wrong mask bit',
    steps: [send(text('a', { wrongMask: true })), fails([1002])],
  },
  {
    description: 'Ping with the wrong mask bit',
    steps: [send(ping('a', { wrongMask: true })), fails([1002])],
  },
  {
    description: 'Text, text with the wrong mask bit, ping',
    steps: [
      send([hello, text('a', { wrongMask: true }), ping()]),
      read(hello, { codes: [1002], verdict: 'NON-STRICT' }),
      fails([1002]),
    ],
  },
  tooLong('Text of 5 bytes, its length in 16 bits', text('short', { lengthSize: 16 })),
  tooLong('Text of 5 bytes, its length in 64 bits', text('short', { lengthSize: 64 })),
  tooLong('Binary of 1000 bytes, its length in 64 bits', binary(Buffer.alloc(1000, 7), { lengthSize: 64 })),
  {
    description: 'A length with its highest bit set',
    // Who does not see the bit takes it for a length like any other.
    steps: [claim((1n << 63n) + 200_000n), fails([1002, 1009], inFrame)],
  },
  {
    description: 'The header of a ping of 65536 bytes',
    steps: [claim(65536n, 0x89), fails([1002], inFrame)],
  },
  tooLarge('2 GiB', 1n << 31n),
  tooLarge('4 GiB and 5 bytes', (1n << 32n) + 5n),
  tooLarge('2^53 bytes', 1n << 53n),
  tooLarge('2^63 - 1 bytes', (1n << 63n) - 1n),
]

const inFragments = (description: string, count: number, payload: string): Omit<Case, 'id'> => ({
  description,
  steps: () => [
    send([begin(payload), ...Array.from({ length: count - 2 }, () => more(payload)), last(payload)]),
    read(text(payload.repeat(count)), limited),
    ...shut,
  ],
})

const manyPings = Array.from({ length: 150 }, (_, i) => ping(`ping ${i}`))
const manyTexts = Array.from({ length: 5000 }, (_, i) => text(`message ${i}`))

/** A ping may be answered together with later ones (§5.5.3): then the last answer has to come, and come last. */
async function pongsUpToLast(play: Actor): Promise<void> {
  const events = await play.collect(
    ({ kind, data }) => kind === 'pong' && data.equals(Buffer.from('ping 149')),
  )
  if (events.length < 150) play.remark(`${events.length} answers for 150 pings`)
  if (events.some(({ kind }) => kind !== 'pong'))
    play.over('INFORMATIONAL', 'The peer does not take so many pings')
}

const floods: readonly Omit<Case, 'id'>[] = [
  inFragments('Text in 10,000 empty frames', 10_000, ''),
  inFragments('Text in 10,000 frames of a byte', 10_000, '*'),
  {
    description: 'Text in 50 frames with a ping behind each',
    steps: [
      send([
        ...Array.from({ length: 49 }, (_, i) => [i === 0 ? begin('*') : more('*'), ping(`${i}`)]).flat(),
        last('*'),
      ]),
      read([...Array.from({ length: 49 }, (_, i) => ping(`${i}`)), text('*'.repeat(50))]),
      ...shut,
    ],
  },
  {
    description: '150 pings at once',
    steps: [send(manyPings), act('expects pongs, up to that for the last ping', pongsUpToLast), ...shut],
  },
  {
    description: '150 pongs that answer nothing, then text',
    steps: () => [
      send([...Array.from({ length: 150 }, () => pong('a')), hello]),
      read(hello, limited),
      ...shut,
    ],
  },
  { description: '5,000 texts at once', steps: () => [send(manyTexts), read(manyTexts, limited), ...shut] },
]

/** Each cut falls on another byte of the header. */
const everyCut = act(
  'sends a text with a header of 4 bytes or 8, cut at each byte, and expects each echo',
  async (play) => {
    const message = text('*'.repeat(300))
    for (let at = 1; at <= 9; at++) await play.play([send(message, at), read(message)])
  },
)

const slow: readonly Omit<Case, 'id'>[] = [
  { description: 'Text of 300 bytes, its header cut at every byte', steps: [everyCut, ...shut] },
  {
    description: 'Two texts that meet in the middle of a packet',
    steps: [
      send([text('a'.repeat(100)), text('b'.repeat(100))], 150),
      read([text('a'.repeat(100)), text('b'.repeat(100))]),
      ...shut,
    ],
  },
  {
    description: 'Half a frame, a pause, the other half',
    steps: [
      send(text('Hello', { length: 12 })),
      act('waits', (play) => play.silence(300)),
      act('sends the rest', (play) => play.rest(Buffer.from(', world'))),
      read(text('Hello, world')),
      ...shut,
    ],
  },
]

/** While we take nothing, the peer may hold back a little, but must not lose anything, nor stop for ever. */
const reluctant = act(
  'sends 8 MiB and takes no echo until all is sent, or nothing is taken any more',
  async (play) => {
    const messages = Array.from({ length: 128 }, (_, i) => binary(Buffer.alloc(65536, i)))
    play.pause()
    const sent = play.send(messages, 'frames')
    await play.silence(300)
    play.resume()
    await play.play([read(messages, { codes: [1008, 1009, 1013], verdict: 'INFORMATIONAL' })])
    await sent
  },
)

export const limitGroups: readonly Group[] = [
  group('L.1', 'Headers that lie', headers),
  group('L.2', 'Floods', floods),
  group('L.3', 'Slow writers', slow),
  group('L.4', 'Slow readers', [
    {
      description: '8 MiB of messages to a peer whose echoes are not taken',
      steps: [reluctant, ...shut],
      heavy: true,
    },
  ]),
  group('L.5', 'Masks', [
    {
      description: 'Masking keys are fresh for every frame',
      tests: 'client',
      steps: [
        send(Array.from({ length: 8 }, () => hello)),
        read(Array.from({ length: 8 }, () => hello)),
        act('expects eight different keys', async (play) => {
          const keys = new Set(play.maskKeys)
          if (keys.size < 2) play.fail('The client masks every frame with the same key (RFC 6455 §5.3)')
          if (keys.size < play.maskKeys.length) play.lower('NON-STRICT', 'The client uses masking keys again')
        }),
        ...shut,
      ],
    },
  ]),
]
