// Many readers and many writers on one connection. Readers are served in call order and each gets a whole message;
// writers need no lock: messages go out in the order of the calls.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conn, dial, upgrade } from 'fastws'
import { escapeControls } from './escape-controls.js'

interface Job {
  readonly id: number
  readonly milliseconds: number
}

/** One of several readers of the same connection. */
async function work(conn: Conn, name: string) {
  for await (const message of conn) {
    const job = message.json<Job>()
    await sleep(job.milliseconds)
    await conn.send(JSON.stringify({ id: job.id, doneBy: name }))
  }
}

const workers = upgrade(async (conn) => {
  await Promise.all(['ann', 'bob', 'cid'].map((name) => work(conn, name)))
})

export async function start(port: number) {
  const server = createServer(workers).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

/** Sends jobs from many places at once; gives the answers in the order in which they came. */
export async function giveJobs(url: string, jobs: readonly Job[]): Promise<string[]> {
  await using conn = await dial(url)
  const answers = jobs.map(async () => (await conn.read())?.text() ?? 'none')
  await Promise.all(jobs.map((job) => conn.send(JSON.stringify(job))))
  return await Promise.all(answers) // `await`: else the connection would be closed before they are here
}

if (process.argv[1] === import.meta.filename) {
  const { url, close } = await start(Number(process.env.PORT ?? 8080))
  const jobs = [90, 30, 60, 30].map((milliseconds, id) => ({ id, milliseconds }))
  for (const answer of await giveJobs(url, jobs)) console.log(escapeControls(answer))
  close()
}
