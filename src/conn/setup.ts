import type { IncomingMessage } from 'node:http'
import type { Role } from '../frame/rules.js'
import type { ActiveExtension } from '../protocol/extension.js'
import type { Conn } from './conn.js'
import type { EventHandler } from './events.js'
import type { ResolvedConnOptions } from './options.js'

/** Everything a connection is made of. */
export interface ConnSetup<Data = unknown> {
  readonly role: Role
  readonly options: ResolvedConnOptions
  /** Bytes that came behind the handshake. */
  readonly head?: Uint8Array | undefined
  readonly request?: IncomingMessage | undefined
  readonly protocol?: string | undefined
  readonly extensions?: readonly ActiveExtension[] | undefined
  readonly data?: Data | undefined
  readonly events?: EventHandler<Data> | undefined
  /** One for all connections of a server. */
  readonly observer?: ConnObserver<Data> | undefined
}

/** Somebody who keeps track of connections. */
export interface ConnObserver<Data> {
  /** Before anything happens on it. */
  onStart(conn: Conn<Data>): void
  /** The application's own function threw; the connection is closed with 1011 in any case. */
  onHandlerError(error: Error, conn: Conn<Data>): void
  /** After everything else. */
  onGone(conn: Conn<Data>): void
}
