import { Opcode } from '../../frame/index.js'
import type { Token } from './lexer.js'
import { type Position, ScriptError } from './script.js'

/** The words for opcodes (RFC 6455 §11.8). */
export const OPCODES: Readonly<Record<string, number>> = {
  text: Opcode.Text,
  binary: Opcode.Binary,
  cont: Opcode.Continuation,
  close: Opcode.Close,
  ping: Opcode.Ping,
  pong: Opcode.Pong,
}

/** The tokens of one statement, one after the other. */
export class Words {
  readonly #tokens: readonly Token[]
  /** Where the statement ends. */
  readonly end: Position
  #at = 0

  constructor(tokens: readonly Token[], end: Position) {
    this.#tokens = tokens
    this.end = end
  }

  /** The next token, if there is one. */
  next(): Token | undefined {
    const token = this.#tokens[this.#at]
    if (token !== undefined) this.#at++
    return token
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at]
  }

  /** The next token, which has to be there. */
  take(expected: string): Token {
    const token = this.next()
    if (token === undefined) throw new ScriptError(this.end, `the statement ends here; expected ${expected}`)
    return token
  }

  /** What is left, as it is written. */
  get text(): string {
    return this.#tokens
      .slice(this.#at)
      .map((token) => (token.kind === 'word' && token.bytes ? `${token.text}"${token.bytes}"` : token.text))
      .join(' ')
  }

  /** Throws when something is left. */
  finish(expected = 'the end of the statement'): void {
    const token = this.peek()
    if (token !== undefined) throw new ScriptError(token, `'${token.text}' is too much; expected ${expected}`)
  }
}

/** A whole number, decimal or as 0x…. */
export function readCount(token: Token, most: number, least = 0): number {
  return readNumber(token, token.text, least, most)
}

export function readNumber(token: Token, text: string, least: number, most: number): number {
  const value = /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new ScriptError(token, `'${token.text}' is no good; expected a number from ${least} to ${most}`)
}

const DAY = 86_400_000

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** A time: `100ms`, `1.5s`, `2m`. */
export function readTime(token: Token): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(token.text) ?? []
  if (amount === undefined)
    throw new ScriptError(token, `'${token.text}' is no time; expected one as in 100ms or 2s`)
  const time = Number(amount) * (UNITS[unit] ?? 1)
  if (time > DAY) throw new ScriptError(token, `'${token.text}' is too long; expected 24 hours at most`)
  return time
}
