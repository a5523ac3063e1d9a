import type { IncomingMessage } from 'node:http'
import type { Role } from '../frame/rules.js'
import type { ActiveExtension } from '../protocol/extension.js'
import type { Application } from './application.js'
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
  /** One for all connections of a server; without it nobody is told of anything. */
  readonly application?: Application<Data> | undefined
}
