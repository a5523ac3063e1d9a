// Runs in Bun.
import { certificate } from '../certificate.js'

interface BunSocket {
  send(data: string | Uint8Array): number
  subscribe(topic: string): void
}

interface BunServer {
  readonly port: number
  upgrade(request: unknown): boolean
  publish(topic: string, data: string | Uint8Array): number
}

declare const Bun: { serve(options: object): BunServer }

const options = { mode: 'echo', tls: false, maxMessage: 1 << 20, ...JSON.parse(process.argv[2] ?? '{}') }
const length = (data: string | Uint8Array): string => `${data.length}`

const server: BunServer = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  ...(options.tls ? { tls: certificate } : {}),
  fetch: (request: unknown, self: BunServer) =>
    self.upgrade(request) ? undefined : new Response('Upgrade, please', { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: options.maxMessage,
    open: (socket: BunSocket) => {
      if (options.mode === 'broadcast') socket.subscribe('all')
    },
    message: (socket: BunSocket, data: string | Uint8Array) => {
      if (options.mode === 'broadcast') server.publish('all', data)
      else socket.send(options.mode === 'count' ? length(data) : data)
    },
  },
})

console.log(`port ${server.port}`)
