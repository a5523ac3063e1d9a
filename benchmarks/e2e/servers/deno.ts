// Runs in Deno.
interface DenoSocket {
  binaryType: string
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null
  send(data: string | ArrayBuffer): void
}

declare const Deno: {
  serve(options: object, handler: (request: unknown) => unknown): { addr: { port: number } }
  upgradeWebSocket(request: unknown, options: object): { socket: DenoSocket; response: unknown }
}

const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => undefined }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 })
  socket.binaryType = 'arraybuffer'
  socket.onmessage = ({ data }) => socket.send(data)
  return response
})

console.log(`port ${server.addr.port}`)
