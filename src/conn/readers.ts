import { WebSocketError, wrongType } from '../errors.js'
import { companionOf, type Frame, setCompanion } from '../frame/frame.js'
import { releaseFrame } from '../frame/pool.js'
import type { Message } from './message.js'
import { checkNames } from './option-names.js'
import { readPromise } from './quiet.js'

/** What every read call takes. */
export interface ReadOptions {
  /** Cancels this one call: it rejects with `signal.reason`; nothing is lost and the connection stays. */
  readonly signal?: AbortSignal | undefined
}

/** Somebody who waits for a whole message. */
export interface MessageWaiter {
  readonly wants: 'message'
  resolve(message: Message | null): void
  reject(error: unknown): void
}

/** Somebody who waits for a frame, of any kind or of the message being streamed. */
export interface FrameWaiter {
  readonly wants: 'frame' | 'part'
  resolve(frame: Frame | null): void
  reject(error: unknown): void
}

/** Somebody who waits for a message to begin, to read it as a stream. */
export interface StreamWaiter {
  readonly wants: 'stream'
  /** Called when the message begins, or with false when none comes any more. */
  resolve(began: boolean, isText: boolean): void
  reject(error: unknown): void
}

export type Waiter = MessageWaiter | FrameWaiter | StreamWaiter

/** A `for await` loop that waits for its next step. */
export class LoopWaiter implements MessageWaiter {
  readonly wants = 'message'
  readonly #resolve: (step: IteratorResult<Message, undefined>) => void
  readonly reject: (error: unknown) => void

  constructor(resolve: (step: IteratorResult<Message, undefined>) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.reject = reject
  }

  resolve(message: Message | null): void {
    this.#resolve(message === null ? LOOP_END : { done: false, value: message })
  }
}

/** Where frames are read from. */
export interface FrameSource {
  /** The next one, if it is here already. */
  takeFrameNow(): Frame | undefined
  wait(waiter: Waiter, signal: AbortSignal | undefined): void
}

/** A promise for a frame that is here: made once for each frame of the pool. */
export function promiseOf(frame: Frame): Promise<Frame> {
  const kept = companionOf(frame)
  if (kept !== undefined) return kept as Promise<Frame>
  const made = Promise.resolve(frame)
  setCompanion(frame, made)
  return made
}

/** Copies the next frame into one of theirs; false when there is none any more. */
export function readInto(
  into: Frame,
  source: FrameSource,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const next = source.takeFrameNow()
  return readPromise((resolve, reject) => {
    const copier = frameCopier(into, resolve, reject)
    if (next === undefined) source.wait(copier, signal)
    else copier.resolve(next)
  })
}

const frameCopier = (
  into: Frame,
  resolve: (came: boolean) => void,
  reject: (error: unknown) => void,
): FrameWaiter => ({
  wants: 'frame',
  reject,
  resolve(next) {
    if (next === null) return resolve(false)
    try {
      next.copyTo(into)
      resolve(true)
    } catch (error) {
      reject(error) // theirs was given back meanwhile
    }
    releaseFrame(next)
  },
})

export const LOOP_END: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** Told when a reader has left without being served. */
export interface ReadersHost {
  onCancelled(): void
}

/**
 * Readers in call order. A cancelled one leaves without taking anything. There is hardly ever more than one: an array for
 * the others is made when they come.
 */
export class Readers {
  #first: Waiter | undefined
  #behind: Waiter[] | undefined
  readonly #host: ReadersHost
  /** How many were served so far. */
  served = 0

  constructor(host: ReadersHost) {
    this.#host = host
  }

  get first(): Waiter | undefined {
    return this.#first
  }

  /** Waits at the end of the line, or in front of the others for the next part of a stream that is being read. */
  add(waiter: Waiter, signal: AbortSignal | undefined): void {
    if (this.#first === undefined) this.#first = waiter
    else this.#addBehind(this.#first, waiter)
    if (signal !== undefined) this.#watch(waiter, signal)
  }

  #addBehind(first: Waiter, waiter: Waiter): void {
    this.#behind ??= []
    if (waiter.wants !== 'part') {
      this.#behind.push(waiter)
    } else if (first.wants !== 'part') {
      this.#behind.unshift(first)
      this.#first = waiter
    } else {
      const place = this.#behind.findIndex((other) => other.wants !== 'part')
      this.#behind.splice(place < 0 ? this.#behind.length : place, 0, waiter)
    }
  }

  /** The first one was served. */
  shift(): void {
    this.#first = this.#behind?.shift()
    this.served++
  }

  /** The stream is over: who still waits for a part of it gets null. */
  endParts(): void {
    for (let first = this.first; first?.wants === 'part'; first = this.first) {
      this.shift()
      first.resolve(null)
    }
  }

  /** False when it is not here any more. */
  #remove(waiter: Waiter): boolean {
    if (this.#first === waiter) {
      this.#first = this.#behind?.shift()
      return true
    }
    const place = this.#behind?.indexOf(waiter) ?? -1
    if (place >= 0) this.#behind?.splice(place, 1)
    return place >= 0
  }

  #watch(waiter: Waiter, signal: AbortSignal): void {
    const onAbort = (): void => {
      if (!this.#remove(waiter)) return
      waiter.reject(signal.reason)
      this.#host.onCancelled()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const { resolve, reject } = waiter
    const done = (): void => signal.removeEventListener('abort', onAbort)
    // A long-lived signal must not collect the listeners of all reads it was ever given to.
    waiter.resolve = (...result: never[]) => {
      done()
      ;(resolve as (...result: never[]) => void)(...result)
    }
    waiter.reject = (error) => {
      done()
      reject(error)
    }
  }
}

/** Checks the options of a read call; throws `signal.reason` when it is aborted already. */
export function signalOf(options: ReadOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined
  // A signal itself is an easy mistake, and has no names of its own.
  if (options instanceof AbortSignal) throw wrongType('options', 'an object with the signal in it', options)
  checkNames('options', options, { signal: true })
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('signal', 'an AbortSignal', signal)
  return signal
}

/** What a reader is told where nobody can read. */
export const goesToEvents = (): WebSocketError =>
  new WebSocketError('WS_ERR_STATE', 'Cannot read: this connection gives its messages to event functions')

/** What a reader of whole messages is told where half of one is left. */
export const insideMessage = (): WebSocketError =>
  new WebSocketError(
    'WS_ERR_STATE',
    'Cannot read a message: its first frames were taken with nextFrame() or readFrame(); take the rest that way',
  )
