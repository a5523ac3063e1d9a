import type { ParamSettings } from './params.js'

/** Everything that can be set, resolved. */
export interface DeflateSettings extends ParamSettings {
  readonly level: number
  readonly memLevel: number
  /** Shorter messages go as they are. */
  readonly threshold: number
  /** How many times its size a message may grow. */
  readonly maxRatio: number
  /** Contexts that are kept, in all connections together. */
  readonly maxContexts: number
  /** Milliseconds without a message after which a context is freed; 0 for never. */
  readonly idleTimeout: number
}
