// What makes a soak good or bad.
import type { Tally } from './clients.js'

/** The server at one moment. */
export interface Sample {
  /** Resident bytes, and those of the heap and of buffers, garbage aside. */
  readonly rss: number
  readonly heap: number
  /** Milliseconds since the sample before. */
  readonly loopDelay: { readonly p99: number; readonly max: number }
  readonly connections: number
}

export interface ServerCounts {
  readonly opened: number
  readonly closed: number
  readonly handled: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly resets: number
}

export interface SoakOutcome {
  readonly samples: readonly Sample[]
  readonly tallies: Readonly<Record<string, Tally>>
  readonly server: Readonly<Record<'/steady' | '/rough', ServerCounts>>
}

export interface Finding {
  readonly what: string
  readonly isGood: boolean
  readonly text: string
}

const MIB = 1 << 20
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`

/** Fewer samples, or seconds, than this tell nothing about a tendency: what is young grows. */
const ENOUGH = { samples: 8, seconds: 30 } as const

/**
 * Memory is flat when the second half of the time holds no more than the first, both at their least: of the heap (with
 * buffers) 5 % or 8 MiB more, of resident memory, which the allocator gives back late, 10 % or 32 MiB. The first quarter
 * is left out: caches fill, code is compiled.
 */
export function judgeMemory(samples: readonly Sample[], seconds: number): Finding {
  const settled = samples.slice(Math.floor(samples.length / 4))
  const half = Math.floor(settled.length / 2)
  const growth = (of: (sample: Sample) => number): [before: number, after: number] => [
    Math.min(...settled.slice(0, half).map(of)),
    Math.min(...settled.slice(half).map(of)),
  ]
  const [heap, heapLater] = growth((sample) => sample.heap)
  const [rss, rssLater] = growth((sample) => sample.rss)
  const isFlat =
    heapLater - heap <= Math.max(0.05 * heap, 8 * MIB) && rssLater - rss <= Math.max(0.1 * rss, 32 * MIB)
  const text = `heap ${mib(heap)}, later ${mib(heapLater)}; resident ${mib(rss)}, later ${mib(rssLater)}`
  if (samples.length < ENOUGH.samples || seconds < ENOUGH.seconds)
    return { what: 'memory', isGood: true, text: `${text} (too short to judge)` }
  return { what: 'memory is flat', isGood: isFlat, text }
}

/** The worst sample counts: a server that stands still now and then is not well. */
export function judgeDelay(samples: readonly Sample[], most: number): Finding {
  const p99 = Math.max(...samples.map(({ loopDelay }) => loopDelay.p99))
  const max = Math.max(...samples.map(({ loopDelay }) => loopDelay.max))
  const text = `worst p99 of a sample ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms; p99 may be ${most} ms`
  return { what: 'the event loop turns', isGood: p99 <= most, text }
}

/** What every kind of client has sent has come back, in order; where clients vanish, no more than was sent. */
export function judgeMessages({ tallies, server }: SoakOutcome): Finding {
  const wrong: string[] = []
  let steady = 0
  let all = 0
  for (const [kind, { sent, echoed, wrong: mixedUp, lost }] of Object.entries(tallies)) {
    all += sent
    if (mixedUp > 0) wrong.push(`${mixedUp} echoes of ${kind} were not what was sent`)
    if (lost > 0) wrong.push(`${lost} connections of ${kind} were lost`)
    if (kind === 'vanishing') continue
    steady += sent
    if (echoed !== sent) wrong.push(`${kind} sent ${sent} and got ${echoed}`)
  }
  if (server['/steady'].handled !== steady)
    wrong.push(`the server handled ${server['/steady'].handled} of ${steady}`)
  const rough = tallies.vanishing ?? { sent: 0, echoed: 0 }
  const { handled } = server['/rough']
  if (handled > rough.sent || handled < rough.echoed)
    wrong.push(
      `of those that vanish the server handled ${handled}, sent were ${rough.sent}, back came ${rough.echoed}`,
    )
  wrong.push(...Object.entries(server).flatMap(([path, counts]) => unlike(path, counts)))
  const { resets } = server['/rough']
  const text =
    wrong.length === 0 ? `${all} messages, each where it belongs, and ${resets} resets` : wrong.join('; ')
  return { what: 'every message is accounted for', isGood: wrong.length === 0, text }
}

/** What a server's connections say of themselves has to agree with what its handler saw. */
function unlike(path: string, { opened, closed, handled, messagesIn, messagesOut }: ServerCounts): string[] {
  const wrong: string[] = []
  if (opened !== closed) wrong.push(`${path}: ${opened} opened, ${closed} closed`)
  if (messagesIn < handled) wrong.push(`${path}: ${messagesIn} came in, ${handled} were handled`)
  if (path === '/steady' && (messagesIn !== handled || messagesOut !== handled))
    wrong.push(`${path}: ${messagesIn} in, ${handled} handled, ${messagesOut} out`)
  return wrong
}
