import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, createSecureServer } from 'node:http2'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { CloseError, type WebSocketError } from '../../src/errors.js'
import type { Extension } from '../../src/protocol/extension.js'
import {
  type ConnHandler,
  type ErrorContext,
  type Handler,
  type HeaderFields,
  reject,
  type Upgrade,
  type UpgradeOptions,
  upgrade,
} from '../../src/upgrade.js'
import { exchange, handshake } from '../handshake/raw.js'
import {
  clientFrame,
  closePayload,
  deferred,
  FakeClock,
  listen,
  once,
  type RawPeer,
  rawConnect,
  rawHandshake,
  tls,
  turn,
} from '../support/index.js'
import { isCollected } from '../support/measure.js'

const stay: ConnHandler = async (conn) => void (await conn.closed)

const echo: ConnHandler = async (conn) => {
  for await (const message of conn) await conn.send(message)
}

interface Setting {
  readonly port: number
  readonly ws: Upgrade
  /** What onError was told. */
  readonly errors: [Error, ErrorContext][]
}

/** A server whose errors are kept. */
async function serve(t: TestContext, handler: Handler, options: UpgradeOptions = {}): Promise<Setting> {
  const errors: [Error, ErrorContext][] = []
  const onError = (error: Error, context: ErrorContext): void => void errors.push([error, context])
  const ws = upgrade(handler, { onError, ...options })
  return { port: await listen(t, createServer(ws)), ws, errors }
}

const shake = (t: TestContext, port: number, ...changes: string[]) => exchange(t, port, handshake(changes))

/** Answers the closing handshake that has begun, and gives the code and reason of it. */
async function answerClose(peer: RawPeer): Promise<[code: number, reason: string]> {
  const frame = await peer.readFrame()
  assert.equal(frame.opcode, 8)
  peer.write(clientFrame(8, frame.payload))
  peer.socket.end()
  return [frame.payload.readUInt16BE(), frame.payload.subarray(2).toString()]
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turn()
}

test('path takes one path exactly, or those a function says', async (t) => {
  const { port } = await serve(t, stay, { path: '/a' })
  for (const [target, status] of [
    ['/a', 101],
    ['/a?b', 101],
    ['/a/', 404],
    ['/', 404],
    ['/A', 404],
  ] as const)
    assert.equal((await exchange(t, port, handshake([], `GET ${target} HTTP/1.1`))).status, status, target)
  const asked = await serve(t, stay, { path: (request) => request.url === '/b' })
  assert.equal((await exchange(t, asked.port, handshake([], 'GET /b HTTP/1.1'))).status, 101)
  assert.equal((await exchange(t, asked.port, handshake())).status, 404)
})

test('a path function that throws takes nothing, and the server goes on', async (t) => {
  let broken = true
  const path = (): boolean => {
    if (broken) throw new Error('path')
    return true
  }
  const { port, errors } = await serve(t, stay, { path })
  assert.equal((await shake(t, port)).status, 404)
  assert.deepEqual(
    errors.map(([error]) => error.message),
    ['path'],
  )
  await exchange(t, port, handshake(['Upgrade']))
  assert.equal(errors.length, 2)
  broken = false
  assert.equal((await shake(t, port)).status, 101)
})

const origins: [UpgradeOptions['origins'], string | undefined, number][] = [
  [undefined, undefined, 101],
  [undefined, 'http://example.com', 101],
  [undefined, 'http://evil.example', 403],
  ['*', 'http://evil.example', 101],
  [['https://a.example'], 'https://A.example:443', 101],
  [['https://a.example'], 'http://a.example', 403],
  [['https://a.example'], 'http://example.com', 403],
  [['https://a.example'], undefined, 101],
  [['null'], 'null', 101],
  [[], 'http://example.com', 403],
  [(origin) => origin === 'x://y', 'x://y', 101],
  [(origin) => origin !== undefined, undefined, 403],
  [(async () => false) as never, 'http://evil.example', 403],
  [(() => 'yes') as never, 'http://evil.example', 403],
]
for (const [given, origin, status] of origins)
  test(`origins ${typeof given === 'function' ? given : JSON.stringify(given)}: ${origin} gets ${status}`, async (t) => {
    const { port } = await serve(t, stay, { origins: given as '*' })
    assert.equal((await shake(t, port, origin === undefined ? 'Origin' : `Origin: ${origin}`)).status, status)
  })

test('over TLS a page without TLS is of another origin', async (t) => {
  const { createServer: createTlsServer } = await import('node:https')
  const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, upgrade(stay)))
  for (const [origin, status] of [
    ['https://localhost', 101],
    ['http://localhost', 403],
  ] as const)
    assert.equal(
      (await rawHandshake(port, { t, tls: { ca: tls.ca }, headers: { Origin: origin } })).head.status,
      status,
    )
})

const protocols: [UpgradeOptions['protocols'], string, string | undefined][] = [
  [undefined, 'a, b', undefined],
  [['b', 'a'], 'a, b', 'b'],
  [['c'], 'a, b', undefined],
  [['A'], 'a', undefined],
  [(offered) => offered.at(-1), 'a, b', 'b'],
  [() => undefined, 'a', undefined],
]
for (const [given, offered, used] of protocols)
  test(`protocols ${typeof given === 'function' ? given : JSON.stringify(given)}: of ${offered} ${used} is used`, async (t) => {
    const conns: Conn[] = []
    const { port } = await serve(
      t,
      { open: (conn) => void conns.push(conn) },
      { protocols: given as string[] },
    )
    const { headers } = await shake(t, port, `Sec-WebSocket-Protocol: ${offered}`)
    assert.deepEqual(headers.get('sec-websocket-protocol'), used === undefined ? undefined : [used])
    assert.equal(conns[0]?.protocol, used ?? '')
  })

test('headers go out with the 101 response, one line for each cookie', async (t) => {
  const headers = { 'Set-Cookie': ['a=1', 'b=2'], 'X-One': '1' }
  const fixed = await serve(t, stay, { headers })
  const asked = await serve(t, stay, { headers: (request) => ({ 'X-Url': request.url ?? '' }) })
  const { headers: got } = await shake(t, fixed.port)
  assert.deepEqual(got.get('set-cookie'), ['a=1', 'b=2'])
  assert.deepEqual(got.get('x-one'), ['1'])
  assert.deepEqual((await shake(t, asked.port)).headers.get('x-url'), ['/'])
})

test('accept gives data, protocol and headers, at once or later', async (t) => {
  for (const later of [false, true]) {
    const seen = deferred<unknown[]>()
    const handler: ConnHandler<{ id: number }> = async (conn, request) => {
      seen.resolve([conn.data.id, conn.protocol, request.url, conn.request?.url === request.url])
      await conn.closed
    }
    const given = { data: { id: 7 }, protocol: 'b', headers: { 'X-Id': 7 } }
    const ws = upgrade<{ id: number }>(handler, { accept: () => (later ? Promise.resolve(given) : given) })
    const port = await listen(t, createServer(ws))
    const { status, headers } = await shake(t, port, 'Sec-WebSocket-Protocol: a, b')
    assert.equal(status, 101)
    assert.deepEqual([headers.get('x-id'), headers.get('sec-websocket-protocol')], [['7'], ['b']])
    assert.deepEqual(await seen.promise, [7, 'b', '/', true])
  }
})

test('accept is told what the client offers', async (t) => {
  const offers: unknown[] = []
  const accept: NonNullable<UpgradeOptions['accept']> = (_request, offer) => {
    offers.push([offer.protocols, offer.origin, offer.host, offer.extensions])
    return undefined
  }
  const { port } = await serve(t, stay, { accept, origins: '*' })
  await shake(t, port, 'Sec-WebSocket-Protocol: a', 'Origin: http://x', 'Sec-WebSocket-Extensions: e; p=1')
  assert.deepEqual(offers, [[['a'], 'http://x', 'example.com', [{ name: 'e', params: [['p', '1']] }]]])
})

for (const way of ['upgrade', 'request'] as const)
  test(`accept refuses with status, headers and body (as ${way} listener)`, async (t) => {
    const answers = [
      reject(401, { headers: { 'WWW-Authenticate': 'Basic', 'Set-Cookie': ['a=1', 'b=2'] }, body: 'Who?' }),
      Promise.resolve({ status: 302, headers: { Location: '/login' } }),
      reject(503),
    ]
    const ws = upgrade(stay, { accept: async () => answers.shift() ?? undefined })
    const server = createServer()
    if (way === 'upgrade') ws.attach(server)
    else server.on('request', (request, response) => ws(request, response))
    const port = await listen(t, server)
    const first = await shake(t, port)
    assert.deepEqual([first.status, first.body, first.ended], [401, 'Who?', true])
    assert.deepEqual(first.headers.get('www-authenticate'), ['Basic'])
    assert.deepEqual(first.headers.get('set-cookie'), ['a=1', 'b=2'])
    assert.deepEqual(first.headers.get('content-length'), ['4'])
    const second = await shake(t, port)
    assert.deepEqual([second.status, second.headers.get('location')], [302, ['/login']])
    assert.equal((await shake(t, port)).status, 503)
    assert.equal((await shake(t, port)).status, 101)
  })

const fail = (text: string) => (): never => {
  throw new Error(text)
}
const broken: [string, UpgradeOptions][] = [
  ['accept throws', { accept: fail('x') }],
  ['accept throws what is no Error', { accept: (() => Promise.reject('x')) as never }],
  ['accept rejects', { accept: () => Promise.reject(new Error('x')) }],
  ['accept returns false', { accept: (() => false) as never }],
  ['accept returns true', { accept: (async () => true) as never }],
  ['accept returns null', { accept: (() => null) as never }],
  ['accept returns a text', { accept: (() => 'no') as never }],
  ['accept refuses with 101', { accept: () => ({ status: 101 }) }],
  ['accept refuses with a status in words', { accept: (() => ({ status: 'no' })) as never }],
  ['accept refuses with a line break', { accept: () => ({ status: 403, headers: { A: '\r\nB: c' } }) }],
  ['accept gives a header with a line break', { accept: () => ({ headers: { A: 'x\r\nB: c' } }) }],
  [
    'accept gives a header of the handshake',
    { accept: () => ({ headers: { 'sec-websocket-accept': 'x' } }) },
  ],
  ['accept gives a protocol nobody offered', { accept: async () => ({ protocol: 'zzz' }) }],
  ['protocols gives one nobody offered', { protocols: () => 'zzz' }],
  ['protocols throws', { protocols: fail('x') }],
  ['headers throws', { headers: fail('x') }],
  ['headers gives a line break', { headers: () => ({ A: 'x\nB: c' }) }],
  ['origins throws', { origins: fail('x') }],
  ['an extension throws in accept', { extensions: [{ name: 'e', accept: fail('x'), start: () => ({}) }] }],
  ['an extension throws in start', { extensions: [{ name: 'e', accept: () => [], start: fail('x') }] }],
  ['a local extension throws in start', { extensions: [{ name: 'e', start: fail('x') }] }],
]
for (const [name, options] of broken)
  test(`${name}: 500, onError, and the server goes on`, async (t) => {
    const { port, errors, ws } = await serve(t, stay, options)
    for (let i = 1; i <= 2; i++) {
      const { status, headers, ended } = await shake(t, port, 'Sec-WebSocket-Extensions: e')
      assert.equal(status, 500)
      assert.equal(ended, true)
      assert.ok(!headers.has('b'))
      assert.equal(errors.length, i)
      assert.ok(errors[0]?.[0] instanceof Error)
      assert.equal(errors[0][1].request?.url, '/')
    }
    assert.equal(ws.conns.size, 0)
  })

test('a socket reset while accept waits is no crash, no connection and no error', async (t) => {
  const answer = deferred<undefined>()
  const asked = deferred<IncomingMessage>()
  const accept = (request: IncomingMessage): Promise<undefined> => {
    asked.resolve(request)
    return answer.promise
  }
  const { port, errors, ws } = await serve(t, () => assert.fail('served'), { accept, maxConnections: 1 })
  const peer = await rawConnect(port, { t })
  peer.writeText(handshake())
  const { socket } = await asked.promise
  ;(peer.socket as Socket).resetAndDestroy()
  await until(() => socket.destroyed)
  await turn()
  answer.resolve(undefined)
  await turn()
  assert.equal(ws.conns.size, 0)
  assert.deepEqual(errors, [])
  assert.equal((await shake(t, port)).status, 101)
})

test('accept that destroys the socket gets no connection', async (t) => {
  const accept = (request: IncomingMessage): undefined => void request.socket.destroy()
  const { port, errors, ws } = await serve(t, () => assert.fail('served'), { accept })
  const peer = await rawConnect(port, { t })
  peer.writeText(handshake())
  assert.equal((await peer.readToEnd()).length, 0)
  assert.equal(ws.conns.size, 0)
  assert.deepEqual(errors, [])
})

for (const hook of ['accept', 'origins', 'protocols', 'headers'] as const)
  test(`${hook} that destroys the socket with an error is no crash`, async (t) => {
    const destroy = (request: IncomingMessage): object => {
      request.socket.destroy(new Error('Not this one'))
      return {}
    }
    const options: UpgradeOptions = {
      accept: hook === 'accept' ? destroy : () => ({}),
      origins: (_, request) => hook !== 'origins' || !destroy(request),
      protocols: (_, request) => (hook === 'protocols' ? void destroy(request) : undefined),
      headers: (request) => (hook === 'headers' ? destroy(request) : {}) as HeaderFields,
    }
    const { port, ws } = await serve(t, echo, options)
    const peer = await rawConnect(port, { t })
    peer.writeText(handshake())
    assert.equal((await peer.readToEnd()).length, 0)
    assert.equal(ws.conns.size, 0)
  })

test('what comes while accept waits is kept, and bounded', async (t) => {
  const answer = deferred<undefined>()
  const asked = deferred<IncomingMessage>()
  const accept = (request: IncomingMessage): Promise<undefined> => {
    asked.resolve(request)
    return answer.promise
  }
  const { port } = await serve(t, echo, { accept })
  const peer = await rawConnect(port, { t })
  const message = clientFrame(2, Buffer.alloc(60_000, 1))
  const count = 300
  peer.writeText(handshake())
  for (let i = 0; i < count; i++) peer.write(message)
  const { socket } = await asked.promise
  await until(() => socket.readableLength > 0)
  for (let i = 0; i < 50; i++) await turn()
  assert.ok(socket.readableLength <= 2 * 65_536, `${socket.readableLength} bytes wait`)
  answer.resolve(undefined)
  await peer.readUntil('\r\n\r\n')
  for (let i = 0; i < count; i++) assert.equal((await peer.readFrame()).payload.length, 60_000)
})

test('handshakeTimeout refuses with 503 when accept takes too long', async (t) => {
  const clock = new FakeClock()
  const late = deferred<undefined>()
  const accept = (): Promise<undefined> => late.promise
  const { port, errors, ws } = await serve(t, stay, { accept, handshakeTimeout: 500, clock })
  const answer = shake(t, port)
  await until(() => clock.pending === 1)
  clock.advance(499)
  assert.equal(errors.length, 0)
  clock.advance(1)
  assert.equal((await answer).status, 503)
  assert.equal((errors[0]?.[0] as { code?: string } | undefined)?.code, 'WS_ERR_HANDSHAKE_TIMEOUT')
  const { breach } = errors[0]![0] as WebSocketError
  assert.deepEqual(breach, { option: 'handshakeTimeout', limit: 500, value: 500 })
  late.resolve(undefined)
  await turn()
  assert.equal(ws.conns.size, 0)
  assert.equal(clock.pending, 0)
})

test('maxConnections counts connections and handshakes', async (t) => {
  const held = deferred<undefined>()
  const asked = deferred()
  const accept = (request: IncomingMessage): Promise<undefined> | undefined => {
    if (request.url !== '/slow') return undefined
    asked.resolve()
    return held.promise
  }
  const { port, ws } = await serve(t, echo, { maxConnections: 2, accept })
  const first = await shake(t, port)
  const slow = exchange(t, port, handshake([], 'GET /slow HTTP/1.1'))
  await asked.promise
  const third = await shake(t, port)
  assert.deepEqual([first.status, third.status], [101, 503])
  held.resolve(undefined)
  assert.equal((await slow).status, 101)
  assert.equal((await shake(t, port)).status, 503)
  first.peer.write(clientFrame(8, closePayload(1000)))
  first.peer.socket.end()
  await until(() => ws.conns.size === 1)
  assert.equal((await shake(t, port)).status, 101)
})

for (const way of ['upgrade', 'request'] as const)
  test(`fallback answers what is not for us (as ${way} listener)`, async (t) => {
    const fallback: UpgradeOptions['fallback'] = (request, response) => {
      if (request.url === '/throws') throw new Error('fallback')
      if (request.url === '/rejects') return Promise.reject(new Error('fallback'))
      response.setHeader('Connection', 'close')
      response.end(`fallback ${request.url}`)
      return undefined
    }
    const errors: Error[] = []
    const ws = upgrade(stay, { path: '/ws', fallback, onError: (error) => errors.push(error) })
    const server = createServer(way === 'request' ? (request, response) => ws(request, response) : ws)
    const port = await listen(t, server)
    for (const [target, headers, status] of [
      ['/ws', [], 101],
      ['/other', [], 200],
      ['/other', ['Upgrade: h2c'], 200],
      ['/ws', ['Upgrade: h2c', 'Connection: Upgrade, close'], 200],
      ['/other', ['Upgrade', 'Connection: close'], 200],
      ['/ws', ['Upgrade', 'Connection: close'], 200],
      ['/throws', [], 500],
      ['/rejects', [], 500],
    ] as const) {
      const { status: got, body } = await exchange(t, port, handshake(headers, `GET ${target} HTTP/1.1`))
      assert.equal(got, status, `${target} ${headers}`)
      if (status === 200) assert.equal(body, `fallback ${target}`)
    }
    assert.deepEqual(errors.map(String), ['Error: fallback', 'Error: fallback'])
  })

test('a refusal arrives although the client has sent what nobody reads', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] }) // the connection has to end without any
  const server = createServer(upgrade(stay, { path: '/ws' }))
  const port = await listen(t, server)
  for (let i = 0; i < 5; i++) {
    const peer = await rawConnect(port, { t })
    peer.write(Buffer.concat([Buffer.from(handshake()), Buffer.alloc(1 << 20)]))
    assert.match((await peer.readToEnd()).toString(), /^HTTP\/1.1 404 [\s\S]*Not Found\n$/)
    peer.socket.end()
    assert.equal(await peer.closed, undefined)
  }
  await new Promise((resolve) => server.close(resolve))
})

test('a refused client that does not hang up is dropped', async (t) => {
  const { port } = await serve(t, stay, { path: '/ws' })
  const peer = await rawConnect(port, { t })
  peer.writeText(handshake())
  await peer.readToEnd()
  const timer = setInterval(() => peer.writeText('still here'), 100)
  t.after(() => clearInterval(timer))
  assert.ok((await peer.closed) instanceof Error)
})

test('the connection is closed with 1000 when the handler returns', async (t) => {
  for (const handler of [() => undefined, async () => turn()]) {
    const { port, ws, errors } = await serve(t, handler)
    const { peer } = await shake(t, port)
    assert.deepEqual(await answerClose(peer), [1000, ''])
    await until(() => ws.conns.size === 0)
    assert.deepEqual(errors, [])
  }
})

test('the closing handshake is finished although the handler left messages unread', async (t) => {
  const reports: Promise<{ clean: boolean }>[] = []
  const handler: ConnHandler = async (conn) => {
    reports.push(conn.closed)
    await conn.read()
  }
  const { port } = await serve(t, handler, { maxInboxFrames: 2 })
  const { peer } = await shake(t, port)
  for (let i = 0; i < 50; i++) peer.write(clientFrame(2, Buffer.alloc(20_000)))
  assert.deepEqual(await answerClose(peer), [1000, ''])
  assert.equal((await reports[0])?.clean, true)
})

test('the connection is closed with 1011 when the handler throws, and onError is told', async (t) => {
  const thrown = new Error('handler')
  const handlers = [
    () => {
      throw thrown
    },
    () => Promise.reject(thrown),
  ]
  for (const handler of handlers) {
    const { port, errors } = await serve(t, handler)
    const { peer } = await shake(t, port)
    assert.equal((await answerClose(peer))[0], 1011)
    const [[error, context] = []] = errors
    assert.equal(error, thrown)
    assert.equal(context?.conn?.request?.url, '/')
  }
})

test('a peer that vanishes is no error of the handler', async (t) => {
  const ends: unknown[] = []
  const handler: ConnHandler = async (conn) => {
    try {
      for await (const message of conn) await conn.send(message)
    } catch (error) {
      ends.push(error)
      throw error
    }
  }
  const { port, errors, ws } = await serve(t, handler)
  for (const end of ['reset', 'protocol error', 'private code'] as const) {
    const { peer } = await shake(t, port)
    if (end === 'reset') (peer.socket as Socket).resetAndDestroy()
    else peer.write(end === 'private code' ? clientFrame(8, closePayload(4001)) : '8f00')
    peer.socket.end()
    await until(() => ws.conns.size === 0)
  }
  assert.ok(ends.length === 3 && ends.every((error) => error instanceof CloseError))
  assert.deepEqual(errors, [])
})

test('the end of another connection is an error of the handler that lets it out', async (t) => {
  const others: Conn[] = []
  const handler: ConnHandler = async (conn, request) => {
    if (request.url === '/other') others.push(conn)
    if (request.url === '/other') return void (await conn.closed)
    await others[0]!.read()
  }
  const { port, errors } = await serve(t, handler)
  const other = await exchange(t, port, handshake([], 'GET /other HTTP/1.1'))
  const { peer } = await shake(t, port)
  ;(other.peer.socket as Socket).resetAndDestroy()
  assert.equal((await answerClose(peer))[0], 1011)
  assert.ok(errors[0]?.[0] instanceof CloseError)
})

test('onError that fails itself ends nothing', async (t) => {
  const lines: string[] = []
  t.mock.method(process.stderr, 'write', (line: string) => void lines.push(line))
  for (const onError of [fail('onError'), (async () => fail('onError')()) as never]) {
    const { port } = await serve(t, fail('handler'), { onError })
    const { peer } = await shake(t, port)
    assert.equal((await answerClose(peer))[0], 1011)
  }
  assert.ok(lines.some((line) => line.includes('onError')))
  assert.ok(lines.some((line) => line.includes('handler')))
})

test('onError prints a line by default, without control characters', async (t) => {
  const lines: string[] = []
  t.mock.method(process.stderr, 'write', (line: string) => void lines.push(line))
  const ws = upgrade(fail('bad\r\n\x1b[2Jthing\x9b'))
  const port = await listen(t, createServer(ws))
  const { peer } = await shake(t, port)
  await answerClose(peer)
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^fastws: Error: bad\\u000d\\u000a\\u001b\[2Jthing\\u009b \(at .*\)\n$/)
})

test('conns is live and cannot be changed', async (t) => {
  const { port, ws } = await serve(t, echo)
  const { conns } = ws
  assert.equal(conns.size, 0)
  const { peer } = await shake(t, port)
  await until(() => conns.size === 1)
  const [conn] = conns
  assert.ok(conn !== undefined && conns.has(conn))
  assert.deepEqual(
    [[...conns.keys()], [...conns.values()], [...conns.entries()]],
    [[conn], [conn], [[conn, conn]]],
  )
  const seen: unknown[] = []
  conns.forEach(function (this: unknown, value, again, set) {
    seen.push(this, value, again, set)
  }, 'this')
  assert.deepEqual(seen, ['this', conn, conn, conns])
  for (const name of ['add', 'delete', 'clear']) assert.equal(name in conns, false)
  assert.throws(() => Object.assign(ws, { conns: new Set() }), TypeError)
  peer.socket.destroy()
  await until(() => conns.size === 0)
})

test('an event object gets its events, with itself as this, and is in conns by then', async (t) => {
  const log: unknown[] = []
  class Echo {
    readonly #name = 'echo'
    open(conn: Conn, request: IncomingMessage | undefined): void {
      log.push(['open', this.#name, ws.conns.has(conn), request?.url])
    }
    message(conn: Conn, message: { text(): string }): void {
      log.push(['message', this.#name, message.text()])
      void conn.send(message.text())
    }
    close(conn: Conn, report: { code: number }): void {
      log.push(['close', this.#name, report.code, ws.conns.has(conn)])
    }
  }
  const { port, ws } = await serve(t, new Echo())
  const { peer } = await rawHandshake(port, { t, trailing: clientFrame(1, 'a') })
  assert.equal((await peer.readFrame()).payload.toString(), 'a')
  peer.write(clientFrame(8, closePayload(1000)))
  await peer.readFrame()
  peer.socket.end()
  await until(() => ws.conns.size === 0)
  assert.deepEqual(log.slice(0, 2), [
    ['open', 'echo', true, '/'],
    ['message', 'echo', 'a'],
  ])
  assert.deepEqual((log[2] as unknown[]).slice(0, 3), ['close', 'echo', 1000])
})

test('an event function that throws closes with 1011, and onError is told', async (t) => {
  for (const handler of [{ open: fail('event') }, { message: fail('event') }]) {
    const { port, errors } = await serve(t, handler)
    const { peer } = await rawHandshake(port, { t, trailing: clientFrame(1, 'a') })
    assert.equal((await answerClose(peer))[0], 1011)
    assert.equal(errors[0]?.[0].message, 'event')
    assert.equal(errors[0]?.[1].conn?.closeInfo?.code, 1011)
  }
})

test('close() tells every connection, refuses new ones and resolves when all are gone', async (t) => {
  const { port, ws } = await serve(t, stay)
  const peers = await Promise.all([1, 2, 3].map(async () => (await shake(t, port)).peer))
  let closed = false
  const closing = ws.close({ code: 1012, reason: 'back soon' })
  assert.equal(ws.close(), closing)
  closing.then(() => (closed = true)).catch(assert.fail)
  assert.equal((await shake(t, port)).status, 503)
  for (const peer of peers) {
    assert.equal(closed, false)
    assert.deepEqual(await answerClose(peer), [1012, 'back soon'])
  }
  await closing
  assert.equal(ws.conns.size, 0)
  assert.equal((await shake(t, port)).status, 503)
})

test('close() without connections resolves at once, and says 1001 to those there are', async (t) => {
  await upgrade(stay).close()
  const { port, ws } = await serve(t, stay)
  const { peer } = await shake(t, port)
  const closing = ws.close()
  assert.deepEqual(await answerClose(peer), [1001, ''])
  await closing
})

test('close() terminates what is left after its timeout', async (t) => {
  const clock = new FakeClock()
  const { port, ws } = await serve(t, stay, { clock, closeTimeout: 60_000 })
  const { peer } = await shake(t, port)
  const closing = ws.close({ timeout: 3_000 })
  assert.equal((await peer.readFrame()).opcode, 8)
  clock.advance(2_999)
  assert.equal(ws.conns.size, 1)
  clock.advance(1)
  await closing
  assert.equal(ws.conns.size, 0)
})

test('close() refuses handshakes that wait for accept', async (t) => {
  const asked = deferred()
  const answer = deferred<undefined>()
  const accept = (): Promise<undefined> => {
    asked.resolve()
    return answer.promise
  }
  const { port, ws } = await serve(t, () => assert.fail('served'), { accept })
  const waiting = shake(t, port)
  await asked.promise
  await ws.close()
  assert.equal((await waiting).status, 503)
  answer.resolve(undefined)
  await turn()
  assert.equal(ws.conns.size, 0)
})

for (const name of ['accept', 'headers', 'origins', 'protocols'] as const)
  test(`close() within ${name} refuses that very handshake`, async (t) => {
    let handled = 0
    let closed: Promise<void> | undefined
    const ask = (): never => {
      closed = ws.close()
      return (name === 'origins' ? true : undefined) as never
    }
    const { port, ws } = await serve(t, () => void handled++, {
      [name]: name === 'headers' ? () => ask() ?? {} : ask,
    })
    assert.equal((await shake(t, port)).status, 503)
    await closed
    const { accepted, refused, opening } = ws.stats
    assert.deepEqual(
      { handled, accepted, refused, opening },
      { handled: 0, accepted: 0, refused: { 503: 1 }, opening: 0 },
    )
  })

test('close() throws for what cannot be sent', () => {
  const ws = upgrade(stay)
  assert.throws(() => ws.close({ code: 1006 }), RangeError)
  assert.throws(() => ws.close({ reason: 'x'.repeat(124) }), RangeError)
  assert.throws(() => ws.close({ timeout: -1 }), RangeError)
  for (const wrong of [{ tmeout: 1 }, 5, null, [1000]])
    assert.throws(() => ws.close(wrong as never), { name: 'TypeError', code: 'WS_ERR_ARGUMENT' })
})

test('extensions are negotiated, and work on the frames', async (t) => {
  /** Turns every byte of data frames around, and marks them with RSV2. */
  const flip: Extension = {
    name: 'flip',
    rsv: 0x20,
    accept: (offers) => (offers.some((params) => params.length === 0) ? [['ok', '1']] : undefined),
    start: () => ({
      decode: (frame) => {
        if (!frame.rsv2) return
        frame.rsv2 = false
        for (let i = 0; i < frame.payload.length; i++) frame.payload[i]! ^= 0xff
      },
    }),
  }
  const { port } = await serve(t, echo, { extensions: [flip] })
  assert.ok(!(await shake(t, port)).headers.has('sec-websocket-extensions'))
  assert.ok(
    !(await shake(t, port, 'Sec-WebSocket-Extensions: flip; no')).headers.has('sec-websocket-extensions'),
  )
  const { headers, peer } = await shake(t, port, 'Sec-WebSocket-Extensions: flip; no, other, flip')
  assert.deepEqual(headers.get('sec-websocket-extensions'), ['flip; ok=1'])
  peer.write(clientFrame(2, Buffer.from([0xfe]), { rsv: 2 }))
  assert.deepEqual((await peer.readFrame()).payload, Buffer.from([1]))
})

test('connection options reach the connection', async (t) => {
  const { port } = await serve(t, echo, { maxMessage: 10 })
  const { peer } = await shake(t, port)
  peer.write(clientFrame(2, Buffer.alloc(11)))
  assert.equal((await answerClose(peer))[0], 1009)
})

test('an HTTP/2 request to upgrade() is answered', async (t) => {
  const server = createSecureServer(
    { key: tls.key, cert: tls.cert, allowHTTP1: true },
    upgrade(stay) as never,
  )
  const port = await listen(t, server as never)
  const client = connectHttp2(`https://localhost:${port}`, { ca: tls.ca })
  t.after(() => client.destroy())
  const request = client.request({ ':path': '/' })
  const headers = await once<Record<string, unknown>>(request, 'response')
  assert.equal(headers[':status'], 426)
  request.resume()
})

test('upgrade() that nobody holds is collected', async () => {
  const refs = [1, 2, 3].map(() => new WeakRef(upgrade(stay).attach(createServer())))
  for (const ref of refs) assert.equal(await isCollected(ref), true)
})

for (const kind of ['a loop', 'event functions'])
  test(`a connection read by ${kind} does not hold the request it began with`, async (t) => {
    const opened = deferred<Conn>()
    const handler: Handler =
      kind === 'a loop'
        ? async (conn) => {
            opened.resolve(conn)
            for await (const message of conn) await conn.send(message)
          }
        : { open: (conn) => opened.resolve(conn), message: (conn, message) => conn.send(message) }
    let ref: WeakRef<IncomingMessage> | undefined
    const accept = (request: IncomingMessage): undefined => {
      ref = new WeakRef(request)
    }
    const { port } = await serve(t, handler, { accept })
    const { peer } = await rawHandshake(port, { t, headers: { 'X-Mine': 'x'.repeat(100) } })
    const conn = await opened.promise
    peer.socket.write(clientFrame(1, 'hello'))
    assert.equal((await peer.readFrame()).payload.toString(), 'hello')
    assert.equal(await isCollected(ref!), true)
    assert.equal(conn.request?.headers['x-mine'], 'x'.repeat(100)) // what is kept of it
  })
