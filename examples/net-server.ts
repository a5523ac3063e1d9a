// No HTTP server at all: a plain TCP server that does the opening handshake by hand and hands the socket over.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Conn } from 'fastws'
import { acceptFor, isHandshakeKey } from 'fastws/frame'

const MAX_HEAD = 8192

/** Collects bytes up to the empty line; then the socket is `open`'s, and so is what came behind that line. */
function readHead(socket: Socket, open: (head: string, rest: Buffer) => void) {
  let bytes = Buffer.alloc(0)
  socket.on('data', function onData(chunk) {
    bytes = Buffer.concat([bytes, chunk])
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0 && bytes.length > MAX_HEAD) socket.destroy()
    if (end < 0) return
    socket.off('data', onData)
    open(bytes.toString('latin1', 0, end), bytes.subarray(end + 4))
  })
}

/** The value of a header; RFC 6455 §4.2.1 asks for more checks, which `upgrade()` makes. */
function headerOf(head: string, name: string): string {
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name}:`)) ?? ''
  return line.slice(name.length + 1).trim()
}

function onSocket(socket: Socket) {
  socket.on('error', () => socket.destroy())
  readHead(socket, (head, rest) => {
    const key = headerOf(head, 'sec-websocket-key')
    if (!isHandshakeKey(key)) return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}`
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
    return echo(Conn.over(socket, { role: 'server', head: rest })).catch(console.error)
  })
}

async function echo(conn: Conn) {
  for await (const message of conn) await conn.send(message)
}

export async function start(port: number) {
  const server = createServer(onSocket).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Echoes on ${url}. Try: node dist/examples/echo-client.js --url ${url} hello`)
}
