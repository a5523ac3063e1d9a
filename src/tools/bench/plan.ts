/** What a load is made of. */
import { readFileSync } from 'node:fs'
import type { DialOptions } from '../../index.js'
import { type Call, type Options, UsageError } from '../command.js'

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
  readonly compress: boolean
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

const SCHEMES = ['ws:', 'wss:', 'http:', 'https:']

function urlOf({ positionals }: Call): string {
  const [given, ...more] = positionals
  if (given === undefined || more.length > 0) throw new UsageError('one URL is needed')
  if (URL.canParse(given) && SCHEMES.includes(new URL(given).protocol)) return given
  throw new UsageError(`'${given}' is no URL with ws: or wss:`)
}

function answersOf(options: Options): Answers {
  if (!options.flag('no-echo')) return options.flag('any-answer') ? 'any' : 'echo'
  for (const name of ['any-answer', 'in-flight', 'max-p99'])
    if (options.has(name)) throw new UsageError(`--${name} needs answers, and --no-echo expects none`)
  return 'none'
}

export function planOf(call: Call): Plan {
  const { options } = call
  const url = urlOf(call)
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
    compress: options.flag('compress'),
    timeout: timeOf(options, 'timeout', TIMEOUT),
    maxP99: decimalOf(options, 'max-p99', Infinity),
    maxErrors: options.integer('max-errors', 0, [0, 1e12]),
    dial: dialOptionsOf(options, size),
  }
}

function dialOptionsOf(options: Options, size: number): DialOptions {
  const limit = Math.max(1 << 20, 2 * size)
  const origin = options.text('origin')
  return {
    ...{ maxMessage: limit, maxFrame: limit, maxFragments: 1_000_000, whenFull: 'wait' },
    timeout: timeOf(options, 'timeout', TIMEOUT),
    compress: options.flag('compress')
      ? { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }
      : false,
    headers: headersOf(options),
    protocols: options.list('protocol'),
    ...(origin !== undefined && { origin }),
    tls: {
      rejectUnauthorized: !options.flag('insecure'),
      ...fileOf(options, 'ca'),
      ...fileOf(options, 'cert'),
      ...fileOf(options, 'key'),
    },
  }
}

function headersOf(options: Options): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {}
  for (const line of options.list('header')) {
    const colon = line.indexOf(':')
    if (colon < 1) throw new UsageError(`--header must be 'Name: value', not '${line}'`)
    const name = line.slice(0, colon).trim()
    headers[name] = [...(headers[name] ?? []), line.slice(colon + 1).trim()]
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? String(values) : values]),
  )
}

function fileOf(options: Options, name: string): Record<string, Buffer> {
  const path = options.text(name)
  if (path === undefined) return {}
  try {
    return { [name]: readFileSync(path) }
  } catch (error) {
    throw new UsageError(`--${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
