import { type Channel, channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { CloseReport, WebSocketError } from '../errors.js'
import type { Frame } from '../frame/frame.js'
import type { Role } from '../frame/rules.js'
import type { Conn } from './conn.js'

/** The connection that something happened on, and which side of it this is. */
export interface ConnContext {
  readonly conn: Conn
  readonly role: Role
}

/** A frame as it is on the wire. */
export interface WireFrame {
  /** Which way it goes. */
  readonly direction: 'in' | 'out'
  /** When it was decoded, or handed to the socket: Unix time in milliseconds, with a fraction. */
  readonly time: number
  /**
   * The frame: its bits, mask key and payload, unmasked and still compressed. It is lent: what is to be kept longer than
   * the call is copied, with `frame.copyPayload()` or `frame.copyTo()`.
   */
  readonly frame: Frame
}

/** A whole message that went over the wire. */
export interface WireMessage {
  readonly direction: 'in' | 'out'
  readonly isText: boolean
  /** Bytes of its payload on the wire: compressed, if it is. */
  readonly length: number
  /** How many frames it had. */
  readonly frames: number
  /** Whether a reserved bit marks it: with permessage-deflate, as compressed. */
  readonly compressed: boolean
}

/** A limit that was reached, and what is done about it. */
export interface ReachedLimit {
  readonly role: Role
  /** The connection, once there is one. */
  readonly conn: Conn | undefined
  /** The handshake that is refused. */
  readonly request: IncomingMessage | undefined
  /**
   * `'close'` ends the connection, `'refuse'` is for handshakes, and with `'pause'` a peer that sends faster than it may has
   * to wait: once for each time that it is stopped.
   */
  readonly action: 'close' | 'refuse' | 'pause'
  /** Its `breach` says which limit. A pause is no error: nobody else is told of it. */
  readonly error: WebSocketError
}

/** An opening handshake that did not lead to a connection. */
export interface FailedHandshake {
  readonly role: Role
  /** Server: the request, and what it was answered. */
  readonly request?: IncomingMessage | undefined
  readonly status: number | undefined
  /** Client: where to, without credentials and query. */
  readonly url?: string | undefined
  /** What went wrong; a server that refuses need not have one. */
  readonly error: Error | undefined
}

/**
 * What fastws publishes on `node:diagnostics_channel`, on both sides: names, and what subscribers get. Subscribe whenever
 * you like: connections that are open already are seen from then on, their frames and messages from the next bytes on
 * that come in or go out. What a subscriber throws is an uncaught exception, as Node has it; the connection goes on.
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel'
 *
 * const onClose = (event: unknown) => {
 *   const { conn, role, report } = event as DiagnosticsEvents['fastws:close']
 *   console.log(`${role}: ${report.code}, ${conn.stats.messagesIn} messages`)
 * }
 * subscribe('fastws:close', onClose)
 */
export interface DiagnosticsEvents {
  /** A connection is open; nothing has happened on it. `request` is that of a server. */
  'fastws:open': ConnContext & { readonly request: IncomingMessage | undefined }
  /** A connection is gone. */
  'fastws:close': ConnContext & { readonly report: CloseReport }
  /** A message whose last frame came in, or was handed to the socket. */
  'fastws:message': ConnContext & WireMessage
  /** A frame. */
  'fastws:frame': ConnContext & WireFrame
  /**
   * A limit or a timeout of ours was reached; `error.breach` says which. `fastws:error` follows where it ends a connection,
   * unless the end is in peace, and `fastws:handshake:error` where it refuses one.
   */
  'fastws:limit': ReachedLimit
  /** An error ended a connection: what stands as `cause` in the report. */
  'fastws:error': ConnContext & { readonly error: Error }
  /** An opening handshake failed: refused by this server, or one that this client attempted. */
  'fastws:handshake:error': FailedHandshake
}

// Held here for good: a channel that nobody holds is made anew for the next who asks, and ours would be another one.
const opens = channel('fastws:open')
const closes = channel('fastws:close')
const limits = channel('fastws:limit')
const errors = channel('fastws:error')
const handshakes = channel('fastws:handshake:error')
/** Those that are looked after frame by frame. */
export const messages: Channel = channel('fastws:message')
export const frames: Channel = channel('fastws:frame')

/** Whether somebody wants to see the frames of all connections. Asked once for all bytes that come in or go out together. */
export const isWireWatched = (): boolean => frames.hasSubscribers || messages.hasSubscribers

type Payload<Name extends keyof DiagnosticsEvents> = DiagnosticsEvents[Name]

export function publishOpen(context: ConnContext, request: IncomingMessage | undefined): void {
  if (!opens.hasSubscribers) return
  const { conn, role } = context
  opens.publish({ conn, role, request } satisfies Payload<'fastws:open'>)
}

export function publishClose({ conn, role }: ConnContext, report: CloseReport): void {
  if (closes.hasSubscribers) closes.publish({ conn, role, report } satisfies Payload<'fastws:close'>)
}

/** A limit or a timeout of ours was reached on a connection. The error is made only where somebody listens. */
export function publishLimit(
  { conn, role }: ConnContext,
  action: ReachedLimit['action'],
  errorOf: () => WebSocketError,
): void {
  if (!limits.hasSubscribers) return
  limits.publish({
    role,
    conn,
    request: undefined,
    action,
    error: errorOf(),
  } satisfies Payload<'fastws:limit'>)
}

/** A limit of a server refuses a handshake. */
export function publishRefusal(request: IncomingMessage, error: WebSocketError): void {
  if (!limits.hasSubscribers) return
  const reached = { role: 'server', conn: undefined, request, action: 'refuse', error } as const
  limits.publish(reached satisfies Payload<'fastws:limit'>)
}

/** A connection failed on an error. */
export function publishError({ conn, role }: ConnContext, error: Error): void {
  if (errors.hasSubscribers) errors.publish({ conn, role, error } satisfies Payload<'fastws:error'>)
}

export function publishFailedHandshake(role: Role, failed: Omit<FailedHandshake, 'role'>): void {
  if (!handshakes.hasSubscribers) return
  handshakes.publish({ role, ...failed } satisfies Payload<'fastws:handshake:error'>)
}
