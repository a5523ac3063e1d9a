// The server of a soak: an echo that counts what goes through. It prints its port.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conn, upgrade, WebSocketError } from '../../src/index.js'
import { answer } from '../e2e/rpc.js'

interface Counts {
  opened: number
  closed: number
  /** Messages that the handler was given, and what the connections say of themselves. */
  handled: number
  messagesIn: number
  messagesOut: number
  /** Connections that their peer reset. */
  resets: number
}

const emptyCounts = (): Counts => ({
  opened: 0,
  closed: 0,
  handled: 0,
  messagesIn: 0,
  messagesOut: 0,
  resets: 0,
})

/** By path: connections that end as they should, and those that vanish. */
const counts: Record<string, Counts> = { '/steady': emptyCounts(), '/rough': emptyCounts() }
const countsOf = (conn: Conn): Counts => counts[conn.request!.url]!

const echo = upgrade(
  {
    open: (conn) => void countsOf(conn).opened++,
    message(conn, message) {
      countsOf(conn).handled++
      return conn.send(message)
    },
    close(conn, { cause }) {
      const own = countsOf(conn)
      own.closed++
      if (cause instanceof WebSocketError && cause.code === 'WS_ERR_SOCKET') own.resets++
      own.messagesIn += conn.stats.messagesIn
      own.messagesOut += conn.stats.messagesOut
    },
  },
  {
    compress: { serverNoContextTakeover: false, clientNoContextTakeover: false, threshold: 512 },
    maxOutboxBytes: 8 << 20,
  },
)
const server = createServer(echo)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log((server.address() as AddressInfo).port),
)

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

/** What is held when all garbage is gone; finalizers let go of memory only later, hence several times. */
async function held(): Promise<{ rss: number; heap: number }> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await sleep(10)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}

answer({
  /** The delay is measured while nobody looks: collecting garbage on purpose is no fault of the server. */
  async sample() {
    const loopDelay = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
    delay.disable()
    const memory = await held()
    delay.reset()
    delay.enable()
    return { ...memory, loopDelay, connections: echo.conns.size }
  },
  counts: () => counts,
})
