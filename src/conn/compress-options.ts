import { PerMessageDeflate } from '../deflate/extension.js'
import { MAX_WINDOW_BITS, MIN_WINDOW_BITS, NAME } from '../deflate/params.js'
import { Pools } from '../deflate/pool.js'
import type { DeflateSettings } from '../deflate/settings.js'
import { outOfRange, wrongType } from '../errors.js'
import { RSV1 } from '../frame/header.js'
import { zlibEngines } from '../node/zlib-engines.js'
import type { Extension } from '../protocol/extension.js'
import { checkNames, type OptionNames } from './option-names.js'

/** How messages are compressed: permessage-deflate (RFC 7692). */
export interface CompressOptions {
  /** How much effort is made, from 1 to 9; default 3. More makes messages a little shorter, and takes much longer. */
  readonly level?: number
  /** Memory of a compressor for what it looks up, from 1 to 9; default 8. */
  readonly memLevel?: number
  /** Messages of fewer bytes go as they are; default 1,024. */
  readonly threshold?: number
  /**
   * Whether the server compresses each message for itself, without referring to those before it; default true at a
   * server. False makes messages that are like each other much shorter, for 256 KiB of memory on each connection there
   * and 40 KiB at the client. A client asks for it with true.
   */
  readonly serverNoContextTakeover?: boolean
  /** The same for what the client sends. False costs 256 KiB there, and 40 KiB on each connection at the server. */
  readonly clientNoContextTakeover?: boolean
  /** How far back the server may refer: 2^n bytes, n from 8 to 15; default 15. Less takes less memory. */
  readonly serverMaxWindowBits?: number
  /** The same for the client. A server with less than 15 declines clients that cannot keep to it. */
  readonly clientMaxWindowBits?: number
  /** How many times its size a message of more than 64 KiB may grow; default Infinity. One that grows more closes 1009. */
  readonly maxRatio?: number
  /**
   * How many contexts all connections of a server may keep, one for each direction that takes over; default 1,024.
   * Connections beyond go without.
   */
  readonly maxContexts?: number
  /** Milliseconds without a message after which a connection frees its compressor's context; default 30,000, 0 for never. */
  readonly idleTimeout?: number
}

export const COMPRESS_OPTIONS: OptionNames<CompressOptions> = {
  level: true,
  memLevel: true,
  threshold: true,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: true,
  clientMaxWindowBits: true,
  maxRatio: true,
  maxContexts: true,
  idleTimeout: true,
}

/** Compressors and decompressors that connections share, in the whole process. */
const pools = new Pools(zlibEngines)

/** The extension that compresses, in the list of all; as it is asked for, or where nothing is said, `byDefault`. */
export function withCompression(
  extensions: readonly Extension[],
  compress: boolean | CompressOptions | undefined,
  byDefault: boolean,
): readonly Extension[] {
  if (
    compress !== undefined &&
    typeof compress !== 'boolean' &&
    (typeof compress !== 'object' || compress === null)
  )
    throw wrongType('compress', 'a boolean or an object', compress)
  const options = typeof compress === 'object' ? compress : {}
  const settings = resolveCompress(options)
  if (!(compress ?? byDefault)) return extensions
  // What nobody has asked for must not be in the way of what somebody has.
  if (compress === undefined && extensions.some(isInTheWay)) return extensions
  return [...extensions, new PerMessageDeflate(settings, pools)]
}

const isInTheWay = (extension: Extension): boolean =>
  extension.name === NAME || ((extension.rsv ?? 0) & RSV1) !== 0

/** Checks the options and fills in the defaults. */
export function resolveCompress(given: CompressOptions): DeflateSettings {
  checkNames('compress', given, COMPRESS_OPTIONS)
  return {
    level: integer('level', given.level ?? 3, 1, 9),
    memLevel: integer('memLevel', given.memLevel ?? 8, 1, 9),
    threshold: integer('threshold', given.threshold ?? 1024, 0, Infinity),
    serverNoContextTakeover: flag('serverNoContextTakeover', given.serverNoContextTakeover),
    clientNoContextTakeover: flag('clientNoContextTakeover', given.clientNoContextTakeover),
    serverMaxWindowBits: windowBits('serverMaxWindowBits', given.serverMaxWindowBits),
    clientMaxWindowBits: windowBits('clientMaxWindowBits', given.clientMaxWindowBits),
    maxRatio: ratio(given.maxRatio ?? Infinity),
    maxContexts: integer('maxContexts', given.maxContexts ?? 1024, 0, Infinity),
    idleTimeout: idleTimeout(given.idleTimeout ?? 30_000),
  }
}

const windowBits = (name: string, value: number | undefined): number =>
  integer(name, value ?? MAX_WINDOW_BITS, MIN_WINDOW_BITS, MAX_WINDOW_BITS)

function integer(name: string, value: number, least: number, most: number): number {
  if (typeof value !== 'number') throw wrongType(`compress.${name}`, 'a number', value)
  if ((value === most || Number.isSafeInteger(value)) && value >= least && value <= most) return value
  const upTo = most === Infinity ? `>= ${least}, or Infinity` : `from ${least} to ${most}`
  throw outOfRange(`compress.${name}`, `an integer ${upTo}`, value)
}

function ratio(value: number): number {
  if (typeof value !== 'number') throw wrongType('compress.maxRatio', 'a number', value)
  if (!(value >= 1)) throw outOfRange('compress.maxRatio', 'at least 1', value)
  return value
}

/** The longest delay that a timer takes. */
const MAX_DELAY = 2 ** 31 - 1

function idleTimeout(value: number): number {
  if (typeof value !== 'number') throw wrongType('compress.idleTimeout', 'a number of milliseconds', value)
  if (!(value >= 0 && value <= MAX_DELAY))
    throw outOfRange('compress.idleTimeout', `between 0 and ${MAX_DELAY}`, value)
  return value
}

function flag(name: string, value: boolean | undefined): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean')
    throw wrongType(`compress.${name}`, 'a boolean', value)
  return value
}
