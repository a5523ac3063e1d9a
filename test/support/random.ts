/** Pseudo-random numbers that a seed brings back (mulberry32). Take one from `seeded()`. */
export class Random {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed >>> 0
    this.#state = this.seed
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  /** True once in `times`. */
  chance(times = 2): boolean {
    return this.int(1, times) === 1
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError('Cannot pick: there is nothing to choose from')
    return choices[this.int(0, choices.length - 1)] as T
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.int(0, 255)
    return bytes
  }

  /** Cuts bytes into pieces as TCP may: some of one byte, none empty; together they are the whole. Each piece is a copy. */
  split(bytes: Uint8Array): Buffer[] {
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const longest = this.chance(3) ? 1 : bytes.length - at
      const end = at + this.int(1, longest)
      pieces.push(Buffer.from(bytes.subarray(at, end)))
      at = end
    }
    return pieces
  }
}

/**
 * Runs a test body with fresh random numbers; when it fails, the error names the seed that brings the same run back:
 * `FASTWS_SEED=<seed> npm run test:quick -- <file>`.
 *
 *     test('FrameDecoder gives the same frames however the bytes are split', () =>
 *       seeded((random) => {
 *         assert.deepEqual(decodeAll(random.split(stream)), decodeAll([stream]))
 *       }, 100))
 */
export async function seeded(body: (random: Random) => unknown, runs = 1): Promise<void> {
  const given = process.env.FASTWS_SEED
  if (given !== undefined) return runSeeded(body, Number(given))
  for (let run = 0; run < runs; run++) await runSeeded(body, freshSeed())
}

/**
 * Runs a test body with fresh random numbers again and again for so long, once at least; tells how often. All its seeds
 * are of one draw: how many there is time for changes neither which they are, nor those of the tests behind.
 */
export async function seededFor(milliseconds: number, body: (random: Random) => unknown): Promise<number> {
  const given = process.env.FASTWS_SEED
  const until = performance.now() + milliseconds
  const seeds = new Random(freshSeed())
  let runs = 0
  do {
    runs++
    await runSeeded(body, given === undefined ? Math.floor(seeds.next() * 2 ** 32) : Number(given))
  } while (performance.now() < until && given === undefined)
  return runs
}

/** Seeds of seeds: a long run gives one, so that all of it comes again. */
const given = process.env.FASTWS_FUZZ_SEED
const campaign = given === undefined ? undefined : new Random(Number(given))

/** The seed of the next run. */
export const freshSeed = (): number => Math.floor((campaign?.next() ?? Math.random()) * 2 ** 32)

async function runSeeded(body: (random: Random) => unknown, seed: number): Promise<void> {
  try {
    await body(new Random(seed))
  } catch (error) {
    const hint = `\nrun it again with FASTWS_SEED=${seed}`
    if (error instanceof Error) {
      error.stack += hint // what test runners print, once it is there
      error.message += hint
    }
    throw error
  }
}
