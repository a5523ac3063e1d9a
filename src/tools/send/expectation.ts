import { readFrameWords } from './frame-words.js'
import type { Token } from './lexer.js'
import { filled, PAYLOAD_HELP, payloadOf } from './payload.js'
import { type Expectation, ScriptError, type Statement } from './script.js'
import { OPCODES, readTime, type Words } from './words.js'

const HELP = [...Object.keys(OPCODES), 'frame', 'message', 'end', 'nothing'].join(', ')

/** How long nothing has to come when the script does not say. */
const QUIET = 200

/** `expect close 1002 within 2s` */
export function parseExpectation(head: Token, words: Words): Statement {
  const text = words.text
  const what = words.take(`what has to come: ${HELP}`)
  const expected = parseWhat(what, words)
  return { do: 'expect', expected, within: withinOf(words), position: head, text }
}

function withinOf(words: Words): number | undefined {
  if (words.peek()?.text !== 'within') return undefined
  words.next()
  return readTime(words.take('a time, as in within 500ms'))
}

function parseWhat(what: Token, words: Words): Expectation {
  const name = what.kind === 'word' ? what.text : ''
  if (name === 'end') return { what: 'end' }
  if (name === 'nothing') return { what: 'nothing', milliseconds: quietOf(words) }
  if (name === 'message') return messageOf(words)
  if (name !== 'frame' && !Object.hasOwn(OPCODES, name))
    throw new ScriptError(what, `'${what.text}' cannot be expected; expected ${HELP}`)
  return frameOf(what, words)
}

function quietOf(words: Words): number {
  const token = words.next()
  return token === undefined ? QUIET : readTime(token)
}

function messageOf(words: Words): Expectation {
  const kind = words.peek()?.text
  const isText = kind === 'text' ? true : kind === 'binary' ? false : undefined
  if (isText !== undefined) words.next()
  const parts: Buffer[] = []
  for (let token = words.peek(); token !== undefined && token.text !== 'within'; token = words.peek()) {
    const bytes = payloadOf(token)
    if (bytes === undefined)
      throw new ScriptError(token, `'${token.text}' means nothing here; expected ${PAYLOAD_HELP}`)
    parts.push(bytes)
    words.next()
  }
  return { what: 'message', isText, data: parts.length === 0 ? undefined : Buffer.concat(parts) }
}

function frameOf(what: Token, words: Words): Expectation {
  const read = readFrameWords(OPCODES[what.text], words, 'within')
  if (read.deflate || read.lengthSize !== undefined || typeof read.mask === 'number')
    throw new ScriptError(what, 'deflate, bits= and a masking key cannot be expected')
  const isClose = what.text === 'close' && read.codes !== undefined
  const payload = read.size === undefined ? read.payload : filled(read.payload ?? Buffer.alloc(0), read.size)
  return {
    what: 'frame',
    opcode: read.opcode,
    fin: read.fin,
    rsv: read.rsvNamed === 0 ? undefined : { bits: read.rsv, mask: read.rsvNamed },
    masked: read.mask === undefined ? undefined : read.mask === 'on',
    length: read.length,
    payload: isClose ? undefined : payload,
    codes: read.codes,
    reason: isClose ? payload : undefined,
  }
}
