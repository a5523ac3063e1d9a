import type { Case } from './case.js'
import { type Peer, runCase } from './run-case.js'
import type { Settings } from './settings.js'
import type { CaseResult } from './verdict.js'

/** Cases that move many bytes keep a processor busy each: more of them at once only wait for each other. */
const HEAVY_AT_ONCE = 2

export interface RunOptions {
  readonly settings: Settings
  /** How many cases are played at the same time. */
  readonly parallel: number
  readonly signal: AbortSignal
  readonly onResult: (result: CaseResult) => void
}

/** Plays cases against a server, several at a time; those that move many bytes come last. Results keep the order. */
export async function runAll(cases: readonly Case[], peer: Peer, options: RunOptions): Promise<CaseResult[]> {
  const results = new Map<string, CaseResult>()
  const played = async (one: Case): Promise<void> => {
    const result = await runCase(one, peer, options.settings)
    if (options.signal.aborted) return // what it came to was our own doing
    results.set(one.id, result)
    options.onResult(result)
  }
  const heavy = cases.filter((one) => one.heavy === true)
  const light = cases.filter((one) => one.heavy !== true)
  await inParallel(light, options.parallel, options.signal, played)
  await inParallel(heavy, Math.min(HEAVY_AT_ONCE, options.parallel), options.signal, played)
  return cases.flatMap(({ id }) => results.get(id) ?? [])
}

async function inParallel(
  cases: readonly Case[],
  width: number,
  signal: AbortSignal,
  play: (one: Case) => Promise<void>,
): Promise<void> {
  const waiting = cases.values()
  const worker = async (): Promise<void> => {
    for (const one of waiting) {
      if (signal.aborted) return
      await play(one)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}
