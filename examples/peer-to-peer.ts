// Peers without a server between them: each listens, and each dials. What one says goes on from neighbour to neighbour.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { broadcast, type Conn, dial, type Message, upgrade } from 'fastws'
import { escapeControls } from './escape-controls.js'

export async function start(port: number, print: (line: string) => void = console.log) {
  const neighbours = new Set<Conn>()
  const known = new Set<string>() // a peer that runs for weeks forgets the oldest

  /** Once connected, it makes no difference who has dialled. */
  async function talk(conn: Conn) {
    neighbours.add(conn)
    try {
      for await (const message of conn) hear(conn, message)
    } finally {
      neighbours.delete(conn)
    }
  }

  function hear(from: Conn, message: Message) {
    const { id, text } = message.json() as { id: string; text: string }
    if (known.has(id)) return // it came round by another way
    known.add(id)
    print(`Heard: ${escapeControls(String(text))}`)
    void broadcast(neighbours, message, { except: from, slow: 'skip' })
  }

  function say(text: string) {
    const id = randomUUID()
    known.add(id)
    void broadcast(neighbours, JSON.stringify({ id, text }), { slow: 'skip' })
  }

  async function meet(url: string) {
    talk(await dial(url)).catch((error) => print(`A neighbour is gone: ${escapeControls(error.message)}`))
  }

  const peers = upgrade(talk)
  const server = createServer(peers).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.close()
    await Promise.all([peers.close(), ...[...neighbours].map((conn) => conn.close())])
  }
  return { url, say, meet, close }
}

if (process.argv[1] === import.meta.filename) {
  const { url, say, meet } = await start(Number(process.env.PORT ?? 8080))
  console.log(
    `Listens on ${url}. Type something; for more peers: PORT=0 node dist/examples/peer-to-peer.js ${url}`,
  )
  for (const other of process.argv.slice(2)) await meet(other)
  for await (const line of createInterface({ input: process.stdin })) say(line)
}
