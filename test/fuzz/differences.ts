import type { Judgement } from './conn-reference.js'

/** What ws made of a stream: the messages it had, and the code of what ended it; 1006 when nothing did. */
export interface Theirs {
  readonly code: number
}

/** Something in which ws and fastws differ, and why. Each must happen in the example that stands with it. */
export interface Difference {
  readonly why: string
  /** What a client sends, in hex, that shows it. */
  readonly example: string
  readonly ours: number
  readonly theirs: number
  readonly explains: (expected: Judgement, theirs: Theirs) => boolean
}

/** All that is known. A difference that none of these explains fails the test that found it. */
export const DIFFERENCES: readonly Difference[] = [
  {
    why: 'ws takes lengths in a longer form than they need; §5.2 has the shortest as the only one',
    example: '82fe0001 00000000 61',
    ours: 1002,
    theirs: 1006,
    explains: ({ outcome }) => outcome.kind === 'failed' && outcome.why.includes('not minimal'),
  },
  {
    why: 'ws calls a length with its highest bit set too big (1009); §5.2 forbids it (1002)',
    example: '82ff8000000000000000 00000000',
    ours: 1002,
    theirs: 1009,
    explains: ({ outcome }) => outcome.kind === 'failed' && outcome.why.includes('highest bit'),
  },
  {
    why: 'ws checks text when the message is whole, we check it as it comes',
    example: '0181 00000000 ff',
    ours: 1007,
    theirs: 1006,
    explains: ({ outcome }) => outcome.kind === 'failed' && outcome.why.includes('text'),
  },
  {
    why: 'ws judges a header from its first two bytes, we do when it is whole',
    example: 'c181',
    ours: 1006,
    theirs: 1002,
    explains: ({ outcome }) => outcome.kind === 'open' && outcome.insideHeader,
  },
  {
    why: 'ws refuses a Close frame of one byte from its header, we do when it is whole',
    example: '8881 00000000',
    ours: 1006,
    theirs: 1002,
    explains: ({ outcome }, theirs) => outcome.kind === 'open' && outcome.insideClose && theirs.code === 1002,
  },
  {
    why: 'a header that breaks several rules: each tells one of them',
    example: '80fe03e9 00000000',
    ours: 1009,
    theirs: 1002,
    explains: ({ outcome }, theirs) =>
      outcome.kind === 'failed' && outcome.codes.size > 1 && outcome.codes.has(theirs.code),
  },
]
