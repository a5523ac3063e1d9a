import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { type ConnHandler, upgrade } from '../../src/upgrade.js'
import { exchange, handshake } from '../handshake/raw.js'
import {
  clientFrame,
  closePayload,
  deferred,
  listen,
  once,
  type RawHandshake,
  rawConnect,
  rawHandshake,
  tls,
  turn,
} from '../support/index.js'

const echo: ConnHandler = async (conn) => {
  for await (const message of conn) await conn.send(message)
}

type RequestListener = (request: IncomingMessage, response: ServerResponse, next: () => void) => void
interface App {
  (request: IncomingMessage, response: ServerResponse): void
  get(path: string, ...listeners: RequestListener[]): void
  use(...listeners: (RequestListener | string)[]): void
  post(path: string, listener: RequestListener): void
}
const express = createRequire(import.meta.url)('express') as () => App

/** A masked text message. */
const text = (payload: string): Buffer => clientFrame(1, payload)

/** Shakes hands with messages in the same packet, and sees them all come back. */
async function losesNothing(shake: (trailing: Buffer) => Promise<RawHandshake>): Promise<RawHandshake> {
  const done = await shake(Buffer.concat([text('a'), text('b'), text('c').subarray(0, 4)]))
  const { peer, head } = done
  assert.equal(head.status, 101)
  peer.write(text('c').subarray(4))
  peer.write(text('d'))
  for (const letter of 'abcd') assert.equal((await peer.readFrame()).payload.toString(), letter)
  return done
}

test('createServer(upgrade()) loses no byte of its first connection, nor of the next', async (t) => {
  const port = await listen(t, createServer(upgrade(echo)))
  for (let i = 0; i < 2; i++) await losesNothing((trailing) => rawHandshake(port, { t, trailing }))
})

test('frames in one packet with the last byte of the handshake are not lost, either', async (t) => {
  const ws = upgrade(echo)
  const listeners = [ws, (request: IncomingMessage, response: ServerResponse) => ws(request, response)]
  for (const [i, listener] of listeners.entries()) {
    const server = createServer(listener)
    const port = await listen(t, server)
    const connection = once<Socket>(server, 'connection')
    const peer = await rawConnect(port, { t })
    const socket = await connection
    const bytes = Buffer.concat([Buffer.from(handshake()), text('a')])
    // Through a router, not within the empty line: there nobody can tell any more where the headers ended.
    const cut = bytes.indexOf('\r\n\r\n') + (i === 0 ? 3 : 0)
    peer.write(bytes.subarray(0, cut))
    while (socket.bytesRead < cut) await turn()
    peer.write(bytes.subarray(cut))
    await peer.readUntil('\r\n\r\n')
    assert.equal((await peer.readFrame()).payload.toString(), 'a')
  }
})

test('https.createServer(upgrade()) loses no byte of its first connection, nor of the next', async (t) => {
  const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, upgrade(echo)))
  for (let i = 0; i < 2; i++)
    await losesNothing((trailing) => rawHandshake(port, { t, tls: { ca: tls.ca }, trailing }))
})

test("server.on('upgrade', upgrade()) and attach() lose no byte", async (t) => {
  const first = createServer()
  first.on('upgrade', upgrade(echo))
  const second = createServer()
  upgrade(echo).attach(second)
  for (const server of [first, second]) {
    const port = await listen(t, server)
    await losesNothing((trailing) => rawHandshake(port, { t, trailing }))
  }
})

test('a request listener added when connections stand loses no byte', async (t) => {
  const server = createServer()
  const port = await listen(t, server)
  const peer = await rawConnect(port, { t })
  await turn()
  server.on('request', upgrade(echo))
  peer.write(Buffer.concat([Buffer.from(handshake()), text('a')]))
  await peer.readUntil('\r\n\r\n')
  assert.equal((await peer.readFrame()).payload.toString(), 'a')
})

test('upgrade() as an Express route loses no byte of its first connection, nor of the next', async (t) => {
  const app = express()
  app.get('/ws', upgrade(echo))
  const port = await listen(t, createServer(app))
  for (let i = 0; i < 3; i++)
    await losesNothing((trailing) => rawHandshake(port, { t, path: '/ws', trailing }))
})

test('upgrade() under an Express mount takes its path from there', async (t) => {
  const app = express()
  app.use('/api', upgrade(echo, { path: '/ws' }))
  const port = await listen(t, createServer(app))
  for (let i = 0; i < 2; i++)
    await losesNothing((trailing) => rawHandshake(port, { t, path: '/api/ws?a=1', trailing }))
  assert.equal((await rawHandshake(port, { t, path: '/api/other' })).head.status, 404)
})

test('upgrade() behind Express middleware that waits loses no byte of its first connection, nor of the next', async (t) => {
  const app = express()
  app.use((_request, _response, next) => void setImmediate(next))
  app.get('/ws', upgrade(echo))
  const port = await listen(t, createServer(app))
  for (let i = 0; i < 3; i++)
    await losesNothing((trailing) => rawHandshake(port, { t, path: '/ws', trailing }))
})

test('upgrade() in an https router takes over the socket', async (t) => {
  const ws = upgrade(echo)
  const server = createTlsServer({ key: tls.key, cert: tls.cert }, (request, response) =>
    ws(request, response),
  )
  const port = await listen(t, server)
  for (let i = 0; i < 2; i++)
    await losesNothing((trailing) => rawHandshake(port, { t, tls: { ca: tls.ca }, trailing }))
})

test('an Express app goes on answering whatever else asks for an upgrade', async (t) => {
  const app = express()
  app.get('/ws', upgrade(echo))
  app.get('/page', (_request, response) => response.end('page'))
  const port = await listen(t, createServer(app))
  for (let i = 0; i < 2; i++) {
    await losesNothing((trailing) => rawHandshake(port, { t, path: '/ws', trailing }))
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    const page = await fetchRaw(t, port, handshake(h2c, 'GET /page HTTP/1.1'))
    assert.deepEqual([page.status, page.body], [200, 'page'])
    const nothing = await exchange(
      t,
      port,
      handshake(['Connection: Upgrade, close'], 'GET /nothing HTTP/1.1'),
    )
    assert.equal(nothing.status, 404)
    const plain = await exchange(t, port, 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.equal(plain.status, 426)
  }
})

/** Reads an answer that tells its length; whether the connection stays open differs by Node version. */
async function fetchRaw(
  t: TestContext,
  port: number,
  request: string,
): Promise<{ status: number; body: string }> {
  const peer = await rawConnect(port, { t })
  peer.writeText(request)
  const head = (await peer.readUntil('\r\n\r\n')).toString('latin1').toLowerCase()
  const chunked = head.includes('transfer-encoding: chunked')
  const length = Number(head.split('content-length: ')[1]?.split('\r\n', 1)[0])
  const body = chunked ? await peer.readUntil('0\r\n\r\n') : await peer.read(length)
  return { status: Number(head.split(' ')[1]), body: body.toString() }
}

test('attach() leaves ordinary requests, and upgrades to anything else, to the app', async (t) => {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    request.on('data', (chunk) => bodies.push(String(chunk)))
    request.on('end', () => response.end(`app ${request.method} ${request.url}`))
    request.resume()
  })
  upgrade(echo, { path: '/ws' }).attach(server)
  const port = await listen(t, server)
  const h2c = ['Connection: Upgrade', 'Upgrade: h2c']
  for (const [request, expected] of [
    ['GET /page HTTP/1.1\r\nHost: a\r\n\r\n', 'app GET /page'],
    [handshake(h2c, 'GET /ws HTTP/1.1'), 'app GET /ws'],
    [handshake([], 'GET /other HTTP/1.1'), 'app GET /other'],
  ] as const)
    assert.deepEqual(await fetchRaw(t, port, request), { status: 200, body: expected })
  await losesNothing((trailing) => rawHandshake(port, { t, path: '/ws', trailing }))

  const post = await fetchRaw(t, port, `${handshake([...h2c, 'Content-Length: 4'], 'POST /ws HTTP/1.1')}body`)
  // Node 20 does not ask before it stops reading a request for an upgrade: there the body is out of reach.
  if ('shouldUpgradeCallback' in server) {
    assert.deepEqual(post, { status: 200, body: 'app POST /ws' })
    assert.deepEqual(bodies, ['body'])
  } else assert.equal(post.status, 400)
})

test('a request for none of several upgrade()s is answered once', async (t) => {
  const server = createServer()
  upgrade((conn) => conn.send('a'), { path: '/a' }).attach(server)
  upgrade((conn) => conn.send('b'), { path: '/b' }).attach(server)
  const port = await listen(t, server)
  for (const letter of 'ab') {
    const { peer, head } = await rawHandshake(port, { t, path: `/${letter}` })
    assert.equal(head.status, 101)
    assert.equal((await peer.readFrame()).payload.toString(), letter)
  }
  const other = await exchange(t, port, handshake([], 'GET /c HTTP/1.1'))
  assert.deepEqual([other.status, other.body], [404, 'Not Found\n'])
})

test('upgrade() listening in every way at once answers once', async (t) => {
  const ws = upgrade(echo)
  const server = createServer(ws)
  server.on('upgrade', ws)
  server.on('upgrade', ws)
  ws.attach(server).attach(server)
  const port = await listen(t, server)
  await losesNothing((trailing) => rawHandshake(port, { t, trailing }))
  assert.equal(ws.conns.size, 1)
})

test('upgrade() that was taken off a server leaves it alone', async (t) => {
  const server = createServer((_request, response) => response.end('app'))
  const ws = upgrade(echo).attach(server)
  server.off('upgrade', ws)
  const port = await listen(t, server)
  assert.deepEqual(await fetchRaw(t, port, handshake()), { status: 200, body: 'app' })
})

test('any number of upgrade() attached to one server take a path each, without a warning of a leak', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const server = createServer()
  const paths = Array.from({ length: 12 }, (_, i) => `/${i}`)
  for (const path of paths) upgrade((conn) => conn.send(path), { path }).attach(server)
  const port = await listen(t, server)
  for (const path of paths) {
    const { peer } = await rawHandshake(port, { t, path })
    assert.equal((await peer.readFrame()).payload.toString(), path)
  }
  assert.deepEqual(warnings, [])
})

test("upgrade() and another library's listener each take their own path", async (t) => {
  const server = createServer()
  const ours = upgrade(echo, { path: '/ours' }).attach(server)
  const theirs = new WebSocketServer({ noServer: true })
  theirs.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  )
  const unclaimed = deferred<string>()
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/theirs')
      theirs.handleUpgrade(request, socket, head, (ws) => theirs.emit('connection', ws, request))
    else if (request.url !== '/ours') {
      unclaimed.resolve(`${request.url} ${socket.destroyed} ${socket.listenerCount('error')}`)
      socket.destroy()
    }
  })
  t.after(() => theirs.close())
  const port = await listen(t, server)
  for (let i = 0; i < 2; i++)
    for (const path of ['/ours', '/theirs'])
      await losesNothing((trailing) => rawHandshake(port, { t, path, trailing }))
  assert.equal(ours.conns.size, 2)
  assert.equal(theirs.clients.size, 2)
  const peer = await rawConnect(port, { t })
  peer.writeText(handshake([], 'GET /nobody HTTP/1.1'))
  assert.equal(await unclaimed.promise, '/nobody false 0')
  assert.equal((await peer.readToEnd()).length, 0)
})

test('upgrade() as request listener and another upgrade listener leave each other alone', async (t) => {
  const server = createServer(upgrade(echo, { path: '/ours' }))
  const seen: string[] = []
  server.on('upgrade', (request, socket) => {
    seen.push(request.url ?? '')
    if (request.url === '/theirs') socket.end('theirs')
  })
  const port = await listen(t, server)
  await losesNothing((trailing) => rawHandshake(port, { t, path: '/ours', trailing }))
  const peer = await rawConnect(port, { t })
  peer.writeText(handshake([], 'GET /theirs HTTP/1.1'))
  assert.equal((await peer.readToEnd()).toString(), 'theirs')
  assert.deepEqual(seen, ['/ours', '/theirs'])
})

test('a ws server made with { server, path } writes its refusal into every other connection', async (t) => {
  // Not our doing, and not to be helped from here: such a server has to be made with { noServer: true }.
  const server = createServer()
  const theirs = new WebSocketServer({ server, path: '/theirs' })
  t.after(() => theirs.close())
  upgrade(echo, { path: '/ours' }).attach(server)
  const port = await listen(t, server)
  const refused = await rawHandshake(port, { t, path: '/ours' })
  assert.equal(refused.head.status, 400)
  refused.peer.socket.end()
  assert.equal((await rawHandshake(port, { t, path: '/theirs' })).head.status, 101)
})

test('connections outlive server.close(), which ends with the last of them', async (t) => {
  const routed = upgrade(echo)
  for (const listener of [upgrade(echo), (q: IncomingMessage, s: ServerResponse) => routed(q, s)]) {
    const server = createServer(listener)
    const port = await listen(t, server)
    const { peer } = await rawHandshake(port, { t })
    const closed = deferred()
    server.close(() => closed.resolve())
    server.closeIdleConnections()
    await turn()
    peer.write(text('still here'))
    assert.equal((await peer.readFrame()).payload.toString(), 'still here')
    assert.equal(await countConnections(server), 1)
    peer.write(clientFrame(8, closePayload(1000)))
    assert.equal((await peer.readFrame()).opcode, 8)
    peer.socket.end()
    await closed.promise
  }
})

const countConnections = (server: Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )

test('a handshake that comes after server.close() on an open connection is served', async (t) => {
  const server = createServer(upgrade(echo))
  const port = await listen(t, server)
  const connection = once<Socket>(server, 'connection')
  const peer = await rawConnect(port, { t })
  const socket = await connection
  peer.writeText(handshake().slice(0, 20))
  while (socket.bytesRead < 20) await turn()
  server.close()
  peer.writeText(handshake().slice(20))
  assert.match((await peer.readUntil('\r\n\r\n')).toString(), /^HTTP\/1.1 101 /)
})

test('a handshake pipelined behind a request that is not answered yet is not mixed into its answer', async (t) => {
  const answers: ServerResponse[] = []
  const ws = upgrade(echo, { path: '/ws' })
  const app = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === '/ws') ws(request, response)
    else answers.push(response)
  }
  const first = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n'
  const routed = await listen(t, createServer(app))
  const peer = await rawConnect(routed, { t })
  peer.writeText(first + handshake([], 'GET /ws HTTP/1.1'))
  while (answers.length === 0) await turn()
  await turn()
  answers.pop()?.end('slow')
  assert.match((await peer.readToEnd()).toString(), /^HTTP\/1.1 200 [\s\S]*slow[\s\S]*HTTP\/1.1 400 /)

  const attached = createServer(app)
  ws.attach(attached)
  const other = await rawConnect(await listen(t, attached), { t })
  other.writeText(first + handshake([], 'GET /ws HTTP/1.1'))
  assert.equal((await other.readToEnd()).length, 0)
  assert.equal(ws.conns.size, 0)
})

test('upgrade() answers ordinary requests and other paths through next(), if there is one', async (t) => {
  const app = express()
  app.use(upgrade(echo, { path: '/ws' }))
  app.use((_request, response) => response.end('next'))
  const port = await listen(t, createServer(app))
  assert.deepEqual(await fetchRaw(t, port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), {
    status: 200,
    body: 'next',
  })
  assert.deepEqual(await fetchRaw(t, port, handshake()), { status: 200, body: 'next' })
  assert.equal((await fetchRaw(t, port, 'GET /ws HTTP/1.1\r\nHost: a\r\n\r\n')).status, 426)
})

test('the first handshake of a router that waits is refused when frames are lost meanwhile', async (t) => {
  const waiting = deferred()
  const ws = upgrade(echo)
  const server = createServer((request, response) => void waiting.promise.then(() => ws(request, response)))
  const port = await listen(t, server)
  const early = await rawConnect(port, { t })
  const request = once<IncomingMessage>(server, 'request')
  early.writeText(handshake())
  const { socket } = await request
  const { bytesRead } = socket
  early.write(text('too early'))
  while (socket.bytesRead === bytesRead) await turn()
  waiting.resolve()
  assert.match((await early.readToEnd()).toString(), /^HTTP\/1.1 400 /)
  early.socket.end()
  await losesNothing((trailing) => rawHandshake(port, { t, trailing }))
})
