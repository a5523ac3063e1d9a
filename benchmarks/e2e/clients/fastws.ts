import { type Conn, dial } from '../../../src/index.js'
import { type Count, runClient } from './client.js'

runClient(async (url, count) => {
  const conn = await dial(url)
  goOn(conn, count).catch((error: Error) => count.fail(error))
  return () => void conn.send(count.text)
})

async function goOn(conn: Conn, count: Count): Promise<void> {
  for await (const message of conn) {
    count.add(() => message.text())
    await conn.send(count.text)
  }
}
