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
