// Asks who comes before there is a connection, and passes what it found out to the handler, typed.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { reject, upgrade } from 'fastws'

interface User {
  readonly name: string
  readonly isAdmin: boolean
}

/** Stands for a database: asked asynchronously. What the client sends meanwhile is not lost. */
async function findUser(token: string | undefined): Promise<User | undefined> {
  return new Map([
    ['Bearer letmein', { name: 'Ann', isAdmin: true }],
    ['Bearer please', { name: 'Bob', isAdmin: false }],
  ]).get(token ?? '')
}

const greeter = upgrade<User>(
  async (conn) => {
    await conn.send(`Hello ${conn.data.name}${conn.data.isAdmin ? ', what shall I do?' : ''}`)
    for await (const message of conn) await conn.send(`${conn.data.name} says ${message.text()}`)
  },
  {
    accept: async (request) => {
      const user = await findUser(request.headers.authorization)
      if (user === undefined) return reject(401, { headers: { 'WWW-Authenticate': 'Bearer' } })
      return { data: user }
    },
  },
)

export async function start(port: number) {
  const server = createServer(greeter).listen(port, 'localhost')
  await once(server, 'listening')
  const url = `ws://localhost:${(server.address() as AddressInfo).port}`
  return { url, close: () => server.close() }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await start(Number(process.env.PORT ?? 8080))
  console.log(
    `Greets those it knows on ${url}: dial it with { headers: { Authorization: 'Bearer letmein' } }`,
  )
}
