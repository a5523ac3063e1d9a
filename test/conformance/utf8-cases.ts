/**
 * The byte sequences that the Autobahn test suite describes for text (its groups 6.1 to 6.23), with our verdict on each,
 * which is the strict one: text fails at the first byte behind which nothing could make it valid any more.
 */
export interface Utf8Case {
  readonly name: string
  /** In hex. */
  readonly bytes: string
  /**
   * Index of the first impossible byte; the length when only the end of the message comes too early. Left out for what
   * is valid.
   */
  readonly failsAt?: number
}

const KOSME = 'cebae1bdb9cf83cebcceb5'
const EDITED = '656469746564'

const valid = (name: string, ...all: readonly string[]): Utf8Case[] =>
  all.map((bytes) => ({ name: `${name}: ${bytes}`, bytes }))

const invalid = (name: string, ...all: readonly (readonly [bytes: string, failsAt: number])[]): Utf8Case[] =>
  all.map(([bytes, failsAt]) => ({ name: `${name}: ${bytes}`, bytes, failsAt }))

/** Cut off in the middle: each byte is possible, the end is not. */
const cutOff = (name: string, ...all: readonly string[]): Utf8Case[] =>
  all.map((bytes) => ({ name: `${name}: ${bytes}`, bytes, failsAt: bytes.length / 2 }))

const range = (from: number, to: number, behind = ''): string => {
  let bytes = ''
  for (let byte = from; byte <= to; byte++) bytes += byte.toString(16).padStart(2, '0') + behind
  return bytes
}

/** U+FFFE and U+FFFF of each of the 17 planes. */
const nonCharacters = Array.from({ length: 17 }, (_, plane) =>
  ['fffe', 'ffff'].map((low) =>
    Buffer.from(String.fromCodePoint(plane * 0x10000 + Number.parseInt(low, 16))).toString('hex'),
  ),
).flat()

const wellFormed: readonly Utf8Case[] = [
  ...valid('6.1 empty', ''),
  ...valid('6.2 letters of several languages', Buffer.from('Hello-µ@ßöäüàá-UTF-8!!').toString('hex')),
  ...valid('6.2 kosme', KOSME),
  ...valid('6.5 $ ¢ € 𤭢', '68656c6c6f24776f726c64', '68656c6c6fc2a2776f726c64'),
  ...valid('6.5 $ ¢ € 𤭢', '68656c6c6fe282ac776f726c64', '68656c6c6ff0a4ada2776f726c64'),
  ...valid('6.6 prefix of kosme', ...[2, 5, 7, 9, 11].map((length) => KOSME.slice(0, length * 2))),
  ...valid('6.7 first of its length', '00', 'c280', 'e0a080', 'f0908080'),
  ...valid('6.9 last of its length', '7f', 'dfbf', 'efbfbf', 'f48fbfbf'),
  ...valid('6.11 boundary', 'ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf'),
  ...valid('6.22 non-character', ...nonCharacters),
  ...valid('6.23 special', ...Array.from({ length: 7 }, (_, i) => `efbf${(0xb9 + i).toString(16)}`)),
]

const illFormed: readonly Utf8Case[] = [
  ...invalid('6.3 a surrogate in the middle', [`${KOSME}eda080${EDITED}`, 12]),
  ...invalid('6.4 too high a code point in the middle', [`${KOSME}f4908080${EDITED}`, 12]),
  ...cutOff('6.6 prefix of kosme', ...[1, 3, 4, 6, 8, 10].map((length) => KOSME.slice(0, length * 2))),
  ...invalid('6.8 first of 5 and 6 bytes', ['f888808080', 0], ['fc8480808080', 0]),
  ...invalid('6.10 last of 4 to 6 bytes', ['f7bfbfbf', 0], ['fbbfbfbfbf', 0], ['fdbfbfbfbfbf', 0]),
  ...invalid('6.11 boundary', ['f4908080', 1]),
  ...invalid('6.12 continuation', ['80', 0], ['bf', 0], ['80bf', 0], ['80bf80', 0], ['80bf80bf', 0]),
  ...invalid('6.12 continuation', ['80bf80bf80', 0], ['80bf80bf80bf', 0], [range(0x80, 0xbe), 0]),
  ...invalid('6.13 start alone', [range(0xc0, 0xdf, '20'), 0], [range(0xe0, 0xef, '20'), 1]),
  ...invalid('6.13 start alone', [range(0xf0, 0xf7, '20'), 1], [range(0xf8, 0xfb, '20'), 0]),
  ...invalid('6.13 start alone', [range(0xfc, 0xfd, '20'), 0], [range(0xc2, 0xdf, '20'), 1]),
  ...invalid('6.14 last byte missing', ['c0', 0], ['e080', 1], ['f08080', 1], ['f8808080', 0]),
  ...invalid('6.14 last byte missing', ['fc80808080', 0], ['f7bfbf', 0], ['fbbfbfbf', 0], ['fdbfbfbfbf', 0]),
  ...cutOff('6.14 last byte missing', 'df', 'efbf', 'f09080', 'f48fbf'),
  ...invalid('6.15 all of these', ['c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf', 0]),
  ...invalid('6.16 impossible', ['fe', 0], ['ff', 0], ['fefeffff', 0]),
  ...invalid('6.17 overlong /', ['c0af', 0], ['e080af', 1], ['f08080af', 1], ['f8808080af', 0]),
  ...invalid('6.17 overlong /', ['fc80808080af', 0]),
  ...invalid('6.18 longest overlong', ['c1bf', 0], ['e09fbf', 1], ['f08fbfbf', 1], ['f887bfbfbf', 0]),
  ...invalid('6.18 longest overlong', ['fc83bfbfbfbf', 0]),
  ...invalid('6.19 overlong NUL', ['c080', 0], ['e08080', 1], ['f0808080', 1], ['f880808080', 0]),
  ...invalid('6.19 overlong NUL', ['fc8080808080', 0]),
  ...invalid('6.20 surrogate', ['eda080', 1], ['edadbf', 1], ['edae80', 1], ['edafbf', 1]),
  ...invalid('6.20 surrogate', ['edb080', 1], ['edbe80', 1], ['edbfbf', 1]),
  ...invalid('6.21 surrogate pair', ['eda080edb080', 1], ['eda080edbfbf', 1], ['edadbfedb080', 1]),
  ...invalid('6.21 surrogate pair', ['edadbfedbfbf', 1], ['edae80edb080', 1], ['edae80edbfbf', 1]),
  ...invalid('6.21 surrogate pair', ['edafbfedb080', 1], ['edafbfedbfbf', 1]),
]

export const utf8Cases: readonly Utf8Case[] = [...wellFormed, ...illFormed]
