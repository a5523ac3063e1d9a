import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import nodeTls from 'node:tls'
import { WebSocketServer } from 'ws'
import { type DialOptions, dial } from '../../src/dial.js'
import type { Extension } from '../../src/protocol/extension.js'
import { deferred, listen, once, rawAnswer, rawServer, tls, turn } from '../support/index.js'
import { acceptedBy, dialRaw, gone, refused } from './dialing.js'

/** An echo server of the `ws` package, with the requests it got. */
async function echoServer(t: TestContext, server: net.Server = createServer()) {
  const requests: IncomingMessage[] = []
  const sockets = new WebSocketServer({
    server: server as ReturnType<typeof createServer>,
    handleProtocols: (offered) => (offered.has('second') ? 'second' : false),
  })
  sockets.on('connection', (socket, request) => {
    requests.push(request)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  t.after(() => {
    for (const client of sockets.clients) client.terminate()
  })
  return { requests, server }
}

async function echoes(dialled: ReturnType<typeof dial>): Promise<void> {
  const conn = await dialled
  await conn.send('hello')
  assert.equal((await conn.read())?.text(), 'hello')
  const report = await conn.close(1000)
  assert.equal(report.code, 1000)
}

describe('dial opens a WebSocket', () => {
  for (const scheme of ['ws', 'http'])
    test(`to ${scheme}:`, async (t) => {
      const { server, requests } = await echoServer(t)
      const port = await listen(t, server)
      await echoes(dial(`${scheme}://127.0.0.1:${port}/chat?room=1`))
      assert.equal(requests[0]?.url, '/chat?room=1')
      assert.equal(requests[0]?.headers.host, `127.0.0.1:${port}`)
      assert.equal(requests[0]?.headers.origin, undefined)
    })

  test('to a URL object, with everything it was told to ask for', async (t) => {
    const { server, requests } = await echoServer(t)
    const url = new URL(`ws://us%C3%A4r:p%3Ass@127.0.0.1:${await listen(t, server)}/`)
    const conn = await dial<{ id: number }>(url, {
      protocols: ['first', 'second'],
      origin: 'https://app.example',
      headers: { 'X-Many': ['1', '2'], 'X-Number': 3, 'X-None': undefined, Cookie: 'a=b' },
      data: { id: 7 },
    })
    assert.equal(conn.protocol, 'second')
    assert.equal(conn.data.id, 7)
    const { headers, rawHeaders } = requests[0] ?? assert.fail()
    assert.equal(headers.authorization, `Basic ${Buffer.from('us\u00e4r:p:ss').toString('base64')}`)
    assert.equal(headers.origin, 'https://app.example')
    assert.equal(headers['sec-websocket-protocol'], 'first, second')
    assert.equal(headers['x-many'], '1, 2')
    assert.equal(headers['x-number'], '3')
    assert.equal(headers.cookie, 'a=b')
    assert.ok(!rawHeaders.includes('X-None'))
    await conn.close()
  })

  test('without a subprotocol when the server chooses none', async (t) => {
    const { server } = await echoServer(t)
    const conn = await dial(`ws://127.0.0.1:${await listen(t, server)}`, { protocols: 'third' })
    assert.equal(conn.protocol, '')
    await conn.close()
  })

  test('to a unix socket, named by the URL or by socketPath', async (t) => {
    const path = await temporarySocket(t)
    const { server, requests } = await echoServer(t)
    t.after(() => server.close())
    await once(server.listen(path), 'listening')
    await echoes(dial(`ws+unix:${path}:/chat?room=1`))
    await echoes(dial('ws://app.example/other', { socketPath: path }))
    assert.deepEqual(
      requests.map(({ url, headers }) => [url, headers.host]),
      [
        ['/chat?room=1', 'localhost'],
        ['/other', 'app.example'],
      ],
    )
  })

  test('after a redirect on a unix socket, to the same socket', async (t) => {
    const path = await temporarySocket(t)
    const { server } = await echoServer(t)
    const front = net.createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n'))
      front.close()
      front.on('close', () => server.listen(path))
    })
    t.after(() => server.close())
    await once(front.listen(path), 'listening')
    const listening = once(server, 'listening')
    const onRequest: DialOptions['onRequest'] = async ({ url }) => {
      if (url.pathname === '/next') await listening
    }
    await echoes(dial(`ws+unix:${path}:/`, { followRedirects: 1, onRequest }))
  })
})

async function temporarySocket(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fastws-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'a b.sock')
}

describe('dial over TLS', () => {
  async function secureServer(t: TestContext, options: nodeTls.TlsOptions = {}) {
    const { server, requests } = await echoServer(t, createTlsServer({ ...tls, ...options }))
    return { port: await listen(t, server), requests }
  }
  const secured = (request: IncomingMessage | undefined): nodeTls.TLSSocket =>
    request?.socket as nodeTls.TLSSocket

  for (const scheme of ['wss', 'https'])
    test(`opens ${scheme}: with its own authority, server name and ALPN`, async (t) => {
      const { port, requests } = await secureServer(t)
      await echoes(dial(`${scheme}://localhost:${port}`, { tls: { ca: tls.ca } }))
      const socket = secured(requests[0])
      assert.equal((socket as unknown as { servername: unknown }).servername, 'localhost')
      assert.equal(socket.alpnProtocol, 'http/1.1')
    })

  test('opens an address, which sends no server name', async (t) => {
    const { port, requests } = await secureServer(t)
    await echoes(dial(`wss://127.0.0.1:${port}`, { tls: { ca: tls.ca } }))
    assert.equal((secured(requests[0]) as unknown as { servername: unknown }).servername, false)
  })

  test('shows the certificate it is told to', async (t) => {
    const { port } = await secureServer(t, { requestCert: true, ca: tls.ca })
    const identity = { ca: tls.ca, cert: tls.clientCert, key: tls.clientKey }
    await echoes(dial(`wss://localhost:${port}`, { tls: identity }))
  })

  const lookup: net.LookupFunction = (_host, options, found) =>
    options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)

  const wrong: [string, string, DialOptions, string][] = [
    ['an unknown authority', 'localhost', {}, 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['another authority', 'localhost', { tls: { ca: tls.strangerCa } }, 'SELF_SIGNED_CERT_IN_CHAIN'],
    [
      'undefined for rejectUnauthorized',
      'localhost',
      { tls: { rejectUnauthorized: undefined } as object },
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    [
      'a certificate for another host',
      'other.example',
      { tls: { ca: tls.ca }, connect: { lookup } },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'a certificate for another address',
      '127.0.0.2',
      { tls: { ca: tls.ca } },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ]
  for (const [name, host, options, code] of wrong)
    test(`refuses ${name}`, async (t) => {
      const server = createTlsCounter()
      const port = await listenEverywhere(t, server.server)
      const error = await refused(dial(`wss://${host}:${port}`, options))
      assert.equal(error.code, 'WS_ERR_SOCKET')
      assert.equal((error.cause as NodeJS.ErrnoException).code, code)
      assert.match(error.message, /the TLS handshake with /)
      assert.equal(server.received(), 0)
    })

  test('verifies the server name that it is told', async (t) => {
    const { port } = await secureServer(t)
    const options = { tls: { ca: tls.ca, servername: 'localhost' }, connect: { lookup } }
    await echoes(dial(`wss://other.example:${port}`, options))
  })

  test('refuses a server that speaks no TLS', async (t) => {
    const server = await rawServer(t)
    const dialled = dial(`wss://127.0.0.1:${server.port}`)
    const peer = await server.accept()
    peer.writeText('HTTP/1.1 400 Bad Request\r\n\r\n')
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_SOCKET')
    await gone(peer)
  })

  test('rejects with what Node says to options that make no sense', async (t) => {
    const server = await rawServer(t)
    const dialled = dial(`wss://127.0.0.1:${server.port}`, { tls: { minVersion: 'TLSv9' as 'TLSv1' } })
    await assert.rejects(dialled, { name: 'TypeError', code: 'ERR_TLS_INVALID_PROTOCOL_VERSION' })
    await gone(await server.accept())
  })

  test('rejects with a HandshakeError for a certificate that cannot be read', async (t) => {
    const server = await rawServer(t)
    const error = await refused(dial(`wss://127.0.0.1:${server.port}`, { tls: { cert: 'x', key: 'secret' } }))
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.ok(!error.message.includes('secret'))
  })
})

/** A TLS server that counts the bytes of application data it gets. */
function createTlsCounter() {
  let received = 0
  const server = nodeTls.createServer(tls, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received += chunk.length
    })
  })
  return { server, received: () => received }
}

async function listenEverywhere(t: TestContext, server: net.Server): Promise<number> {
  t.after(() => server.close())
  await once(server.listen(0, '0.0.0.0'), 'listening')
  return (server.address() as net.AddressInfo).port
}

describe('dial over a given stream', () => {
  test('speaks on it', async (t) => {
    const { server, requests } = await echoServer(t)
    const socket = net.connect(await listen(t, server), '127.0.0.1')
    await echoes(dial('ws://app.example/chat', { socket }))
    assert.equal(requests[0]?.headers.host, 'app.example')
  })

  test('takes a Duplex that is no socket', async (t) => {
    const { server } = await echoServer(t)
    await echoes(
      dial('ws://app.example/', { socket: wrap(net.connect(await listen(t, server), '127.0.0.1')) }),
    )
  })

  for (const [name, given] of [
    ['a socket', (socket: net.Socket): Duplex => socket],
    ['a Duplex', (socket: net.Socket): Duplex => wrap(socket)],
    [
      'a TLS socket, once only',
      (socket: net.Socket): Duplex => nodeTls.connect({ socket, ca: tls.ca, host: 'localhost' }),
    ],
  ] as const)
    test(`speaks TLS on ${name} for wss:`, async (t) => {
      const { server } = await echoServer(t, createTlsServer(tls))
      const socket = given(net.connect(await listen(t, server), '127.0.0.1'))
      await echoes(dial('wss://localhost/', { socket, tls: { ca: tls.ca } }))
    })

  test('destroys it when there is no WebSocket', async () => {
    const socket = new Duplex({
      read: () => undefined,
      write(_chunk, _encoding, done) {
        this.push('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
        done()
      },
    })
    assert.equal((await refused(dial('ws://h/', { socket }))).status, 404)
    assert.ok(socket.destroyed)
  })

  for (const [name, end] of [
    ['destroyed', (socket: Duplex) => socket.destroy()],
    [
      'destroyed with an error',
      (socket: Duplex) => socket.on('error', () => undefined).destroy(new Error('gone')),
    ],
    ['ended', (socket: Duplex) => socket.push(null) || socket.resume()],
  ] as const)
    test(`refuses one that was ${name}`, async () => {
      const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
      end(socket)
      await turn()
      assert.equal((await refused(dial('ws://h/', { socket }))).code, 'WS_ERR_EOF')
      assert.ok(socket.destroyed)
    })

  test('refuses one that gives something else than bytes', async () => {
    const socket = new Duplex({
      readableObjectMode: true,
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(),
    })
    socket.push({ not: 'bytes' })
    const error = await refused(dial('ws://h/', { socket }))
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.ok(error.cause instanceof TypeError)
  })
})

/** The same bytes through a stream of another class. */
function wrap(socket: net.Socket): Duplex {
  const outer = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (chunk) => outer.push(chunk) || socket.pause())
  socket.on('end', () => outer.push(null)).on('error', (error) => outer.destroy(error))
  return outer
}

describe('dial and its hooks', () => {
  test('onRequest sees the handshake and changes its headers', async (t) => {
    const { server, requests } = await echoServer(t)
    const port = await listen(t, server)
    const conn = await dial(`ws://user:secret@127.0.0.1:${port}/path`, {
      headers: { 'X-Old': '1', 'X-Gone': '2' },
      onRequest: async (request) => {
        assert.equal(request.url.href, `ws://127.0.0.1:${port}/path`)
        assert.equal(request.headers.upgrade, 'websocket')
        assert.equal(request.headers['sec-websocket-version'], '13')
        await Promise.resolve()
        request.headers['x-old'] = 'changed'
        request.headers['X-New'] = ['a', 'b']
        request.headers.authorization = 'Bearer fresh'
        delete request.headers['x-gone']
      },
    })
    const { headers } = requests[0] ?? assert.fail()
    assert.equal(headers['x-old'], 'changed')
    assert.equal(headers['x-new'], 'a, b')
    assert.equal(headers['x-gone'], undefined)
    assert.equal(headers.authorization, 'Bearer fresh')
    await conn.close()
  })

  test('onRequest that throws keeps the request from being sent', async () => {
    const cause = new Error('no token')
    const onRequest = (): never => {
      throw cause
    }
    const error = await refused(dial('ws://nowhere.invalid', { onRequest }))
    assert.equal(error.code, 'WS_ERR_HANDLER')
    assert.equal(error.cause, cause)
  })

  test('onResponse sees the answer, and the connection opens', async (t) => {
    const server = await rawServer(t)
    const seen: unknown[] = []
    const { peer, dialled } = await dialAnswered(server, {
      onResponse: async ({ status, headers, url }) => {
        await Promise.resolve()
        seen.push(status, headers['set-cookie'], url.pathname)
      },
    })
    const conn = await dialled
    assert.deepEqual(seen, [101, ['a=b', 'c=d'], '/'])
    // It came with the answer, and waited for the hook.
    assert.equal((await conn.read())?.text(), 'hi')
    conn.terminate()
    await gone(peer)
  })

  test('onResponse may take its time: what the server sends and ends meanwhile is kept', async (t) => {
    const { promise: mayOpen, resolve: open } = deferred()
    const { peer, dialled } = await dialAnswered(await rawServer(t), { onResponse: () => mayOpen })
    peer.write('8102 686f')
    peer.write('8802 03e9')
    peer.socket.end()
    for (let i = 0; i < 10; i++) await turn()
    open()
    const conn = await dialled
    assert.equal((await conn.read())?.text(), 'hi')
    assert.equal((await conn.read())?.text(), 'ho')
    assert.equal((await conn.closed).code, 1001)
    await gone(peer)
  })

  test('onResponse that throws refuses the answer', async (t) => {
    const cause = new Error('not this one')
    const { peer, dialled } = await dialAnswered(await rawServer(t), {
      onResponse: () => Promise.reject(cause),
    })
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_HANDLER')
    assert.equal(error.cause, cause)
    assert.equal(error.status, 101)
    assert.deepEqual(error.headers['set-cookie'], ['a=b', 'c=d'])
    await gone(peer)
  })

  test('a socket that dies while onResponse decides is no connection', async (t) => {
    const server = await rawServer(t)
    const socket = net.connect(server.port, '127.0.0.1')
    const onResponse = async (): Promise<void> => {
      socket.destroy(new Error('unplugged'))
      await new Promise((resolve) => socket.once('close', resolve))
    }
    const { dialled } = await dialAnswered(server, { socket, onResponse })
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.match(error.message, /unplugged/)
  })
})

async function dialAnswered(server: Awaited<ReturnType<typeof rawServer>>, options: DialOptions) {
  const dialled = dial(`ws://127.0.0.1:${server.port}`, options)
  dialled.catch(() => undefined)
  const peer = await server.accept()
  await rawAnswer(peer, { headers: { 'Set-Cookie': ['a=b', 'c=d'] }, trailing: '8102 6869' })
  return { peer, dialled }
}

describe('dial and extensions', () => {
  test('offers them, starts those that the server chose, and gives them to the connection', async (t) => {
    const started: unknown[] = []
    const make = (name: string, more: Partial<Extension> = {}): Extension => ({
      name,
      start: (params, role) => {
        started.push([name, params, role])
        return {}
      },
      ...more,
    })
    const extensions = [
      make('log'),
      make('x-a', { offer: () => [[['n', '1']]] }),
      make('x-b', { offer: () => [[]] }),
    ]
    const { peer, request, dialled } = await dialRaw(await rawServer(t), { extensions })
    assert.match(
      request,
      /\r\nSec-WebSocket-Extensions: x-a; n=1, x-b, permessage-deflate; client_max_window_bits\r\n/,
    )
    peer.writeText(acceptedBy(request, 'Sec-WebSocket-Extensions: x-a; n=2\r\n'))
    const conn = await dialled
    assert.deepEqual(started, [
      ['log', [], 'client'],
      ['x-a', [['n', '2']], 'client'],
    ])
    conn.terminate()
  })
})

test('dial frees extensions and the socket when the connection cannot be made of them', async (t) => {
  let closed = 0
  const codec = { close: () => void closed++ }
  const extension: Extension = { name: 'log', start: () => codec }
  const given = await dialRaw(await rawServer(t), { extensions: [extension], onResponse: broken })
  function broken(): void {
    // The connection finds itself on a clock that has stopped working.
    given.clock.setTimer = () => assert.fail('no timer')
  }
  given.peer.writeText(acceptedBy(given.request))
  await assert.rejects(given.dialled, /no timer/)
  assert.equal(closed, 1)
  await gone(given.peer)
})

describe('dial and servers that do something else', () => {
  test('shows the answer of an HTTP server that knows no WebSocket', async (t) => {
    const server = createServer((request, response) => {
      response.writeHead(404, { 'X-Path': request.url ?? '' })
      response.end('There is nothing here')
    })
    const error = await refused(dial(`ws://127.0.0.1:${await listen(t, server)}/chat`))
    assert.equal(error.status, 404)
    assert.equal(error.headers['x-path'], '/chat')
    assert.equal(error.body.toString(), 'There is nothing here')
    assert.equal(error.message, 'Cannot open a WebSocket: server answered 404 Not Found')
  })

  test('shows the refusal of another WebSocket server', async (t) => {
    const server = createServer()
    new WebSocketServer({ server, verifyClient: (_info, answer) => answer(false, 401, 'Who are you?') })
    const error = await refused(dial(`ws://127.0.0.1:${await listen(t, server)}`))
    assert.equal(error.status, 401)
    assert.equal(error.body.toString(), 'Who are you?')
  })

  test('a server that resets the connection right after its answer harms nobody', async (t) => {
    const server = await rawServer(t)
    const { peer, dialled } = await dialAnswered(server, {})
    const { socket } = peer
    if ('resetAndDestroy' in socket && typeof socket.resetAndDestroy === 'function') socket.resetAndDestroy()
    // The reset may overtake the answer.
    const conn = await dialled.catch(() => undefined)
    const report = await conn?.closed
    assert.equal(report?.code ?? 1006, 1006)
  })
})
