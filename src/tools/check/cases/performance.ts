/** Group 9: large messages, many fragments, small pieces, round trips. Contents are compared, not only lengths. */
import {
  asBuffer,
  binary,
  type Case,
  echoed,
  type FrameSpec,
  fragments,
  type Group,
  group,
  last,
  read,
  type Source,
  send,
  shut,
  text,
} from '../case.js'
import { incompressible, letters } from '../payloads.js'

const KIB = 1 << 10
const MIB = 1 << 20

type Kind = 'Text' | 'Binary'
const KINDS: readonly Kind[] = ['Text', 'Binary']

const make = (kind: Kind, size: number): FrameSpec =>
  kind === 'Text' ? text(letters(size)) : binary(incompressible(size))

const roundTrip = (kind: Kind, size: number): Source => ({
  name: `${kind} ${size}`,
  isText: kind === 'Text',
  fragment: 0,
  period: 1,
  at: () => asBuffer(make(kind, size).payload ?? ''),
})

const name = (size: number): string =>
  size >= MIB ? `${size / MIB} MiB` : size >= KIB ? `${size / KIB} KiB` : `${size} bytes`

/** The two kinds take turns: 9.1 is text, 9.2 is binary, and so on. */
const both = (id: number, title: string, cases: (kind: Kind) => readonly Omit<Case, 'id'>[]): Group[] =>
  KINDS.map((kind, i) =>
    group(
      `9.${id + i}`,
      `${kind}: ${title}`,
      cases(kind).map((one) => ({ ...one, heavy: true })),
    ),
  )

/** The frame that ends the message has no payload, as in the model: a limit of 16384 fragments is met by 9.3.2, too. */
const endingEmpty = (frames: readonly FrameSpec[]): FrameSpec[] => [
  ...frames.map((frame) => ({ ...frame, fin: false })),
  last(''),
]

const MESSAGES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB]
const FRAGMENTS = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]
const PIECES = [64, 128, 256, 512, KIB, 2 * KIB]
const ROUND_TRIPS = [0, 16, 64, 256, KIB, 4 * KIB]

export const performanceGroups: readonly Group[] = [
  ...both(1, 'growing messages', (kind) =>
    MESSAGES.map((size) => ({
      description: `${kind} of ${name(size)}`,
      steps: () => echoed(make(kind, size)),
    })),
  ),
  ...both(3, '4 MiB in growing fragments', (kind) =>
    FRAGMENTS.map((size) => ({
      description: `${kind} of 4 MiB in frames of ${name(size)}, and an empty one at the end`,
      steps: () => {
        const message = make(kind, 4 * MIB)
        return [send(endingEmpty(fragments(message, size))), read(message), ...shut]
      },
    })),
  ),
  ...both(5, '1 MiB in growing pieces', (kind) =>
    PIECES.map((size) => ({
      description: `${kind} of 1 MiB, in pieces of ${name(size)}`,
      steps: () => echoed(make(kind, MIB), size),
    })),
  ),
  ...both(7, '1000 round trips of growing messages', (kind) =>
    ROUND_TRIPS.map((size) => ({
      description: `${kind} of ${name(size)}, 1000 times there and back`,
      steps: [
        {
          do: 'echo' as const,
          count: 1000,
          ahead: 0,
          message: roundTrip(kind, size),
        },
        ...shut,
      ],
    })),
  ),
]
