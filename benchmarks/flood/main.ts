// How much an attack on one connection costs everybody else: the p99 latency of honest connections while all is quiet,
// and while each kind of attack goes on. Exits with 1 when an attack makes it more than three times as long.
//
//     npm run flood                                        every kind, 10 seconds each
//     npm run flood -- --seconds 600 --kinds pings,bombs
//     npm run flood -- --options '{"maxMessage":65536}'    with other options than the defaults
//     npm run flood -- --server ws                         what the same attacks do to ws
//
// The figures are medians of windows of half a second. `its loop` is the p99 delay of the server's event loop, which is
// looked at once a millisecond: where the latency is much longer, it is the machine or the clients that are late.
//
// Server on one core, honest clients and the attacker on the other; the attacker takes only what the clients leave.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { circumstances } from '../suite.js'
import { aligned, headLines } from '../table.js'
import { attacks } from './attacks.js'
import { type FloodResult, type FloodShape, measureFlood, SERVERS } from './measure.js'

/** An attack on one may make it so many times as long for the others. */
const MOST = 3

const ms = (value: number): string => `${value.toFixed(2)} ms`

const rateOf = ({ rate, unit }: FloodResult): string =>
  `${rate < 100 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US')} ${unit}/s`

export const isBearable = ({ ratio, flood }: FloodResult): boolean => ratio <= MOST && flood.lost === 0

/** The figures as a table. */
export function floodTable(results: readonly FloodResult[]): string {
  const head = ['kind', 'attack', 'server', 'its loop', 'quiet p99', 'flood p99', 'ratio', `<= ${MOST}`]
  const rows = results.map((result) => [
    result.kind,
    rateOf(result),
    `${Math.round(result.server.busy * 100)} % of a core`,
    ms(result.server.loopDelay),
    ms(result.quiet.p99),
    ms(result.flood.p99),
    result.ratio.toFixed(2),
    isBearable(result) ? 'yes' : 'NO',
  ])
  return aligned([head, ...rows])
}

/** Measures one kind after the other. */
export async function flood(kinds: readonly string[], shape: FloodShape): Promise<FloodResult[]> {
  for (const kind of kinds)
    if (attacks[kind] === undefined)
      throw new RangeError(`There is no kind ${kind}: there are ${Object.keys(attacks).join(', ')}`)
  const results: FloodResult[] = []
  for (const kind of kinds) results.push(await measureFlood(kind, shape))
  return results
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '10' },
      kinds: { type: 'string', default: Object.keys(attacks).join() },
      connections: { type: 'string', default: '100' },
      server: { type: 'string', default: SERVERS[0] },
      options: { type: 'string', default: '{}' },
    },
  })
  const server = SERVERS.find((name) => name === values.server)
  if (server === undefined)
    throw new RangeError(`There is no server ${values.server}: there are ${SERVERS.join(', ')}`)
  const shape: FloodShape = {
    server,
    milliseconds: Number(values.seconds) * 1000,
    connections: Number(values.connections),
    options: JSON.parse(values.options),
  }
  console.log([...headLines(circumstances(false)), `attacked: ${server}`].join('\n'))
  const results: FloodResult[] = []
  for (const kind of values.kinds.split(',')) {
    results.push(...(await flood([kind], shape)))
    console.error(`${kind} done`)
  }
  console.log(`\n${floodTable(results)}`)
  if (!results.every(isBearable)) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
