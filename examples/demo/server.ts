// The demo: a chat with presence and a board that everyone paints on; beside it, every frame of your connection.
//
//     npm run demo                          PORT=3000 and HOST=0.0.0.0 say where, to come by with a phone, too
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
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
  const [url = '', ...others] = urlsOf(host, (server.address() as AddressInfo).port)
  const close = async () => {
    server.close() // nobody new; then goodbye to those who are here: 1012 says that they may come back
    await chat.close({ code: 1012, reason: 'Restarting' })
    await wire.door.close({ code: 1012, reason: 'Restarting' }) // last: it shows how the chat ends
    server.closeAllConnections() // idle ones, that browsers keep for the next page
  }
  return { url, others, close }
}

/** Where a server is found: who listens everywhere, at each address that other devices can reach, too. */
export function urlsOf(host: string, port: number) {
  const everywhere = host === '0.0.0.0' || host === '::'
  const hosts = everywhere ? ['localhost', ...outerAddresses()] : [isIPv6(host) ? `[${host}]` : host]
  return hosts.map((name) => `http://${name}:${port}`)
}

function outerAddresses() {
  const all = Object.values(networkInterfaces()).flatMap((found = []) => found)
  return all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
}

/** Where it was told to, or on 8080; if that port is taken and nobody asked for it, on any other. */
async function startSomewhere() {
  const { PORT, HOST } = process.env
  const host = HOST || 'localhost' // an empty one would be everywhere
  return await start(Number(PORT ?? 8080), host).catch((error) => {
    if (error.code !== 'EADDRINUSE' || PORT !== undefined) throw error
    return start(0, host)
  })
}

async function main() {
  const { url, others, close } = await startSomewhere()
  console.log(`Open ${url} in a browser; in two of them, to have somebody to talk to. Ctrl+C ends it.`)
  for (const other of others) console.log(`From other devices: ${other}`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close)
}

// By its real path: it may have been started through a link.
if (realpathSync(process.argv[1] ?? '') === import.meta.filename)
  await main().catch(({ message }: Error) => {
    console.error(`Cannot start: ${message}`)
    process.exitCode = 1
  })
