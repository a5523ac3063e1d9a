// D: very many connections that do little.
import { addressesFor, whyTooMany } from '../e2e/limits.js'
import type { LoadProcess } from '../e2e/load-process.js'
import { withServerAndLoad } from '../e2e/measure-echo.js'
import type { ServerProcess } from '../e2e/server-process.js'
import type { Usage } from '../e2e/servers/usage.js'
import { subjectOf } from '../e2e/subjects.js'
import type { Goal } from '../results.js'
import { type Cell, type Extent, inTurn, type Sample, type Scenario } from './scenario.js'

const CONNECTIONS = 10_000
const ECHOES = { times: 10, size: 64 }

const goal = (what: string, metric: string, limit: number, whenMissed: string): Goal => ({
  text: `${what}, events / ws`,
  ours: { subject: 'events', metric },
  theirs: { subject: 'ws', metric },
  floor: { ours: { subject: 'bare', metric }, theirs: { subject: 'ws', metric } },
  limit,
  whenMissed,
})

interface Pair {
  readonly server: ServerProcess
  readonly load: LoadProcess
}

async function openAll({ server, load }: Pair, connections: number): Promise<void> {
  const addresses = addressesFor(connections)
  await load.ask('openMass', { connections, target: { port: server.port }, addresses })
}

/** The life of many connections. */
async function live(pair: Pair, connections: number): Promise<Sample> {
  const { server, load } = pair
  const before = await server.usage()
  await openAll(pair, connections)
  const opened = await server.usage()
  await load.ask('echoMass', ECHOES)
  await load.ask('closeMass')
  const after = await server.usage()
  const cpu = after.cpu - before.cpu
  return {
    cpuTotal: cpu / 1000,
    cpuToOpen: (opened.cpu - before.cpu) / connections,
    serverBusy: cpu / 1000 / (after.at - before.at),
  }
}

/** What many connections hold when nothing happens on them, garbage aside. */
async function hold(pair: Pair, connections: number): Promise<Sample> {
  const { server } = pair
  const before = await idle(server)
  await openAll(pair, connections)
  const after = await idle(server)
  return {
    rssPerConnection: (after.rss - before.rss) / connections,
    settledPerConnection: server.canBeAsked
      ? (after.rss - after.young - before.rss + before.young) / connections
      : undefined,
    heapPerConnection: server.canBeAsked ? (after.heap - before.heap) / connections : undefined,
  }
}

/** What the server uses after its garbage is gone. */
async function idle(server: ServerProcess): Promise<Usage> {
  if (server.canBeAsked) await server.ask('collect')
  return server.usage()
}

/** On a server that has had some connections before. */
function onWarmServer({ subject }: Cell, isQuick: boolean, use: typeof live): Promise<Sample> {
  return withServerAndLoad(subjectOf(subject), {}, async (server, load) => {
    const pair = { server, load }
    await openAll(pair, isQuick ? 10 : 200)
    await load.ask('echoMass', ECHOES)
    await load.ask('closeMass')
    return use(pair, isQuick ? 50 : CONNECTIONS)
  })
}

/** Two servers: a forced collection makes V8 drop optimized code, which must not count as the server's. */
async function measureCell(cell: Cell, { isQuick }: Extent): Promise<Sample> {
  const life = await onWarmServer(cell, isQuick, live)
  return { ...life, ...(await onWarmServer(cell, isQuick, hold)) }
}

export const mass: Scenario = {
  id: 'D',
  title: 'Many connections',
  shape:
    '10,000 connections are opened, stay idle, echo 10 messages of 64 B each, and close with the closing handshake',
  goals: [
    goal(
      'Server CPU in all',
      'cpuTotal',
      0.7,
      'CPU: most of the time is that of accepting and closing sockets, of reading the HTTP request and of writing: Node alone, ' +
        'which answers every connection with the same bytes, takes more than the bar allows.',
    ),
    goal(
      'Resident memory of an idle connection',
      'rssPerConnection',
      0.65,
      "resident memory: what Node's socket and its native half hold is more than the bar allows.",
    ),
    goal(
      'Heap of an idle connection',
      'heapPerConnection',
      0.65,
      "heap: Node's socket, which is two thirds as much, is let go; what is there instead is the state of a connection that can be " +
        'read, written and watched at any time, in a dozen objects. To join these would save enough, and cost their readability.',
    ),
  ],
  measure: (extent) => {
    const missing = extent.isQuick ? undefined : whyTooMany(CONNECTIONS)
    const judged = ['events', 'ws'].map((subject) => ({ subject, missing }))
    const aside = ['bare', 'bun'].map((subject) => ({ subject, missing, isAside: true }))
    const cells: Cell[] = [...judged, ...aside]
    return inTurn(cells, extent, (cell) => measureCell(cell, extent))
  },
}
