import { outOfRange, wrongType } from '../errors.js'

// Header fields come from strangers: they are read by index, once from left to right, without regular expressions.

/** The letters a token is made of besides letters and digits (RFC 9110 §5.6.2). */
const TOKEN_MARKS = "!#$%&'*+-.^_`|~"

const TOKEN_CHARS = tokenChars()

function tokenChars(): Uint8Array {
  const table = new Uint8Array(128)
  for (let char = 0x30; char <= 0x39; char++) table[char] = 1
  for (let char = 0x41; char <= 0x5a; char++) table[char] = table[char + 0x20] = 1
  for (const mark of TOKEN_MARKS) table[mark.charCodeAt(0)] = 1
  return table
}

const isTokenChar = (char: number): boolean => char < 128 && TOKEN_CHARS[char] === 1

const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c

const isSpace = (char: number): boolean => char === SPACE || char === TAB

/** Whether a text is a token (RFC 9110 §5.6.2), as header names and subprotocols are. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenChar(text.charCodeAt(i))) return false
  return text.length > 0
}

/**
 * Whether a text may be the value of a header that we write: visible ASCII, spaces and tabs. Line breaks would start a
 * header of somebody else's making, and bytes above 0x7e have no agreed meaning (RFC 9110 §5.5).
 */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if ((char < SPACE && char !== TAB) || char > 0x7e) return false
  }
  return true
}

/** Reads a header value piece by piece. Every step looks at each letter once. */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Nothing is left. */
  get done(): boolean {
    return this.#at >= this.#text.length
  }

  skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
  }

  /** Steps over one letter if it stands here, and over the space around it. */
  skip(char: string): boolean {
    this.skipSpace()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    this.skipSpace()
    return true
  }

  /** The token that stands here; empty when there is none. */
  token(): string {
    const from = this.#at
    while (isTokenChar(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#text.slice(from, this.#at)
  }

  /** The quoted string that stands here, unquoted (RFC 9110 §5.6.4); undefined when there is none or it does not end. */
  quoted(): string | undefined {
    if (this.#text.charCodeAt(this.#at) !== QUOTE) return undefined
    let value = ''
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      if (this.#text.charCodeAt(i) === QUOTE) {
        this.#at = i + 1
        return value
      }
      if (this.#text.charCodeAt(i) === BACKSLASH) i++
      value += this.#text[i] ?? ''
    }
    return undefined
  }
}

/**
 * The members of a list of tokens (RFC 9110 §5.6.1); empty members do not count. Undefined when anything else stands in
 * it, or nothing at all.
 *
 * @example
 * parseTokenList('chat, superchat') // ['chat', 'superchat']
 */
export function parseTokenList(value: string): string[] | undefined {
  const scanner = new Scanner(value)
  const tokens: string[] = []
  while (scanner.skip(',')) {}
  while (!scanner.done) {
    const token = scanner.token()
    if (token === '') return undefined
    tokens.push(token)
    if (!endOfMember(scanner)) return undefined
  }
  return tokens.length > 0 ? tokens : undefined
}

/** Steps over the commas behind a list member; false when something else stands there. */
export function endOfMember(scanner: Scanner): boolean {
  scanner.skipSpace()
  if (scanner.done) return true
  if (!scanner.skip(',')) return false
  while (scanner.skip(',')) {}
  return true
}

/** Whether a word is a member of a comma-separated list, in upper or lower case, as `Connection` and `Upgrade` are. */
export function listHas(value: string, word: string): boolean {
  let from = 0
  for (let i = 0; i <= value.length; i++) {
    if (i < value.length && value.charCodeAt(i) !== COMMA) continue
    if (memberIs(value, from, i, word)) return true
    from = i + 1
  }
  return false
}

function memberIs(value: string, from: number, to: number, word: string): boolean {
  while (from < to && isSpace(value.charCodeAt(from))) from++
  while (from < to && isSpace(value.charCodeAt(to - 1))) to--
  return to - from === word.length && value.slice(from, to).toLowerCase() === word.toLowerCase()
}

/** Headers to write: an array gives a line for each of its values, as `Set-Cookie` needs. */
export type HeaderFields = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** One header line: name and value. */
export type HeaderLine = readonly [name: string, value: string]

/**
 * Checks headers that are about to be written and gives them line by line. Names in `reserved` (lower case) belong to
 * the handshake itself.
 *
 * @throws TypeError or RangeError naming the header, never its value.
 */
export function headerLines(
  argument: string,
  fields: HeaderFields,
  reserved: ReadonlySet<string> = NONE,
): HeaderLine[] {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw wrongType(argument, 'an object of names and values', fields)
  const lines: HeaderLine[] = []
  for (const [name, given] of Object.entries(fields)) {
    if (given === undefined) continue
    checkName(argument, name, reserved)
    for (const value of Array.isArray(given) ? given : [given])
      lines.push([name, checkValue(`${argument}['${name}']`, value)])
  }
  return lines
}

const NONE: ReadonlySet<string> = new Set()

function checkName(argument: string, name: string, reserved: ReadonlySet<string>): void {
  if (!isToken(name)) throw outOfRange(`a name in ${argument}`, 'a token (RFC 9110 §5.6.2)', name)
  if (reserved.has(name.toLowerCase()))
    throw outOfRange(`${argument}['${name}']`, 'left out: the handshake sets it', undefined)
}

function checkValue(argument: string, given: unknown): string {
  if (typeof given !== 'string' && typeof given !== 'number')
    throw wrongType(argument, 'a string, a number or an array of strings', given)
  const value = String(given)
  if (!isFieldValue(value)) throw outOfRange(argument, 'visible ASCII without line breaks', given)
  return value
}

/** Every value of one header, in order. `name` is in lower case; `rawHeaders` alternates names and values. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (sameName(rawHeaders[i]!, name)) values.push(rawHeaders[i + 1]!)
  return values
}

/** Whether one of the lists under a name has a word as a member; `name` is in lower case. */
export function hasListed(rawHeaders: readonly string[], name: string, word: string): boolean {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (sameName(rawHeaders[i]!, name) && listHas(rawHeaders[i + 1]!, word)) return true
  return false
}

const sameName = (given: string, name: string): boolean =>
  given.length === name.length && given.toLowerCase() === name
