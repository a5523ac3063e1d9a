/** Group C: the closing handshake and TCP, in every order. */
import {
  type Actor,
  act,
  begin,
  binary,
  type Case,
  close,
  closed,
  closeWith,
  type FrameSpec,
  fails,
  type Group,
  group,
  ping,
  type Refusal,
  read,
  type Step,
  send,
  text,
} from '../case.js'

const hello = text('Hello, world!')
const lost: Refusal = { codes: [1000], verdict: 'NON-STRICT' }
const lostByFailure: Refusal = { codes: [1002], verdict: 'NON-STRICT' }
const hundred = Array.from({ length: 100 }, (_, i) => text(`message ${i}`))

const handshakes: readonly Omit<Case, 'id'>[] = [
  {
    description: 'Close 1000: answered, and TCP is ended by the server',
    steps: [send(close()), closed([1000])],
  },
  {
    description: 'Close byte by byte',
    steps: [send(close(1001, 'going away'), 1), closed([1001, 1000])],
  },
  {
    description: 'Ping, Close: the pong comes before the answer',
    steps: [send([ping('a'), close()]), read(ping('a'), lost), closed([1000])],
  },
  {
    description: '100 texts, Close: every echo comes before the answer',
    steps: [send([...hundred, close()]), read(hundred, lost), closed([1000])],
  },
  {
    description: 'Close, 100 texts: no echo, whatever comes behind',
    steps: [send([close(), ...hundred]), closed([1000])],
  },
  {
    description: 'The beginning of a text, Close: nothing is echoed',
    steps: [send([begin('fragment1'), close()]), closed([1000])],
  },
  { description: 'Close, then at once the end of TCP', steps: [send(close()), fin(), closed([1000])] },
  {
    description: 'Close with a code of 3 bytes of reason that is cut: not UTF-8',
    steps: [send(closeWith(Buffer.from('03e8e282', 'hex'))), fails([1007, 1002])],
  },
]

function fin(): Step {
  return act('ends its direction of TCP', async (play) => play.fin())
}

/** Without Close, the end of TCP is the end all the same: the peer ends its direction too. */
const ends: Step = act('expects the end of TCP, and no echo', async (play) => {
  const { events } = await play.ended()
  const echo = events.find((event) => !event.startsWith('Close'))
  if (echo !== undefined) play.fail(`The peer sent ${echo}`)
})

const cut = (description: string, frame: FrameSpec, length: number): Omit<Case, 'id'> => ({
  description,
  steps: [send({ ...frame, length }), fin(), ends],
})

const resets = (description: string, before: readonly FrameSpec[]): Omit<Case, 'id'> => ({
  description,
  tests: 'server',
  steps: [
    send(before),
    act('resets TCP, and connects again', async (play: Actor) => {
      play.reset()
      await play.another()
    }),
  ],
})

const endings: readonly Omit<Case, 'id'>[] = [
  { description: 'The end of TCP without Close', steps: [fin(), ends] },
  {
    description: 'The end of TCP in the middle of a message',
    steps: [send(begin('fragment1')), fin(), ends],
  },
  cut('The end of TCP in the middle of a frame', hello, 100),
  {
    description: 'The end of TCP in the middle of a header',
    steps: [send({ opcode: 1, bytes: Buffer.from([0x81]) }), fin(), ends],
  },
  {
    description: 'Text, then at once the end of TCP',
    informational: true,
    steps: [
      send(hello),
      fin(),
      act('expects the end of TCP, with the echo or without', async (play) => {
        const { events } = await play.ended()
        play.remark(events.length === 0 ? 'The echo did not come' : `Came: ${events.join(', ')}`)
      }),
    ],
  },
  resets('TCP is reset: the server goes on', []),
  resets('TCP is reset in the middle of a message: the server goes on', [begin('fragment1')]),
  resets('TCP is reset while an echo is on its way: the server goes on', [binary(Buffer.alloc(1 << 20))]),
]

const wrong = text('reserved bit', { rsv: 2 })
const large = binary(Buffer.alloc(1 << 20, 3))

const failures: readonly Omit<Case, 'id'>[] = [
  {
    description: 'A wrong frame and 1 MiB behind it: Close still arrives',
    steps: [send([wrong, large]), fails([1002])],
  },
  {
    description: 'A wrong frame, then 100 texts: no echo',
    steps: [send([wrong, ...hundred]), fails([1002])],
  },
  {
    description: '1 MiB, then a wrong frame: the echo, then Close',
    steps: [send([large, wrong]), read(large, lostByFailure), fails([1002])],
  },
  {
    description: 'A wrong frame between two fragments',
    steps: [send([begin('fragment1'), wrong]), fails([1002])],
  },
  {
    description: 'A wrong frame, then at once the end of TCP',
    steps: [send(wrong), fin(), fails([1002])],
  },
]

export const tcpGroups: readonly Group[] = [
  group('C.1', 'The closing handshake', handshakes),
  group('C.2', 'The end of TCP without Close', endings),
  group('C.3', 'Failing the connection', failures),
]
