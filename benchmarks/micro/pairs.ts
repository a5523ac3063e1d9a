// Two ways to the same, measured in turn.
import { digits } from '../metrics.js'
import { ratios, spread } from '../stats.js'
import { aligned } from '../table.js'

/** What is fast, and its naive twin: the same in the words of the specification. */
export interface Twins {
  readonly name: string
  /** Does it once; what it returns is looked at, so that nothing can be left out. */
  fast(): number
  naive(): number
}

export interface MicroExtent {
  readonly rounds: number
  /** Milliseconds for one side of one round. */
  readonly time: number
}

export const FULL: MicroExtent = { rounds: 7, time: 30 }

/** Measures twins in turn: fast, naive, fast, naive … One line of a table for each. */
export function measureTwins(twins: readonly Twins[], extent: MicroExtent): string[][] {
  return twins.map(({ name, fast, naive }) => {
    const times: { fast: number[]; naive: number[] } = { fast: [], naive: [] }
    for (let round = -1; round < extent.rounds; round++) {
      const [ours, theirs] = [timeOf(fast, extent.time), timeOf(naive, extent.time)]
      if (round < 0) continue // everything has been compiled now
      times.fast.push(ours)
      times.naive.push(theirs)
    }
    const { median, min, max } = spread(ratios(times.fast, times.naive))
    const ns = [spread(times.fast).median, spread(times.naive).median].map((time) => `${digits(time)} ns`)
    return [name, ...ns, median.toFixed(2), `${min.toFixed(2)} – ${max.toFixed(2)}`]
  })
}

export const HEAD = ['', 'fast', 'naive', 'ratio', 'least – greatest']

/** Whatever comes out goes in here, so that the compiler cannot see that nobody wants it. */
let sink = 0

/** Nanoseconds for one time. */
function timeOf(work: () => number, milliseconds: number): number {
  const begin = performance.now()
  let times = 0
  let spent = 0
  // Once at least, however little time there is: nothing divided by nothing is no number.
  for (let batch = 1; times === 0 || spent < milliseconds; batch = Math.min(batch * 2, 4096)) {
    for (let i = 0; i < batch; i++) sink = (sink + work()) | 0
    times += batch
    spent = performance.now() - begin
  }
  return (spent * 1e6) / times
}

/** Prints twins when their file is what was started. */
export function runWhenStarted(file: string, twins: readonly Twins[]): void {
  if (file === process.argv[1]) console.log(aligned([HEAD, ...measureTwins(twins, FULL)]))
}
