/**
 * Everything that can go wrong, as one small tree. Identify an error by its `code`, never by its text.
 *
 *     Error
 *     ├── WebSocketError      code: 'WS_ERR_…'
 *     │   ├── ProtocolError   the peer broke a rule or a limit; closeCode is what it is told
 *     │   ├── HandshakeError  dial() got no WebSocket; status, headers and body say what it got
 *     │   └── CloseError      code: the close code, a number (1006, 4001 …); report says who, why and how
 *     ├── TypeError           code: 'WS_ERR_ARGUMENT', a wrong kind of argument or option
 *     └── RangeError          code: 'WS_ERR_ARGUMENT', a value outside its range
 */

import { isNativeError } from 'node:util/types'

/** What `WebSocketError.code` can be. */
export type ErrorCode =
  // The peer broke RFC 6455.
  | 'WS_ERR_RSV'
  | 'WS_ERR_OPCODE'
  | 'WS_ERR_MASK'
  | 'WS_ERR_LENGTH'
  | 'WS_ERR_CONTROL_FRAGMENTED'
  | 'WS_ERR_CONTROL_LENGTH'
  | 'WS_ERR_CONTINUATION'
  | 'WS_ERR_UTF8'
  | 'WS_ERR_CLOSE_PAYLOAD'
  // An extension refused what came in, or failed.
  | 'WS_ERR_EXTENSION'
  | 'WS_ERR_INFLATE'
  // A limit of ours was reached.
  | 'WS_ERR_MAX_FRAME'
  | 'WS_ERR_MAX_MESSAGE'
  | 'WS_ERR_MAX_FRAGMENTS'
  | 'WS_ERR_MAX_RATIO'
  | 'WS_ERR_OUTBOX_FULL'
  | 'WS_ERR_TOO_FAST'
  | 'WS_ERR_MAX_CONNECTIONS'
  | 'WS_ERR_MAX_MEMORY'
  // Time ran out.
  | 'WS_ERR_KEEPALIVE'
  | 'WS_ERR_READ_TIMEOUT'
  | 'WS_ERR_WRITE_TIMEOUT'
  | 'WS_ERR_MESSAGE_TIMEOUT'
  | 'WS_ERR_IDLE_TIMEOUT'
  | 'WS_ERR_MAX_LIFETIME'
  | 'WS_ERR_CLOSE_TIMEOUT'
  | 'WS_ERR_HANDSHAKE_TIMEOUT'
  // The transport went away.
  | 'WS_ERR_SOCKET'
  | 'WS_ERR_EOF'
  | 'WS_ERR_TERMINATED'
  // The opening handshake failed.
  | 'WS_ERR_HANDSHAKE'
  | 'WS_ERR_REDIRECT'
  | 'WS_ERR_PROXY'
  // Something that was borrowed was used after it was given back.
  | 'WS_ERR_RELEASED'
  // A call that does not fit the state of the connection.
  | 'WS_ERR_STATE'
  // The application's own handler or source failed.
  | 'WS_ERR_HANDLER'
  | 'WS_ERR_SOURCE'

/** A limit that was reached. */
export interface Breach {
  /** The option that sets it; `docs/limits.md` has names for the few limits that cannot be set. */
  readonly option: string
  /** What it is set to: bytes, milliseconds, or how many. */
  readonly limit: number
  /** What there was instead, as far as it is known: a message may have been longer still. */
  readonly value: number
}

/** What is known of an error besides its text. */
export interface ErrorFacts extends ErrorOptions {
  readonly breach?: Breach
}

/** Base of the errors that are about a connection; `code` says which one. */
export class WebSocketError extends Error {
  /** `WebSocketError`, or the name of the class below it. */
  override readonly name: string = 'WebSocketError'
  // No type parameter: with one, `instanceof` would make this `any`.
  /** Which error it is; of a `CloseError` the close code, a number. */
  readonly code: ErrorCode | number
  /** The limit that was reached, if it was one. */
  declare readonly breach: Breach | undefined

  constructor(code: ErrorCode | number, message: string, facts?: ErrorFacts) {
    super(message, facts)
    this.code = code
    if (facts?.breach !== undefined) this.breach = facts.breach
  }
}

/** The peer broke a rule of the RFC, or a limit; `closeCode` is what it is told (RFC 6455 §7.4.1). */
export class ProtocolError extends WebSocketError {
  /** `ProtocolError`. */
  override readonly name = 'ProtocolError'
  /** Which rule or limit it was. */
  declare readonly code: ErrorCode
  /** What the peer was told. */
  readonly closeCode: number

  constructor(code: ErrorCode, closeCode: number, message: string, facts?: ErrorFacts) {
    super(code, message, facts)
    this.closeCode = closeCode
  }
}

/** What the other side answered instead of a WebSocket handshake. */
export interface HandshakeFacts {
  /** HTTP status of the answer; undefined when there was none. */
  readonly status?: number | undefined
  /** Headers of the answer, names in lower case, repeated ones joined as Node does. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined
  /** The first bytes of the answer's body (64 KiB at most). */
  readonly body?: Buffer | undefined
  readonly cause?: unknown
  readonly breach?: Breach
}

/** `dial()` did not become a WebSocket connection. */
export class HandshakeError extends WebSocketError {
  /** `HandshakeError`. */
  override readonly name = 'HandshakeError'
  /** What failed. */
  declare readonly code: ErrorCode
  /** HTTP status of the answer; undefined when there was none. */
  readonly status: number | undefined
  /** Headers of the answer, names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The first bytes of the answer, 64 KiB at most. */
  readonly body: Buffer

  constructor(code: ErrorCode, message: string, facts: HandshakeFacts = {}) {
    super(code, message, facts)
    this.status = facts.status
    this.headers = facts.headers ?? {}
    this.body = facts.body ?? Buffer.alloc(0)
  }
}

/** Code and reason of one Close frame; code 1005 stands for a Close frame without a code. */
export interface CloseStatus {
  /** The close code; 1005 when there was none. */
  readonly code: number
  /** Why; empty when there was none. */
  readonly reason: string
}

/** How a connection ended: what `conn.closed` resolves with. */
export interface CloseReport extends CloseStatus {
  /** Who began: the first side to send Close, or to drop the connection. */
  readonly initiator: 'local' | 'remote'
  /** Both Close frames travelled before the connection ended (RFC 6455 §7.1.4). */
  readonly clean: boolean
  /** The Close frame we sent, if we did. */
  readonly sent: CloseStatus | undefined
  /** The Close frame that came in, if one did. */
  readonly received: CloseStatus | undefined
  /** The first error, when the end was not a peaceful one. */
  readonly cause: Error | undefined
  /** The limit that ended it, if one did. */
  readonly breach: Breach | undefined
  /** When the last byte came in, as a Unix time in milliseconds, accurate to about a second. */
  readonly lastReceivedAt: number
}

/**
 * The connection is closed, and not with 1000, 1001 or without a code; pending and later reads and writes get it.
 * Its `code` is the close code, `report` says who began and what travelled, `cause` is the error behind it.
 */
export class CloseError extends WebSocketError {
  /** `CloseError`. */
  override readonly name = 'CloseError'
  /** The close code, as in the report. */
  declare readonly code: number
  /** The reason, as in the report. */
  readonly reason: string
  /** How the connection ended. */
  readonly report: CloseReport

  constructor(report: CloseReport) {
    super(
      report.code,
      describeClose(report),
      report.cause === undefined ? undefined : { cause: report.cause },
    )
    this.reason = report.reason
    this.report = report
  }
}

function describeClose(report: CloseReport): string {
  const who = report.initiator === 'local' ? 'this side' : 'the peer'
  const why = report.cause === undefined ? '' : `: ${report.cause.message}`
  return `Connection was closed by ${who} with code ${report.code}${why}`
}

/** What fits into a Close frame behind the code, in bytes (RFC 6455 §5.5). */
const MAX_REASON = 123

/** What the connections of a server share: a stranger is not told how much that is. */
const SHARED = 'maxMemory'

/** What the peer is told of an error: only which limit it was. That of an extension may be too long to be told. */
export function reasonFor(error: Error): string {
  const breach = error instanceof WebSocketError ? error.breach : undefined
  if (breach === undefined) return ''
  if (breach.option === SHARED) return SHARED
  const reason = `${breach.option} is ${breach.limit}, got ${breach.value}`
  return Buffer.byteLength(reason) > MAX_REASON ? '' : reason
}

/** An argument or option of the wrong kind. */
export function wrongType(argument: string, expected: string, value: unknown): TypeError {
  return withCode(new TypeError(`Cannot use ${argument} ${show(value)}: it must be ${expected}`))
}

/** An argument or option of the right kind, outside its range. */
export function outOfRange(argument: string, expected: string, value: unknown): RangeError {
  return withCode(new RangeError(`Cannot use ${argument} ${show(value)}: it must be ${expected}`))
}

function withCode<E extends Error>(error: E): E {
  return Object.assign(error, { code: 'WS_ERR_ARGUMENT' as const })
}

/** Names the kind of a value, and the value itself only where it can hold no secret. */
function show(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  if (typeof value !== 'object') return `(${typeof value})`
  const kind: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return `(${typeof kind === 'string' && kind !== '' ? kind : 'object'})`
}

/** Whatever was thrown, as an Error with a text; what is none becomes the `cause` of one. */
export function toError(thrown: unknown): Error {
  if ((thrown instanceof Error || isNativeError(thrown)) && hasText(thrown)) return thrown
  return new Error(`Something that is no Error was thrown: ${show(thrown)}`, { cause: thrown })
}

/** A message may be anything, and to read it may throw. */
function hasText(error: Error): boolean {
  try {
    return typeof error.message === 'string'
  } catch {
    return false
  }
}
