// The server that is attacked: an echo with the default options, and compression on. It prints its port.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { upgrade } from '../../src/index.js'
import { answer } from '../e2e/rpc.js'

const given = JSON.parse(process.argv[2] ?? '{}')
const echo = upgrade(
  { message: (conn, message) => conn.send(message) },
  { compress: true, ...given, onError: () => undefined },
)
const server = createServer(echo)
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
      connections: echo.conns.size,
      rss: process.memoryUsage().rss,
      busy: (user + system) / 1000 / passed,
      loopDelay: delay.percentile(99) / 1e6,
    }
    delay.reset()
    return state
  },
})
