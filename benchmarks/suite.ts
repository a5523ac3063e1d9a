import { peerVersions } from './e2e/subjects.js'
import { thisCommit, thisMachine } from './machine.js'
import { judge, type Results, type ScenarioResult } from './results.js'
import type { Extent, Scenario } from './scenarios/scenario.js'

export const FULL = { isQuick: false, rounds: 5, times: { warmUp: 400, window: 900 } } as const
export const QUICK = { isQuick: true, rounds: 1, times: { warmUp: 30, window: 60 } } as const

export async function runScenario(scenario: Scenario, extent: Extent): Promise<ScenarioResult> {
  const { id, title, shape, goals } = scenario
  const begin = performance.now()
  const { rows, notes } = await scenario.measure(extent)
  const bars = goals.map((goal) => judge(rows, goal))
  return { id, title, shape, rows, bars, notes, seconds: Math.round((performance.now() - begin) / 1000) }
}

/** What everything was measured with. */
export const circumstances = (isQuick: boolean): Omit<Results, 'scenarios'> => ({
  format: 1,
  taken: new Date().toISOString(),
  isQuick,
  machine: thisMachine(),
  node: process.version,
  commit: thisCommit(),
  peers: peerVersions(),
})
