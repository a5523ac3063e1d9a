import type { connection, server } from 'websocket'
import { loadPeer } from '../../root.js'
import { httpServer, serve, serverOptions } from './serve.js'

const options = serverOptions()
const { server: Server } = loadPeer<{ server: typeof server }>('websocket')

const http = httpServer(options)
const sockets = new Server({
  httpServer: http,
  maxReceivedFrameSize: options.maxMessage,
  maxReceivedMessageSize: options.maxMessage,
  fragmentOutgoingMessages: false,
  keepalive: false,
  autoAcceptConnections: true,
})

sockets.on('connect', (socket: connection) => {
  socket.on('message', (message) => {
    if (message.type === 'utf8') socket.sendUTF(message.utf8Data)
    else socket.sendBytes(message.binaryData)
  })
})

serve(http)
