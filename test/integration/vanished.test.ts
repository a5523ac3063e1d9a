import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type net from 'node:net'
import { test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { dial } from '../../src/dial.js'
import { upgrade } from '../../src/upgrade.js'
import { clientFrame, deferred, FakeClock, listen, rawHandshake, turn } from '../support/index.js'
import { until } from '../support/scene.js'

const MB = 1 << 20

/** In documented ways Node does not tell how much of a write has left, so that a message must be the smaller. */
const SEEN_TO_LEAVE = process.env.FASTWS_PORTABLE === '1' ? MB : 64 * MB

test('a peer that is gone behind a full inbox, which nobody reads, is noticed by keepalive', async (t) => {
  const opened = deferred<Conn>()
  const ws = upgrade(
    async (conn) => {
      opened.resolve(conn)
      await conn.closed
    },
    { keepalive: { interval: 50, timeout: 50 } },
  )
  const port = await listen(t, createServer(ws))
  const { peer } = await rawHandshake(port, { t })
  peer.write(Buffer.concat(Array.from({ length: 17 }, () => clientFrame(1, 'x'))))
  const conn = await opened.promise
  await peer.readFrame() // a ping, though we do not read: the inbox is full by then
  ;(peer.socket as net.Socket).resetAndDestroy()
  const report = await conn.closed
  assert.deepEqual([report.code, report.initiator, ws.conns.size], [1006, 'remote', 0])
})

test('a peer that is busy with a large message is not given up, as long as it takes bytes', async (t) => {
  const clock = new FakeClock()
  const opened = deferred<Conn>()
  const ws = upgrade(
    async (conn) => {
      opened.resolve(conn)
      await conn.closed
    },
    { clock, keepalive: { interval: 150, timeout: 150 }, maxOutboxBytes: Infinity },
  )
  const { peer } = await rawHandshake(await listen(t, createServer(ws)), { t })
  peer.socket.pause()
  const conn = await opened.promise
  for (let i = 0; i < 64 * MB; i += SEEN_TO_LEAVE) void conn.send(Buffer.alloc(SEEN_TO_LEAVE, 7))
  // It takes some, and then nothing for a while; that it has not answered a ping would have ended it at the second look.
  let looks = 0
  for (; conn.bufferedAmount > 2 * MB; looks++) {
    const before = conn.bufferedAmount
    peer.socket.resume()
    await until(() => conn.bufferedAmount < before)
    peer.socket.pause()
    clock.advance(150)
    assert.equal(conn.isOpen, true, `${before} bytes waited`)
  }
  assert.ok(looks > 3, `${looks} looks`)
  while (conn.isOpen) {
    await turn() // a kernel may take more for it
    clock.advance(150)
  }
  assert.equal(conn.closeInfo?.breach?.option, 'keepalive.timeout')
})

test('a peer that leaves while its message is handled is no error of the event function', async (t) => {
  const errors: Error[] = []
  const release = deferred<void>()
  const handled = deferred<void>()
  const ws = upgrade(
    {
      async message(conn, message) {
        await release.promise
        setImmediate(handled.resolve)
        await conn.send(message)
      },
    },
    { onError: (error) => void errors.push(error) },
  )
  const port = await listen(t, createServer(ws))
  const conn = await dial(`ws://127.0.0.1:${port}`)
  await conn.send('x')
  await conn.close()
  release.resolve()
  await handled.promise
  assert.deepEqual(errors, [])
})

test('the error of another connection is one of the event function that lets it out', async (t) => {
  const errors = deferred<Error>()
  const port = await listen(t, createServer(upgrade(async (conn) => void (await conn.close(4001)))))
  const ws = upgrade(
    {
      async message() {
        await (await dial(`ws://127.0.0.1:${port}`)).read()
      },
    },
    { onError: errors.resolve },
  )
  const conn = await dial(`ws://127.0.0.1:${await listen(t, createServer(ws))}`)
  await conn.send('x')
  assert.equal(((await errors.promise) as Error & { code?: unknown }).code, 4001)
  assert.equal((await conn.closed).code, 1011)
})
