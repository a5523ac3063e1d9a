import { parseExpectation } from './expectation.js'
import { parseFrame } from './frame-words.js'
import { Lexer, type Token } from './lexer.js'
import { payloadOf } from './payload.js'
import { type Script, ScriptError, type Statement } from './script.js'
import { OPCODES, readCount, readTime, Words } from './words.js'

const STATEMENTS = [
  ...Object.keys(OPCODES),
  'frame',
  'raw',
  'expect',
  'wait',
  'repeat',
  'together',
  'pieces',
  'fin',
  'reset',
]

/**
 * Reads a script.
 *
 * @throws ScriptError that says where, and what was expected there.
 */
export function parseScript(text: string): Script {
  const parser = new Parser(new Lexer(text).tokens())
  return parser.script()
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  script(): Script {
    const script = this.#statements()
    const token = this.#peek()
    if (token.kind === '}') throw new ScriptError(token, "there is no '{' for this '}'")
    return script
  }

  #peek(): Token {
    return this.#tokens[this.#at] as Token // the last token is an end that is never passed
  }

  #statements(): Statement[] {
    const statements: Statement[] = []
    for (;;) {
      while (this.#peek().kind === 'end' && this.#at < this.#tokens.length - 1) this.#at++
      const token = this.#peek()
      if (token.kind === 'end' || token.kind === '}') return statements
      statements.push(this.#statement())
    }
  }

  #statement(): Statement {
    const words = this.#words()
    const head = words.take(`a statement: ${STATEMENTS.join(', ')}`)
    const statement = this.#parse(head, words)
    words.finish()
    return statement
  }

  /** The tokens up to the end of the statement. */
  #words(): Words {
    const start = this.#at
    while (['word', 'string'].includes(this.#peek().kind)) this.#at++
    return new Words(this.#tokens.slice(start, this.#at), this.#peek())
  }

  #parse(head: Token, words: Words): Statement {
    switch (head.kind === 'word' ? head.text : '') {
      case 'raw':
        return { do: 'raw', bytes: rawOf(words) }
      case 'wait':
        return { do: 'wait', milliseconds: readTime(words.take('a time, as in 100ms or 2s')) }
      case 'expect':
        return parseExpectation(head, words)
      case 'repeat':
        return {
          do: 'repeat',
          count: readCount(words.take('how often'), 1_000_000_000),
          body: this.#block(words),
        }
      case 'together':
        return { do: 'together', body: this.#block(words) }
      case 'pieces':
        return { do: 'pieces', size: sizeOf(words) }
      case 'fin':
      case 'reset':
        return { do: head.text as 'fin' | 'reset' }
      default:
        return parseFrame(head, words, STATEMENTS)
    }
  }

  #block(words: Words): Statement[] {
    words.finish("'{'")
    const open = this.#peek()
    if (open.kind !== '{') throw new ScriptError(open, `expected '{' here, and '}' behind what is meant`)
    this.#at++
    const body = this.#statements()
    if (this.#peek().kind !== '}') throw new ScriptError(open, "there is no '}' for this '{'")
    this.#at++
    return body
  }
}

/** `raw 81 05 "Hello"`: digits as they are, or any payload. */
function rawOf(words: Words): Buffer {
  const parts: Buffer[] = []
  for (let token = words.next(); token !== undefined; token = words.next()) {
    const isHex = token.kind === 'word' && /^(?:[0-9a-f]{2})+$/i.test(token.text)
    const bytes = isHex ? Buffer.from(token.text, 'hex') : payloadOf(token)
    if (bytes === undefined)
      throw new ScriptError(
        token,
        `'${token.text}' is not bytes; expected pairs of hex digits, as in 81 05, or a "string"`,
      )
    parts.push(bytes)
  }
  if (parts.length === 0)
    throw new ScriptError(words.end, 'raw needs bytes; expected pairs of hex digits, as in 81 05')
  return Buffer.concat(parts)
}

function sizeOf(words: Words): number | undefined {
  const token = words.take('a number of bytes, or off')
  return token.text === 'off' ? undefined : readCount(token, 1 << 30, 1)
}
