import { wrongType } from '../errors.js'
import type { ConnOptions } from './options.js'

/** Which names a set of options has. A record and not a list: an option that is added has to be named, or this does not compile. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>

/** The options of every connection. */
export const CONN_OPTIONS: OptionNames<ConnOptions> = {
  maxMessage: true,
  maxFrame: true,
  maxFragments: true,
  maxInboxFrames: true,
  maxInboxBytes: true,
  highWaterMark: true,
  maxOutboxBytes: true,
  whenFull: true,
  maxControlRate: true,
  maxMessageRate: true,
  maxByteRate: true,
  whenTooFast: true,
  messageTimeout: true,
  minByteRate: true,
  idleTimeout: true,
  maxLifetime: true,
  fragmentSize: true,
  keepalive: true,
  readTimeout: true,
  writeTimeout: true,
  closeTimeout: true,
  validateText: true,
  autoPong: true,
  autoClose: true,
  compress: true,
  extensions: true,
  maskSource: true,
  clock: true,
}

/** A misspelt option would silently do nothing: worst where it should have been a limit. */
export function checkNames(argument: string, options: object, names: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw wrongType(argument, 'an object', options)
  for (const name of Object.keys(options)) if (!Object.hasOwn(names, name)) throw noSuchOption(argument, name)
}

function noSuchOption(argument: string, name: string): TypeError {
  const error = new TypeError(`Cannot use ${argument}.${name}: there is no such option`)
  return Object.assign(error, { code: 'WS_ERR_ARGUMENT' as const })
}
