import type { Role } from '../../../src/frame/rules.js'
import type { Sent } from '../bench.js'
import { fails, type WireCase } from '../wire-case.js'

/** One rule of RFC 6455 about the frames of an open connection, and what shows that it is kept. */
export interface WireRule {
  readonly section: string
  /** What the RFC asks for, in short. */
  readonly rule: string
  /** The side that the rule is for; `both` runs it on either side. */
  readonly role: Role | 'both'
  /** What must work. */
  readonly positive: readonly WireCase[]
  /** What must not. */
  readonly negative: readonly WireCase[]
}

export const text = (payload: string | Uint8Array, more: Partial<Sent> = {}): Sent => ({
  opcode: 1,
  payload,
  ...more,
})
export const binary = (payload: string | Uint8Array = '', more: Partial<Sent> = {}): Sent => ({
  opcode: 2,
  payload,
  ...more,
})
export const more = (payload: string | Uint8Array, fin = false): Sent => ({ opcode: 0, payload, fin })
export const close = (payload: string | Uint8Array = ''): Sent => ({ opcode: 8, payload })
export const ping = (payload: string | Uint8Array = '', rest: Partial<Sent> = {}): Sent => ({
  opcode: 9,
  payload,
  ...rest,
})
export const pong = (payload: string | Uint8Array = '', rest: Partial<Sent> = {}): Sent => ({
  opcode: 10,
  payload,
  ...rest,
})

/** A message begun, to be continued with `more()`. */
export const begin = (payload: string | Uint8Array, opcode = 1): Sent => ({ opcode, payload, fin: false })

/** Bytes that look different at most places. */
export const bytes = (length: number): Buffer => Buffer.alloc(length, 'abcdefg')

/** A case in which what is given becomes messages. */
export const receives = (
  name: string,
  given: NonNullable<WireCase['given']>,
  ...messages: (string | Buffer)[]
): WireCase => ({ name, given, messages })

/** A case in which what is given fails the connection. */
export const refuses = (
  name: string,
  given: NonNullable<WireCase['given']>,
  error: Parameters<typeof fails>[1],
  code = 1002,
  reason = '',
): WireCase => ({ name, given, end: fails(code, error, reason) })
