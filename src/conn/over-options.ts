import type { Duplex } from 'node:stream'
import type { Role } from '../frame/rules.js'
import type { EventHandler } from './events.js'
import { CONN_OPTIONS, type OptionNames } from './option-names.js'
import type { ConnOptions } from './options.js'

/** What `Conn.over()` takes besides the connection options. */
export interface OverOptions<Data = unknown> extends ConnOptions {
  /** Which side this is: the client masks what it sends (RFC 6455 §5.1). */
  readonly role: Role
  /** Bytes that were read already and belong to the WebSocket stream. */
  readonly head?: Uint8Array
  /** The subprotocol that was agreed on. */
  readonly protocol?: string
  /** The initial `conn.data`. */
  readonly data?: Data
  /** Events as functions, instead of reading. */
  readonly events?: EventHandler<Data>
}

export const OVER_OPTIONS: OptionNames<OverOptions> = {
  ...CONN_OPTIONS,
  role: true,
  head: true,
  protocol: true,
  data: true,
  events: true,
}

/** Whether it has what a stream needs to be read and written. */
export function isDuplex(value: unknown): value is Duplex {
  const stream = value as Partial<Duplex> | null | undefined
  return [stream?.on, stream?.write, stream?.end, stream?.destroy, stream?.pause].every(
    (method) => typeof method === 'function',
  )
}
