import { outOfRange, wrongType } from '../errors.js'
import { count, milliseconds, oneOf, size } from './option-checks.js'
import { checkNames } from './option-names.js'

/** How fast something may come in. */
export interface RateLimit {
  /** So many a second, over time. */
  readonly rate: number
  /** So many at once, when there were few before; default twice the rate. */
  readonly burst?: number
}

/**
 * Every limit of a connection, with its default. A breach is told by name: in the close report and in the error as
 * `breach`, and to the peer as the reason of Close.
 */
export interface Limits {
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
  /**
   * Control frames that may come in a second, default 100; twice as many at once. Pongs that we asked for do not count.
   * Above it `whenTooFast` acts.
   */
  readonly maxControlRate?: number | RateLimit
  /** Messages that may come in a second; default no limit. Above it `whenTooFast` acts. */
  readonly maxMessageRate?: number | RateLimit
  /** Bytes that may come in a second, as they are on the wire; default no limit. Above it `whenTooFast` acts. */
  readonly maxByteRate?: number | RateLimit
  /**
   * What happens to a peer that sends faster than it may: `'pause'` reads no more until its time has come, so that it
   * has to wait, `'close'` closes with 1008. Default `'pause'`.
   */
  readonly whenTooFast?: 'pause' | 'close'
  /**
   * Milliseconds after which a message that has begun must be whole, or have come on by `minByteRate`; default 30,000,
   * 0 for no limit. One that stands still closes 1008. What is read as it comes, part by part, may take its time.
   */
  readonly messageTimeout?: number
  /**
   * Bytes a second with which a message under way may take longer than `messageTimeout`; default 500. Infinity has every
   * message be whole by then.
   */
  readonly minByteRate?: number
  /** Milliseconds without a message, in or out, after which the connection is closed 1001; default 0, no limit. */
  readonly idleTimeout?: number
  /** Milliseconds after which a connection is closed 1001, whatever it does; default 0, no limit. */
  readonly maxLifetime?: number
  /** Milliseconds a waiting read lasts before the connection is closed with 1008; default 0, no limit. */
  readonly readTimeout?: number
  /** Milliseconds that waiting bytes may stay without the peer taking any; then it is terminated; default 0, no limit. */
  readonly writeTimeout?: number
  /** Milliseconds for the whole closing handshake, queued messages included; default 5,000. */
  readonly closeTimeout?: number
}

export type RateName = 'maxControlRate' | 'maxMessageRate' | 'maxByteRate'

/** Limits with every field resolved. */
export interface ResolvedLimits extends Readonly<Required<Omit<Limits, RateName>>> {
  readonly maxControlRate: Required<RateLimit>
  readonly maxMessageRate: Required<RateLimit>
  readonly maxByteRate: Required<RateLimit>
}

/** Checks limits and fills in the defaults. */
export function resolveLimits(limits: Limits): ResolvedLimits {
  return {
    maxMessage: size('maxMessage', limits.maxMessage, 1 << 20),
    maxFrame: size('maxFrame', limits.maxFrame, 1 << 20),
    maxFragments: count('maxFragments', limits.maxFragments, 1024),
    maxInboxFrames: count('maxInboxFrames', limits.maxInboxFrames, 16),
    maxInboxBytes: count('maxInboxBytes', limits.maxInboxBytes, 256 << 10),
    highWaterMark: count('highWaterMark', limits.highWaterMark, 64 << 10),
    maxOutboxBytes: count('maxOutboxBytes', limits.maxOutboxBytes, 4 << 20),
    whenFull: oneOf('whenFull', limits.whenFull ?? 'close', ['close', 'wait'] as const),
    maxControlRate: rateLimit('maxControlRate', limits.maxControlRate, 100),
    maxMessageRate: rateLimit('maxMessageRate', limits.maxMessageRate, Infinity),
    maxByteRate: rateLimit('maxByteRate', limits.maxByteRate, Infinity),
    whenTooFast: oneOf('whenTooFast', limits.whenTooFast ?? 'pause', ['pause', 'close'] as const),
    messageTimeout: milliseconds('messageTimeout', limits.messageTimeout, 30_000),
    minByteRate: size('minByteRate', limits.minByteRate, 500),
    idleTimeout: milliseconds('idleTimeout', limits.idleTimeout, 0),
    maxLifetime: milliseconds('maxLifetime', limits.maxLifetime, 0),
    readTimeout: milliseconds('readTimeout', limits.readTimeout, 0),
    writeTimeout: milliseconds('writeTimeout', limits.writeTimeout, 0),
    closeTimeout: milliseconds('closeTimeout', limits.closeTimeout, 5_000),
  }
}

/** A number a second, or that with a burst of its own. */
function rateLimit(
  name: RateName,
  value: number | RateLimit | undefined,
  byDefault: number,
): Required<RateLimit> {
  const given = value === undefined ? byDefault : value
  if (typeof given === 'number') return withBurst(name, { rate: given })
  if (typeof given !== 'object' || given === null) throw wrongType(name, 'a number or an object', given)
  checkNames(name, given, { rate: true, burst: true })
  return withBurst(`${name}.rate`, given, `${name}.burst`)
}

function withBurst(name: string, given: RateLimit, burstName = name): Required<RateLimit> {
  const rate = positive(name, given.rate)
  return { rate, burst: count(burstName, given.burst, Math.max(1, Math.ceil(2 * rate))) }
}

function positive(name: string, value: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value > 0)) throw outOfRange(name, 'more than 0', value)
  return value
}
