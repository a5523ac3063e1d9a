import type { Conn } from '../conn/conn.js'
import type { ConnStats } from '../conn/stats.js'

/** What all connections of a server have done together, those that are gone included. */
type Totals = { -readonly [Name in Exclude<keyof ConnStats, 'lastRoundTrip'>]: number }

/**
 * What a server has done so far: numbers of its own, and those of `conn.stats` added up over all connections, those that
 * are gone included.
 */
export interface UpgradeStats extends Readonly<Totals> {
  /** Connections there are now. */
  readonly open: number
  /** Handshakes that wait for `accept`. */
  readonly opening: number
  /** Handshakes that became connections. */
  readonly accepted: number
  /** Requests that were answered in HTTP instead, by status. What `fallback` or a router answers is not among them. */
  readonly refused: Readonly<Record<number, number>>
  /** Connections that are gone, by close code: 1000, 1006, … */
  readonly closed: Readonly<Record<number, number>>
  /** How many of those an error ended, by its code: `WS_ERR_MAX_MESSAGE`, … */
  readonly failed: Readonly<Record<string, number>>
  /**
   * Connections that a limit ended and handshakes that one refused, by the option that sets it: `maxMessage`,
   * `maxConnections`, …
   */
  readonly breached: Readonly<Record<string, number>>
  /** Bytes on their way out that have not left this process. */
  readonly bufferedAmount: number
  /** Bytes that count against `maxMemory`, accurate to about a second; undefined without that limit. */
  readonly memory: number | undefined
}

const NOTHING: Totals = {
  framesIn: 0,
  framesOut: 0,
  messagesIn: 0,
  messagesOut: 0,
  textIn: 0,
  textOut: 0,
  pingsIn: 0,
  pingsOut: 0,
  pongsIn: 0,
  pongsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  codedBytesIn: 0,
  plainBytesIn: 0,
  codedBytesOut: 0,
  plainBytesOut: 0,
  ratePauses: 0,
}
const NAMES = Object.keys(NOTHING) as (keyof Totals)[]

/** What a connection counts by itself. */
type Counted = Pick<Conn, 'stats' | 'closeInfo' | 'bufferedAmount'>

/** Counts what no connection can, and keeps the numbers of those that are gone: asking is what costs, not counting. */
export class ServerCounts {
  readonly #gone: Totals = { ...NOTHING }
  #accepted = 0
  readonly #refused = new Tally<number>()
  readonly #closed = new Tally<number>()
  readonly #failed = new Tally<string>()
  readonly #breached = new Tally<string>()

  accepted(): void {
    this.#accepted++
  }

  refused(status: number): void {
    this.#refused.add(status)
  }

  /** A limit refused a handshake. */
  breached(option: string): void {
    this.#breached.add(option)
  }

  gone(conn: Counted): void {
    add(this.#gone, conn.stats)
    const { code, cause, breach } = conn.closeInfo!
    this.#closed.add(code)
    if (cause !== undefined) this.#failed.add(nameOf(cause))
    if (breach !== undefined) this.#breached.add(breach.option)
  }

  read(conns: Iterable<Counted>, opening: number, memory: number | undefined): UpgradeStats {
    const totals = { ...this.#gone }
    let open = 0
    let bufferedAmount = 0
    for (const conn of conns) {
      open++
      add(totals, conn.stats)
      bufferedAmount += conn.bufferedAmount
    }
    return {
      open,
      opening,
      accepted: this.#accepted,
      refused: this.#refused.read(),
      closed: this.#closed.read(),
      failed: this.#failed.read(),
      breached: this.#breached.read(),
      bufferedAmount,
      memory,
      ...totals,
    }
  }
}

function add(totals: Totals, stats: ConnStats): void {
  for (const name of NAMES) totals[name] += stats[name]
}

/** What ended a connection is one of our own errors, nearly always. */
function nameOf(cause: Error): string {
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' ? code : cause.name
}

/** How often something happened, by name. */
class Tally<Name extends string | number> {
  readonly #counts = new Map<Name, number>()

  add(name: Name): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  read(): Readonly<Record<Name, number>> {
    return Object.fromEntries(this.#counts) as Record<Name, number>
  }
}
