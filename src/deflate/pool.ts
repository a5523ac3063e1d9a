import type { Deflater, DeflaterSettings, Engines, Inflater } from './engine.js'

/** Engines that wait for their next message; each new connection may find one, and none is made in advance. */
const MAX_IDLE = 4

interface Engine {
  reset(): void
  close(): void
}

/**
 * Engines without a context of anybody's: a connection that keeps no context borrows one for the time of a message, so
 * that a few serve all connections. They are closed when nobody who might use them is left.
 */
export class EnginePool<E extends Engine> {
  readonly #make: () => E
  readonly #idle: E[] = []
  #users = 0

  constructor(make: () => E) {
    this.#make = make
  }

  /** How many wait for their next message. */
  get idle(): number {
    return this.#idle.length
  }

  join(): void {
    this.#users++
  }

  leave(): void {
    this.#users--
    if (this.#users === 0) for (const engine of this.#idle.splice(0)) engine.close()
  }

  acquire(): E {
    return this.#idle.pop() ?? this.#make()
  }

  /** Gives an engine back that is not broken. */
  release(engine: E): void {
    if (this.#users === 0 || this.#idle.length >= MAX_IDLE) return engine.close()
    engine.reset()
    this.#idle.push(engine)
  }
}

/** The pools of a process: one for each set of parameters. */
export class Pools {
  readonly #engines: Engines
  readonly #deflaters = new Map<string, EnginePool<Deflater>>()
  readonly #inflaters = new Map<number, EnginePool<Inflater>>()

  constructor(engines: Engines) {
    this.#engines = engines
  }

  deflaters(settings: DeflaterSettings): EnginePool<Deflater> {
    const { windowBits, level, memLevel } = settings
    const make = (): EnginePool<Deflater> => new EnginePool(() => this.#engines.deflater(settings, true))
    return getOrMake(this.#deflaters, `${windowBits} ${level} ${memLevel}`, make)
  }

  inflaters(windowBits: number): EnginePool<Inflater> {
    const make = (): EnginePool<Inflater> => new EnginePool(() => this.#engines.inflater(windowBits, true))
    return getOrMake(this.#inflaters, windowBits, make)
  }

  /** A compressor, or a decompressor, for one connection alone. */
  newDeflater(settings: DeflaterSettings): Deflater {
    return this.#engines.deflater(settings, false)
  }

  newInflater(windowBits: number): Inflater {
    return this.#engines.inflater(windowBits, false)
  }
}

/** There are few keys: a window of 8 to 15, times what a program sets for level and memory. */
function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
