// I: the other side of B and C.
import { measureClient } from '../e2e/measure-client.js'
import type { Goal } from '../results.js'
import { peerVersion } from '../root.js'
import { type Cell, inTurn, type Scenario } from './scenario.js'
import { quickly, shapes } from './shapes.js'

interface Client extends Pick<Cell, 'isAside'> {
  readonly subject: string
  readonly label: string
  readonly script: string
  /** What Node has to be told, to run it. */
  readonly flags?: readonly string[]
  readonly missing?: string | undefined
}

/** Node 20 has a WebSocket of its own only for those who ask for it. */
const ASKED = '--experimental-websocket'
const isThere = 'WebSocket' in globalThis
const canAsk = process.allowedNodeEnvironmentFlags.has(ASKED)

const clients: readonly Client[] = [
  { subject: 'dial', label: 'fastws, dial() and for await', script: 'fastws.js' },
  {
    subject: 'ws-client',
    label: 'ws',
    script: 'ws.js',
    missing: peerVersion('ws') === undefined ? 'ws is not installed (npm run bench:install)' : undefined,
  },
  {
    subject: 'node-client',
    label: "Node's WebSocket",
    script: 'node.js',
    isAside: true,
    flags: isThere ? [] : [ASKED],
    missing: isThere || canAsk ? undefined : `Node ${process.version} has none`,
  },
]

const goal = (variant: string): Goal => ({
  text: `CPU per message, dial() / ws, ${variant}`,
  ours: { subject: 'dial', variant, metric: 'cpuPerMessage' },
  theirs: { subject: 'ws-client', variant, metric: 'cpuPerMessage' },
  limit: 0.6,
})

type ClientCell = Cell & Client & { readonly variant: 'B' | 'C' }

export const client: Scenario = {
  id: 'I',
  title: 'Clients',
  shape:
    'the shapes of B and C, with the client being measured; the server counts and answers with frames made before',
  goals: [goal('B'), goal('C')],
  measure: (extent) => {
    const cells = (['B', 'C'] as const).flatMap((variant) =>
      clients.map((one): ClientCell => ({ ...one, variant })),
    )
    return inTurn(cells, extent, ({ script, flags, variant }) =>
      measureClient(
        { script, flags },
        extent.isQuick ? quickly(shapes[variant]) : shapes[variant],
        extent.times,
      ),
    )
  },
}
