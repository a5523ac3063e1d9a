import type { Call, Command } from '../command.js'
import { interruptible } from '../interrupt.js'
import { Exit, type Output } from '../output.js'
import { Load } from './load.js'
import { counted, digits, whole } from './numbers.js'
import { CONNECTING, planOf } from './plan.js'
import { planInWords, reportLines } from './report.js'
import { resultOf, summaryOf } from './result.js'

/** Milliseconds between two lines about progress: on a terminal, and as JSON. */
const PROGRESS = 250
const INTERVAL = 1000

export const benchCommand: Command = {
  name: 'bench',
  summary: 'puts a load on an echo server, and measures it',
  usage: ['URL [options]'],
  options: {
    connections: { value: 'N', help: 'default 10' },
    rate: {
      value: 'N',
      help: 'messages each second, of all connections together, whatever is answered when',
    },
    'in-flight': {
      value: 'N',
      help: 'messages of each connection that wait for their answer, at most; default 1, with --rate 1000',
    },
    duration: { value: 'TIME', help: 'as in 500ms, 10s, 2m; default 10s' },
    messages: { value: 'N', help: 'end after so many messages, of all connections together' },
    'warm-up': { value: 'TIME', help: 'what does not count at the beginning; default 0' },
    'ramp-up': {
      value: 'TIME',
      help: 'open the connections evenly over this time; default as fast as they open',
    },
    size: { value: 'BYTES', help: 'of each message, as in 64, 4k, 1m; default 64' },
    binary: { help: 'binary messages of random bytes; default text, of JSON' },
    compress: { help: 'offer permessage-deflate, and compress every message if it is accepted' },
    'any-answer': { help: 'take any message for the answer to the oldest; default: it has to be its echo' },
    'no-echo': { help: 'expect no answers, and send as much as is taken, or as --rate says' },
    'max-p99': { value: 'MS', help: 'exit with 1 when one latency in a hundred is longer' },
    'max-errors': { value: 'N', help: 'exit with 1 when there are more errors; default 0' },
    ...CONNECTING,
  },
  notes: [
    'First all connections are opened, then the load begins. With --rate, messages have times, and a latency counts from',
    'that time on, even where the message had to wait for the ones before it. Without, each connection sends the next',
    'message when one is answered: then a server that stalls is asked less, and its latencies look better than they are.',
    'Ctrl+C ends the load, and reports what came until then.',
  ],
  run: async (call) => {
    const plan = planOf(call)
    const { output } = call
    const json = call.options.flag('json')
    const load = new Load(plan, (text) => output.note(`fastws bench: ${text}`))
    return interruptible(async (interrupted) => {
      for (const signal of [interrupted, output.closed]) signal.addEventListener('abort', () => load.stop())
      const progress = json ? jsonProgress(load, output) : lineProgress(load, output)
      try {
        if (!json) output.line(`${shown(plan.url)}: ${planInWords(plan)}`)
        return conclude(call, load, await load.run())
      } finally {
        clearInterval(progress)
        output.status('')
      }
    })
  },
}

/** Without name and password. */
function shown(given: string): string {
  const url = new URL(given)
  url.username = url.password = ''
  return url.href
}

function lineProgress({ plan, tally }: Load, output: Output): NodeJS.Timeout {
  return setInterval(() => {
    const opened = counted(tally.handshakes.count, 'connection')
    const count = plan.answers === 'none' ? `${whole(tally.sent)} sent` : `${whole(tally.answered)} answered`
    const p99 = tally.recent.count === 0 ? '' : `, p99 ${digits(tally.recent.percentile(99) / 1e6)} ms`
    output.status(`${opened}, ${count}${p99}, ${counted(tally.errorCount, 'error')}`)
    tally.recent.clear()
  }, PROGRESS)
}

function jsonProgress({ tally }: Load, output: Output): NodeJS.Timeout {
  const begin = performance.now()
  return setInterval(() => {
    output.json({
      type: 'progress',
      at: Math.round(performance.now() - begin),
      connections: tally.handshakes.count,
      ...{ sent: tally.sent, answered: tally.answered, errors: tally.errorCount },
      latency: summaryOf(tally.recent),
    })
    tally.recent.clear()
  }, INTERVAL)
}

function conclude({ options, output }: Call, load: Load, self: Awaited<ReturnType<Load['run']>>): number {
  const result = resultOf(load, shown(load.plan.url), self)
  output.status('')
  if (options.flag('json')) output.json(result)
  else for (const line of reportLines(result, load)) output.line(line)
  for (const warning of result.warnings) output.note(`warning: ${warning}`)
  for (const exceeded of result.exceeded) output.note(`fastws bench: ${exceeded}`)
  return result.exceeded.length > 0 ? Exit.Failed : Exit.Ok
}
