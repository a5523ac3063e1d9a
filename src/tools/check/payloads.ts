/** What the larger messages are made of: always the same bytes, made when they are first asked for. */

/** A small generator of numbers that look random (xorshift); all the same in every run. */
export function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Keeps what was made for the largest size so far, and gives the beginning of it. */
function growing(make: (size: number) => Buffer): (size: number) => Buffer {
  let made: Buffer = Buffer.alloc(0)
  return (size) => {
    if (made.length < size) made = make(size)
    return made.subarray(0, size)
  }
}

/** ASCII text; a piece that is lost, doubled or moved does not go unnoticed. */
export const letters = growing((size) => {
  const bytes = Buffer.allocUnsafe(size)
  let line = 0
  for (let at = 0; at < size; line++)
    at += bytes.write(`line ${line}: the quick brown fox jumps over the lazy dog\n`, at)
  return bytes
})

/** Bytes of every value, in no order. */
export const incompressible = growing((size) => {
  const next = numbers(0x9e3779b9)
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4)
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(next(), at)
  return bytes
})

const WORDS =
  'alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa'.split(
    ' ',
  )

/** Pieces of text until there are so many bytes. */
const written = (
  size: number,
  seed: number,
  piece: (next: () => number, index: number) => string,
): Buffer => {
  const next = numbers(seed)
  const bytes = Buffer.alloc(size)
  for (let at = 0, i = 0; at < size; i++) at += bytes.write(piece(next, i), at, 'latin1')
  return bytes
}

const word = (next: () => number): string => WORDS[next() % WORDS.length] as string
const sentence = (next: () => number, words: number): string =>
  Array.from({ length: words }, () => word(next)).join(' ')

/** A kind of data as people send it, by its likeness: how well it compresses is what matters. */
export interface DataSet {
  readonly title: string
  readonly isText: boolean
  readonly make: () => Buffer
}

const json = (next: () => number, i: number): string =>
  `{"id":${i},"name":"${word(next)} ${word(next)}","price":${next() % 10000},"tags":["${word(next)}","${word(next)}"],"ok":${next() % 2 === 0}},\n`
const html = (next: () => number, i: number): string =>
  `<div class="row" id="r${i}"><a href="/${word(next)}/${next() % 1000}">${sentence(next, 5)}</a><p>${sentence(next, 12)}</p></div>\n`
const prose = (next: () => number): string =>
  `${sentence(next, 6 + (next() % 9))}${next() % 5 === 0 ? '.\n' : ', '}`

/** Neighbours in a picture are alike, but never the same. */
function picture(size: number): Buffer {
  const next = numbers(0x2545f491)
  const bytes = Buffer.alloc(size)
  let shade = 128
  for (let at = 0; at < size; at++) {
    shade = (shade + (next() % 9) - 4 + 256) % 256
    bytes[at] = shade
  }
  return bytes
}

/** What was compressed already, with some text between. */
function document(size: number): Buffer {
  const bytes = Buffer.from(incompressible(size))
  for (let at = 0; at < size; at += 4096)
    bytes.write(`\n${at} 0 obj << /Length 3800 /Filter /FlateDecode >> stream\n`, at)
  return bytes.subarray(0, size)
}

/** Made once, when it is first needed. */
function once(make: () => Buffer): () => Buffer {
  let made: Buffer | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Of the sizes that the Autobahn test suite uses, and of the same kinds. */
export const DATA_SETS: readonly DataSet[] = [
  { title: 'JSON', isText: true, make: once(() => written(194056, 0x1234567, json)) },
  { title: 'a picture', isText: false, make: once(() => picture(263222)) },
  { title: 'prose', isText: false, make: once(() => written(222218, 0x7654321, prose)) },
  { title: 'HTML', isText: true, make: once(() => written(263527, 0x2468ace, html)) },
  { title: 'a document that is compressed already', isText: false, make: once(() => document(1042328)) },
]
