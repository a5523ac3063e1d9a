// The demo: a chat with presence and a board that everyone paints on; beside it, every frame of your connection.
//
//     npm run demo                          PORT=3000 and HOST=0.0.0.0 say where, to come by with a phone, too
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openChat } from './chat.js'
import { sendFile } from './files.js'
import { Wire } from './wire.js'

export async function start(port: number, host = 'localhost') {
  const wire = new Wire()
  const chat = openChat(wire)
  const server = createServer(sendFile)
  for (const door of [chat, wire.door]) door.attach(server)
  server.listen(port, host)
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.close() // nobody new; then goodbye to those who are here: 1012 says that they may come back
    await chat.close({ code: 1012, reason: 'Restarting' })
    await wire.door.close({ code: 1012, reason: 'Restarting' }) // last: it shows how the chat ends
    server.closeAllConnections() // idle ones, that browsers keep for the next page
  }
  return { url, close }
}

/** Where it was told to, or on 8080; if that port is taken and nobody asked for it, on any other. */
async function startSomewhere() {
  const { PORT, HOST } = process.env
  return await start(Number(PORT ?? 8080), HOST).catch((error) => {
    if (error.code !== 'EADDRINUSE' || PORT !== undefined) throw error
    return start(0, HOST)
  })
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await startSomewhere()
  console.log(`Open ${url} in a browser; in two of them, to have somebody to talk to. Ctrl+C ends it.`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)
}
