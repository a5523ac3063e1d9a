// Sends back whatever it is sent.
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { upgrade } from 'fastws'

const echo = upgrade(async (conn) => {
  for await (const message of conn) await conn.send(message) // text stays text, bytes stay bytes
})

export async function start(port: number) {
  const server = createServer(echo).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

// By its real path: it may have been started through a link.
if (realpathSync(process.argv[1] ?? '') === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`The echo server listens on ${url}. Now open a second terminal, in the same folder, and run`)
  console.log(`\n    node dist/examples/echo-client.js --url ${url}\n`)
  console.log('Ctrl+C ends it.')
}
