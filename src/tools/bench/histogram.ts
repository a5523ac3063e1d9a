/** Whole numbers below are counted one by one; beyond, a step is at most 1/1024 of the value. */
const EXACT = 2048
const STEPS = EXACT / 2
/** Bits of the largest value; in nanoseconds, that is two hours. */
const BITS = 43
const LARGEST = 2 ** BITS - 1

/** How often values between `from` and `to`, both included, were recorded. */
export interface Bucket {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** The exponent of the highest bit; `Math.log2` is off by one just below powers of two. */
const highestBit = (value: number): number =>
  value < 2 ** 32 ? 31 - Math.clz32(value) : 63 - Math.clz32(Math.floor(value / 2 ** 32))

function placeOf(value: number): number {
  if (value < EXACT) return value
  const shift = highestBit(value) - 10
  return shift * STEPS + Math.floor(value / 2 ** shift)
}

/** The lowest value of a place; that of the place behind it is the first that is no more in it. */
function lowestOf(place: number): number {
  if (place < EXACT) return place
  const shift = Math.floor(place / STEPS) - 1
  return (place - shift * STEPS) * 2 ** shift
}

/**
 * Counts values in a memory of fixed size, 264 KiB, however many there are, and knows their percentiles to 1/1024:
 * the idea of HDR histograms.
 *
 * @example
 * const histogram = new Histogram()
 * histogram.record(1500)
 * histogram.percentile(99) // 1500
 */
export class Histogram {
  readonly #counts = new Float64Array(placeOf(LARGEST) + 1)
  #count = 0
  #sum = 0
  #min = LARGEST
  #max = 0

  get count(): number {
    return this.#count
  }
  /** Exact, as `max` and `mean` are; 0 when nothing was recorded. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min
  }
  get max(): number {
    return this.#max
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  /** Counts a value of 0 or more, so many times; what is larger than two hours counts as two hours. */
  record(value: number, times = 1): void {
    const whole = Math.min(LARGEST, Math.max(0, Math.round(value)))
    this.#counts[placeOf(whole)] = (this.#counts[placeOf(whole)] ?? 0) + times
    this.#count += times
    this.#sum += whole * times
    this.#min = Math.min(this.#min, whole)
    this.#max = Math.max(this.#max, whole)
  }

  /** A value that so many of a hundred do not exceed: the smallest such one, or up to 1/1024 above it. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count))
    let seen = 0
    for (const { to, count } of this.buckets()) {
      seen += count
      if (seen >= rank) return Math.min(to, this.#max)
    }
    return this.#max
  }

  /** Those that are not empty, in order. */
  *buckets(): Generator<Bucket> {
    for (let place = 0; place < this.#counts.length; place++) {
      const count = this.#counts[place] ?? 0
      if (count > 0) yield { from: lowestOf(place), to: lowestOf(place + 1) - 1, count }
    }
  }

  /** Takes in what another has counted. */
  add(other: Histogram): void {
    for (let place = 0; place < this.#counts.length; place++)
      this.#counts[place] = (this.#counts[place] ?? 0) + (other.#counts[place] ?? 0)
    this.#count += other.#count
    this.#sum += other.#sum
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
  }

  clear(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#min = LARGEST
    this.#max = 0
  }
}
