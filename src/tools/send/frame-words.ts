import { Frame, type LengthSize, Opcode } from '../../frame/index.js'
import type { Token } from './lexer.js'
import { deflated, filled, PAYLOAD_HELP, payloadOf } from './payload.js'
import { ScriptError, type Statement } from './script.js'
import { OPCODES, readNumber, type Words } from './words.js'

/** A frame while its words are read. */
export interface FrameWords {
  opcode: number | undefined
  fin: boolean | undefined
  /** Bits that were named, RSV1 the highest, and which they were. */
  rsv: number
  rsvNamed: number
  mask: 'on' | 'off' | number | undefined
  length: number | undefined
  lengthSize: LengthSize | undefined
  size: number | undefined
  deflate: boolean
  codes: readonly number[] | undefined
  payload: Buffer | undefined
}

type Setter = (words: FrameWords, token: Token, value: string) => void

const SETTERS: Readonly<Record<string, Setter>> = {
  fin: (words, token, value) => {
    words.fin = readNumber(token, value, 0, 1) === 1
  },
  rsv: (words, token, value) => {
    words.rsv = readNumber(token, value, 0, 7)
    words.rsvNamed = 7
  },
  rsv1: bit(4),
  rsv2: bit(2),
  rsv3: bit(1),
  opcode: (words, token, value) => {
    words.opcode = readNumber(token, value, 0, 15)
  },
  mask: (words, token, value) => {
    words.mask = maskOf(token, value)
  },
  len: (words, token, value) => {
    words.length = readNumber(token, value, 0, Number.MAX_SAFE_INTEGER)
  },
  bits: (words, token, value) => {
    if (!['7', '16', '64'].includes(value))
      throw new ScriptError(token, `expected bits=7, bits=16 or bits=64`)
    words.lengthSize = Number(value) as LengthSize
  },
  size: (words, token, value) => {
    words.size = readNumber(token, value, 0, 1 << 30)
  },
}

function bit(which: number): Setter {
  return (words, token, value) => {
    const isSet = readNumber(token, value, 0, 1) === 1
    words.rsv = isSet ? words.rsv | which : words.rsv & ~which
    words.rsvNamed |= which
  }
}

function maskOf(token: Token, value: string): 'on' | 'off' | number {
  if (value === 'on' || value === 'off') return value
  if (/^[0-9a-f]{8}$/i.test(value)) return Number.parseInt(value, 16)
  throw new ScriptError(token, `'${token.text}' is no good; expected mask=on, mask=off or mask=37fa213d`)
}

/** Words that stand without a value. */
const FLAGS: readonly string[] = ['rsv1', 'rsv2', 'rsv3', 'fin']

const HELP = `fin=0|1, rsv1, rsv2, rsv3, rsv=N, opcode=N, mask=on|off|KEY, len=N, bits=7|16|64, size=N, deflate, ${PAYLOAD_HELP}`

/** Reads what follows `text`, `frame`, `close` …, as far as it belongs to a frame. */
export function readFrameWords(opcode: number | undefined, words: Words, stop?: string): FrameWords {
  const read: FrameWords = {
    opcode,
    fin: undefined,
    rsv: 0,
    rsvNamed: 0,
    mask: undefined,
    length: undefined,
    lengthSize: undefined,
    size: undefined,
    deflate: false,
    codes: undefined,
    payload: undefined,
  }
  const parts: Buffer[] = []
  for (let token = words.peek(); token !== undefined && token.text !== stop; token = words.peek()) {
    words.next()
    const bytes = payloadOf(token)
    if (bytes !== undefined) parts.push(bytes)
    else if (!readCode(read, token, parts.length) && !readSetter(read, token))
      throw new ScriptError(token, `'${token.text}' means nothing here; expected ${HELP}`)
  }
  if (parts.length > 0) read.payload = Buffer.concat(parts)
  return read
}

function readSetter(read: FrameWords, token: Token): boolean {
  const [name = '', value] = token.text.split('=', 2)
  if (token.text === 'deflate') {
    read.deflate = true
    return true
  }
  if (!Object.hasOwn(SETTERS, name) || (value === undefined && !FLAGS.includes(name))) return false
  SETTERS[name]?.(read, token, value ?? '1')
  return true
}

/** The code behind `close`, or several of them to expect: `1002|1007`. */
function readCode(read: FrameWords, token: Token, parts: number): boolean {
  if (read.opcode !== Opcode.Close || read.codes !== undefined || parts > 0) return false
  if (token.kind !== 'word' || !/^\d+(?:\|\d+)*$/.test(token.text)) return false
  read.codes = token.text.split('|').map((code) => readNumber(token, code, 0, 65_535))
  return true
}

/** A frame to be sent, as its words say: nothing about it has to be right. */
export function parseFrame(head: Token, words: Words, statements: readonly string[]): Statement {
  const isNamed = head.kind === 'word' && Object.hasOwn(OPCODES, head.text)
  if (!isNamed && head.text !== 'frame')
    throw new ScriptError(head, `there is no statement '${head.text}'; expected ${statements.join(', ')}`)
  const read = readFrameWords(isNamed ? OPCODES[head.text] : undefined, words)
  if (read.opcode === undefined) throw new ScriptError(words.end, 'frame needs an opcode; expected opcode=N')
  return {
    do: 'frame',
    frame: frameOf(read, head),
    takesKey: typeof read.mask !== 'number' && read.mask !== 'off',
  }
}

function frameOf(read: FrameWords, head: Token): Frame {
  const rsv = read.deflate ? read.rsv | 4 : read.rsv
  const frame = new Frame({
    opcode: read.opcode ?? 0,
    fin: read.fin ?? true,
    rsv1: (rsv & 4) !== 0,
    rsv2: (rsv & 2) !== 0,
    rsv3: (rsv & 1) !== 0,
    masked: read.mask !== 'off',
    maskKey: typeof read.mask === 'number' ? read.mask : 0,
    payload: bytesOf(read, head),
  })
  try {
    if (read.length !== undefined) frame.length = read.length
    if (read.lengthSize !== undefined) frame.lengthSize = read.lengthSize
  } catch (error) {
    throw new ScriptError(head, error instanceof Error ? error.message : String(error))
  }
  return frame
}

function bytesOf(read: FrameWords, head: Token): Buffer {
  const { codes, payload = Buffer.alloc(0), size, deflate } = read
  const [code, ...more] = codes ?? []
  if (more.length > 0) throw new ScriptError(head, 'a frame has one close code; only expect takes several')
  const coded = code === undefined ? payload : Buffer.concat([Buffer.from([code >> 8, code & 255]), payload])
  const bytes = size === undefined ? coded : filled(coded, size)
  return deflate ? deflated(bytes) : bytes
}
