import { type Conn, dial } from '../../../src/index.js'
import { type Count, runClient } from './client.js'

runClient(async (url, { inFlight }, count) => {
  const conn = await dial(url)
  for (let i = 0; i < inFlight; i++) void conn.send(count.text)
  goOn(conn, count).catch((error: Error) => count.fail(error))
})

async function goOn(conn: Conn, count: Count): Promise<void> {
  for await (const message of conn) {
    count.add(() => message.text())
    await conn.send(count.text)
  }
}
