/** How far a load has come. */
export interface LoadCount {
  readonly messages: number
  /** Reads that were compared byte for byte. */
  readonly checked: number
  /** Milliseconds on the clock of the load. */
  readonly at: number
  /** Processor time of the load in microseconds. */
  readonly cpu: number
}

export interface LoadOutcome {
  /** Microseconds; undefined when answers could not be told apart. */
  readonly latency?: { readonly p50: number; readonly p99: number } | undefined
  /** Reads that were compared byte for byte. */
  readonly checked: number
}

/** A load that goes on until it is stopped. */
export interface CountedLoad {
  /** From now on it counts. */
  warm(): void
  count(): LoadCount
  stop(): LoadOutcome
}

export function countNow(messages: number, checked: number): LoadCount {
  const { user, system } = process.cpuUsage()
  return { messages, checked, at: performance.now(), cpu: user + system }
}
