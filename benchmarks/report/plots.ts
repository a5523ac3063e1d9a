import { writeMetric } from '../metrics.js'
import type { ScenarioResult } from '../results.js'
import { median } from '../stats.js'
import { barPlot, linePlot, type SvgLine } from './svg.js'

/** A picture, and the scenario below which it stands. */
export interface Plot {
  readonly scenario: string
  readonly file: string
  readonly title: string
  readonly svg: string
}

const OURS = new Set(['events', 'await', 'portable', 'dial', 'decoder', 'encoder'])

/** The pictures that say it sooner than a table; none for what was not measured. */
export function plotsOf(scenarios: readonly ScenarioResult[]): Plot[] {
  const byId = new Map(scenarios.map((scenario) => [scenario.id, scenario]))
  return [
    bars(byId.get('B'), 'cpuPerMessage', 'Server CPU per message, 4.1 KiB, less is better'),
    bars(byId.get('C'), 'cpuPerMessage', 'Server CPU per message, 32 B, less is better'),
    bars(byId.get('D'), 'rssPerConnection', 'Memory of an idle connection, less is better', 'memory'),
    crowds(byId.get('J')),
    sizes(byId.get('J')),
  ].flatMap((plot) => plot ?? [])
}

function bars(
  scenario: ScenarioResult | undefined,
  metric: string,
  title: string,
  name = scenario?.id.toLowerCase() ?? '',
): Plot | undefined {
  const shown = (scenario?.rows ?? []).flatMap(({ subject, label, metrics }) => {
    const values = metrics[metric]
    if (values === undefined) return []
    const value = median(values)
    return [{ label, value, text: writeMetric(metric, value), isOurs: OURS.has(subject) }]
  })
  if (scenario === undefined || shown.length === 0) return undefined
  return { scenario: scenario.id, file: `${name}.svg`, title, svg: barPlot(title, shown) }
}

const crowds = (scenario: ScenarioResult | undefined): Plot | undefined =>
  lines(scenario, 'growth-connections.svg', {
    title: 'Server CPU per message by the number of connections',
    xName: 'connections',
    yName: 'µs',
    metric: 'cpuPerMessage',
    xOf: (variant) => Number(variant.replace(/,| connections/g, '')),
  })

const sizes = (scenario: ScenarioResult | undefined): Plot | undefined =>
  lines(scenario, 'growth-sizes.svg', {
    title: 'Time per message by its size, in memory',
    xName: 'bytes',
    yName: 'ns',
    metric: 'nsPerMessage',
    xOf: bytesOf,
  })

interface LinesOf {
  readonly title: string
  readonly xName: string
  readonly yName: string
  readonly metric: string
  xOf(variant: string): number
}

function lines(scenario: ScenarioResult | undefined, file: string, what: LinesOf): Plot | undefined {
  const found = new Map<string, [number, number][]>()
  for (const { label, variant, metrics } of scenario?.rows ?? []) {
    const values = metrics[what.metric]
    if (values === undefined) continue
    const points = found.get(label) ?? []
    points.push([what.xOf(variant), median(values)])
    found.set(label, points)
  }
  if (scenario === undefined || found.size === 0) return undefined
  const drawn: SvgLine[] = [...found].map(([label, points]) => ({ label, points }))
  const svg = linePlot(what.title, what.xName, what.yName, drawn)
  return { scenario: scenario.id, file, title: what.title, svg }
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1 << 10, MiB: 1 << 20 }

function bytesOf(variant: string): number {
  const [count, unit] = variant.split(' ')
  return Number(count) * (UNITS[unit ?? ''] ?? Number.NaN)
}
