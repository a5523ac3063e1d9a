// A chat: what one says, everybody else hears.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, type Message, upgrade } from 'fastws'

/** Whoever has this much waiting misses a message: one slow listener must not hold up the others. */
const TOO_FAR_BEHIND = 1 << 20

const chat = upgrade(async (conn) => {
  for await (const message of conn) tellOthers(conn, message)
})

function tellOthers(speaker: Conn, message: Message) {
  for (const conn of chat.conns) {
    if (conn === speaker || conn.bufferedAmount > TOO_FAR_BEHIND) continue
    void conn.send(message) // nobody waits here, and nobody has to: a lost connection removes itself
  }
}

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
