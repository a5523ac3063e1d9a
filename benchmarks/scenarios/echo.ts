// A, B and C: echo servers. K: A and B over TLS.
import type { EchoShape } from '../e2e/load/echo.js'
import { measureEcho } from '../e2e/measure-echo.js'
import { subjectOf } from '../e2e/subjects.js'
import type { Goal } from '../results.js'
import { type Cell, type Extent, type Findings, inTurn, noteBottlenecks, type Scenario } from './scenario.js'
import { quickly, shapes } from './shapes.js'

const JUDGED = ['events', 'ws', 'net', 'await', 'bun']
const ASIDE = ['deno', 'portable', 'ws-js', 'websocket']
/** Where frames are small, B has told already what a native mask is worth. */
const ASIDE_SMALL = ['deno', 'portable']

const cpu = (ours: string, theirs: string, limit: number, variant = ''): Goal => ({
  text: `CPU per message, ${ours} / ${theirs}${variant && `, ${variant}`}`,
  ours: { subject: ours, variant, metric: 'cpuPerMessage' },
  theirs: { subject: theirs, variant, metric: 'cpuPerMessage' },
  limit,
})

interface EchoCell extends Cell {
  readonly shape: EchoShape
}

/**
 * Milliseconds after which V8 has compiled what matters: a server by `for await` still spends a fifth of its time on that
 * 0.4 s after it began, and shares its only core with the compiler.
 */
const WARM_UP = 1000

async function measure(cells: readonly EchoCell[], extent: Extent, tls = false): Promise<Findings> {
  const findings = await inTurn(cells, extent, (cell) =>
    measureEcho({
      subject: subjectOf(cell.subject),
      shape: extent.isQuick ? quickly(cell.shape) : cell.shape,
      times: extent.isQuick ? extent.times : { ...extent.times, warmUp: WARM_UP },
      options: { tls },
    }),
  )
  noteBottlenecks(findings)
  return findings
}

const among = (
  shape: EchoShape,
  names: readonly string[],
  aside: readonly string[],
  variant = '',
): EchoCell[] =>
  [...names, ...aside].map((subject) => ({ subject, variant, shape, isAside: aside.includes(subject) }))

export const echoA: Scenario = {
  id: 'A',
  title: 'Echo, one message at a time',
  shape: '100 connections, text of 64 B, one message in flight on each',
  goals: [cpu('events', 'ws', 0.8), cpu('events', 'net', 1), cpu('await', 'ws', 0.85)],
  measure: (extent) => measure(among(shapes.A, JUDGED, ASIDE), extent),
}

export const echoB: Scenario = {
  id: 'B',
  title: 'Echo, 4.1 KiB',
  shape: '200 connections, text of 4,198 B, 8 messages in flight on each',
  goals: [cpu('events', 'ws', 0.4), cpu('events', 'bun', 0.8), cpu('await', 'ws', 0.6)],
  measure: (extent) => measure(among(shapes.B, JUDGED, ASIDE), extent),
}

export const echoC: Scenario = {
  id: 'C',
  title: 'Echo, many small messages',
  shape: '50 connections, text of 32 B, 500 messages in flight on each',
  goals: [cpu('events', 'ws', 0.04), cpu('events', 'bun', 0.8), cpu('await', 'ws', 0.09)],
  measure: (extent) => measure(among(shapes.C, JUDGED, ASIDE_SMALL), extent),
}

const JUDGED_OVER_TLS = ['events', 'ws']
const ASIDE_OVER_TLS = ['await', 'bun']

export const echoOverTls: Scenario = {
  id: 'K',
  title: 'Echo over TLS',
  shape: 'A and B with TLS 1.3; the load decrypts as well and may be the bottleneck',
  goals: [cpu('events', 'ws', 0.95, 'A'), cpu('events', 'ws', 0.85, 'B')],
  measure: (extent) =>
    measure(
      [
        ...among(shapes.A, JUDGED_OVER_TLS, ASIDE_OVER_TLS, 'A'),
        ...among(shapes.B, JUDGED_OVER_TLS, ASIDE_OVER_TLS, 'B'),
      ],
      extent,
      true,
    ),
}
