// Several paths on one server, each with an upgrade of its own, beside ordinary pages.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { upgrade } from 'fastws'

const echo = upgrade({ message: (conn, message) => conn.send(message) }, { path: '/echo' })

const time = upgrade(
  async (conn) => {
    await conn.send(new Date().toISOString()) // when the function returns, the connection is closed with 1000
  },
  { path: '/time' },
)

/** `/rooms/tea`, `/rooms/coffee` … : `path` may be a question. */
const rooms = upgrade(
  async (conn, request) => {
    const isHere = (other: typeof conn) => other.request?.url === request.url
    for await (const message of conn)
      for (const other of rooms.conns) if (isHere(other)) void other.send(message)
  },
  { path: (request) => request.url?.startsWith('/rooms/') === true },
)

export async function start(port: number) {
  const server = createServer((_request, response) => response.end('An ordinary page\n'))
  for (const route of [echo, time, rooms]) route.attach(server)
  server.listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Serves ${url}/echo, ${url}/time, ${url}/rooms/tea and, as a page, http${url.slice(2)}`)
}
