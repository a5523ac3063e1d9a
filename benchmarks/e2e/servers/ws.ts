import type { RawData, WebSocket, WebSocketServer } from 'ws'
import { loadPeer } from '../../root.js'
import { httpServer, serve, serverOptions, takeoverOf } from './serve.js'

const options = serverOptions()
const { WebSocketServer: Sockets } = loadPeer<{ WebSocketServer: typeof WebSocketServer }>('ws')

const server = httpServer(options)
const { compress } = options

/** What its README shows, where no level is asked for. */
const settings = {
  zlibDeflateOptions: { chunkSize: 1 << 10, memLevel: 7, level: 3 },
  zlibInflateOptions: { chunkSize: 10 << 10 },
}
const perMessageDeflate = compress !== undefined && {
  ...takeoverOf(compress),
  ...(compress.level === undefined ? settings : { zlibDeflateOptions: { level: compress.level } }),
}
const sockets = new Sockets({ server, perMessageDeflate, maxPayload: options.maxMessage })

const onMessage = {
  echo: (socket: WebSocket, data: RawData, isBinary: boolean) => socket.send(data, { binary: isBinary }),
  count: (socket: WebSocket, data: RawData) => socket.send(`${(data as Buffer).length}`),
  broadcast: (_socket: WebSocket, data: RawData, isBinary: boolean) => broadcast(data, isBinary),
}[options.mode]

sockets.on('connection', (socket) => {
  socket.on('error', () => undefined)
  socket.on('message', (data, isBinary) => onMessage(socket, data, isBinary))
})

function broadcast(data: RawData, isBinary: boolean): void {
  for (const socket of sockets.clients) socket.send(data, { binary: isBinary })
}

serve(server)
