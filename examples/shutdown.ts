// Ends when it is told to from outside (SIGTERM, SIGINT): lets nobody new in, says goodbye to those who are there,
// waits for them, and only then ends.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { upgrade } from 'fastws'

const clock = upgrade(async (conn) => {
  for (;;) {
    await conn.send(new Date().toISOString())
    await sleep(1000, undefined, { signal: conn.signal }) // ends with the connection, and so does this function
  }
})

export async function start(port: number) {
  const server = createServer(clock).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  const close = async () => {
    server.close() // no new TCP connections
    await clock.close({ code: 1001, reason: 'The server restarts', timeout: 5_000 })
  }
  return { url, close }
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await start(Number(process.env.PORT ?? 8080))
  console.log(`Tells the time on ${url}; process ${process.pid}. Ctrl+C ends it, gently.`)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, async () => {
      console.log(`${signal}: ${clock.conns.size} connections to close`)
      await close()
      console.log('All are closed')
    })
}
