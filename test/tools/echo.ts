import { createServer, type Server } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { type ConnOptions, dial, upgrade } from '../../src/index.js'

/** Larger than any case. */
const LARGE = 64 << 20
const limits = {
  maxMessage: LARGE,
  maxFrame: LARGE,
  maxFragments: 1_000_000,
  maxControlRate: Infinity,
} as const
/** Everything is compressed, and refers to what was sent before, unless the other side wants it otherwise. */
const compress = { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false } as const
/** Without the limit of fragments, which the cases exceed. */
const ws = { maxPayload: LARGE, maxFragments: 0, maxBufferedChunks: 0, perMessageDeflate: true } as const

/** An echo server and an echo client of one library, with the limits that the cases need. */
export interface EchoPeer {
  readonly server: () => Server
  /** Echoes at an address until that is over; resolves with the last message. */
  readonly client: (url: string) => Promise<string | undefined>
}

async function echoWithFastws(url: string, options: ConnOptions): Promise<string | undefined> {
  let last: string | undefined
  const conn = await dial(url, {
    ...options,
    timeout: 60_000,
    events: {
      message: (conn, message) => {
        last = message.isText && message.data.length < 100 ? message.text() : undefined
        return conn.send(message)
      },
    },
  })
  await conn.closed
  return last
}

function echoWithWs(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let last: string | undefined
    const socket = new WebSocket(url, { ...ws, handshakeTimeout: 60_000 })
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      last = data.length < 100 ? String(data) : undefined
      socket.send(data, { binary: isBinary })
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(last))
  })
}

const fastws = (options: ConnOptions): EchoPeer => ({
  server: () =>
    createServer(upgrade({ message: (conn, message) => conn.send(message) }, { ...options, origins: '*' })),
  client: (url) => echoWithFastws(url, options).catch(() => undefined),
})

export const echoPeers: Readonly<Record<string, EchoPeer>> = {
  fastws: fastws({ ...limits, compress }),
  'fastws-plain': fastws({ ...limits, compress: false }),
  ws: {
    server: () => {
      const server = createServer((_request, response) => response.writeHead(426).end())
      new WebSocketServer({ server, ...ws }).on('connection', (socket) => {
        socket.on('error', () => undefined)
        socket.on('message', (data: Buffer, isBinary: boolean) => socket.send(data, { binary: isBinary }))
      })
      return server
    },
    client: echoWithWs,
  },
}

/** The loop of a client under test, as it is written for the Autobahn test suite; with more than one case at a time. */
export async function runCases(base: string, agent: string, { client }: EchoPeer, atOnce = 1): Promise<void> {
  const name = encodeURIComponent(agent)
  const count = Number(await client(`${base}/getCaseCount`))
  let next = 1
  const worker = async (): Promise<void> => {
    while (next <= count) await client(`${base}/runCase?case=${next++}&agent=${name}`)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  await client(`${base}/updateReports?agent=${name}`)
}
