/** What Ctrl+C, or a service manager, does to a program. */
export interface Interrupt {
  /** Aborted at the first signal; the second one ends the program as it always does. */
  readonly signal: AbortSignal
  /** Stops listening. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** What starts the program often passes on a signal that the terminal has sent to both: so soon it is the same one. */
const ECHO = 300

/** Does something that the first SIGINT or SIGTERM is to bring to an end; however it ends, nobody listens any more then. */
export async function interruptible<T>(run: (interrupted: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, release } = listenForInterrupt()
  try {
    return await run(signal)
  } finally {
    release()
  }
}

/** Resolves when one of them is aborted. */
export const anyAborted = (...signals: readonly AbortSignal[]): Promise<void> =>
  new Promise((resolve) => {
    const signal = AbortSignal.any([...signals])
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Makes the first SIGINT or SIGTERM something a command can react to. */
export function listenForInterrupt(): Interrupt {
  const stopping = new AbortController()
  const stop = (): void => {
    if (!stopping.signal.aborted) setTimeout(release, ECHO).unref()
    stopping.abort()
  }
  const release = (): void => {
    for (const name of SIGNALS) process.off(name, stop)
  }
  for (const name of SIGNALS) process.on(name, stop)
  return { signal: stopping.signal, release }
}
