// The server that is attacked: an echo with the default options, and compression on. It prints its port. Besides fastws
// there is ws, with the same limit for messages, to see what the same attacks do elsewhere.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { RawData, WebSocket, WebSocketServer } from 'ws'
import { upgrade } from '../../src/index.js'
import { answer } from '../e2e/rpc.js'
import { DEFAULTS } from '../e2e/servers/serve.js'
import { loadPeer } from '../root.js'
import type { Attacked } from './measure.js'

const [subject = '', options = ''] = process.argv.slice(2)

/** Makes a server speak WebSocket; returns how to ask for the number of its connections. */
const starts: Readonly<Record<Attacked, (server: Server) => () => number>> = {
  fastws(server) {
    const echo = upgrade(
      { message: (conn, message) => conn.send(message) },
      { compress: true, ...JSON.parse(options), onError: () => undefined },
    )
    echo.attach(server)
    return () => echo.conns.size
  },
  ws(server) {
    const { WebSocketServer: Sockets } = loadPeer<{ WebSocketServer: typeof WebSocketServer }>('ws')
    const echo = new Sockets({ server, perMessageDeflate: true, maxPayload: DEFAULTS.maxMessage })
    echo.on('connection', (socket: WebSocket) => {
      socket.on('error', () => undefined)
      socket.on('message', (data: RawData, isBinary: boolean) => socket.send(data, { binary: isBinary }))
    })
    return () => echo.clients.size
  },
}

const server = createServer()
const count = starts[subject as Attacked](server)
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
let cpu = process.cpuUsage()
let since = performance.now()

answer({
  /** What happened since the last time that this was asked. */
  state: () => {
    const { user, system } = process.cpuUsage(cpu)
    const passed = performance.now() - since
    cpu = process.cpuUsage()
    since = performance.now()
    const state = {
      connections: count(),
      rss: process.memoryUsage().rss,
      busy: (user + system) / 1000 / passed,
      loopDelay: delay.percentile(99) / 1e6,
    }
    delay.reset()
    return state
  },
})
