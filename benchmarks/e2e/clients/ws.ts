import { once } from 'node:events'
import type { WebSocket } from 'ws'
import { loadPeer } from '../../root.js'
import { runClient } from './client.js'

const { WebSocket: Socket } = loadPeer<{ WebSocket: typeof WebSocket }>('ws')

runClient(async (url, count) => {
  const socket = new Socket(url, { perMessageDeflate: false, maxPayload: 1 << 20 })
  await once(socket, 'open')
  socket.on('error', (error) => count.fail(error))
  socket.on('message', (data) => {
    count.add(() => data.toString())
    socket.send(count.text)
  })
  return () => socket.send(count.text)
})
