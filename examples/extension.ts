// Two extensions of one's own: a local one that only looks on, and one that both sides have to agree on.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dial, type Extension, Rsv, upgrade } from 'fastws'
import { escapeControls } from './escape-controls.js'

/** Local, as it neither offers nor accepts: sees every frame, in and out, control frames too. */
const log = (side: string, print: (line: string) => void): Extension => ({
  name: 'log',
  start: () => ({
    encode: (frame) => print(`${side} sends ${frame}`),
    decode: (frame) => print(`${side} gets ${frame}`),
  }),
})

const MIRRORED = Rsv.Rsv3

/** Negotiated: turns payloads around, and marks such frames with a bit that is otherwise reserved. */
const mirror: Extension = {
  name: 'x-mirror',
  rsv: MIRRORED,
  offer: () => [[]], // the client offers it once, without parameters
  accept: () => [], // the server takes it, without parameters
  start: () => ({
    encode: (frame) => {
      if (!frame.isData) return
      frame.payload = Buffer.from(frame.payload).reverse()
      frame.rsv3 = true
    },
    decode: (frame) => {
      if (!frame.rsv3) return
      frame.payload = Buffer.from(frame.payload).reverse()
      frame.rsv3 = false
    },
  }),
}

export async function start(port: number, print: (line: string) => void) {
  const echo = upgrade(
    async (conn) => {
      for await (const message of conn) await conn.send(message)
    },
    { extensions: [log('server', print), mirror] },
  )
  const server = createServer(echo).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await start(Number(process.env.PORT ?? 8080), console.log)
  const conn = await dial(url, { extensions: [mirror] })
  console.log(`Agreed on ${conn.extensions.join(', ')}`)
  await conn.send('straw')
  const answer = await conn.read()
  console.log(`The client reads ${escapeControls(answer?.text() ?? 'nothing')}`)
  await conn.close()
  close()
}
