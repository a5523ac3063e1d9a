// The server that clients are measured against: it counts what comes in and answers with frames that it has ready.
import { createServer, type Socket } from 'node:net'
import { acceptOf, clientMessage, serverMessage, TEXT, textOf } from '../wire.js'

/** What it answers to. All clients send the same text. */
export interface ReflectorJob {
  readonly size: number
  readonly inFlight: number
}

/** Listens; resolves with the port. */
export function startReflector({ size, inFlight }: ReflectorJob): Promise<number> {
  const payload = textOf(size)
  const expected = clientMessage(payload, TEXT).length
  const answers = Buffer.concat(Array(inFlight).fill(serverMessage(payload, TEXT)))
  const answerSize = answers.length / inFlight
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined)
    shakeHands(socket, () => {
      let phase = 0
      socket.on('data', (bytes) => {
        const total = phase + bytes.length
        let count = Math.floor(total / expected)
        phase = total - count * expected
        for (; count > 0; count -= inFlight)
          socket.write(answers.subarray(0, Math.min(count, inFlight) * answerSize))
      })
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
}

function shakeHands(socket: Socket, done: () => void): void {
  let head = ''
  const read = (bytes: Buffer): void => {
    head += bytes.toString('latin1')
    if (!head.endsWith('\r\n\r\n')) return
    socket.off('data', read)
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? ''
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
    socket.write([...lines, `Sec-WebSocket-Accept: ${acceptOf(key)}`, '\r\n'].join('\r\n'))
    done()
  }
  socket.on('data', read)
}
