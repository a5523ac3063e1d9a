/** Group 6: text must be UTF-8, and should be refused at the first byte that makes it wrong (RFC 6455 §8.1). */
import {
  act,
  begin,
  type Case,
  echoed,
  type FrameSpec,
  fails,
  failsNow,
  fragments,
  type Group,
  group,
  last,
  more,
  quiet,
  read,
  type Step,
  send,
  shut,
  text,
} from '../case.js'

const hex = (digits: string): Buffer => Buffer.from(digits, 'hex')

/** "Kosme": a Greek word whose five letters take 2, 3, 2, 2 and 2 bytes. */
const KOSME = 'cebae1bdb9cf83cebcceb5'
/** "edited" */
const EDITED = '656469746564'

const valid = (...all: readonly string[]): Omit<Case, 'id'>[] =>
  all.map((digits) => ({ description: `Valid: ${digits || 'nothing'}`, steps: echoed(text(hex(digits))) }))

const invalidSteps = (payload: Buffer): readonly Step[] => [send(text(payload)), fails([1007])]

const invalid = (...all: readonly string[]): Omit<Case, 'id'>[] =>
  all.map((digits) => ({ description: `Not UTF-8: ${digits}`, steps: invalidSteps(hex(digits)) }))

/** All bytes of a range, each with the same bytes behind it. */
const range = (from: number, to: number, behind = ''): string => {
  let digits = ''
  for (let byte = from; byte <= to; byte++) digits += byte.toString(16).padStart(2, '0') + behind
  return digits
}

const inFrames = (description: string, frames: readonly FrameSpec[], whole: string | Buffer) => ({
  description,
  steps: [send(frames), read(text(whole)), ...shut],
})

const LETTERS = 'Hello-µ@ßöäüàá-UTF-8!!'
const [, left = '', right = ''] = /^(.*@ß)(.*)$/u.exec(LETTERS) ?? []

const empty: readonly Group[] = [
  group('6.1', 'Texts of nothing', [
    { description: 'Empty text', steps: echoed(text()) },
    inFrames('Three empty frames', [begin(''), more(''), last('')], ''),
    inFrames(
      'Three frames, the first and the last of them empty',
      [begin(''), more('middle frame payload'), last('')],
      'middle frame payload',
    ),
  ]),
  group('6.2', 'Valid UTF-8, in one frame and in several', [
    { description: 'Letters of several languages', steps: echoed(text(LETTERS)) },
    inFrames('The same in two frames, cut between letters', [begin(left), last(right)], LETTERS),
    inFrames('The same in frames of one byte', fragments(text(LETTERS), 1), LETTERS),
    inFrames('Greek in frames of one byte', fragments(text(hex(KOSME)), 1), hex(KOSME)),
  ]),
  group('6.3', 'A surrogate in the middle', [
    { description: 'In one frame', steps: invalidSteps(hex(`${KOSME}eda080${EDITED}`)) },
    {
      description: 'In frames of one byte',
      steps: [send(fragments(text(hex(`${KOSME}eda080${EDITED}`)), 1)), fails([1007])],
    },
  ]),
]

/** Waits between the parts: the wrong one should be refused before the next is sent. */
const inParts = (description: string, parts: readonly [string, string, string]) => {
  const [one, two, three] = parts.map(hex) as [Buffer, Buffer, Buffer]
  return {
    description: `${description}, in three frames`,
    steps: [send(begin(one)), quiet(), send(more(two)), failsNow([1007]), send(last(three)), fails([1007])],
  }
}

/** The same within one frame: a ping cannot be put between, so some silence has to do. */
function inOneFrame(description: string, parts: readonly [string, string, string]): Omit<Case, 'id'> {
  const [one, two, three] = parts.map(hex) as [Buffer, Buffer, Buffer]
  const length = one.length + two.length + three.length
  return {
    description: `${description}, in one frame that arrives in three parts`,
    steps: [
      send(text(one, { length })),
      quiet(true),
      rest(two),
      failsNow([1007], true),
      rest(three),
      fails([1007]),
    ],
  }
}

const rest = (payload: Buffer): Step =>
  act(`sends ${payload.length} bytes more`, (play) => play.rest(payload))

const TOO_HIGH = [KOSME, 'f4908080', EDITED] as const
const TOO_HIGH_CUT = [KOSME, 'f490', `8080${EDITED}`] as const

const failFast: readonly Group[] = [
  group('6.4', 'Refused at the first wrong byte', [
    inParts('A code point above U+10FFFF', TOO_HIGH),
    inParts('The same, cut behind the byte that makes it wrong', TOO_HIGH_CUT),
    inOneFrame('A code point above U+10FFFF', TOO_HIGH),
    inOneFrame('The same, cut behind the byte that makes it wrong', TOO_HIGH_CUT),
  ]),
]

/** U+FFFE and U+FFFF of each of the 17 planes. */
const nonCharacters = Array.from({ length: 17 }, (_, plane) =>
  [0xfffe, 0xffff].map((low) => Buffer.from(String.fromCodePoint(plane * 0x10000 + low)).toString('hex')),
).flat()

/** Each prefix of a word: those that end inside a letter are wrong. */
const prefixes = Array.from({ length: 11 }, (_, i) => {
  const digits = KOSME.slice(0, (i + 1) * 2)
  return ([1, 4, 6, 8, 10].includes(i) ? valid(digits) : invalid(digits))[0] as Omit<Case, 'id'>
})

const world = (character: string): string => Buffer.from(`hello${character}world`).toString('hex')

/** Sequences whose last byte is missing, of 2 to 6 bytes: the lowest and the highest of each length. */
const INCOMPLETE = [
  ...['c0', 'e080', 'f08080', 'f8808080', 'fc80808080'],
  ...['df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'],
]

const sequences: readonly Group[] = [
  group('6.5', 'Characters of 1 to 4 bytes', valid(world('$'), world('¢'), world('€'), world('𤭢'), KOSME)),
  group('6.6', 'Every prefix of a Greek word', prefixes),
  group('6.7', 'First sequence of each length', valid('00', 'c280', 'e0a080', 'f0908080')),
  group('6.8', 'First sequence of lengths that are not', invalid('f888808080', 'fc8480808080')),
  group('6.9', 'Last sequence of each length', valid('7f', 'dfbf', 'efbfbf', 'f48fbfbf')),
  group('6.10', 'Last sequence beyond Unicode', invalid('f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf')),
  group('6.11', 'Other boundaries', [
    ...valid('ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf'),
    ...invalid('f4908080'),
  ]),
  group('6.12', 'Continuation bytes alone', [
    ...invalid('80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'),
    ...invalid(range(0x80, 0xbf)),
  ]),
  group('6.13', 'Start bytes alone', [
    ...invalid(range(0xc0, 0xdf, '20'), range(0xe0, 0xef, '20'), range(0xf0, 0xf7, '20')),
    ...invalid(range(0xf8, 0xfb, '20'), range(0xfc, 0xfd, '20')),
  ]),
  group('6.14', 'The last byte missing', invalid(...INCOMPLETE)),
  group('6.15', 'The last byte missing, all in a row', invalid(INCOMPLETE.join(''))),
  group('6.16', 'Bytes that never occur', invalid('fe', 'ff', 'fefeffff')),
  group('6.17', 'A slash, too long', invalid('c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af')),
  group(
    '6.18',
    'The highest that is too long',
    invalid('c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'),
  ),
  group('6.19', 'NUL, too long', invalid('c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080')),
  group(
    '6.20',
    'Surrogates alone',
    invalid('eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'),
  ),
  group(
    '6.21',
    'Surrogates in pairs',
    invalid(
      ...['eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edadbfedbfbf'],
      ...['edae80edb080', 'edae80edbfbf', 'edafbfedb080', 'edafbfedbfbf'],
    ),
  ),
  group('6.22', 'Code points that are no characters', valid(...nonCharacters)),
  group(
    '6.23',
    'Special code points',
    valid(...['b9', 'ba', 'bb', 'bc', 'bd', 'be', 'bf'].map((byte) => `efbf${byte}`)),
  ),
]

export const utf8Groups: readonly Group[] = [...empty, ...failFast, ...sequences]
