// Client and server in one program: a connection is the same thing on both sides.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, dial, upgrade } from 'fastws'

/** Both sides run this: who gets a number sends the next one, up to the limit. */
async function countTogether(conn: Conn, limit: number, print: (line: string) => void) {
  const side = conn.request === undefined ? 'client' : 'server'
  for await (const message of conn) {
    const number = Number(message.text())
    print(`${side} got ${number}`)
    if (number === limit) await conn.close()
    else await conn.send(String(number + 1))
  }
}

export async function start(port: number, print: (line: string) => void) {
  const server = createServer(upgrade((conn) => countTogether(conn, 6, print))).listen(port, 'localhost')
  await once(server, 'listening')
  const conn = await dial(`ws://localhost:${(server.address() as AddressInfo).port}`)
  await conn.send('1')
  await countTogether(conn, 6, print)
  const { code, initiator } = await conn.closed
  print(`closed with ${code} by the ${initiator === 'local' ? 'client' : 'server'}`)
  return { close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { close } = await start(Number(process.env.PORT ?? 8080), console.log)
  close()
}
