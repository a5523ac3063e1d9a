import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import { listen, once, type RawServer, rawAnswer, rawServer, readHead, tls } from '../support/index.js'
import { dialRaw, gone, headersOf, refused } from './dialing.js'

/** A forward proxy that does as it is asked, and remembers. */
interface Proxy {
  readonly url: string
  readonly requests: IncomingMessage[]
  /** Everything that went through it towards targets. */
  readonly seen: () => string
}

async function proxyServer(t: TestContext, secure = false): Promise<Proxy> {
  const requests: IncomingMessage[] = []
  let seen = ''
  const tunnel = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    requests.push(request)
    const [host, port] = request.url?.split(':') ?? []
    const target = net.connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n')
      target.write(head)
      socket.pipe(target).pipe(socket)
    })
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1')
    })
    t.after(() => {
      socket.destroy()
      target.destroy()
    })
    socket.on('error', () => target.destroy()).on('close', () => target.destroy())
    target.on('error', () => socket.destroy()).on('close', () => socket.destroy())
  }
  const server = secure ? createTlsServer(tls) : createServer()
  server.on('connect', tunnel)
  const port = await listen(t, server)
  return { url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`, requests, seen: () => seen }
}

const SECRETS = {
  headers: { Authorization: 'Bearer secret', Cookie: 'session=secret', 'X-Key': 'secret' },
  origin: 'https://secret.example',
} as const

describe('dial goes through', () => {
  for (const [proxyName, proxySecure] of [
    ['an http: proxy', false],
    ['an https: proxy', true],
  ] as const)
    for (const [scheme, serverTls] of [
      ['ws', undefined],
      ['wss', tls],
    ] as const)
      test(`${proxyName} to ${scheme}:`, async (t) => {
        const proxy = await proxyServer(t, proxySecure)
        const server = await rawServer(t, serverTls)
        const { conn, request, peer } = await dialThrough(server, scheme, {
          ...SECRETS,
          proxy: proxySecure ? { url: proxy.url, tls: { ca: tls.ca } } : proxy.url,
          tls: { ca: tls.ca },
        })
        const [asked] = proxy.requests
        assert.equal(asked?.method, 'CONNECT')
        assert.equal(asked?.url, `localhost:${server.port}`)
        assert.deepEqual(asked?.rawHeaders, ['Host', `localhost:${server.port}`])
        assert.equal(request.headers['x-key'], 'secret')
        assert.equal(request.headers['proxy-authorization'], undefined)
        assert.equal(proxy.seen().includes('secret'), scheme === 'ws')
        await conn.send('through')
        assert.equal((await peer.readFrame()).payload.toString(), 'through')
        conn.terminate()
        await gone(peer)
      })
})

async function dialThrough(server: RawServer, scheme: string, options: DialOptions) {
  const dialled = dial(`${scheme}://user:secret@localhost:${server.port}/`, options)
  dialled.catch(() => undefined)
  const peer = await server.accept()
  const request = await rawAnswer(peer)
  return { conn: await dialled, request, peer }
}

describe('dial and the credentials of the proxy', () => {
  test('sends them to the proxy and to nobody else', async (t) => {
    const proxy = await proxyServer(t)
    const url = new URL(proxy.url)
    url.username = 'me'
    url.password = 'p:ss'
    const { conn, request } = await dialThrough(await rawServer(t), 'ws', {
      proxy: { url, headers: { 'X-Tenant': 'blue' } },
    })
    assert.deepEqual(proxy.requests[0]?.rawHeaders.slice(2), [
      'X-Tenant',
      'blue',
      'Proxy-Authorization',
      `Basic ${Buffer.from('me:p:ss').toString('base64')}`,
    ])
    assert.equal(request.headers['proxy-authorization'], undefined)
    assert.equal(request.headers['x-tenant'], undefined)
    conn.terminate()
  })

  test('asks it again for the target of a redirect', async (t) => {
    const proxy = await proxyServer(t)
    const [first, second] = [await rawServer(t), await rawServer(t)]
    const dialled = dial(`ws://127.0.0.1:${first.port}`, { proxy: proxy.url, followRedirects: 1 })
    const peer = await first.accept()
    await readHead(peer)
    peer.writeText(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${second.port}/\r\n\r\n`)
    await gone(peer)
    await rawAnswer(await second.accept())
    const conn = await dialled
    assert.deepEqual(
      proxy.requests.map(({ url }) => url),
      [`127.0.0.1:${first.port}`, `127.0.0.1:${second.port}`],
    )
    conn.terminate()
  })
})

describe('dial refuses a proxy that', () => {
  const dialBy =
    (t: TestContext) =>
    async (answer: string, options: DialOptions = {}) => {
      const server = await rawServer(t)
      const proxy = `http://me:secret@127.0.0.1:${server.port}`
      const dialled = await dialRaw(server, { ...options, proxy }, 'wss://user:hidden@target.example/path')
      dialled.peer.writeText(answer)
      return dialled
    }

  test('wants credentials, and shows its answer', async (t) => {
    const answer = 'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nLogin'
    const { dialled, peer, request, clock } = await dialBy(t)(answer)
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_PROXY')
    assert.equal(error.message, 'Cannot open a WebSocket: proxy answered 407 Who?')
    assert.equal(error.status, 407)
    assert.equal(error.headers['proxy-authenticate'], 'Basic')
    assert.equal(error.body.toString(), 'Login')
    assert.ok(request.startsWith('CONNECT target.example:443 HTTP/1.1\r\n'))
    assert.deepEqual([...headersOf(request).keys()], ['host', 'proxy-authorization'])
    await gone(peer)
    assert.equal(clock.pending, 0)
  })

  const wrong: [string, string, RegExp][] = [
    ['switches protocols', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /proxy answered 101/],
    ['speaks something else', 'SSH-2.0-x', /status line/],
    [
      'sends more than its answer',
      'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n',
      /more than its answer/,
    ],
    [
      'redirects',
      'HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n',
      /proxy answered 302/,
    ],
  ]
  for (const [name, answer, message] of wrong)
    test(name, async (t) => {
      const { dialled, peer } = await dialBy(t)(answer, { followRedirects: 3 })
      const error = await refused(dialled)
      assert.equal(error.code, 'WS_ERR_PROXY')
      assert.match(error.message, message)
      await gone(peer)
    })

  test('ends the connection', async (t) => {
    const { dialled, peer } = await dialBy(t)('')
    peer.socket.end()
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_PROXY')
    assert.equal((error.cause as { code?: string }).code, 'WS_ERR_EOF')
  })

  test('cannot be reached', async () => {
    const lookup: net.LookupFunction = (_host, _options, found) => found(new Error('no such proxy'), [])
    const error = await refused(
      dial('ws://target.example', { proxy: 'http://proxy.example', connect: { lookup } }),
    )
    assert.equal(error.code, 'WS_ERR_PROXY')
    assert.match(error.message, /connecting to proxy\.example:80 failed: no such proxy/)
  })

  test('has a certificate that nobody vouches for', async (t) => {
    const proxy = await proxyServer(t, true)
    const error = await refused(dial('ws://target.example', { proxy: proxy.url, tls: { ca: tls.ca } }))
    assert.equal(error.code, 'WS_ERR_PROXY')
    assert.match(error.message, /TLS handshake with 127\.0\.0\.1 failed/)
    assert.deepEqual(proxy.requests, [])
  })

  test("leads to a target with a wrong certificate, whose failure is the target's", async (t) => {
    const proxy = await proxyServer(t)
    const server = await rawServer(t, tls)
    const error = await refused(
      dial(`wss://localhost:${server.port}`, { proxy: proxy.url, tls: { ca: tls.strangerCa } }),
    )
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.match(error.message, /TLS handshake with localhost failed/)
    const { socket } = proxy.requests[0] ?? assert.fail()
    if (!socket.readableEnded) await once(socket, 'end')
  })
})
