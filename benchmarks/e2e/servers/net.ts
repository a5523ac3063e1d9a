// No WebSocket at all: what Node's own sockets need to give back what came in.
import { createServer } from 'node:net'
import { BACKLOG, serve } from './serve.js'

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (bytes) => socket.write(bytes))
})

server.maxConnections = BACKLOG * 8
serve(server)
