// The WebSocket that Node has itself, since version 22; before, for those who ask for it.
import { once } from 'node:events'
import { runClient } from './client.js'

interface NodeWebSocket extends EventTarget {
  onmessage: ((event: { data: string }) => void) | null
  onerror: (() => void) | null
  send(data: string): void
}

const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string) => NodeWebSocket }

runClient(async (url, count) => {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  socket.onerror = () => count.fail(new Error('The connection failed'))
  socket.onmessage = ({ data }) => {
    count.add(() => data)
    socket.send(count.text)
  }
  return () => socket.send(count.text)
})
