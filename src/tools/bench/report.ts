/** What a load came to, for people. */
import { chart } from './chart.js'
import type { Load } from './load.js'
import { bytes, counted, digits, percent, whole } from './numbers.js'
import type { Plan } from './plan.js'
import type { Result, Summary } from './result.js'

/** What is about to happen, in one line. */
export function planInWords(plan: Plan): string {
  const kind = `${plan.isBinary ? 'binary' : 'text'} messages of ${bytes(plan.size)}`
  const how = plan.rate > 0 ? `${digits(plan.rate)}/s` : wayOf(plan)
  const end = plan.messages < Infinity ? `${whole(plan.messages)} of them` : `${plan.duration / 1000} s`
  return `${counted(plan.connections, 'connection')}, ${kind}, ${how}, ${end}`
}

const wayOf = ({ answers, inFlight }: Plan): string =>
  answers === 'none' ? 'as many as are taken' : `${whole(inFlight)} in flight on each`

function times(summary: Summary | null): string {
  if (summary === null) return 'none'
  const { p50, p90, p99, p999, max } = summary
  const parts = [
    ['p50', p50],
    ['p90', p90],
    ['p99', p99],
    ['p99.9', p999],
    ['max', max],
  ] as const
  return `${parts.map(([name, value]) => `${name} ${digits(value)}`).join('  ')} ms`
}

/** All of it, line by line. */
export function reportLines(result: Result, load: Load): readonly string[] {
  const { plan, tally } = load
  const { perSecond, bytesPerSecond, seconds, latency, handshake, generator } = result
  const count = plan.answers === 'none' ? `${whole(result.sent)} sent` : `${whole(result.answered)} answered`
  return [
    `messages    ${count} in ${digits(seconds)} s: ${digits(perSecond)}/s, ${bytes(bytesPerSecond)}/s each way`,
    ...(plan.answers === 'none' ? [] : [`latency     ${times(latency)}`]),
    `handshakes  ${whole(result.connections.opened)} of ${whole(result.connections.asked)}: ${times(handshake)}`,
    `generator   processor ${percent(generator.cpu)}, ${lagOf(result)}`,
    ...(latency === null ? [] : ['', ...chart(tally.latency)]),
    ...errorLines(result),
  ]
}

/** Where messages have their times, being late is what tells; a loop that waits for them looks busy all the time. */
const lagOf = ({ generator: { busy, lag } }: Result): string =>
  lag === null
    ? `busy ${percent(busy)}`
    : `late by p50 ${digits(lag.p50)}  p99 ${digits(lag.p99)}  max ${digits(lag.max)} ms`

function errorLines({ errors, firstWrong }: Result): readonly string[] {
  const lines = Object.entries(errors).map(([kind, count]) => `${whole(count).padStart(9)}  ${kind}`)
  if (lines.length === 0) return []
  return ['', 'errors', ...lines, ...(firstWrong === null ? [] : [`           the first: ${firstWrong}`])]
}
