import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import {
  type Conn,
  type DiagnosticsEvents,
  dial,
  type Handler,
  reject,
  type Upgrade,
  type UpgradeOptions,
  upgrade,
  WebSocketError,
} from '../../src/index.js'
import { clientFrame, closePayload, deferred, GUARD, listen, rawHandshake, turn } from '../support/index.js'
import { root } from '../support/root.js'

type Name = keyof DiagnosticsEvents

/** What is published on some channels, in order, until the test ends. */
function channels(t: TestContext, ...names: Name[]): [Name, DiagnosticsEvents[Name]][] {
  const events: [Name, DiagnosticsEvents[Name]][] = []
  for (const name of names) on(t, name, (event) => events.push([name, event]))
  return events
}

/** Subscribes until the test ends, or until what it returns is called. */
function on<N extends Name>(
  t: TestContext,
  name: N,
  listener: (event: DiagnosticsEvents[N]) => void,
): () => void {
  const subscriber: ChannelListener = (event) => listener(event as DiagnosticsEvents[N])
  subscribe(name, subscriber)
  const off = (): void => void unsubscribe(name, subscriber)
  t.after(off)
  return off
}

async function serve(
  t: TestContext,
  handler: Handler,
  options: UpgradeOptions = {},
): Promise<{ url: string; port: number; ws: Upgrade }> {
  const ws = upgrade(handler, { onError: () => undefined, ...options })
  const port = await listen(t, createServer(ws))
  // Channels are one for the process: what ends here is not to be seen by the next test.
  t.after(async () => {
    for (const conn of ws.conns) conn.terminate()
    await until(() => ws.conns.size === 0)
  })
  return { url: `ws://127.0.0.1:${port}`, port, ws }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await turn()
}

const codeOf = (event: object): unknown => 'error' in event && (event.error as { code?: unknown }).code

const echo = async (conn: Conn): Promise<void> => {
  for await (const message of conn) await conn.send(message)
}

test('channels tell of a connection on both sides, from open to close', async (t) => {
  const events = channels(t, 'fastws:open', 'fastws:close', 'fastws:message', 'fastws:limit', 'fastws:error')
  const { url } = await serve(t, echo)
  const conn = await dial(`${url}/there`, { data: 'me', compress: false })
  await conn.send('hello')
  await conn.read()
  await conn.send(Buffer.alloc(70_000))
  await conn.read()
  await conn.close(4000, 'done')
  await until(() => events.filter(([name]) => name === 'fastws:close').length === 2)
  const told = (role: string): unknown[] =>
    events
      .filter(([, event]) => event.role === role)
      .map(([name, event]) => {
        if ('report' in event) return [name, event.report.code]
        if ('request' in event) return [name, event.request?.url]
        const { conn: _, role: __, ...rest } = event as DiagnosticsEvents['fastws:message']
        return [name, rest]
      })
  const both = (first: 'in' | 'out', second: 'in' | 'out'): unknown[] =>
    [
      [true, 5],
      [false, 70_000],
    ].flatMap(([isText, length]) =>
      [first, second].map((direction) => [
        'fastws:message',
        { direction, isText, length, frames: 1, compressed: false },
      ]),
    )
  assert.deepEqual(told('client'), [['fastws:open', undefined], ...both('out', 'in'), ['fastws:close', 4000]])
  assert.deepEqual(told('server'), [['fastws:open', '/there'], ...both('in', 'out'), ['fastws:close', 4000]])
  const conns = events
    .filter(([, event]) => event.role === 'client')
    .map(([, event]) => (event as { conn: Conn }).conn)
  assert.ok(conns.every((one) => one === conn))
})

test('fastws:frame shows the wire; a subscriber may come later and go', async (t) => {
  const { url } = await serve(t, echo)
  const conn = await dial(url, { fragmentSize: 2, compress: false })
  await conn.send('before')
  await conn.read()
  const seen: string[] = []
  // By the clock that is never set; that of the day may be while a process runs.
  const now = (): number => performance.timeOrigin + performance.now()
  const since = now()
  const off = on(t, 'fastws:frame', ({ role, direction, frame, time }) => {
    assert.ok(time >= since && time <= now(), `${since} ${time}`)
    if (role === 'client') seen.push(`${direction} ${frame.opcode} ${frame.masked} ${frame.text()}`)
  })
  await conn.send('abc')
  await conn.read()
  assert.deepEqual(seen, ['out 1 true ab', 'out 0 true c', 'in 1 false abc'])
  off()
  await conn.send('after')
  await conn.read()
  assert.equal(seen.length, 3)
  await conn.close()
})

test('frames and messages that came behind the handshake are told of', async (t) => {
  const events = channels(t, 'fastws:open', 'fastws:frame', 'fastws:message')
  const { port } = await serve(t, echo)
  const { peer } = await rawHandshake(port, { t, trailing: clientFrame(2, 'first') })
  await peer.readFrame()
  assert.deepEqual(
    events.map(([name, event]) => [name, (event as { direction?: string }).direction]),
    [
      ['fastws:open', undefined],
      ['fastws:frame', 'in'],
      ['fastws:message', 'in'],
      ['fastws:frame', 'out'],
      ['fastws:message', 'out'],
    ],
  )
})

test('fastws:message adds fragments up, says what is compressed, and leaves out what it saw half of', async (t) => {
  const { url, ws } = await serve(t, { message: () => undefined }, { compress: true })
  const conn = await dial(url, { compress: { threshold: 0 } })
  const writer = conn.writer('text', { compress: false })
  await writer.write('half')
  await until(() => [...ws.conns][0]?.stats.framesIn === 1)
  const events = channels(t, 'fastws:message')
  await writer.end('a message')
  await conn.send('again and again and again and again')
  const parts = conn.writer('binary', { compress: false })
  for (const part of ['one', 'two', 'three']) await parts.write(Buffer.from(part))
  await parts.end()
  await until(() => events.length === 4)
  const told = (role: string): unknown[] =>
    events
      .map(([, event]) => event as DiagnosticsEvents['fastws:message'])
      .filter((event) => event.role === role)
      .map(({ direction, isText, length, frames, compressed }) => [
        direction,
        isText,
        length < 30,
        frames,
        compressed,
      ])
  assert.deepEqual(told('client'), [
    ['out', true, true, 1, true],
    ['out', false, true, 4, false],
  ])
  assert.deepEqual(told('server'), [
    ['in', true, true, 1, true],
    ['in', false, true, 4, false],
  ])
  conn.terminate()
})

test('fastws:limit and fastws:error say what ended a connection', async (t) => {
  const events = channels(t, 'fastws:limit', 'fastws:error')
  const { url, port } = await serve(t, echo, { maxMessage: 10 })
  const conn = await dial(url, { compress: false })
  await conn.send('more than ten bytes')
  assert.equal((await conn.closed).code, 1009)
  const peer = (await rawHandshake(port, { t })).peer
  peer.write(clientFrame(3))
  await peer.readFrame()
  await until(() => events.length >= 3)
  assert.deepEqual(
    events.map(([name, event]) => [name, event.role, codeOf(event), (event as { action?: string }).action]),
    [
      ['fastws:limit', 'server', 'WS_ERR_MAX_MESSAGE', 'close'],
      ['fastws:error', 'server', 'WS_ERR_MAX_MESSAGE', undefined],
      ['fastws:error', 'server', 'WS_ERR_OPCODE', undefined],
    ],
  )
})

test('fastws:limit is for the limits and timeouts of ours alone', async (t) => {
  const events = channels(t, 'fastws:limit')
  const { url } = await serve(t, echo)
  const slow = await dial(url, { readTimeout: 20 })
  await slow.read().catch(() => undefined)
  const gone = await dial(url)
  gone.terminate()
  await gone.closed
  assert.deepEqual(
    events.map(([, event]) => codeOf(event)),
    ['WS_ERR_READ_TIMEOUT'],
  )
})

test('fastws:limit, fastws:handshake:error and stats say which limit refused a handshake', async (t) => {
  const events = channels(t, 'fastws:limit', 'fastws:handshake:error')
  const room = await serve(t, echo, { maxConnections: 1 })
  const conn = await dial(room.url)
  await assert.rejects(dial(`${room.url}/two`), { status: 503 })
  const memory = await serve(t, echo, { maxMemory: 100_000 })
  const { peer } = await rawHandshake(memory.port, { t })
  peer.write(clientFrame(2, Buffer.alloc(200_000)).subarray(0, 95_000))
  await until(() => memory.ws.stats.bytesIn === 95_000)
  await assert.rejects(dial(memory.url), { status: 503 })
  const slow = await serve(t, echo, { handshakeTimeout: 10, accept: () => new Promise(() => undefined) })
  await assert.rejects(dial(slow.url), { status: 503 })
  await slow.ws.close()
  await assert.rejects(dial(slow.url), { status: 503 })
  const told = events
    .filter(([, event]) => event.role === 'server')
    .map(([name, event]) => {
      const { error, request, conn, action } = event as Partial<DiagnosticsEvents['fastws:limit']>
      assert.ok(request !== undefined)
      return [name.slice('fastws:'.length), conn, action, error?.breach?.option]
    })
  const both = (option: string): unknown[] => [
    ['limit', undefined, 'refuse', option],
    ['handshake:error', undefined, undefined, option],
  ]
  assert.deepEqual(told, [
    ...both('maxConnections'),
    ...both('maxMemory'),
    ...both('handshakeTimeout'),
    ['handshake:error', undefined, undefined, undefined],
  ])
  assert.deepEqual(
    [room, memory, slow].map(({ ws }) => [ws.stats.refused, ws.stats.breached]),
    [
      [{ 503: 1 }, { maxConnections: 1 }],
      [{ 503: 1 }, { maxMemory: 1 }],
      [{ 503: 2 }, { handshakeTimeout: 1 }],
    ],
  )
  conn.terminate()
})

test('an error of accept() is not taken for a limit of the server, whatever it carries', async (t) => {
  const events = channels(t, 'fastws:limit')
  const breach = { option: 'timeout', limit: 1, value: 1 }
  const accept = (): never => {
    throw new WebSocketError('WS_ERR_HANDSHAKE_TIMEOUT', 'of another connection', { breach })
  }
  const { url, ws } = await serve(t, echo, { accept })
  await assert.rejects(dial(url), { status: 500 })
  assert.deepEqual([events, ws.stats.breached], [[], {}])
})

test('fastws:limit tells of each pause of a rate, once, and stats count them', async (t) => {
  const events = channels(t, 'fastws:limit', 'fastws:error')
  const told: Error[] = []
  const { port, ws } = await serve(
    t,
    { message: () => undefined },
    {
      maxMessageRate: { rate: 100, burst: 5 },
      onError: (error) => void told.push(error),
    },
  )
  const { peer } = await rawHandshake(port, { t })
  const [conn] = ws.conns
  for (const sum of [30, 60]) {
    peer.write(Buffer.concat(Array(30).fill(clientFrame(1, 'x'))))
    await until(() => ws.stats.messagesIn === sum)
  }
  assert.deepEqual([conn?.stats.ratePauses, ws.stats.ratePauses, told], [2, 2, []])
  assert.deepEqual(
    events.map(([name, event]) => {
      const { conn: one, action, error } = event as DiagnosticsEvents['fastws:limit']
      return [name, one === conn, action, error.code, error.breach?.option, error.breach?.limit]
    }),
    Array(2).fill(['fastws:limit', true, 'pause', 'WS_ERR_TOO_FAST', 'maxMessageRate', 100]),
  )
  conn?.terminate()
  await until(() => ws.stats.open === 0)
  assert.equal(ws.stats.ratePauses, 2)
})

test('upgrade().stats knows what counts against maxMemory', async (t) => {
  const { port, ws } = await serve(t, echo, { maxMemory: 1e6 })
  assert.equal(ws.stats.memory, 0)
  const { peer } = await rawHandshake(port, { t })
  peer.write(clientFrame(2, Buffer.alloc(200_000)).subarray(0, 100_000))
  await until(() => ws.stats.bytesIn === 100_000)
  const { memory = 0 } = ws.stats
  assert.ok(memory > 90_000 && memory <= 1e6, `${memory}`)
  assert.equal((await serve(t, echo)).ws.stats.memory, undefined)
})

test('fastws:handshake:error tells of handshakes that failed, on both sides', async (t) => {
  const events = channels(t, 'fastws:handshake:error')
  const { url } = await serve(t, echo, {
    path: '/ok',
    accept: ({ headers }) => {
      if (headers.authorization === undefined) return reject(401)
      throw new Error('in accept')
    },
  })
  const secret = url.replace('ws://', 'ws://ann:secret@')
  await assert.rejects(dial(`${url}/ok?token=secret`), { status: 401 })
  await assert.rejects(dial(`${secret}/ok`), { status: 500 })
  await assert.rejects(dial(`${url}/no`), { status: 404 })
  await assert.rejects(dial(`${url}/ok`, { signal: AbortSignal.abort('no more') }))
  const told = (role: string): unknown[] =>
    events
      .map(([, event]) => event as DiagnosticsEvents['fastws:handshake:error'])
      .filter((event) => event.role === role)
      .map(({ request, status, url: to, error }) => [
        request?.url ?? to?.replace(url, ''),
        status,
        error?.message,
      ])
  assert.deepEqual(told('server'), [
    ['/ok?token=secret', 401, undefined],
    ['/ok', 500, 'in accept'],
    ['/no', 404, undefined],
  ])
  const client = told('client') as [string, number, string][]
  assert.deepEqual(
    client.map(([to, status]) => [to, status]),
    [
      ['/ok', 401],
      ['/ok', 500],
      ['/no', 404],
      ['/ok', undefined],
    ],
  )
  assert.ok(!JSON.stringify(client).includes('secret'))
})

test('a subscriber that throws is an uncaught exception, as Node has it, and the connection goes on', async () => {
  const program = `
    import { subscribe } from 'node:diagnostics_channel'
    import { pair } from 'fastws'
    let uncaught = 0
    process.on('uncaughtException', (error) => { if (error.message === 'mine') uncaught++ })
    for (const name of ['open', 'frame', 'message', 'error', 'close'])
      subscribe('fastws:' + name, () => { throw new Error('mine') })
    const { client, server } = pair()
    await client.send('still here')
    console.log((await server.read()).text(), (await client.close(), uncaught >= 6))`
  const args = ['--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, ...GUARD })
  assert.equal(stdout, 'still here true\n')
})

test('upgrade().stats counts handshakes, ends and traffic, of those that are gone as well', async (t) => {
  const { url, port, ws } = await serve(t, echo, {
    maxConnections: 2,
    maxMessage: 10,
    accept: ({ url: path }) => (path === '/no' ? reject(403) : undefined),
  })
  const zero = ws.stats
  assert.deepEqual([zero.open, zero.accepted, zero.refused, zero.closed, zero.bytesIn], [0, 0, {}, {}, 0])
  const one = await dial(url, { compress: false })
  await one.send('first')
  await one.read()
  await one.close(1000)
  await until(() => ws.stats.open === 0)
  const two = await dial(url, { compress: false })
  const three = await dial(url, { compress: false })
  await two.send(Buffer.from('second'))
  await two.read()
  for (const [path, status] of [
    ['/', 503],
    ['/', 503],
  ] as const)
    await assert.rejects(dial(url + path), { status })
  await three.send('far too long')
  await three.closed
  await until(() => ws.stats.open === 1)
  await assert.rejects(dial(`${url}/no`), { status: 403 })
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 426)
  const stats = ws.stats
  assert.deepEqual(
    [stats.open, stats.opening, stats.accepted, stats.refused, stats.closed],
    [1, 0, 3, { 503: 2, 403: 1, 426: 1 }, { 1000: 1, 1009: 1 }],
  )
  assert.deepEqual(
    [stats.failed, stats.breached],
    [{ WS_ERR_MAX_MESSAGE: 1 }, { maxConnections: 2, maxMessage: 1 }],
  )
  assert.deepEqual(
    [stats.messagesIn, stats.messagesOut, stats.textIn, stats.textOut, stats.bufferedAmount],
    [2, 2, 1, 1, 0],
  )
  const sums = [one, two, three].map((conn) => conn.stats)
  assert.equal(
    stats.bytesOut,
    sums.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
  )
  assert.equal(
    stats.bytesIn,
    sums.reduce((sum, { bytesOut }) => sum + bytesOut, 0),
  )
  assert.equal(
    stats.framesOut,
    sums.reduce((sum, { framesIn }) => sum + framesIn, 0),
  )
  two.terminate()
  await until(() => ws.stats.open === 0)
  assert.deepEqual(ws.stats.closed, { 1000: 1, 1006: 1, 1009: 1 })
})

test('upgrade().stats does not count what fallback has answered, though it fails behind that', async (t) => {
  const events = channels(t, 'fastws:handshake:error')
  const { port, ws } = await serve(t, echo, {
    onError: () => undefined,
    fallback: async (request, response) => {
      if (request.url === '/answered') response.end('here you are')
      throw new Error('too late')
    },
  })
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/answered`)).text(), 'here you are')
  assert.deepEqual([ws.stats.refused, events.length], [{}, 0])
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 500)
  assert.deepEqual([ws.stats.refused, events.length], [{ 500: 1 }, 1])
})

test('upgrade().stats knows what waits for slow peers, and handshakes that wait for accept', async (t) => {
  const { promise, resolve } = deferred<undefined>()
  let first = true
  const accept = (): Promise<undefined> | undefined => (first ? undefined : promise)
  const { port, ws } = await serve(t, { message: () => undefined }, { accept, whenFull: 'wait' })
  const { peer } = await rawHandshake(port, { t })
  peer.socket.pause()
  const [conn] = ws.conns
  first = false
  const waiting = rawHandshake(port, { t })
  await until(() => ws.stats.opening === 1)
  void conn!.send(Buffer.alloc(32 << 20))
  await turn()
  assert.ok(ws.stats.bufferedAmount > 1 << 20)
  assert.equal(ws.stats.bufferedAmount, conn!.bufferedAmount)
  resolve(undefined)
  await waiting
  assert.deepEqual([ws.stats.opening, ws.stats.open], [0, 2])
  conn!.terminate()
  await conn!.closed
  assert.equal(ws.stats.bufferedAmount, 0)
})

test('conn.stats counts pings, pongs and texts, both ways', async (t) => {
  const { url, ws } = await serve(t, echo)
  const conn = await dial(url)
  await conn.ping()
  await conn.pong()
  await conn.send('text')
  await conn.send(Buffer.of(1))
  await conn.read()
  await conn.read()
  const [there] = ws.conns
  const { pingsOut, pongsOut, pongsIn, textIn, textOut, lastRoundTrip } = conn.stats
  assert.deepEqual([pingsOut, pongsOut, pongsIn, textIn, textOut], [1, 1, 1, 1, 1])
  assert.ok(lastRoundTrip !== undefined && lastRoundTrip >= 0)
  const { pingsIn, pongsIn: pongsThere, pongsOut: answers } = there!.stats
  assert.deepEqual([pingsIn, pongsThere, answers], [1, 1, 1])
  await conn.close()
})

test('a close code of the peer is counted as it came', async (t) => {
  const { port, ws } = await serve(t, echo)
  const { peer } = await rawHandshake(port, { t })
  peer.write(clientFrame(8, closePayload(4321)))
  await peer.readFrame()
  peer.socket.end()
  await until(() => ws.stats.open === 0)
  assert.deepEqual([ws.stats.closed, ws.stats.failed], [{ 4321: 1 }, {}])
})
