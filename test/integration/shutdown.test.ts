import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type Conn, dial, upgrade } from '../../src/index.js'
import { Program } from '../docs/program.js'
import { clientFrame, deferred, FakeClock, listen, once, rawHandshake, turn } from '../support/index.js'

const COUNT = 8
const SIZE = 1 << 19

/** A server process that sends so much to everybody, and more when it is told to end. */
async function serving(t: TestContext, timeout: number): Promise<{ program: Program; port: number }> {
  const args = [COUNT, SIZE, timeout].map(String)
  const program = new Program(t, 'test/integration/shutdown-child.js', args)
  return { program, port: Number(await program.line(/listens on (\d+)/)) }
}

/** The first byte of each message until the end. */
async function readAll(conn: Conn): Promise<number[]> {
  const firsts: number[] = []
  for await (const message of conn) firsts.push(message.length === SIZE ? message.data[0]! : -1)
  return firsts
}

test('SIGTERM: everything that was sent arrives, then 1001; the process ends with 0', async (t) => {
  const { program, port } = await serving(t, 20_000)
  const url = `ws://127.0.0.1:${port}`
  const slow = await dial(url) // reads nothing until the server is about to end
  const fast = await dial(url)
  const fastRead = readAll(fast)
  while (fast.stats.messagesIn < COUNT) await turn()
  program.kill('SIGTERM')
  const sent = Number(await program.line(/closes 2 behind (\d+) messages/))
  assert.ok(sent > COUNT)
  await assert.rejects(dial(url), { code: 'WS_ERR_SOCKET' })
  const all = Array.from({ length: sent }, (_, i) => i & 0xff)
  assert.deepEqual(await readAll(slow), all)
  assert.deepEqual(await fastRead, all)
  for (const conn of [slow, fast]) {
    const { code, clean, initiator } = await conn.closed
    assert.deepEqual([code, clean, initiator], [1001, true, 'remote'])
  }
  const { code, out, err } = await program.ended
  assert.deepEqual([code, err], [0, ''])
  assert.deepEqual(JSON.parse(out.at(-1)!), { open: 0, closed: { 1001: 2 }, bufferedAmount: 0 })
})

test('SIGTERM: a peer that neither reads nor answers holds the process up to the timeout', async (t) => {
  const { program, port } = await serving(t, 300)
  const { peer } = await rawHandshake(port, { t })
  peer.socket.pause()
  program.kill('SIGTERM')
  const { code, out, err } = await program.ended
  assert.deepEqual([code, err], [0, ''])
  assert.deepEqual(JSON.parse(out.at(-1)!), { open: 0, closed: { 1006: 1 }, bufferedAmount: 0 })
})

test('close() gives messages on their way its own timeout, not the closeTimeout of a connection', async (t) => {
  const clock = new FakeClock()
  const opened = deferred<Conn>()
  const handler = async (conn: Conn): Promise<void> => {
    opened.resolve(conn)
    await conn.closed
  }
  const ws = upgrade(handler, { clock, closeTimeout: 1_000, whenFull: 'wait' })
  const { peer } = await rawHandshake(await listen(t, createServer(ws)), { t })
  const conn = await opened.promise
  peer.socket.pause()
  const sent = Buffer.alloc(16 << 20, 'x')
  void conn.send(sent)
  const closing = ws.close({ timeout: 5_000 })
  await turn()
  clock.advance(4_999)
  await turn()
  assert.ok(ws.conns.has(conn) && conn.stats.bytesOut > 0)
  peer.socket.resume()
  const first = await peer.readFrame()
  assert.equal(first.payload.length, sent.length)
  const close = await peer.readFrame()
  assert.equal(close.payload.readUInt16BE(), 1001)
  peer.write(clientFrame(8, close.payload))
  peer.socket.end()
  await closing
  const { code, clean } = await conn.closed
  assert.deepEqual([code, clean], [1001, true])
})

test('close({ timeout: 0 }) leaves each connection its closeTimeout', async (t) => {
  const clock = new FakeClock()
  const ws = upgrade(async (conn) => void (await conn.closed), { clock, closeTimeout: 1_000 })
  const { peer } = await rawHandshake(await listen(t, createServer(ws)), { t })
  const closing = ws.close({ timeout: 0 })
  assert.equal((await peer.readFrame()).opcode, 8)
  clock.advance(999)
  assert.equal(ws.conns.size, 1)
  clock.advance(1)
  await closing
  assert.deepEqual(ws.stats.failed, { WS_ERR_CLOSE_TIMEOUT: 1 })
})

test('server.close() and close() together end with the last connection', async (t) => {
  const ws = upgrade(async (conn) => void (await conn.closed))
  const server = createServer(ws)
  const port = await listen(t, server)
  const conns = await Promise.all([1, 2].map(() => dial(`ws://127.0.0.1:${port}`)))
  const ended = once(server, 'close')
  server.close()
  await conns[0]!.send('still served')
  await ws.close()
  await ended
  for (const conn of conns) assert.equal((await conn.closed).code, 1001)
})
