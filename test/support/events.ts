import { type EventEmitter, once as onceAll } from 'node:events'

/**
 * Waits for an event and gives its first argument; rejects when 'error' comes instead. There is no timeout here: a test
 * that waits for ever is ended, and named, by the test runner.
 *
 *     const response = await once<IncomingMessage>(request, 'response')
 */
export async function once<T = unknown>(emitter: EventEmitter, event: string): Promise<T> {
  const [first] = await onceAll(emitter, event)
  return first as T
}

/** A promise with its two ends outside. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason: unknown) => void
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve']
  let reject!: Deferred<T>['reject']
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** One turn of the event loop: ticks, promise jobs and I/O that was ready have run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Whether a promise is still undecided after one turn of the event loop. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  const settle = (): void => {
    pending = false
  }
  promise.then(settle, settle)
  await turn()
  return pending
}
