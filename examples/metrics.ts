// Serves what a Prometheus server asks for: the counters of upgrade() as text, and a histogram of how long connections
// last, taken from node:diagnostics_channel.
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, type DiagnosticsEvents, type Upgrade, upgrade } from 'fastws'

/** One line of a metric: its labels and its value. */
type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number, suffix?: string]

const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"')

/** A metric in the text format, version 0.0.4. A counter's name ends in `_total`, units are seconds and bytes. */
export function metric(name: string, type: string, help: string, samples: Iterable<Sample>) {
  const lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`]
  for (const [labels, value, suffix = ''] of samples) {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(String(text))}"`)
    lines.push(`${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`)
  }
  return `${lines.join('\n')}\n`
}

const single = (value: number): Sample[] => [[{}, value]]
const inOut = (received: number, sent: number): Sample[] => [
  [{ direction: 'in' }, received],
  [{ direction: 'out' }, sent],
]
const by = (label: string, counts: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(counts).map(([name, count]) => [{ [label]: name }, count])

/** A peer may close with any code from 3000 to 4999: each would be a time series of its own. */
function byCode(closed: Readonly<Record<string, number>>) {
  const counts: Record<string, number> = {}
  for (const [code, count] of Object.entries(closed)) {
    const name = Number(code) < 3000 ? code : `${code[0]}xxx`
    counts[name] = (counts[name] ?? 0) + count
  }
  return by('code', counts)
}

/** How long the connections of all servers in this process last. */
class Durations {
  readonly #buckets = [1, 10, 60, 600, 3600, Infinity].map((le) => ({ le, count: 0 }))
  readonly #openedAt = new WeakMap<Conn, number>()
  #sum = 0

  constructor() {
    subscribe('fastws:open', (event) => {
      const { conn, role } = event as DiagnosticsEvents['fastws:open']
      if (role === 'server') this.#openedAt.set(conn, performance.now())
    })
    subscribe('fastws:close', (event) => {
      const openedAt = this.#openedAt.get((event as DiagnosticsEvents['fastws:close']).conn)
      if (openedAt !== undefined) this.#add((performance.now() - openedAt) / 1000)
    })
  }

  #add(seconds: number) {
    this.#sum += seconds
    for (const bucket of this.#buckets) if (seconds <= bucket.le) bucket.count++
  }

  samples(): Sample[] {
    const bucket = ({ le, count }: { le: number; count: number }): Sample => [
      { le: le === Infinity ? '+Inf' : le },
      count,
      '_bucket',
    ]
    const count = this.#buckets.at(-1)?.count ?? 0
    return [...this.#buckets.map(bucket), [{}, this.#sum, '_sum'], [{}, count, '_count']]
  }
}

const durations = new Durations()

/** Everything as a page. */
export function metrics({ stats }: Upgrade) {
  return [
    metric('ws_connections', 'gauge', 'Connections that are open.', single(stats.open)),
    metric('ws_handshakes', 'gauge', 'Handshakes that wait for accept().', single(stats.opening)),
    metric('ws_accepted_total', 'counter', 'Handshakes that became connections.', single(stats.accepted)),
    metric('ws_refused_total', 'counter', 'Requests refused, by status.', by('status', stats.refused)),
    metric('ws_closed_total', 'counter', 'Connections that are gone, by close code.', byCode(stats.closed)),
    metric('ws_failed_total', 'counter', 'Connections ended by an error.', by('error', stats.failed)),
    metric(
      'ws_limits_total',
      'counter',
      'Connections ended, handshakes refused.',
      by('option', stats.breached),
    ),
    metric('ws_rate_pauses_total', 'counter', 'Pauses of peers that are too fast.', single(stats.ratePauses)),
    metric('ws_messages_total', 'counter', 'Messages.', inOut(stats.messagesIn, stats.messagesOut)),
    metric('ws_bytes_total', 'counter', 'Bytes on the wire.', inOut(stats.bytesIn, stats.bytesOut)),
    metric('ws_buffered_bytes', 'gauge', 'Bytes that wait for slow peers.', single(stats.bufferedAmount)),
    metric('ws_memory_bytes', 'gauge', 'Bytes that count against maxMemory.', single(stats.memory ?? 0)),
    metric('ws_duration_seconds', 'histogram', 'How long connections last.', durations.samples()),
  ].join('')
}

const echo: Upgrade = upgrade(
  async (conn) => {
    for await (const message of conn) await conn.send(message)
  },
  {
    maxMemory: 512 * 1024 * 1024,
    fallback: (request, response) => {
      if (request.url !== '/metrics') return response.writeHead(404).end('Try /metrics\n')
      response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
      return response.end(metrics(echo))
    },
  },
)

export async function start(port: number) {
  const server = createServer(echo).listen(port, 'localhost')
  await once(server, 'listening')
  const { port: chosen } = server.address() as AddressInfo
  const close = async () => {
    server.close()
    await echo.close()
  }
  return { url: `ws://localhost:${chosen}`, close }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Echoes on ${url}; its numbers are on ${url.replace('ws', 'http')}/metrics`)
}
