import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import { type RawServer, rawAnswer, rawServer, readHead, tls } from '../support/index.js'
import { gone, refused } from './dialing.js'

const SECRETS = {
  headers: {
    Authorization: 'Bearer secret',
    Cookie: 'session=secret',
    'X-Api-Key': 'secret',
    'X-Two': ['secret', 'secret'],
    Host: 'secret.example',
    'User-Agent': 'fastws-test',
    'Accept-Language': 'de',
  },
  origin: 'https://app.example',
} as const

const redirect = (location: string, status = 302): string =>
  `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`

/** Dials a server that answers with a redirect; the connection that carried it must be let go. */
async function redirected(
  t: TestContext,
  url: string,
  server: RawServer,
  location: string,
  options: DialOptions,
) {
  const dialled = dial(url, { followRedirects: 1, ...options })
  dialled.catch(() => undefined)
  const peer = await server.accept()
  t.after(() => peer.destroy())
  const request = await readHead(peer)
  peer.writeText(redirect(location))
  await gone(peer)
  return { dialled, request }
}

/** Answers the request that follows, and shows it. */
async function landed(server: RawServer, dialled: ReturnType<typeof dial>) {
  const request = await rawAnswer(await server.accept())
  const conn = await dialled
  conn.terminate()
  return request
}

describe('dial follows a redirect', () => {
  for (const status of [301, 302, 303, 307, 308])
    test(`${status} with GET`, async (t) => {
      const server = await rawServer(t)
      const dialled = dial(`ws://127.0.0.1:${server.port}/old?x`, { followRedirects: 1 })
      const peer = await server.accept()
      const first = await readHead(peer)
      peer.writeText(redirect('/new?y#fragment', status))
      const second = await landed(server, dialled)
      assert.equal(second.line, 'GET /new?y HTTP/1.1')
      assert.notEqual(second.headers['sec-websocket-key'], first.headers['sec-websocket-key'])
    })

  test('to the same origin with everything it had', async (t) => {
    const server = await rawServer(t)
    const url = `ws://user:secret@127.0.0.1:${server.port}/`
    const headers = { 'X-Api-Key': 'secret', Cookie: 'a=b' }
    for (const location of [
      '/new',
      'new',
      '//127.0.0.1:PORT/new',
      'http://127.0.0.1:PORT/new',
      'ws://127.0.0.1:PORT/new',
    ]) {
      const to = location.replace('PORT', String(server.port))
      const { dialled } = await redirected(t, url, server, to, { headers })
      const request = await landed(server, dialled)
      assert.equal(request.line, 'GET /new HTTP/1.1')
      assert.equal(request.headers.authorization, `Basic ${Buffer.from('user:secret').toString('base64')}`)
      assert.equal(request.headers['x-api-key'], 'secret')
      assert.equal(request.headers.cookie, 'a=b')
    }
  })

  test('to the same origin with its subprotocols', async (t) => {
    const server = await rawServer(t)
    const { dialled } = await redirected(t, `ws://127.0.0.1:${server.port}/`, server, '/new', {
      protocols: ['chat', 'token.c2VjcmV0'],
    })
    const request = await landed(server, dialled)
    assert.equal(request.headers['sec-websocket-protocol'], 'chat, token.c2VjcmV0')
  })

  const others: [string, (here: RawServer, there: RawServer) => [from: string, to: string]][] = [
    [
      'another port',
      (here, there) => [`ws://user:secret@127.0.0.1:${here.port}`, `ws://127.0.0.1:${there.port}/`],
    ],
    [
      'another host',
      (here, there) => [`ws://user:secret@127.0.0.1:${here.port}`, `ws://localhost:${there.port}/`],
    ],
    [
      'another port without its scheme',
      (here, there) => [`ws://user:secret@127.0.0.1:${here.port}`, `//127.0.0.1:${there.port}/`],
    ],
  ]
  for (const [name, urls] of others)
    test(`to ${name} without anything that may be a secret`, async (t) => {
      const [here, there] = [await rawServer(t), await rawServer(t)]
      const [from, to] = urls(here, there)
      const { dialled, request: first } = await redirected(t, from, here, to, SECRETS)
      assert.equal(first.headers.authorization, 'Bearer secret')
      const peer = await there.accept()
      const raw = (await peer.readUntil('\r\n\r\n')).toString('latin1')
      peer.destroy()
      await refused(dialled)
      assert.ok(!raw.includes('secret'), raw)
      assert.match(raw, /^User-Agent: fastws-test\r$/m)
      assert.match(raw, /^Accept-Language: de\r$/m)
      assert.match(raw, /^Origin: https:\/\/app\.example\r$/m)
      assert.doesNotMatch(raw, /authorization|cookie/i)
    })

  test('from ws: to wss: without anything that may be a secret', async (t) => {
    const [here, there] = [
      await rawServer(t),
      await rawServer(t, { ...tls, requestCert: true, rejectUnauthorized: false }),
    ]
    const from = `ws://user:secret@localhost:${here.port}`
    const client = { ca: tls.ca, cert: tls.clientCert, key: tls.clientKey, servername: 'secret.example' }
    const { dialled } = await redirected(t, from, here, `wss://localhost:${there.port}/`, {
      ...SECRETS,
      tls: client,
    })
    const peer = await there.accept()
    const raw = (await peer.readUntil('\r\n\r\n')).toString('latin1')
    assert.ok(!raw.includes('secret'), raw)
    const { socket } = peer
    assert.ok('getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function')
    assert.deepEqual(socket.getPeerCertificate(), {})
    assert.equal((socket as unknown as { servername: unknown }).servername, 'localhost')
    peer.destroy()
    await refused(dialled)
  })

  test('back to where it came from without what it dropped on the way', async (t) => {
    const [here, there] = [await rawServer(t), await rawServer(t)]
    const from = `ws://user:secret@127.0.0.1:${here.port}`
    const options = { ...SECRETS, followRedirects: 2 }
    const { dialled } = await redirected(t, from, here, `ws://127.0.0.1:${there.port}/`, options)
    const middle = await there.accept()
    await readHead(middle)
    middle.writeText(redirect(`ws://127.0.0.1:${here.port}/`))
    const request = await landed(here, dialled)
    assert.equal(request.headers.authorization, undefined)
    assert.equal(request.headers.cookie, undefined)
    assert.equal(request.headers['x-api-key'], undefined)
  })

  test('and asks onRequest and onResponse about each server', async (t) => {
    const [here, there] = [await rawServer(t), await rawServer(t)]
    const calls: string[] = []
    const { dialled } = await redirected(
      t,
      `ws://127.0.0.1:${here.port}/a`,
      here,
      `ws://127.0.0.1:${there.port}/b`,
      {
        onRequest: ({ url, headers }) => {
          calls.push(`request ${url.port}${url.pathname}`)
          if (Number(url.port) === there.port) headers.authorization = 'Bearer for-there'
        },
        onResponse: ({ url, status }) => void calls.push(`response ${status} ${url.port}${url.pathname}`),
      },
    )
    const request = await landed(there, dialled)
    assert.equal(request.headers.authorization, 'Bearer for-there')
    assert.deepEqual(calls, [
      `request ${here.port}/a`,
      `response 302 ${here.port}/a`,
      `request ${there.port}/b`,
      `response 101 ${there.port}/b`,
    ])
  })
})

describe('dial does not follow a redirect', () => {
  const wrong: [name: string, location: string, message: RegExp][] = [
    ['from wss: to ws:', 'ws://localhost:1/', /leads from wss: to ws:/],
    ['from wss: to http:', 'http://localhost:1/', /leads from wss: to ws:/],
    ['to another scheme', 'ftp://localhost/', /no WebSocket/],
    ['to a unix socket', 'ws+unix:/tmp/x:/', /no WebSocket/],
    ['to a file', 'file:///etc/passwd', /no WebSocket/],
    ['with a password in it', 'wss://a:b@localhost/', /name or password/],
    ['to something that is no URL', 'wss://[', /no URL/],
    ['with two Locations', '/a\r\nLocation: /b', /2 Location headers/],
  ]
  for (const [name, location, message] of wrong)
    test(name, async (t) => {
      const server = await rawServer(t, tls)
      const url = `wss://localhost:${server.port}`
      const { dialled } = await redirected(t, url, server, location, {
        tls: { ca: tls.ca },
        followRedirects: 9,
      })
      const error = await refused(dialled)
      assert.equal(error.code, 'WS_ERR_REDIRECT')
      assert.equal(error.status, 302)
      assert.match(error.message, message)
    })

  for (const [name, locationOf] of [
    ['another port', (there: RawServer) => `ws://127.0.0.1:${there.port}/`],
    ['another host', (there: RawServer) => `ws://localhost:${there.port}/`],
    ['wss: on a port of its own', (there: RawServer) => `wss://127.0.0.1:${there.port}/`],
  ] as const)
    test(`to ${name} with subprotocols, which may be secrets`, async (t) => {
      const [here, there] = [await rawServer(t), await rawServer(t)]
      const url = `ws://127.0.0.1:${here.port}/`
      const location = locationOf(there)
      const { dialled } = await redirected(t, url, here, location, { protocols: 'chat' })
      const error = await refused(dialled)
      assert.equal(error.code, 'WS_ERR_REDIRECT')
      assert.match(error.message, /another origin, and a subprotocol may be a secret$/)
      assert.equal(error.headers.location, location)
    })

  test('without a Location', async (t) => {
    const server = await rawServer(t)
    const dialled = dial(`ws://localhost:${server.port}`, { followRedirects: 1, connect: { family: 4 } })
    const peer = await server.accept()
    await readHead(peer)
    peer.writeText('HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n')
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_REDIRECT')
    assert.match(error.message, /0 Location headers/)
  })

  test('beyond the limit', async (t) => {
    const server = await rawServer(t)
    const dialled = dial(`ws://127.0.0.1:${server.port}`, { followRedirects: 2 })
    dialled.catch(() => undefined)
    for (let i = 0; i < 3; i++) {
      const peer = await server.accept()
      await readHead(peer)
      peer.writeText(redirect('/again'))
      await gone(peer)
    }
    const error = await refused(dialled)
    assert.equal(error.code, 'WS_ERR_REDIRECT')
    assert.equal(error.headers.location, '/again')
    assert.match(error.message, /followRedirects is 2/)
  })

  test('with 300 or 304, which lead nowhere', async (t) => {
    for (const status of [300, 304]) {
      const server = await rawServer(t)
      const dialled = dial(`ws://127.0.0.1:${server.port}`, { followRedirects: 1 })
      const peer = await server.accept()
      await readHead(peer)
      peer.writeText(redirect('/again', status))
      const error = await refused(dialled)
      assert.equal(error.code, 'WS_ERR_HANDSHAKE')
      assert.equal(error.status, status)
    }
  })
})
