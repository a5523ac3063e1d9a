/**
 * A server in a process of its own: sends to everybody who comes, and ends on SIGTERM, gently. Before that it sends until
 * more than a message waits for who came first, however much a kernel takes: that one must not read.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { upgrade } from '../../src/index.js'
import { once } from '../support/events.js'

const [count, size, timeout] = process.argv.slice(2).map(Number) as [number, number, number]
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const ws = upgrade(
  async (conn) => {
    for (let i = 0; i < count; i++) void conn.send(Buffer.alloc(size, i))
    await conn.closed
  },
  { whenFull: 'wait' },
)
const server = createServer(ws).listen(0, '127.0.0.1')
await once(server, 'listening')
say(`listens on ${(server.address() as AddressInfo).port}`)

process.once('SIGTERM', async () => {
  const [first] = ws.conns
  let sent = count
  for (; first!.bufferedAmount <= size; sent++)
    for (const conn of ws.conns) void conn.send(Buffer.alloc(size, sent))
  server.close()
  const closing = ws.close({ timeout })
  say(`closes ${ws.conns.size} behind ${sent} messages`)
  await closing
  const { open, closed, bufferedAmount } = ws.stats
  say(JSON.stringify({ open, closed, bufferedAmount }))
})
