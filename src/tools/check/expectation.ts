/** Holds results against those that were written down before. */
import { UsageError } from '../command.js'
import { BEHAVIORS, type Behavior, type CaseResult, isWorse } from './verdict.js'

/** What is expected of one case, and why, where that is not OK. */
export interface Expectation {
  readonly behavior: Behavior
  readonly reason?: string
}

export type Expectations = ReadonlyMap<string, Expectation>

export interface Difference {
  readonly id: string
  readonly expected: Behavior
  readonly behavior: Behavior
  /** Why it is so. */
  readonly remarks: readonly string[]
}

export interface Comparison {
  readonly worse: readonly Difference[]
  readonly better: readonly Difference[]
}

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isBehavior = (value: unknown): value is Behavior => BEHAVIORS.some((one) => one === value)

/**
 * Reads a file in the shape of `index.json`: of an agent, `behavior` for each case. Cases that are not in it are expected
 * to be OK, so that it is enough to write down the others, each with a `reason`; `12.*` stands for a whole group. Where
 * the agent has no entry, and there is but one, that one holds.
 *
 * @throws UsageError when it has another shape; what it gives does so, too.
 */
export function readAgents(text: string): (agent: string) => Expectations {
  const agents = parseObject(text)
  return (agent) => expectationsOf(agents, agent)
}

function expectationsOf(agents: Json, agent: string): Expectations {
  const names = Object.keys(agents)
  const cases = agents[agent] ?? (names.length === 1 ? agents[names[0] as string] : undefined)
  if (!isObject(cases)) throw new UsageError(`--expect: there is nothing about '${agent}' in the file`)
  return new Map(Object.entries(cases).map(([id, one]) => [id, readOne(id, one)]))
}

function parseObject(text: string): Json {
  try {
    const parsed: unknown = JSON.parse(text)
    if (isObject(parsed)) return parsed
  } catch {
    // Told below.
  }
  throw new UsageError('--expect: the file is no JSON object')
}

function readOne(id: string, one: unknown): Expectation {
  if (!isObject(one) || !isBehavior(one.behavior))
    throw new UsageError(`--expect: case ${id} has no behavior`)
  return { behavior: one.behavior, ...(typeof one.reason === 'string' && { reason: one.reason }) }
}

/** What is written down for a case, or else for the smallest group it is in. */
function expectedOf(id: string, expectations: Expectations): Behavior {
  const exact = expectations.get(id)
  if (exact !== undefined) return exact.behavior
  for (let at = id.lastIndexOf('.'); at > 0; at = id.lastIndexOf('.', at - 1)) {
    const group = expectations.get(`${id.slice(0, at)}.*`)
    if (group !== undefined) return group.behavior
  }
  return 'OK'
}

/** What is worse than expected, and what is better: then the file could be mended. */
export function compare(results: readonly CaseResult[], expectations: Expectations): Comparison {
  const differences = results.map(({ id, behavior, remarks }) => ({
    id,
    expected: expectedOf(id, expectations),
    behavior,
    remarks,
  }))
  return {
    worse: differences.filter(({ behavior, expected }) => isWorse(behavior, expected)),
    better: differences.filter(({ behavior, expected }) => isWorse(expected, behavior)),
  }
}
