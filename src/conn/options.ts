import { wrongType } from '../errors.js'
import { type MaskSource, secureMask } from '../frame/mask.js'
import type { Extension } from '../protocol/extension.js'
import { type Clock, systemClock } from './clock.js'
import { type CompressOptions, withCompression } from './compress-options.js'
import { type Limits, type ResolvedLimits, resolveLimits } from './limits.js'
import { count, flag, fn, milliseconds } from './option-checks.js'
import { checkNames } from './option-names.js'

/** Pings sent when nothing comes in. */
export interface KeepaliveOptions {
  /** Milliseconds of silence before a ping is sent; default 25,000. Any byte from the peer counts as life. */
  readonly interval?: number
  /** Milliseconds the peer then has to let anything be heard; default 20,000. 0 pings without ever giving up. */
  readonly timeout?: number
}

/** What can be set for a connection, on both sides. All of it is checked when it is given. */
export interface ConnOptions extends Limits {
  /** Messages sent whole are cut into frames of at most so many bytes; default Infinity, one frame each. */
  readonly fragmentSize?: number
  /** Default on: a ping after 25 s of silence, 20 s to answer. */
  readonly keepalive?: boolean | KeepaliveOptions
  /** Whether text is checked to be UTF-8, in and out; default true. */
  readonly validateText?: boolean
  /** Whether pings are answered; default true. Off for tools that answer by themselves. */
  readonly autoPong?: boolean
  /** Whether a Close frame is answered; default true. Off for tools that answer by themselves. */
  readonly autoClose?: boolean
  /**
   * Whether messages may be compressed with permessage-deflate (RFC 7692), and how. Default: a client offers it, a server
   * does not accept it.
   */
  readonly compress?: boolean | CompressOptions
  /** Extensions to negotiate or to hook in, in order. */
  readonly extensions?: readonly Extension[]
  /** Where masking keys come from (client); default the system's secure generator. For tests. */
  readonly maskSource?: MaskSource
  /** Where time comes from; default the system's. For tests. */
  readonly clock?: Clock
}

/** Connection options with every field resolved: no defaults are looked up behind the door. */
export interface ResolvedConnOptions
  extends ResolvedLimits,
    Readonly<Required<Omit<ConnOptions, keyof Limits | 'keepalive' | 'compress'>>> {
  /** 0 when keepalive is off. */
  readonly keepaliveInterval: number
  /** 0 when a silent peer is never given up. */
  readonly keepaliveTimeout: number
}

/** Checks options and fills in the defaults. Compression becomes the last of the extensions. */
export function resolveConnOptions(
  options: ConnOptions = {},
  byDefault: { readonly compress: boolean } = { compress: false },
): ResolvedConnOptions {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options)
  const { keepaliveInterval, keepaliveTimeout } = resolveKeepalive(options.keepalive ?? true)
  // A literal that spreads others would get a hidden class of its own each time, and no two connections that were dialled
  // would be alike to V8; assigning more than there is already would make it a dictionary. A test holds to that.
  return Object.freeze(
    Object.assign(resolveLimits(options), {
      fragmentSize: count('fragmentSize', options.fragmentSize, Infinity),
      keepaliveInterval,
      keepaliveTimeout,
      validateText: flag('validateText', options.validateText, true),
      autoPong: flag('autoPong', options.autoPong, true),
      autoClose: flag('autoClose', options.autoClose, true),
      extensions: resolveExtensions(options, byDefault.compress),
      maskSource: fn('maskSource', options.maskSource, secureMask),
      clock: checkClock(options.clock ?? systemClock),
    }),
  )
}

function resolveKeepalive(keepalive: boolean | KeepaliveOptions): {
  keepaliveInterval: number
  keepaliveTimeout: number
} {
  if (keepalive === false) return { keepaliveInterval: 0, keepaliveTimeout: 0 }
  const given = keepalive === true ? {} : keepalive
  if (typeof given !== 'object' || given === null)
    throw wrongType('keepalive', 'a boolean or an object', given)
  checkNames('keepalive', given, { interval: true, timeout: true })
  return {
    keepaliveInterval: milliseconds('keepalive.interval', given.interval, 25_000),
    keepaliveTimeout: milliseconds('keepalive.timeout', given.timeout, 20_000),
  }
}

function checkExtensions(extensions: readonly Extension[]): readonly Extension[] {
  if (!Array.isArray(extensions)) throw wrongType('extensions', 'an array', extensions)
  for (const extension of extensions) {
    if (typeof extension?.name !== 'string' || typeof extension.start !== 'function')
      throw wrongType('extensions', 'an array of extensions with name and start()', extension)
  }
  return extensions
}

function resolveExtensions(options: ConnOptions, compresses: boolean): readonly Extension[] {
  const extensions = checkExtensions(options.extensions ?? [])
  return Object.freeze([...withCompression(extensions, options.compress, compresses)])
}

function checkClock(clock: Clock): Clock {
  const functions = [clock?.now, clock?.setTimer, clock?.clearTimer]
  if (functions.every((given) => typeof given === 'function')) return clock
  throw wrongType('clock', 'an object with now(), setTimer() and clearTimer()', clock)
}
