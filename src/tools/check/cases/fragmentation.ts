/** Group 5: messages in several frames (RFC 6455 §5.4). */
import {
  begin,
  type Case,
  type FrameSpec,
  fails,
  type Group,
  group,
  last,
  more,
  type Pieces,
  ping,
  pong,
  quiet,
  type Refusal,
  read,
  send,
  shut,
  text,
} from '../case.js'

const WAYS: readonly (readonly [pieces: Pieces, words: string])[] = [
  ['whole', 'in one piece'],
  ['frames', 'frame by frame'],
  [1, 'byte by byte'],
]

/** The same case in each way to cut it. */
const eachWay = (description: string, steps: (pieces: Pieces) => Case['steps']): Omit<Case, 'id'>[] =>
  WAYS.map(([pieces, words]) => ({ description: `${description}, ${words}`, steps: steps(pieces) }))

const message = text('fragment1fragment2')
const two = [begin('fragment1'), last('fragment2')]
const between = [begin('fragment1'), ping('ping payload'), last('fragment2')]
const hello = text('Hello, world!')
const mayBeLost: Refusal = { codes: [1002], verdict: 'NON-STRICT' }

/** Three times: nothing to continue, and a message that is not to be read as the rest of it. */
const thrice = (frames: readonly FrameSpec[]): FrameSpec[] => [...frames, ...frames, ...frames]

const five = ['fragment1', 'fragment2', 'fragment3', 'fragment4', 'fragment5']
const [first, second, third, fourth, fifth] = five as [string, string, string, string, string]
const whole = text(five.join(''))
const [pingOne, pingTwo] = [ping('pongme 1!'), ping('pongme 2!')]

const FIRST_PART = [begin(first), more(second), pingOne]
const SECOND_PART = [more(third), more(fourth), pingTwo]

export const fragmentationGroups: readonly Group[] = [
  group('5', 'Fragmentation', [
    {
      description: 'Ping in two frames',
      steps: [send([ping('fragment1', { fin: false }), last('fragment2')]), fails([1002])],
    },
    {
      description: 'Pong in two frames',
      steps: [send([pong('fragment1', { fin: false }), last('fragment2')]), fails([1002])],
    },
    ...eachWay('Text in two frames', (pieces) => [send(two, pieces), read(message), ...shut]),
    ...eachWay('Text in two frames, a ping between them', (pieces) => [
      send(between, pieces),
      read([ping('ping payload'), message]),
      ...shut,
    ]),
    ...eachWay('Final continuation without a beginning, then text', (pieces) => [
      send([last('non-continuation payload'), hello], pieces),
      fails([1002]),
    ]),
    ...eachWay('Continuation without a beginning, then text', (pieces) => [
      send([more('non-continuation payload'), hello], pieces),
      fails([1002]),
    ]),
    {
      description: 'Text in two frames, then a continuation without a beginning, then text',
      steps: [send([...two, more('fragment3'), hello]), read(message, mayBeLost), fails([1002])],
    },
    {
      description: 'Continuation, beginning, end: thrice',
      steps: [send(thrice([more('fragment1'), begin('fragment2'), last('fragment3')])), fails([1002])],
    },
    {
      description: 'Final continuation, beginning, end: thrice',
      steps: [send(thrice([last('fragment1'), begin('fragment2'), last('fragment3')])), fails([1002])],
    },
    {
      description: 'Text in two frames that both say text',
      steps: [send([begin('fragment1'), text('fragment2')]), fails([1002])],
    },
    {
      description: 'Text in five frames with two pings between them',
      steps: [
        send(FIRST_PART),
        read(pingOne),
        quiet(),
        send([...SECOND_PART, last(fifth)]),
        read([pingTwo, whole]),
        ...shut,
      ],
    },
    {
      description: 'Text in five frames with two pings between them, frame by frame',
      steps: [
        send(FIRST_PART, 'frames'),
        read(pingOne),
        quiet(),
        send(SECOND_PART, 'frames'),
        read(pingTwo),
        send(last(fifth)),
        read(whole),
        ...shut,
      ],
    },
  ]),
]
