import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'
import { Conn, type ConnHandler, dial, upgrade } from 'fastws'
import { acceptFor } from 'fastws/frame'
import { listen, once } from '../support/index.js'
import { root } from '../support/root.js'
import { tableAfter } from './markdown.js'

/** Programs in the places that `upgrade()` fits, with what they need. */
export const FOLDER = 'examples/places'
const requireThere = createRequire(join(root, FOLDER, 'package.json'))

/** What a module that is installed there exports; what is used of it is told by who asks. */
const load = <T>(name: string): Promise<T> => import(pathToFileURL(requireThere.resolve(name)).href)

/** The code of each row in the README's table, by what it is for. */
export const rows = new Map(
  tableAfter('README.md', 'What `upgrade()` returns fits everywhere:').map(([have = '', write = '']) => [
    have.replaceAll('`', ''),
    /^`([^`]+)`/.exec(write)?.[1] ?? '',
  ]),
)

const handler: ConnHandler = async (conn) => {
  for await (const message of conn) await conn.send(message)
}

/** Runs code that stands in a row, with the names that it takes from around it. */
function runIn(row: string, names: Readonly<Record<string, unknown>>, code = 'return CODE'): unknown {
  const written = rows.get(row)
  assert.ok(written, row)
  const all = { upgrade, handler, Conn, ...names }
  return compileFunction(
    code.replace('CODE', () => written),
    Object.keys(all),
  )(...Object.values(all))
}

/** The connections of a server come to the handler. */
async function serves(t: TestContext, port: number): Promise<void> {
  const conn = await dial(`ws://127.0.0.1:${port}/chat`)
  t.after(() => conn.terminate())
  await conn.send('over there')
  assert.equal((await conn.read())?.text(), 'over there')
  assert.equal((await conn.close()).code, 1000)
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

const page: RequestListener = (_request, response) => void response.end('A page\n')

/** Runs each row in the place that it is for, once `FOLDER` is installed. */
export const places: Readonly<Record<string, (t: TestContext, row: string) => Promise<void>>> = {
  'no server yet': async (t, row) => serves(t, await listen(t, runIn(row, { createServer }) as Server)),

  'a server with pages of its own': (t, row) => servesBeside(t, row, page),

  'upgrade listeners of your own': (t, row) => servesBeside(t, row, page),

  'Express or the like': async (t, row) => {
    const { default: express } = await load<{ default: () => RequestListener }>('express')
    const app = express()
    runIn(row, { app })
    await serves(t, await listen(t, createServer(app)))
  },

  Fastify: async (t, row) => {
    interface App {
      readonly server: Server
      listen(options: object): Promise<unknown>
      close(): Promise<void>
    }
    const { default: fastify } = await load<{ default: () => App }>('fastify')
    const app = fastify()
    t.after(() => app.close())
    runIn(row, { app })
    await app.listen({ port: 0, host: '127.0.0.1' })
    await serves(t, portOf(app.server))
  },

  Koa: async (t, row) => {
    const { default: Koa } = await load<{ default: new () => { callback(): RequestListener } }>('koa')
    await servesBeside(t, row, new Koa().callback())
  },

  Hono: async (t, row) => {
    const { Hono } = await load<{ Hono: new () => { readonly fetch: unknown } }>('hono')
    const { serve } = await load<{ serve: (options: object) => Server }>('@hono/node-server')
    const server = serve({ fetch: new Hono().fetch, port: 0, hostname: '127.0.0.1' })
    t.after(() => server.close())
    if (!server.listening) await once(server, 'listening')
    runIn(row, { server })
    await serves(t, portOf(server))
  },

  "Vite's dev server": async (t, row) => {
    interface Vite {
      readonly httpServer: Server
      listen(): Promise<unknown>
      close(): Promise<void>
    }
    const { createServer: createVite } = await load<{ createServer: (config: object) => Promise<Vite> }>(
      'vite',
    )
    const vite = await createVite({
      configFile: false,
      root: join(root, FOLDER, 'vite'),
      cacheDir: join(root, 'dist/docs/vite'),
      logLevel: 'silent',
      server: { port: 0, host: '127.0.0.1', watch: null },
      plugins: [runIn(row, {}, "return { name: 'chat', CODE }")],
    })
    t.after(() => vite.close())
    await vite.listen()
    await serves(t, portOf(vite.httpServer))
  },

  'a socket after a handshake of your own': async (t, row) => {
    const server = createNetServer((socket: Socket) => {
      socket.once('data', (head) => {
        const [, key = ''] = /^sec-websocket-key: *(\S+)/im.exec(head.toString('latin1')) ?? []
        const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}`
        socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
        void handler(runIn(row, { socket }) as Conn, undefined as never)
      })
    })
    await serves(t, await listen(t, server))
  },

  'a stream of HTTP/2, answered with 200 (RFC 8441)': async (t, row) => {
    const server = createHttp2Server({ settings: { enableConnectProtocol: true } })
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      void handler(runIn(row, { stream }) as Conn, undefined as never)
    })
    const session = connectHttp2(`http://127.0.0.1:${await listen(t, server)}`)
    t.after(() => session.destroy())
    await once(session, 'remoteSettings')
    const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat' })
    await once(stream, 'response')
    const conn = Conn.over(stream, { role: 'client' })
    await conn.send('in a session')
    assert.equal((await conn.read())?.text(), 'in a session')
    assert.equal((await conn.close()).code, 1000)
  },
}

/** The row beside what answers ordinary requests. */
async function servesBeside(t: TestContext, row: string, listener: RequestListener): Promise<void> {
  const server = createServer(listener)
  runIn(row, { server })
  const port = await listen(t, server)
  await serves(t, port)
  await (await fetch(`http://127.0.0.1:${port}/`)).text()
}
