import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSameMachine } from './machine.js'
import type { Results, ScenarioResult } from './results.js'

export function readResults(path: string): Results {
  const results = JSON.parse(readFileSync(path, 'utf8')) as Results
  if (results.format !== 1) throw new Error(`${path} holds results in a form that is not known here`)
  return results
}

/** A scenario, and the run it stems from. */
export interface Reported {
  readonly scenario: ScenarioResult
  readonly run: Omit<Results, 'scenarios'>
  /** The file's name. */
  readonly file: string
}

/** The last run of each scenario in a folder, in the order of their names. */
export function lastOfEach(folder: string): Reported[] {
  const found = new Map<string, Reported>()
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  const runs = files.map((file) => ({ file, results: readResults(join(folder, file)) }))
  for (const { file, results } of runs.sort((a, b) => a.results.taken.localeCompare(b.results.taken))) {
    const { scenarios, ...run } = results
    for (const scenario of scenarios) found.set(scenario.id, { scenario, run, file })
  }
  const reported = [...found.values()].sort((a, b) => a.scenario.id.localeCompare(b.scenario.id))
  const [first] = reported
  for (const one of reported)
    if (!isSameMachine(first!.run.machine, one.run.machine))
      throw new Error(
        `Cannot report ${first!.file} and ${one.file} together: they come from different machines`,
      )
  return reported
}
