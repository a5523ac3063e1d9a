// Reads frame by frame: prints what the wire carries, control frames too, and sends data frames back as they came.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Conn, upgrade } from 'fastws'

const inspect = async (conn: Conn, print: (line: string) => void) => {
  for (;;) {
    using frame = await conn.nextFrame() // borrowed: goes back to the pool at the end of each turn
    if (frame === null) return
    print(String(frame)) // bits, length and the beginning of the payload; control characters are escaped
    if (frame.isData) await conn.writeFrame(frame) // pings and Close have been answered already
  }
}

export async function start(port: number, print: (line: string) => void = console.log) {
  const server = createServer(upgrade((conn) => inspect(conn, print))).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Shows frames sent to ${url}. Try: node dist/examples/echo-client.js --url ${url} hello`)
}
