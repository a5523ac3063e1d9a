import type { Duplex } from 'node:stream'
import type { Clock } from '../conn/clock.js'
import { type ErrorCode, HandshakeError } from '../errors.js'

/** What a step needs to know to stop waiting. */
export type Release = () => void

/**
 * One dial while it runs: what it is doing, its sockets, its time limit and the caller's signal. The first reason to stop
 * wins and whoever waits gets it; `end()` lets go of everything.
 */
export class Attempt {
  /** What is going on, for messages: '… while connecting to 127.0.0.1:80'. */
  doing = 'starting'
  readonly #timeout: number
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  readonly #sockets: Duplex[] = []
  readonly #deadline: number
  #timer: unknown
  #stopped: { readonly reason: unknown } | undefined
  /** Tells the step that waits; there is one at a time. */
  #interrupt: ((reason: unknown) => void) | undefined

  constructor(timeout: number, clock: Clock, signal: AbortSignal | undefined) {
    this.#timeout = timeout
    this.#clock = clock
    this.#signal = signal
    this.#deadline = timeout === 0 ? Infinity : clock.now() + timeout
    this.limit(timeout, () => this.#stop(this.#expired()))
    signal?.addEventListener('abort', this.#aborted)
    if (signal?.aborted) this.#aborted()
  }

  readonly #aborted = (): void => this.#stop(this.#signal?.reason)

  /** Replaces the time limit: after so many milliseconds, 0 for never, something else happens. */
  limit(milliseconds: number, expired: () => void): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = milliseconds === 0 ? undefined : this.#clock.setTimer(expired, milliseconds)
  }

  /** Milliseconds left. */
  get left(): number {
    return Math.max(this.#deadline - this.#clock.now(), 1)
  }

  /**
   * Waits until a step calls back, or the attempt is stopped. What `start` returns lets go of its listeners; it is
   * called once, however the step ends.
   */
  wait<T>(start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => Release): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.check()
      let release: Release | undefined
      let settled = false
      const settle = (): void => {
        settled = true
        this.#interrupt = undefined
        release?.()
      }
      this.#interrupt = (reason) => {
        settle()
        reject(reason)
      }
      const settleOnce =
        <V>(pass: (value: V) => void) =>
        (value: V): void => {
          if (!settled) settle()
          pass(value)
        }
      release = start(settleOnce(resolve), settleOnce(reject))
      if (settled) release()
    })
  }

  /** Throws the reason when the attempt has been stopped: before anything new is begun. */
  check(): void {
    if (this.#stopped !== undefined) throw this.#stopped.reason
  }

  get stopped(): boolean {
    return this.#stopped !== undefined
  }

  /** Waits for code of the application, but no longer than the attempt lasts. */
  waitFor<T>(work: T | PromiseLike<T>): Promise<T> {
    const settled = Promise.resolve(work)
    // Nobody may be left to hear of it, when the attempt has been stopped.
    settled.catch(ignore)
    return this.wait((resolve, reject) => {
      settled.then(resolve, reject)
      return () => undefined
    })
  }

  /** Makes a socket part of the attempt: its errors cannot hurt the process, and it ends with the attempt. */
  own<S extends Duplex>(socket: S): S {
    socket.on('error', ignore)
    this.#sockets.push(socket)
    return socket
  }

  /** The outermost socket leaves the attempt; the ones it runs on stay guarded, and end with it. */
  handOver(socket: Duplex): void {
    this.#sockets.length = 0
    socket.off('error', ignore)
  }

  /** Destroys the sockets so far. */
  destroySockets(): void {
    for (const socket of this.#sockets.splice(0).reverse()) socket.destroy()
  }

  /** Lets go of everything that was not handed over. */
  end(): void {
    this.limit(0, ignore)
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.destroySockets()
  }

  /** An error that says what was going on. */
  failure(code: ErrorCode, cause: unknown): HandshakeError {
    return new HandshakeError(code, `Cannot open a WebSocket: ${this.doing} failed${because(cause)}`, {
      cause,
    })
  }

  #expired(): HandshakeError {
    const message = `Cannot open a WebSocket: ${this.doing} took too long, the limit is ${this.#timeout} ms`
    const breach = { option: 'timeout', limit: this.#timeout, value: this.#timeout }
    return new HandshakeError('WS_ERR_HANDSHAKE_TIMEOUT', message, { breach })
  }

  #stop(reason: unknown): void {
    if (this.#stopped !== undefined) return
    this.#stopped = { reason }
    this.#interrupt?.(reason)
  }
}

const ignore = (): void => undefined

/** Several addresses that all failed give an error without a message, but with a code. */
function because(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  const why = cause.message !== '' ? cause.message : (cause as NodeJS.ErrnoException).code
  return why === undefined ? '' : `: ${why}`
}
