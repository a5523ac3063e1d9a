/** Groups 7 and 10: the closing handshake (RFC 6455 §5.5.1, §7), and what is left. */
import {
  begin,
  type Case,
  close,
  closed,
  closeWith,
  fails,
  fragments,
  type Group,
  group,
  last,
  ping,
  type Refusal,
  read,
  send,
  shut,
  text,
} from '../case.js'

const hello = text('Hello World!')
const LONGEST_REASON = '*'.repeat(123)

/** A Close payload with any code at all, and any bytes for the reason. */
const closing = (code: number, reason = ''): Buffer =>
  Buffer.concat([Buffer.from([code >>> 8, code & 0xff]), Buffer.from(reason, 'latin1')])

/** Who may travel (§7.4), and who may not; 1012 to 1014 came into the registry later, and are left out. */
const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
const INVALID = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999]

const early: Refusal = { codes: [1000], verdict: 'NON-STRICT' }

const basics: readonly Omit<Case, 'id'>[] = [
  {
    description: 'Text, Close: the echo comes before the answer',
    steps: [send([hello, close()]), read(hello, early), closed([1000])],
  },
  { description: 'Close twice: one answer', steps: [send([close(), close()]), closed([1000])] },
  { description: 'Close, ping: no pong', steps: [send([close(), ping()]), closed([1000])] },
  { description: 'Close, text: no echo', steps: [send([close(), hello]), closed([1000])] },
  {
    description: 'Close in the middle of a message',
    steps: [send([begin('fragment1'), close(), last('fragment2')]), closed([1000])],
  },
  {
    // How much is echoed before the answer depends on when a peer writes: the RFC leaves it open.
    description: 'Text of 256 KiB, text, Close, ping, in one piece',
    steps: [
      send([text('BAsd7&jh23'.repeat(26215).slice(0, 262144)), hello, close(), ping()]),
      closed([1000], 'anything'),
    ],
    informational: true,
  },
]

const payloads: readonly Omit<Case, 'id'>[] = [
  { description: 'Close without payload', steps: [send(closeWith('')), closed([1005, 1000])] },
  { description: 'Close with a payload of 1 byte', steps: [send(closeWith('a')), fails([1002])] },
  { description: 'Close with a code', steps: [send(close()), closed([1000])] },
  {
    description: 'Close with a code and a reason',
    steps: [send(close(1000, 'Hello World!')), closed([1000])],
  },
  {
    description: 'Close with the longest reason, 123 bytes',
    steps: [send(close(1000, LONGEST_REASON)), closed([1000])],
  },
  {
    description: 'Close with a reason of 124 bytes: one too many',
    steps: [send(closeWith(closing(1000, `${LONGEST_REASON}*`))), fails([1002])],
  },
]

const BROKEN_REASON = Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex').toString('latin1')

export const closingGroups: readonly Group[] = [
  group('7.1', 'Closing, and what comes behind it', basics),
  group('7.3', 'Payloads of Close', payloads),
  group('7.5', 'Reasons that are no UTF-8', [
    {
      description: 'A surrogate in the reason',
      steps: [send(closeWith(closing(1000, BROKEN_REASON))), fails([1007, 1002])],
    },
  ]),
  group(
    '7.7',
    'Close codes that may travel',
    VALID.map((code) => ({
      description: `Close ${code}`,
      steps: [send(close(code)), closed([code, 1000])],
    })),
  ),
  group(
    '7.9',
    'Close codes that may not',
    INVALID.map((code) => ({
      description: `Close ${code}`,
      steps: [send(closeWith(closing(code))), fails([1002])],
    })),
  ),
  group(
    '7.13',
    'Close codes that the RFC does not know',
    [5000, 65535].map((code) => ({
      description: `Close ${code}`,
      steps: [send(closeWith(closing(code))), fails([1002, 1000, code, 1005])],
      informational: true,
    })),
  ),
]

const long = text('*'.repeat(65536))

export const otherGroups: readonly Group[] = [
  group('10.1', 'Fragments as a library makes them', [
    {
      description: 'Text of 65536 bytes in frames of 1300',
      steps: [send(fragments(long, 1300)), read(long), ...shut],
    },
  ]),
]
