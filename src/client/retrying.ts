import { type Clock, systemClock } from '../conn/clock.js'
import type { Conn } from '../conn/conn.js'
import { milliseconds } from '../conn/option-checks.js'
import { HandshakeError, outOfRange, wrongType } from '../errors.js'
import type { DialOptions } from './options.js'
import { type DialPlan, planDial } from './plan.js'

/** What can be set for `dial.retrying()`, besides everything of `dial()`. */
export interface RetryingOptions<Data = unknown> extends Omit<DialOptions<Data>, 'socket'> {
  /** Longest wait before the second dial, in milliseconds; default 1,000. */
  readonly initialDelay?: number
  /** Longest wait at all; default 30,000. */
  readonly maxDelay?: number
  /** How much longer each wait may be than the one before; default 2. */
  readonly factor?: number
  /** Milliseconds a connection must have lasted for the waits to start over; default 5,000. */
  readonly resetAfter?: number
  /** Dials that may fail in a row before the last error is thrown; default Infinity. */
  readonly maxAttempts?: number
  /**
   * Whether an error ends the loop. By default: wrong arguments, answers that a server will give again (all but 408,
   * 425, 429 and 5xx), and what hooks threw. Network failures, timeouts and proxies that are down are tried again.
   */
  readonly isFatal?: (error: unknown, byDefault: boolean) => boolean
  /** A number from 0 up to 1: which part of the longest wait is waited; default `Math.random`. */
  readonly random?: () => number
}

/** Checked and complete. */
export interface RetryingPlan {
  readonly initialDelay: number
  readonly maxDelay: number
  readonly factor: number
  readonly resetAfter: number
  readonly maxAttempts: number
  readonly isFatal: (error: unknown, byDefault: boolean) => boolean
  readonly random: () => number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

/** A wait between dials is all that keeps a program running: its timer must, too. */
const waitingClock: Clock = { ...systemClock, setTimer: (callback, delay) => setTimeout(callback, delay) }

/** Checks an address and options. */
export function planRetrying<Data>(
  url: string | URL,
  options: RetryingOptions<Data>,
): { plan: DialPlan<Data>; retrying: RetryingPlan } {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options)
  const { initialDelay, maxDelay, factor, resetAfter, maxAttempts, isFatal, random, ...dialOptions } = options
  const plan = planDial<Data>(url, dialOptions)
  if (plan.socket !== undefined)
    throw wrongType('options.socket', 'left out: it can be used once only', plan.socket)
  const retrying = {
    initialDelay: milliseconds('initialDelay', initialDelay, 1_000),
    maxDelay: milliseconds('maxDelay', maxDelay, 30_000),
    factor: atLeastOne('factor', factor ?? 2),
    resetAfter: milliseconds('resetAfter', resetAfter, 5_000),
    maxAttempts: atLeastOne('maxAttempts', maxAttempts ?? Infinity),
    isFatal: isFunction('isFatal', isFatal ?? ((_, byDefault) => byDefault)),
    random: isFunction('random', random ?? Math.random),
    signal: plan.signal,
    clock: options.clock ?? waitingClock,
  }
  return { plan, retrying }
}

function atLeastOne(name: string, value: number): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  if (!(value >= 1)) throw outOfRange(name, 'at least 1', value)
  return value
}

function isFunction<F>(name: string, value: F): F {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value)
  return value
}

/** One connection after the other. */
export async function* retryConnections<Data>(
  open: () => Promise<Conn<Data>>,
  plan: RetryingPlan,
): AsyncGenerator<Conn<Data>, void, undefined> {
  const backoff = new Backoff(plan)
  for (;;) {
    const conn = await openAtLast(open, plan, backoff)
    const lasted = yield* oneConnection(conn, plan)
    if (lasted >= plan.resetAfter) backoff.reset()
    await pause(backoff.next(), plan)
  }
}

/** Dials until there is a connection, or no hope of one. */
async function openAtLast<C>(open: () => Promise<C>, plan: RetryingPlan, backoff: Backoff): Promise<C> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await open()
    } catch (error) {
      plan.signal?.throwIfAborted()
      if (attempts >= plan.maxAttempts || plan.isFatal(error, isFatalByDefault(error))) throw error
      await pause(Math.max(backoff.next(), retryAfter(error)), plan)
    }
  }
}

/** Lends a connection to the loop and waits for its end; gives the time that it lasted. */
async function* oneConnection<Data>(
  conn: Conn<Data>,
  { signal, clock }: RetryingPlan,
): AsyncGenerator<Conn<Data>, number, undefined> {
  const openedAt = clock.now()
  const close = (): void => void conn.close(1000)
  signal?.addEventListener('abort', close)
  try {
    signal?.throwIfAborted()
    yield conn
    await conn.closed
    signal?.throwIfAborted()
    return clock.now() - openedAt
  } finally {
    signal?.removeEventListener('abort', close)
    await conn.close(1000)
  }
}

/** Exponential backoff with full jitter: clients that lost the same server do not come back together. */
class Backoff {
  readonly #plan: RetryingPlan
  #step = 0

  constructor(plan: RetryingPlan) {
    this.#plan = plan
  }

  next(): number {
    const { initialDelay, maxDelay, factor, random } = this.#plan
    return random() * Math.min(maxDelay, initialDelay * factor ** this.#step++)
  }

  reset(): void {
    this.#step = 0
  }
}

function pause(delay: number, { clock, signal }: RetryingPlan): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const abort = (): void => {
      clock.clearTimer(timer)
      reject(signal?.reason)
    }
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, delay)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** Statuses below 500 that ask to come again. */
const COME_AGAIN: ReadonlySet<number> = new Set([408, 425, 429])

/** Codes of failures that have nothing to do with what was asked for. */
const PASSING: ReadonlySet<unknown> = new Set(['WS_ERR_SOCKET', 'WS_ERR_EOF', 'WS_ERR_HANDSHAKE_TIMEOUT'])

function isFatalByDefault(error: unknown): boolean {
  if (!(error instanceof HandshakeError)) return true
  if (error.code === 'WS_ERR_HANDLER') return true
  if (error.status !== undefined) return error.status < 500 && !COME_AGAIN.has(error.status)
  return !PASSING.has(error.code) && error.code !== 'WS_ERR_PROXY'
}

/** A server may ask for patience, but not for ever. */
const MAX_RETRY_AFTER = 3_600_000

/** Milliseconds that the server asked to wait (RFC 9110 §10.2.3): a number of seconds, or a date. */
function retryAfter(error: unknown): number {
  const value = error instanceof HandshakeError ? error.headers['retry-after'] : undefined
  if (typeof value !== 'string' || value === '') return 0
  const wait = isDigits(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now()
  return wait > 0 ? Math.min(wait, MAX_RETRY_AFTER) : 0
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char < 0x30 || char > 0x39) return false
  }
  return true
}
