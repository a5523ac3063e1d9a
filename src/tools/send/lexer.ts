import { type Position, ScriptError } from './script.js'

export interface Token extends Position {
  /** A word is whatever stands between spaces; a payload is a string, or bytes with a prefix. */
  readonly kind: 'word' | 'string' | '{' | '}' | 'end'
  /** As it is written. */
  readonly text: string
  /** What a string stands for, or what follows the prefix in `file:"a name"`. */
  readonly bytes?: Buffer
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  '0': 0,
  '\\': 92,
  '"': 34,
  "'": 39,
}

/** Cuts a script into words, strings and braces. A line ends a statement, and so does a semicolon. */
export class Lexer {
  readonly #text: string
  #at = 0
  #line = 1
  #lineStart = 0

  constructor(text: string) {
    this.#text = text
  }

  tokens(): Token[] {
    const tokens: Token[] = []
    while (this.#at < this.#text.length) {
      const token = this.#next()
      if (token !== undefined) tokens.push(token)
    }
    tokens.push({ ...this.#position(), kind: 'end', text: '' })
    return tokens
  }

  #position(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 }
  }

  #next(): Token | undefined {
    const position = this.#position()
    const character = this.#text.charAt(this.#at)
    if (character === '\n' || character === ';') return this.#single(position, 'end', character)
    if (character === '{' || character === '}') return this.#single(position, character, character)
    if (character === '#') return this.#skip(/[^\n]*/y)
    if (/\s/.test(character)) return this.#skip(/[^\S\n]+/y)
    if (character === '"' || character === "'") return this.#string(position)
    return this.#word(position)
  }

  #single(position: Position, kind: Token['kind'], text: string): Token {
    this.#at++
    if (text === '\n') {
      this.#line++
      this.#lineStart = this.#at
    }
    return { ...position, kind, text }
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [text = ''] = pattern.exec(this.#text) ?? []
    this.#at += text.length
    return text
  }

  #skip(pattern: RegExp): undefined {
    this.#take(pattern)
  }

  /** A prefix may stand right before a string: `file:"a name"`. */
  #word(position: Position): Token {
    const text = this.#take(/[^\s;{}"']+/y)
    const quote = this.#text[this.#at]
    if (!text.endsWith(':') || (quote !== '"' && quote !== "'")) return { ...position, kind: 'word', text }
    return { ...position, kind: 'word', text, bytes: this.#quoted(quote) }
  }

  #string(position: Position): Token {
    const start = this.#at
    const bytes = this.#quoted(this.#text.charAt(start))
    return { ...position, kind: 'string', text: this.#text.slice(start, this.#at), bytes }
  }

  #quoted(quote: string): Buffer {
    const opened = this.#position()
    const parts: Buffer[] = []
    this.#at++
    for (;;) {
      const plain = this.#take(quote === '"' ? /[^"\\\n]*/y : /[^'\\\n]*/y)
      parts.push(Buffer.from(plain))
      const next = this.#text[this.#at]
      if (next === quote) break
      if (next !== '\\')
        throw new ScriptError(opened, `the string has no end; expected ${quote} on this line`)
      parts.push(this.#escape())
    }
    this.#at++
    return Buffer.concat(parts)
  }

  #escape(): Buffer {
    const position = this.#position()
    const written = this.#take(/\\(?:x[0-9a-f]{2}|u\{[0-9a-f]{1,6}\}|u[0-9a-f]{4}|[^\n]?)/iy)
    const letter = written.charAt(1)
    if (letter === 'x' && written.length === 4) return Buffer.from(written.slice(2), 'hex')
    if (letter === 'u' && written.length > 2) return character(position, written)
    const code = ESCAPES[letter]
    if (code === undefined)
      throw new ScriptError(
        position,
        `'${written}' is no escape; expected \\n \\r \\t \\0 \\\\ \\" \\' \\xNN \\u{N}`,
      )
    return Buffer.from([code])
  }
}

function character(position: Position, written: string): Buffer {
  const code = Number.parseInt(written.replace(/[^0-9a-f]/gi, ''), 16)
  if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return Buffer.from(String.fromCodePoint(code))
  throw new ScriptError(position, `'${written}' is no character; bytes that are no UTF-8 are written \\xNN`)
}
