import { MemoryBudget } from '../conn/memory-budget.js'
import type { ResolvedConnOptions } from '../conn/options.js'
import { timekeeperOf } from '../conn/timekeeper.js'
import { type Breach, type ErrorCode, WebSocketError } from '../errors.js'
import type { Refusal } from '../handshake/refusal.js'

/** What the connections of a server share, where there is a limit on it. */
export function budgetOf(options: {
  readonly maxMemory: number
  readonly conn: ResolvedConnOptions
}): MemoryBudget | undefined {
  const { maxMemory, conn } = options
  return maxMemory === Infinity ? undefined : new MemoryBudget(maxMemory, timekeeperOf(conn.clock))
}

/** A handshake that has to be refused, and what is told of it on this side, if a limit is why. */
export interface Rejection {
  readonly refusal: Refusal
  readonly error?: WebSocketError
}

/** Why there is no room for one connection more; undefined when there is. */
export function rejection(
  count: number,
  maxConnections: number,
  budget: MemoryBudget | undefined,
): Rejection | undefined {
  if (count > maxConnections) {
    const breach = { option: 'maxConnections', limit: maxConnections, value: count }
    return full('WS_ERR_MAX_CONNECTIONS', 'There are too many connections', breach)
  }
  if (budget === undefined || budget.hasRoom) return undefined
  const breach = { option: 'maxMemory', limit: budget.limit, value: budget.used }
  return full('WS_ERR_MAX_MEMORY', 'There is no memory for more connections', breach)
}

function full(code: ErrorCode, why: string, breach: Breach): Rejection {
  const { option, limit, value } = breach
  const text = `Cannot accept a handshake: ${value} are in use with it, ${option} is ${limit}`
  return {
    refusal: { status: 503, body: `${why}\n` },
    error: new WebSocketError(code, text, { breach }),
  }
}
