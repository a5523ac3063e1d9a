import { outOfRange, wrongType } from '../errors.js'
import { type MaskSource, secureMask } from '../frame/mask.js'
import type { Extension } from '../protocol/extension.js'
import { type Clock, systemClock } from './clock.js'
import { type CompressOptions, withCompression } from './compress-options.js'
import { checkNames } from './option-names.js'

/** Pings sent when nothing comes in. */
export interface KeepaliveOptions {
  /** Milliseconds of silence before a ping is sent; default 25,000. Any byte from the peer counts as life. */
  readonly interval?: number
  /** Milliseconds the peer then has to let anything be heard; default 20,000. 0 pings without ever giving up. */
  readonly timeout?: number
}

/** What can be set for a connection, on both sides. All of it is checked when it is given. */
export interface ConnOptions {
  /** Longest message in bytes, fragments added up, after decompression; default 1 MiB. A longer one closes 1009. */
  readonly maxMessage?: number
  /** Longest payload of one frame in bytes; default 1 MiB. A longer one closes 1009. */
  readonly maxFrame?: number
  /** Most frames in one message, empty ones too; default 1,024. More close 1008. */
  readonly maxFragments?: number
  /** Frames that wait for a reader before the socket is paused; default 16. */
  readonly maxInboxFrames?: number
  /** Bytes that wait for a reader before the socket is paused; default 256 KiB. */
  readonly maxInboxBytes?: number
  /** Bytes on their way out above which `send()` waits; default 64 KiB. */
  readonly highWaterMark?: number
  /** Bytes that wait behind the write under way above which `whenFull` acts; default 4 MiB. */
  readonly maxOutboxBytes?: number
  /**
   * What happens above `maxOutboxBytes`: `'close'` closes with 1013, `'wait'` leaves it to those who await `send()`.
   * Default `'close'`.
   */
  readonly whenFull?: 'close' | 'wait'
  /** Messages sent whole are cut into frames of at most so many bytes; default Infinity, one frame each. */
  readonly fragmentSize?: number
  /** Default on: a ping after 25 s of silence, 20 s to answer. */
  readonly keepalive?: boolean | KeepaliveOptions
  /** Milliseconds a waiting read lasts before the connection is closed with 1008; default 0, no limit. */
  readonly readTimeout?: number
  /** Milliseconds that waiting bytes may stay without the peer taking any; then it is terminated; default 0, no limit. */
  readonly writeTimeout?: number
  /** Milliseconds for the whole closing handshake, queued messages included; default 5,000. */
  readonly closeTimeout?: number
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
export interface ResolvedConnOptions extends Readonly<Required<Omit<ConnOptions, 'keepalive' | 'compress'>>> {
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
  return Object.freeze({
    maxMessage: size('maxMessage', options.maxMessage, 1 << 20),
    maxFrame: size('maxFrame', options.maxFrame, 1 << 20),
    maxFragments: count('maxFragments', options.maxFragments, 1024),
    maxInboxFrames: count('maxInboxFrames', options.maxInboxFrames, 16),
    maxInboxBytes: count('maxInboxBytes', options.maxInboxBytes, 256 << 10),
    highWaterMark: count('highWaterMark', options.highWaterMark, 64 << 10),
    maxOutboxBytes: count('maxOutboxBytes', options.maxOutboxBytes, 4 << 20),
    whenFull: oneOf('whenFull', options.whenFull ?? 'close', ['close', 'wait'] as const),
    fragmentSize: count('fragmentSize', options.fragmentSize, Infinity),
    ...resolveKeepalive(options.keepalive ?? true),
    readTimeout: milliseconds('readTimeout', options.readTimeout, 0),
    writeTimeout: milliseconds('writeTimeout', options.writeTimeout, 0),
    closeTimeout: milliseconds('closeTimeout', options.closeTimeout, 5_000),
    validateText: flag('validateText', options.validateText, true),
    autoPong: flag('autoPong', options.autoPong, true),
    autoClose: flag('autoClose', options.autoClose, true),
    extensions: resolveExtensions(options, byDefault.compress),
    maskSource: fn('maskSource', options.maskSource, secureMask),
    clock: checkClock(options.clock ?? systemClock),
  })
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

/** A number of bytes; Infinity for no limit. */
function size(name: string, value: number | undefined, byDefault: number): number {
  return integer(name, value ?? byDefault, 0)
}

function count(name: string, value: number | undefined, byDefault: number): number {
  return integer(name, value ?? byDefault, 1)
}

function integer(name: string, value: number, least: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return value
  throw outOfRange(name, `an integer >= ${least}, or Infinity`, value)
}

/** Longest delay a timer can take. */
const MAX_DELAY = 2 ** 31 - 1

/** A checked number of milliseconds; 0 stands for "no limit". */
export function milliseconds(name: string, value: number | undefined, byDefault: number): number {
  const given = value ?? byDefault
  if (typeof given !== 'number') throw wrongType(name, 'a number of milliseconds', given)
  if (!(given >= 0 && given <= MAX_DELAY)) throw outOfRange(name, `between 0 and ${MAX_DELAY}`, given)
  return given
}

function flag(name: string, value: boolean | undefined, byDefault: boolean): boolean {
  const given = value ?? byDefault
  if (typeof given !== 'boolean') throw wrongType(name, 'a boolean', given)
  return given
}

function fn<F extends (...args: never[]) => unknown>(name: string, value: F | undefined, byDefault: F): F {
  const given = value ?? byDefault
  if (typeof given !== 'function') throw wrongType(name, 'a function', given)
  return given
}

function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (!allowed.includes(value)) throw wrongType(name, allowed.map((word) => `'${word}'`).join(' or '), value)
  return value
}
