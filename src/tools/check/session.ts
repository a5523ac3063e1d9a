/** What is played, and what came of it: one for each run. */
import type { Case } from './case.js'
import type { CaseResult } from './verdict.js'

export class Session {
  readonly cases: readonly Case[]
  /** Results by agent and case. */
  readonly #results = new Map<string, Map<string, CaseResult>>()

  constructor(cases: readonly Case[]) {
    this.cases = cases
  }

  add(agent: string, result: CaseResult): void {
    const results = this.#results.get(agent) ?? new Map<string, CaseResult>()
    this.#results.set(agent, results.set(result.id, result))
  }

  get agents(): readonly string[] {
    return [...this.#results.keys()]
  }

  result(agent: string, id: string): CaseResult | undefined {
    return this.#results.get(agent)?.get(id)
  }

  /** In the order of the cases. */
  results(agent: string): readonly CaseResult[] {
    return this.cases.flatMap(({ id }) => this.result(agent, id) ?? [])
  }
}
