import assert from 'node:assert/strict'
import http from 'node:http'
import type net from 'node:net'
import { describe, test } from 'node:test'
import { upgrade } from '../../src/upgrade.js'
import { settle, wired } from '../conn/support.js'
import { clientFrame, closePayload, deferred, listen, once, rawHandshake, turn } from '../support/index.js'

// What `request.socket` is to those who keep it: the connection, whoever moves its bytes.
describe('the socket of a connection', () => {
  test('knows its addresses', async (t) => {
    const { socket, peer } = await wired(t)
    const { localPort, remotePort } = peer.socket as net.Socket
    assert.deepEqual(
      [socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort],
      ['127.0.0.1', localPort, '127.0.0.1', remotePort],
    )
  })

  test('takes the connection along when it is destroyed', async (t) => {
    const { conn, socket, peer } = await wired(t)
    socket.destroy()
    assert.equal(socket.destroyed, true)
    assert.equal((await conn.closed).code, 1006)
    assert.equal((await peer.readToEnd()).length, 0)
  })

  test('takes it along when it is to be destroyed soon', async (t) => {
    const { conn, socket } = await wired(t)
    socket.destroySoon()
    assert.equal((await conn.closed).code, 1006)
  })

  test('is destroyed, and tells it, when the connection is over', async (t) => {
    const { conn, socket } = await wired(t)
    const told = once(socket, 'close')
    assert.equal(socket.destroyed, false)
    conn.terminate()
    await told
    assert.equal(socket.destroyed, true)
  })

  test('tells those who begin to listen before that, too', async (t) => {
    const { conn, socket } = await wired(t)
    conn.terminate()
    await once(socket, 'close')
    await conn.closed
  })

  test('times out when nothing moves, and only then', async (t) => {
    let moved = performance.now()
    const ping = (): void => {
      moved = performance.now()
    }
    const { socket, peer } = await wired(t, { events: { ping } })
    const timeout = 200
    let quiet = Infinity
    socket.on('timeout', () => {
      quiet = Math.min(quiet, performance.now() - moved)
    })
    socket.setTimeout(timeout)
    for (const begin = performance.now(); performance.now() - begin < 2 * timeout; ) {
      peer.write(clientFrame(9, 'here'))
      await peer.readFrame()
    }
    if (quiet === Infinity) await once(socket, 'timeout')
    // On a machine that is busy it may have timed out before, but never while bytes went by.
    assert.ok(quiet > timeout / 2, `${quiet} ms`)
    assert.equal(socket.destroyed, false)
  })

  test('does not time out when the connection is over', async (t) => {
    const { conn, socket } = await wired(t)
    const other = await wired(t)
    const reached: string[] = []
    socket.setTimeout(20, () => reached.push('timeout'))
    other.socket.setTimeout(40)
    conn.terminate()
    await once(other.socket, 'timeout')
    assert.deepEqual(reached, [])
  })

  test('passes on what the connection is to be', async (t) => {
    const { socket, peer } = await wired(t)
    assert.equal(socket.setNoDelay(false), socket)
    assert.equal(socket.setNoDelay(), socket)
    assert.equal(socket.setKeepAlive(true, 10_000), socket)
    assert.equal(socket.setKeepAlive(), socket)
    assert.equal(socket.unref(), socket)
    assert.equal(socket.ref(), socket)
    peer.write(clientFrame(9, 'still there'))
    assert.equal((await peer.readFrame()).payload.toString(), 'still there')
  })

  test('is counted by its server until the connection is over', async (t) => {
    const opened = deferred<net.Socket>()
    const u = upgrade({ open: (_conn, request) => opened.resolve(request!.socket) })
    const server = http.createServer(u)
    const port = await listen(t, server)
    const count = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((error, found) => (error ? reject(error) : resolve(found))),
      )
    const { peer } = await rawHandshake(port, { t })
    await opened.promise
    assert.equal(await count(), 1)
    const closed = once(server, 'close')
    server.close()
    await settle()
    assert.equal(server.listening, false)
    assert.equal(await count(), 1)
    peer.write(clientFrame(9, 'alive'))
    assert.equal((await peer.readFrame()).payload.toString(), 'alive')
    peer.destroy()
    await closed
    assert.equal(await count(), 0)
  })
})

describe('a connection without its socket', () => {
  test('is told of a write that fails', async (t) => {
    const { conn, peer } = await wired(t, { maxOutboxBytes: Infinity })
    peer.socket.pause()
    while (conn.bufferedAmount < 8 << 20) void conn.send(Buffer.alloc(1 << 20))
    assert.equal((await Promise.race([conn.drained(), settle().then(() => 'waits')])) as unknown, 'waits')
    ;(peer.socket as net.Socket).resetAndDestroy()
    const report = await conn.closed
    assert.equal(report.code, 1006)
    await assert.rejects(conn.drained())
    assert.equal(conn.bufferedAmount, 0)
  })

  for (const secure of [false, true])
    test(`goes on writing to a peer that has ended its side${secure ? ', over TLS' : ''}`, async (t) => {
      const { conn, peer } = await wired(t, { secure, maxOutboxBytes: Infinity })
      peer.socket.pause()
      const sizes = [5_000_000, 5, 300_000]
      const sent = sizes.map((size, i) => conn.send(Buffer.alloc(size, i)))
      peer.socket.end()
      while (conn.isOpen) await turn()
      assert.ok(conn.bufferedAmount > 0, 'nothing is left to be written')
      peer.socket.resume()
      for (const [i, size] of sizes.entries()) {
        const { payload } = await peer.readFrame()
        assert.ok(payload.equals(Buffer.alloc(size, i)))
      }
      assert.equal((await peer.readToEnd()).length, 0)
      assert.equal((await conn.closed).code, 1006)
      await Promise.allSettled(sent)
    })

  for (const secure of [false, true])
    test(`loses nothing of a peer that has ended, to a slow reader${secure ? ', over TLS' : ''}`, async (t) => {
      const { conn, peer } = await wired(t, { secure })
      const sent = Array.from({ length: 4000 }, (_, i) => `message ${i}`)
      peer.socket.end(
        Buffer.concat([...sent.map((one) => clientFrame(1, one)), clientFrame(8, closePayload(1000))]),
      )
      await once(peer.socket, 'finish')
      const got: string[] = []
      for await (const message of conn) {
        got.push(message.text())
        if (got.length % 10 === 0) await turn()
      }
      assert.deepEqual(got, sent)
      const { code, clean } = await conn.closed
      assert.deepEqual([code, clean], [1000, true])
    })

  test('keeps the order of a large message and small ones behind it while the kernel takes its time', async (t) => {
    const { conn, peer } = await wired(t, { maxOutboxBytes: Infinity })
    peer.socket.pause()
    const sizes = [3_000_000, 1, 70_000, 0, 2_000_000, 5]
    const all = sizes.map((size, i) => conn.send(Buffer.alloc(size, i)))
    await settle()
    peer.socket.resume()
    for (const [i, size] of sizes.entries()) {
      const { payload } = await peer.readFrame()
      assert.ok(payload.equals(Buffer.alloc(size, i)))
    }
    await Promise.all(all)
    await conn.drained()
  })
})
