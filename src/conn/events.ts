import type { IncomingMessage } from 'node:http'
import { type CloseReport, wrongType } from '../errors.js'
import type { Conn } from './conn.js'
import type { Message } from './message.js'

/**
 * A connection's events as functions, called synchronously as the bytes come in: the fastest way to read.
 *
 * When `message` returns a promise, the next message waits for it, and so does the peer in the end: messages are
 * handled in order, one at a time. When one of these functions throws or rejects, the connection is closed with 1011.
 *
 * @example
 * createServer(upgrade({
 *   message: (conn, message) => conn.send(message),
 * }))
 */
export interface EventHandler<Data = unknown> {
  /** The connection is open. */
  open?(conn: Conn<Data>, request: IncomingMessage | undefined): void | Promise<void>
  /** A message came in. See `Message` on how long it can be kept. */
  message?(conn: Conn<Data>, message: Message): unknown
  /** A ping came in; it has been answered. */
  ping?(conn: Conn<Data>, payload: Buffer): void
  /** A pong came in. */
  pong?(conn: Conn<Data>, payload: Buffer): void
  /** What waited on its way out is below the high-water mark again. */
  drain?(conn: Conn<Data>): void
  /** The connection is gone; always the last event. */
  close?(conn: Conn<Data>, report: CloseReport): void
  /** What ended the connection, when it was an error; `close` follows. */
  error?(conn: Conn<Data>, error: Error): void
}

/** The event functions of one connection, as the delivery calls them. */
export interface Events {
  message(message: Message): unknown
}

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const NAMES = ['open', 'message', 'ping', 'pong', 'drain', 'close', 'error'] as const

/** Throws unless every event is a function, and there is one at least. */
export function checkEvents(argument: string, events: unknown, expected = 'an object'): void {
  const given = events as Record<string, unknown> | null
  if (typeof events !== 'object' || given === null || !NAMES.some((name) => name in given))
    throw wrongType(argument, `${expected} with ${NAMES.join(', ')}`, events)
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(given))
  // An object of a class may have other methods; in a literal, another function is a misspelt event.
  for (const [name, value] of isPlain ? Object.entries(given) : [])
    if (typeof value === 'function' && !(NAMES as readonly string[]).includes(name))
      throw wrongType(`${argument}.${name}`, `one of ${NAMES.join(', ')}`, value)
  for (const name of NAMES)
    if (given[name] !== undefined && typeof given[name] !== 'function')
      throw wrongType(`${argument}.${name}`, 'a function', given[name])
}
