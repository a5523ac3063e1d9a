import { type Profiler, Session } from 'node:inspector'
import { Random } from '../support/index.js'

/**
 * Something that is fed with bytes of a stranger's. What is run must come to its end with the input: what goes on behind
 * it would be counted with the next one.
 */
export interface Target {
  readonly name: string
  /** Inputs to begin with: right ones, so that what lies behind the first checks is reached, too. */
  readonly seeds: readonly (string | Uint8Array)[]
  /** What inputs are made of. */
  readonly words: readonly (string | Uint8Array)[]
  /** Throws when something is not as it must be. Whatever is random comes from the input: it alone brings it back. */
  run(input: Buffer, random: Random): void | Promise<void>
}

type Taken = Profiler.TakePreciseCoverageReturnType

/** What a run went through, and how often, in powers of two. */
function* waysOf({ result }: Taken): Generator<string> {
  for (const { url, functions } of result)
    if (url.includes('/dist/src/'))
      for (const { ranges } of functions)
        for (const { startOffset, count } of ranges)
          if (count > 0) yield `${url} ${startOffset} ${Math.floor(Math.log2(count))}`
}

/**
 * Branches of the product that this process has gone through, as V8 counts them: an input that goes a new way, or one
 * much more often, is worth changing further. Not while somebody else counts: they would take each other's figures.
 */
class Branches {
  readonly #session: Session | undefined
  readonly #seen = new Set<string>()

  constructor() {
    if (process.env.NODE_V8_COVERAGE !== undefined) return
    this.#session = new Session()
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  get count(): number {
    return this.#seen.size
  }

  /** Ways gone since the last call that were never gone before. */
  taken(): readonly string[] {
    let taken: Taken = { result: [] }
    this.#session?.post('Profiler.takePreciseCoverage', (error, given) => {
      if (error === null) taken = given
    })
    return [...waysOf(taken)].filter((way) => !this.#seen.has(way))
  }

  /** Whether there are any; from now on they are known. */
  learn(): boolean {
    const fresh = this.taken()
    for (const way of fresh) this.#seen.add(way)
    return fresh.length > 0
  }

  close(): void {
    this.#session?.disconnect()
  }
}

const asBytes = (given: string | Uint8Array): Buffer =>
  typeof given === 'string' ? Buffer.from(given, 'latin1') : Buffer.from(given)

/** Inputs beyond this are cut: what is wrong shows in short ones, and they are quick. */
const LONGEST = 4_096

type Change = (random: Random, bytes: Buffer, target: Target, other: Buffer) => Buffer

const splice = (bytes: Buffer, at: number, removed: number, added: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])

const somewhere = (random: Random, bytes: Buffer): number => random.int(0, bytes.length)

const CHANGES: readonly Change[] = [
  (random, bytes) => splice(bytes, somewhere(random, bytes), 1, random.bytes(1)),
  (random, bytes) => splice(bytes, somewhere(random, bytes), random.int(1, 8), Buffer.alloc(0)),
  (random, bytes) => splice(bytes, somewhere(random, bytes), 0, random.bytes(random.int(1, 4))),
  (random, bytes, { words }) => splice(bytes, somewhere(random, bytes), 0, asBytes(random.pick(words))),
  (random, bytes, { words }) => {
    const word = asBytes(random.pick(words))
    return splice(bytes, somewhere(random, bytes), word.length, word)
  },
  (random, bytes) => {
    const from = somewhere(random, bytes)
    return splice(bytes, from, 0, bytes.subarray(from, from + random.int(1, 64)))
  },
  (random, bytes, _target, other) =>
    Buffer.concat([
      bytes.subarray(0, somewhere(random, bytes)),
      other.subarray(Math.min(other.length, somewhere(random, other))),
    ]),
  (random, bytes) => {
    const changed = Buffer.from(bytes)
    const at = somewhere(random, bytes)
    if (at < changed.length) changed[at] = changed[at]! ^ (1 << random.int(0, 7))
    return changed
  },
]

function change(random: Random, corpus: readonly Buffer[], target: Target): Buffer {
  let bytes = random.pick(corpus)
  for (let left = random.int(1, 4); left > 0; left--)
    bytes = random.pick(CHANGES)(random, bytes, target, random.pick(corpus))
  return Buffer.from(bytes.subarray(0, LONGEST))
}

/** Numbers that belong to an input. */
function randomOf(input: Buffer): Random {
  let hash = 2_166_136_261
  for (const byte of input) hash = Math.imul(hash ^ byte, 16_777_619)
  return new Random(hash)
}

/** Runs one input; what it breaks is told with the input in hex. */
export async function runInput(target: Target, input: Buffer): Promise<void> {
  try {
    await target.run(Buffer.from(input), randomOf(input))
  } catch (error) {
    throw new Error(
      `${target.name} fails with the input ${input.toString('hex')}: put it into test/fuzz/finds.ts`,
      { cause: error },
    )
  }
}

const fails = (target: Target, input: Buffer): Promise<boolean> =>
  runInput(target, input).then(
    () => false,
    () => true,
  )

/** The same failure, or another one, with less. */
async function shrink(target: Target, input: Buffer): Promise<Buffer> {
  let smallest = input
  for (let size = smallest.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at < smallest.length; ) {
      const shorter = Buffer.from(splice(smallest, at, size, Buffer.alloc(0)))
      if (await fails(target, shorter)) smallest = shorter
      else at += size
    }
  return smallest
}

export interface Explored {
  readonly runs: number
  readonly kept: number
  readonly branches: number
}

/** Inputs between two looks at the branches: a look takes longer than an input. */
const BATCH = 24

async function visit(target: Target, input: Buffer): Promise<void> {
  if (await fails(target, input)) await runInput(target, await shrink(target, input))
}

/** Feeds a target with changed inputs for so long, and goes on from those that took a new way through the product. */
export async function explore(target: Target, random: Random, milliseconds: number): Promise<Explored> {
  const branches = new Branches()
  const corpus = target.seeds.map(asBytes)
  const until = performance.now() + milliseconds
  let runs = corpus.length
  try {
    for (const seed of corpus) await visit(target, seed)
    branches.learn()
    while (performance.now() < until) {
      const batch = Array.from({ length: BATCH }, () => change(random, corpus, target))
      for (const input of batch) await visit(target, input)
      runs += BATCH
      if (branches.taken().length === 0) continue
      for (const input of batch) {
        if (performance.now() >= until) break
        await visit(target, input)
        if (branches.learn()) corpus.push(input)
      }
    }
    return { runs, kept: corpus.length - target.seeds.length, branches: branches.count }
  } finally {
    branches.close()
  }
}
