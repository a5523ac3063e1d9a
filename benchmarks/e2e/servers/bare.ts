// What Node's HTTP server and its sockets need by themselves: the handshake is answered, and the frames that the load
// expects are written, prepared beforehand. Nothing is decoded, unmasked, checked or limited: no library can be cheaper
// that goes through the same calls.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { acceptOf, CLOSE, clientMessage, frameBytes, serverMessage, TEXT, textOf } from '../wire.js'
import { httpServer, serve, serverOptions } from './serve.js'

const { mode, sent: { size, opcode = TEXT, fragment } = { size: 64 } } = serverOptions()
const payload = textOf(size)
const ANSWER = serverMessage(payload, opcode)
const SIZE = clientMessage(payload, opcode, fragment).length
const CLOSE_ANSWER = frameBytes(Buffer.from([0x03, 0xe8]), { opcode: CLOSE })

const sockets = new Set<Duplex>()
const server = httpServer(serverOptions())

server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
  const accept = acceptOf(request.headers['sec-websocket-key']!)
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  sockets.add(socket)
  let left = SIZE
  socket.on('error', () => undefined)
  socket.on('close', () => sockets.delete(socket))
  socket.on('end', () => socket.end())
  socket.on('data', (bytes: Buffer) => {
    if ((bytes[0]! & 0x0f) === CLOSE && left === SIZE) socket.end(CLOSE_ANSWER)
    else for (left -= bytes.length; left <= 0; left += SIZE) answer(socket)
  })
})

function answer(socket: Duplex): void {
  if (mode === 'broadcast') for (const one of sockets) one.write(ANSWER)
  else socket.write(ANSWER)
}

serve(server)
