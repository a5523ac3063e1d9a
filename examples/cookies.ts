// Knows its visitors again: reads a cookie of the handshake, and sets one in its response.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { upgrade } from 'fastws'

interface Visitor {
  readonly id: string
  readonly visits: number
}

const visits = new Map<string, number>()

const counter = upgrade<Visitor>(
  async (conn) => {
    await conn.send(`Visitor ${conn.data.id}, visit ${conn.data.visits}`)
    await conn.closed
  },
  {
    accept: (request) => {
      const known = cookie(request, 'visitor')
      const id = known !== undefined && visits.has(known) ? known : randomUUID()
      visits.set(id, (visits.get(id) ?? 0) + 1)
      return {
        data: { id, visits: visits.get(id) ?? 1 },
        headers: { 'Set-Cookie': `visitor=${id}; HttpOnly; SameSite=Strict; Path=/` },
      }
    },
  },
)

function cookie(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

export async function start(port: number) {
  const server = createServer(counter).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Counts visits on ${url}. In the console of a browser tab, opened on http${url.slice(2)}, say:`)
  console.log('\n    new WebSocket(location.origin).onmessage = (event) => console.log(event.data)\n')
}
