/** What is left of many measurements: the one in the middle, and how far they lie apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The value in the middle; between the two in the middle when their number is even. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('Cannot take the median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** Ratios of pairs that were measured one after the other. Only what both sides have is a pair. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  const pairs = Math.min(ours.length, theirs.length)
  return Array.from({ length: pairs }, (_, i) => ours[i]! / theirs[i]!)
}

/** Buckets per power of two: a percentile is off by 1.5 % at most. */
const STEPS = 32

/** Counts times without keeping them. */
export class Histogram {
  readonly #counts = new Uint32Array(STEPS * 40)
  #total = 0

  /** Notes one value, above 0. */
  add(value: number): void {
    const bucket = Math.max(0, Math.min(this.#counts.length - 1, Math.round(Math.log2(value) * STEPS)))
    this.#counts[bucket]!++
    this.#total++
  }

  clear(): void {
    this.#counts.fill(0)
    this.#total = 0
  }

  get total(): number {
    return this.#total
  }

  /** The value below which that share (0 to 1) of all values lies; NaN when there are none. */
  percentile(share: number): number {
    let missing = Math.ceil(this.#total * share)
    if (missing === 0) return Number.NaN
    for (const [bucket, count] of this.#counts.entries()) {
      missing -= count
      if (missing <= 0) return 2 ** (bucket / STEPS)
    }
    return Number.NaN
  }
}
