import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../src/conn/clock.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { dial } from '../../src/dial.js'
import { type CloseReport, WebSocketError } from '../../src/errors.js'
import {
  type ConnHandler,
  type ErrorContext,
  type Handler,
  type UpgradeOptions,
  upgrade,
} from '../../src/upgrade.js'
import { exchange, handshake } from '../handshake/raw.js'
import { clientFrame, deferred, GUARD, listen, once, rawHandshake, turn } from '../support/index.js'

const stay: ConnHandler = async (conn) => void (await conn.closed)

async function serve(t: TestContext, handler: Handler, options: UpgradeOptions = {}) {
  const told: [Error, ErrorContext][] = []
  const ws = upgrade(handler, {
    onError: (error, context) => void told.push([error, context]),
    closeTimeout: 100,
    ...options,
  })
  const port = await listen(t, createServer(ws))
  t.after(() => ws.close({ timeout: 1 }))
  return { port, ws, told, url: `ws://127.0.0.1:${port}` }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

const isBreach = (error: Error, option: string, limit: number): boolean =>
  error instanceof WebSocketError && error.breach?.option === option && error.breach.limit === limit

test('a breach is told to onError, with its connection, and to nobody who only lost his peer', async (t) => {
  const { url, ws, told } = await serve(t, stay, { maxMessage: 10 })
  const conn = await dial(url)
  const [served] = ws.conns
  await conn.send('more than ten bytes')
  const { code, reason, received } = await conn.closed
  assert.deepEqual(
    [code, reason, received?.reason],
    Array(1).fill(1009).concat(Array(2).fill('maxMessage is 10, got 19')),
  )
  assert.equal(told.length, 1)
  assert.ok(isBreach(told[0]![0], 'maxMessage', 10))
  assert.equal(told[0]![1].conn, served)

  const silent = deferred<CloseReport>()
  const report: ConnHandler = async (conn) => silent.resolve(await conn.closed)
  const impatient = await serve(t, report, { keepalive: { interval: 10, timeout: 20 } })
  const { peer } = await rawHandshake(impatient.port, { t })
  assert.equal((await silent.promise).breach?.option, 'keepalive.timeout')
  assert.equal(impatient.told.length, 0)
  peer.destroy()
})

test('maxConnections tells onError which handshake it refused', async (t) => {
  const { port, told } = await serve(t, stay, { maxConnections: 1 })
  assert.equal((await exchange(t, port, handshake([]))).status, 101)
  assert.equal((await exchange(t, port, handshake([], 'GET /two HTTP/1.1'))).status, 503)
  assert.deepEqual((told[0]![0] as WebSocketError).breach, { option: 'maxConnections', limit: 1, value: 2 })
  assert.equal(told[0]![1].request?.url, '/two')
})

test('maxMemory closes 1013 whoever holds the most, and 503 refuses others while little is left', async (t) => {
  const MAX = 400_000
  const { port, ws, told } = await serve(t, stay, { maxMemory: MAX })
  const part = clientFrame(2, Buffer.alloc(1 << 20))
  const hold = async (bytes: number) => {
    const { peer } = await rawHandshake(port, { t })
    const conn = [...ws.conns].at(-1)!
    peer.write(part.subarray(0, bytes))
    await until(() => conn.stats.bytesIn === bytes || !conn.isOpen)
    return { peer, conn }
  }
  const large = await hold(250_000)
  const small = await hold(100_000)
  const refused = await exchange(t, port, handshake([]))
  assert.equal(refused.status, 503)
  assert.ok(isBreach(told[0]![0], 'maxMemory', MAX))

  small.peer.write(part.subarray(100_000, 151_000))
  const report: CloseReport = await large.conn.closed
  assert.deepEqual([report.code, report.breach?.option, small.conn.isOpen], [1013, 'maxMemory', true])
  const { payload } = await large.peer.readFrame()
  // How much memory a server has, and what the others hold, is no business of a stranger.
  assert.deepEqual([payload.readUInt16BE(), payload.toString('utf8', 2)], [1013, 'maxMemory'])
  assert.deepEqual([report.reason, report.breach?.limit], ['maxMemory', MAX])
  assert.equal(told.length, 2)
  assert.equal(told[1]![1].conn, large.conn)

  await until(() => ws.conns.size === 1)
  const next = await exchange(t, port, handshake([]))
  assert.equal(next.status, 101)
})

test('maxMemory counts what waits for peers that read nothing', async (t) => {
  const large = Buffer.alloc(16 << 20) // more than kernels take
  const flood: Handler = { open: (conn) => void conn.send(large) }
  const MAX = 48 << 20
  const { port, ws, told } = await serve(t, flood, { maxMemory: MAX })
  for (let i = 0; i < 12; i++) {
    const { status, peer } = await exchange(t, port, handshake([]))
    if (status === 101) peer.socket.pause()
    await until(() => [...ws.conns].every(({ isOpen, bufferedAmount }) => !isOpen || bufferedAmount > 0))
    const open = [...ws.conns].filter(({ isOpen }) => isOpen)
    assert.ok(open.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0) <= MAX)
  }
  assert.ok(told.length >= 5, `${told.length}`)
  assert.ok(told.every(([error]) => isBreach(error, 'maxMemory', MAX)))
})

test('many connections share one timer, openings that wait too', async (t) => {
  let timers = 0
  const live = new Set<unknown>()
  const clock: typeof systemClock = {
    now: () => systemClock.now(),
    setTimer: (callback, delay) => {
      const timer = systemClock.setTimer(() => {
        live.delete(timer)
        callback()
      }, delay)
      live.add(timer)
      timers = Math.max(timers, live.size)
      return timer
    },
    clearTimer: (timer) => {
      live.delete(timer)
      systemClock.clearTimer(timer)
    },
  }
  const held = deferred<undefined>()
  const { port, ws } = await serve(t, stay, {
    clock,
    accept: ({ url }) => (url === '/slow' ? held.promise : undefined),
    maxMemory: 1e9,
    idleTimeout: 60_000,
    maxLifetime: 600_000,
    readTimeout: 60_000,
    writeTimeout: 60_000,
    maxMessageRate: 100,
  })
  const peers = await Promise.all(Array.from({ length: 40 }, () => rawHandshake(port, { t })))
  const slow = Array.from({ length: 10 }, () => exchange(t, port, handshake([], 'GET /slow HTTP/1.1')))
  for (const { peer } of peers) peer.write(clientFrame(2, Buffer.alloc(1000)).subarray(0, 100))
  await until(() => ws.conns.size === 40 && [...ws.conns].every(({ stats }) => stats.bytesIn === 100))
  assert.deepEqual([timers, live.size], [1, 1])
  held.resolve(undefined)
  for (const { peer } of await Promise.all(slow)) peer.destroy()
  for (const { peer } of peers) peer.destroy()
  await until(() => ws.conns.size === 0)
  assert.deepEqual([timers, live.size, timekeeperOf(clock).size], [1, 0, 0])
})

test('nothing keeps the process alive once the connections are closed', GUARD, async (t) => {
  const main = new URL('../../src/index.js', import.meta.url)
  const program = `
    import { createServer } from 'node:http'
    import { once } from 'node:events'
    const { dial, upgrade } = await import(${JSON.stringify(main.href)})
    const echo = { message: (conn, message) => conn.send(message) }
    const limits = { maxMemory: 1e9, maxMessageRate: 10, idleTimeout: 60_000, maxLifetime: 60_000, readTimeout: 60_000 }
    const ws = upgrade(echo, limits)
    const server = createServer(ws).listen(0)
    await once(server, 'listening')
    const conn = await dial('ws://127.0.0.1:' + server.address().port, { idleTimeout: 60_000, readTimeout: 60_000 })
    for (let i = 0; i < 25; i++) void conn.send('x') // more than may come in at once: it is held up
    await conn.read()
    await conn.close()
    await ws.close()
    server.close()
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  t.after(() => child.kill())
  assert.equal(await once(child, 'exit'), 0)
})
