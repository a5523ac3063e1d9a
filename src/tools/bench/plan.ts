/** What a load is made of. */
import type { DialOptions } from '../../index.js'
import { type Call, type Options, UsageError } from '../command.js'
import { DIAL_FLAGS, dialOptionsOf, targetOf } from '../dial-flags.js'

/** How connections are opened; what is compressed, and how large it gets, is up to the load. */
export const CONNECTING = (() => {
  const { 'no-compress': _compress, 'max-message': _message, ...flags } = DIAL_FLAGS
  const help = 'for everything up to the open connection, and for the last answers; default 10000'
  return { ...flags, timeout: { ...flags.timeout, help } }
})()

/** What counts as an answer: the same message, any message, or nothing at all. */
export type Answers = 'echo' | 'any' | 'none'

export interface Plan {
  readonly url: string
  readonly connections: number
  /** Milliseconds over which connections are opened; 0 opens them as fast as they come. */
  readonly rampUp: number
  /** Messages each second, of all connections; 0 sends the next when an answer has come. */
  readonly rate: number
  /** Messages of a connection that have no answer yet, at most. */
  readonly inFlight: number
  /** Milliseconds after which nothing more is sent. */
  readonly duration: number
  /** Milliseconds at the beginning that do not count. */
  readonly warmUp: number
  /** Messages after which nothing more is sent. */
  readonly messages: number
  readonly size: number
  readonly isBinary: boolean
  readonly answers: Answers
  /** Milliseconds for the opening handshake, and for what is still to be answered at the end. */
  readonly timeout: number
  /** Milliseconds; Infinity when any latency will do. */
  readonly maxP99: number
  readonly maxErrors: number
  readonly dial: DialOptions
}

/** Bytes that may be on their way, where the user has not said how many messages. */
const ON_THE_WAY = 128 << 20
const MANY = 1000
const LARGEST = 64 << 20
const DAY = 86_400_000
const TIMEOUT = 10_000

const SCALES: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, m: 1 << 20 }

/** A time as people write it: `10s`, `500ms`, `2m`; a number alone is seconds. In milliseconds. */
function timeOf(options: Options, name: string, byDefault: number): number {
  const given = options.text(name)
  if (given === undefined) return byDefault
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(given) ?? []
  const time = Number(number) * (SCALES[unit] ?? 1)
  if (number !== '' && time <= DAY) return time
  throw new UsageError(`--${name} must be a time as in 500ms, 10s or 2m, at most 24h, not '${given}'`)
}

function sizeOf(options: Options): number {
  const given = options.text('size')
  if (given === undefined) return 64
  const [, number = '', unit = ''] = /^(\d+)([km]?)$/i.exec(given) ?? []
  const size = Number(number) * (SIZES[unit.toLowerCase()] ?? 1)
  if (number !== '' && size <= LARGEST) return size
  throw new UsageError(`--size must be bytes, as in 64, 4k or 1m, at most 64m, not '${given}'`)
}

function decimalOf(options: Options, name: string, byDefault: number): number {
  const given = options.text(name)
  if (given === undefined) return byDefault
  const value = Number(given)
  if (given.trim() !== '' && value > 0 && value <= 1e9) return value
  throw new UsageError(`--${name} must be a number above 0, not '${given}'`)
}

function answersOf(options: Options): Answers {
  if (!options.flag('no-echo')) return options.flag('any-answer') ? 'any' : 'echo'
  for (const name of ['any-answer', 'in-flight', 'max-p99'])
    if (options.has(name)) throw new UsageError(`--${name} needs answers, and --no-echo expects none`)
  return 'none'
}

export function planOf(call: Call): Plan {
  const { options } = call
  const url = targetOf(call)
  const connections = options.integer('connections', 10, [1, 100_000])
  const rate = decimalOf(options, 'rate', 0)
  const size = sizeOf(options)
  const fitting = Math.floor(ON_THE_WAY / Math.max(1, size * connections))
  const messages = options.integer('messages', 0, [1, 1e12])
  return {
    ...{ url, connections, rate, size, answers: answersOf(options) },
    rampUp: timeOf(options, 'ramp-up', 0),
    inFlight: options.integer('in-flight', rate === 0 ? 1 : Math.max(1, Math.min(MANY, fitting)), [1, 1e6]),
    duration: timeOf(options, 'duration', messages === 0 ? 10_000 : DAY),
    warmUp: timeOf(options, 'warm-up', 0),
    messages: messages === 0 ? Infinity : messages,
    isBinary: options.flag('binary'),
    timeout: options.integer('timeout', TIMEOUT, [1, 3_600_000]),
    maxP99: decimalOf(options, 'max-p99', Infinity),
    maxErrors: options.integer('max-errors', 0, [0, 1e12]),
    dial: dialing(options, options.flag('compress')),
  }
}

/** Messages of the peer may be as long as ours, and cut as it likes. */
function dialing(options: Options, compress: boolean): DialOptions {
  const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false }
  return {
    ...dialOptionsOf(options),
    whenFull: 'wait',
    compress: compress && { threshold: 0, ...takeover },
  }
}
