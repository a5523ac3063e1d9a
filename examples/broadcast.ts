// A chat: what one says, everybody else hears.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { broadcast, upgrade } from 'fastws'

const chat = upgrade(async (conn) => {
  for await (const message of conn) {
    // Encoded once for all. Who does not keep up misses something: one slow listener must not hold up the others.
    const { skipped } = broadcast(chat.conns, message, { except: conn, slow: 'skip' })
    if (skipped > 0) console.log(`${skipped} of ${chat.conns.size} missed a message`)
  }
})

export async function start(port: number) {
  const server = createServer(chat).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(
    `The chat is on ${url}. In the console of two browser tabs, opened on http${url.slice(2)}, say:`,
  )
  console.log('\n    ws = new WebSocket(location.origin); ws.onmessage = (event) => console.log(event.data)')
  console.log("    ws.send('hello')\n")
}
