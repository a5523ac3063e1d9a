import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { CloseReport } from '../errors.js'
import type { Role } from '../frame/rules.js'
import type { ActiveExtension } from '../protocol/extension.js'
import type { ResolvedConnOptions } from './options.js'

// STUB: being written. Names and signatures stand.
export interface EventHandler<Data = unknown> {
  open?(conn: Conn<Data>): void | Promise<void>
  message?(conn: Conn<Data>, message: unknown): void | Promise<void>
  close?(conn: Conn<Data>, report: CloseReport): void
  error?(conn: Conn<Data>, error: Error): void
}
export interface ConnSetup<Data = unknown> {
  readonly role: Role
  readonly options: ResolvedConnOptions
  /** Bytes that came behind the handshake. */
  readonly head?: Buffer
  readonly request?: IncomingMessage
  readonly protocol?: string
  readonly extensions?: readonly ActiveExtension[]
  readonly data?: Data
  readonly events?: EventHandler<Data>
}
export declare class Conn<Data = unknown> {
  data: Data
  readonly closed: Promise<CloseReport>
  readonly protocol: string
  send(data: unknown): Promise<void>
  read(): Promise<unknown>
  close(code?: number, reason?: string): Promise<CloseReport>
  terminate(): void
}
/** Makes a socket that has finished its handshake a connection. The socket is the Conn's from then on. */
export declare function openConn<Data>(socket: Duplex, setup: ConnSetup<Data>): Conn<Data>
