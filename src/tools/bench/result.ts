/** What a load came to, for programs. Times are milliseconds. */
import { rowsOf } from './chart.js'
import type { Histogram } from './histogram.js'
import type { Load } from './load.js'
import type { Plan } from './plan.js'
import type { SelfReport } from './self-watch.js'

export interface Summary {
  readonly count: number
  readonly min: number
  readonly mean: number
  readonly p50: number
  readonly p75: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface Result {
  readonly type: 'result'
  readonly url: string
  readonly connections: { readonly asked: number; readonly opened: number; readonly left: number }
  readonly sent: number
  readonly answered: number
  readonly unanswered: number
  readonly unsent: number
  readonly seconds: number
  /** Answered messages each second; sent ones where nothing is answered. */
  readonly perSecond: number
  readonly bytesPerSecond: number
  readonly latency: Summary | null
  readonly histogram: readonly { readonly to: number; readonly count: number }[]
  readonly handshake: Summary | null
  readonly errors: Readonly<Record<string, number>>
  readonly firstWrong: string | null
  /** The load generator itself; `lag` is how late messages went out that had a time. */
  readonly generator: SelfReport & { readonly lag: Summary | null }
  readonly warnings: readonly string[]
  /** What was more than the user allows. */
  readonly exceeded: readonly string[]
}

const MILLION = 1e6

/** Nanoseconds as milliseconds, to the microsecond. */
const ms = (nanoseconds: number): number => Math.round(nanoseconds / 1000) / 1000

export function summaryOf(histogram: Histogram): Summary | null {
  if (histogram.count === 0) return null
  const at = (percent: number): number => ms(histogram.percentile(percent))
  return {
    count: histogram.count,
    min: ms(histogram.min),
    mean: ms(histogram.mean),
    ...{ p50: at(50), p75: at(75), p90: at(90), p99: at(99), p999: at(99.9) },
    max: ms(histogram.max),
  }
}

/** Busier than this, and it is not the server that is measured. */
const BUSY = 0.9
/** Seconds of a load that is worth a warning: at its beginning, a program is always busy. */
const LONG = 0.5
/** Milliseconds that we may be late, at the 99th percentile, besides a tenth of what is measured. */
const LATE = 1

function warningsOf({ plan, tally, seconds }: Load, { busy }: SelfReport): string[] {
  const lag = tally.lag.percentile(99) / MILLION
  const p99 = tally.latency.percentile(99) / MILLION
  const warnings: string[] = []
  if (plan.rate === 0 && busy > BUSY && seconds > LONG)
    warnings.push(
      `this load generator was busy ${Math.round(busy * 100)} % of the time: it may be what is measured here, and not the server; run several of it, each with fewer connections`,
    )
  if (lag > LATE && lag > p99 / 10)
    warnings.push(
      `this load generator sent one message in a hundred ${lag.toFixed(1)} ms late, or later: the latencies are partly its own; ask for a lower --rate, or run several of it`,
    )
  return warnings
}

/** The connections have been opened, and the load is over. */
export function resultOf(load: Load, url: string, self: SelfReport): Result {
  const { plan, tally, payloads } = load
  const seconds = load.seconds
  const count = plan.answers === 'none' ? tally.sent : tally.answered
  const latency = summaryOf(tally.latency)
  const perSecond = seconds === 0 ? 0 : Math.round((count / seconds) * 10) / 10
  return {
    type: 'result',
    url,
    connections: { asked: plan.connections, opened: tally.handshakes.count, left: load.living },
    ...{ sent: tally.sent, answered: tally.answered, unanswered: tally.unanswered, unsent: tally.unsent },
    ...{ seconds, perSecond, bytesPerSecond: Math.round(perSecond * payloads.size), latency },
    histogram: rowsOf(tally.latency).map(({ to, count }) => ({ to: ms(to), count })),
    handshake: summaryOf(tally.handshakes),
    errors: Object.fromEntries(tally.errors),
    firstWrong: tally.firstWrong ?? null,
    generator: { ...self, lag: summaryOf(tally.lag) },
    warnings: warningsOf(load, self),
    exceeded: exceededOf(plan, latency, tally.errorCount),
  }
}

function exceededOf(plan: Plan, latency: Summary | null, errors: number): string[] {
  const exceeded: string[] = []
  if (errors > plan.maxErrors) exceeded.push(`${errors} errors, allowed are ${plan.maxErrors}`)
  if (plan.maxP99 === Infinity) return exceeded
  if (latency === null) exceeded.push(`no message was answered, and --max-p99 is ${plan.maxP99} ms`)
  else if (latency.p99 > plan.maxP99)
    exceeded.push(`the 99th percentile is ${latency.p99.toFixed(3)} ms, allowed are ${plan.maxP99} ms`)
  return exceeded
}
