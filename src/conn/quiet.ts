/** Promises that nobody has to look at: a rejection that goes unnoticed does not end the process. */

import { CloseError } from '../errors.js'

/** One promise for everything that is done already: nothing is allocated to say so. */
export const RESOLVED: Promise<void> = Promise.resolve()

export const ignore = (): void => undefined

/** A promise with its two ends outside. */
export interface Quiet {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export function quietPromise(): Quiet {
  let resolve: () => void = ignore
  let reject: (error: Error) => void = ignore
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(ignore)
  return { promise, resolve, reject }
}

export function quietRejection(error: Error): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(ignore)
  return promise
}

/**
 * A promise for what somebody waits to read. The peer may end the connection before anybody looks at it: that must not
 * end the process. A wrong call still does.
 */
export function readPromise<T>(
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
): Promise<T> {
  let promise: Promise<T> | undefined
  let isOver = false
  promise = new Promise<T>((resolve, reject) => {
    start(resolve, (error) => {
      isOver = error instanceof CloseError
      if (isOver) promise?.catch(ignore)
      reject(error)
    })
  })
  if (isOver) promise.catch(ignore)
  return promise
}
