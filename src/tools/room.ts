import type { Writable } from 'node:stream'

/** Resolves when a stream takes more, or is gone. */
export const roomIn = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    if (stream.destroyed) resolve()
    else stream.on('drain', done).on('close', done)
  })
