// The figures by name: what they are called, and how they are written.
import type { Spread } from './stats.js'

interface Metric {
  readonly label: string
  readonly write: (value: number) => string
}

/** Three digits, thousands apart. A moment too short to cost anything gives no ratio: JSON keeps null for it. */
export function digits(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '?'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return Number(value.toPrecision(3)).toString()
}

const withUnit =
  (unit: string) =>
  (value: number): string =>
    `${digits(value)} ${unit}`

const bytes = (value: number): string =>
  Math.abs(value) < 1024 ? `${digits(value)} B` : withUnit('KiB')(value / 1024)

const percent = (value: number): string => `${Math.round(value * 100)} %`

const metrics: Readonly<Record<string, Metric>> = {
  cpuPerMessage: { label: 'CPU per message', write: withUnit('µs') },
  messagesPerSecond: { label: 'messages/s', write: digits },
  cpuPerDelivery: { label: 'CPU per delivery', write: withUnit('µs') },
  deliveriesPerSecond: { label: 'deliveries/s', write: digits },
  cpuTotal: { label: 'CPU in all', write: withUnit('ms') },
  cpuToOpen: { label: 'CPU to open one', write: withUnit('µs') },
  rssPerConnection: { label: 'resident, idle connection', write: bytes },
  settledPerConnection: { label: 'of that not young', write: bytes },
  heapPerConnection: { label: 'heap, idle connection', write: bytes },
  cpuPerMiB: { label: 'CPU per MiB', write: withUnit('µs') },
  mibPerSecond: { label: 'MiB/s', write: digits },
  peakOfOne: { label: 'peak memory of one / its size', write: digits },
  peakOfMany: { label: 'peak memory in all / size', write: digits },
  nsPerMessage: { label: 'time per message', write: withUnit('ns') },
  nsPerByte: { label: 'time per byte', write: withUnit('ns') },
  bytesPerMessage: { label: 'memory per message', write: (value) => `${Math.floor(value)} B` },
  collections: { label: 'collections of garbage', write: digits },
  serverBusy: { label: 'server busy', write: percent },
  clientBusy: { label: 'client busy', write: percent },
  loadBusy: { label: 'load busy', write: percent },
  p50: { label: 'p50', write: withUnit('µs') },
  p99: { label: 'p99', write: withUnit('µs') },
}

const metricOf = (name: string): Metric => metrics[name] ?? { label: name, write: digits }

export const labelOfMetric = (name: string): string => metricOf(name).label

export const writeMetric = (name: string, value: number): string => metricOf(name).write(value)

/** A ratio or figure with how far it spreads. */
export const writeSpread = ({ median, min, max }: Spread): string =>
  `${digits(median)} (${digits(min)} – ${digits(max)})`
