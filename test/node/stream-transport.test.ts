import assert from 'node:assert/strict'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { CloseError, type WebSocketError } from '../../src/errors.js'
import { settle, wired } from '../conn/support.js'
import {
  clientFrame,
  closePayload,
  deferred,
  FakeClock,
  isPending,
  listen,
  once,
  rawConnect,
  serverFrame,
} from '../support/index.js'

const text = (payload: string): Buffer => clientFrame(1, payload)
const close = (code: number): Buffer => clientFrame(8, closePayload(code))
const causeOf = (error: Error | undefined): unknown => (error as WebSocketError | undefined)?.code

for (const secure of [false, true])
  describe(`Conn.over a ${secure ? 'TLS' : 'TCP'} socket`, () => {
    test('reads and writes, small and large', async (t) => {
      const { conn, peer } = await wired(t, {
        secure,
        maxMessage: Infinity,
        maxFrame: Infinity,
        maxOutboxBytes: Infinity,
      })
      for (const length of [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 3_000_001]) {
        const payload = Buffer.alloc(length, `${length} `)
        peer.write(clientFrame(2, payload))
        const message = await conn.read()
        assert.ok(message?.data.equals(payload))
        void conn.send(message!)
        assert.ok((await peer.readFrame()).payload.equals(payload))
      }
    })

    test('knows its addresses, and keeps them when it is over', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      const facts = () => [
        conn.remoteAddress,
        typeof conn.remotePort,
        conn.localAddress,
        typeof conn.localPort,
      ]
      assert.deepEqual(facts(), ['127.0.0.1', 'number', '127.0.0.1', 'number'])
      peer.write(close(1000))
      peer.socket.end()
      await conn.closed
    })

    test('closes: the server ends first, and the peer sees a clean end', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      const over = conn.close(4000, 'bye')
      assert.deepEqual((await peer.readFrame()).payload, closePayload(4000, 'bye'))
      peer.write(close(4000))
      assert.equal((await peer.readToEnd()).length, 0)
      peer.socket.end()
      assert.equal((await over).clean, true)
      assert.equal(await peer.closed, undefined)
    })

    test('tells a peer that broke a rule why, and reads its rest away', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      peer.write(Buffer.concat([clientFrame(3), Buffer.alloc(300_000)]))
      assert.deepEqual((await peer.readFrame()).payload, closePayload(1002))
      peer.write(Buffer.alloc(300_000))
      assert.equal((await peer.readToEnd()).length, 0)
      peer.socket.end()
      assert.equal((await conn.closed).code, 1002)
    })

    test('sees the end of a peer without Close', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      peer.write(text('last'))
      peer.socket.end()
      const report = await conn.closed
      assert.deepEqual([report.code, causeOf(report.cause)], [1006, 'WS_ERR_EOF'])
      assert.equal((await conn.read())?.text(), 'last')
      await assert.rejects(conn.read(), CloseError)
    })

    test('sees a reset, with its cause', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      await conn.send('x')
      await peer.readFrame()
      const rejected = assert.rejects(conn.read(), CloseError)
      if (secure) peer.destroy()
      else (peer.socket as net.Socket).resetAndDestroy()
      const report = await conn.closed
      assert.equal(report.code, 1006)
      await rejected
      if (!secure) {
        assert.equal(causeOf(report.cause), 'WS_ERR_SOCKET')
        assert.equal(causeOf(report.cause?.cause as Error), 'ECONNRESET')
      }
    })

    test('stops a peer that offers more than is read, and goes on when it is', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      const payload = 'x'.repeat(50_000)
      const offered = Array.from({ length: 400 }, (_, i) => text(`${i} ${payload}`))
      for (const frame of offered) peer.socket.write(frame)
      let before = -1
      while (before !== conn.stats.bytesIn) {
        before = conn.stats.bytesIn
        for (let i = 0; i < 20; i++) await settle()
      }
      // What fits into the inbox, and one read at most.
      assert.ok(conn.stats.bytesIn < (256 << 10) + (3 << 16), `${conn.stats.bytesIn} bytes were read`)
      for (let i = 0; i < offered.length; i++) assert.ok((await conn.read())?.text().startsWith(`${i} x`))
      peer.write(close(1000))
      assert.equal(await conn.read(), null)
    })

    test('waits for a peer that reads slowly, and harms nobody else', async (t) => {
      const slow = await wired(t, { secure, maxOutboxBytes: Infinity })
      const quick = await wired(t, { secure })
      slow.peer.socket.pause()
      const messages = Array.from({ length: 300 }, (_, i) => Buffer.alloc(i * 300, i)) // more than kernels take
      const waits: Promise<void>[] = []
      for (const [i, message] of messages.entries()) {
        waits.push(slow.conn.send(message))
        await quick.conn.send(`${i}`)
        const frame = await quick.peer.readFrame()
        assert.equal(frame.payload.toString(), `${i}`)
      }
      assert.ok(slow.conn.bufferedAmount > 0)
      assert.equal(await isPending(slow.conn.drained()), true)
      slow.peer.socket.resume()
      for (const message of messages) assert.ok((await slow.peer.readFrame()).payload.equals(message))
      await Promise.all(waits)
      await slow.conn.drained()
    })

    test('answers pings while it writes only', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      for (let i = 0; i < 200; i++) {
        peer.write(clientFrame(9, `${i}`))
        assert.equal((await peer.readFrame()).payload.toString(), `${i}`)
      }
      assert.equal(conn.stats.framesIn, 200)
    })

    test('ends on bytes that are wrong deep inside a long message', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      const payload = Buffer.alloc(600_000, 'x')
      payload[400_000] = 0xff
      const frame = clientFrame(1, payload)
      peer.write(frame.subarray(0, 500_000)) // the rest never comes
      assert.deepEqual((await peer.readFrame()).payload, closePayload(1007))
      assert.equal(conn.closeInfo?.code, 1007)
    })

    test('leaves nothing behind when it is over', async (t) => {
      const clock = new FakeClock()
      for (let i = 0; i < 20; i++) {
        const { conn, peer, socket } = await wired(t, { secure, clock })
        peer.write(text('x'))
        await conn.read()
        if (i % 3 === 0) conn.terminate()
        else if (i % 3 === 1) peer.socket.end()
        else {
          void conn.close()
          peer.write(close(1000))
          peer.socket.end()
        }
        await conn.closed
        if (!socket.destroyed) await once(socket, 'close')
        assert.equal(socket.destroyed, true)
      }
      assert.equal(timekeeperOf(clock).size, 0)
      assert.equal(clock.pending, 0)
    })

    test('is ended by terminate() at once', async (t) => {
      const { conn, peer } = await wired(t, { secure })
      conn.terminate()
      await conn.closed
      assert.equal((await peer.readToEnd()).length, 0)
    })

    test('takes no more from head than it has room for', async (t) => {
      const head = Buffer.concat([text('1'), text('2'), text('3')])
      const { conn, peer } = await wired(t, { secure, maxInboxFrames: 1, head })
      for (let i = 0; i < 400; i++) peer.socket.write(clientFrame(2, Buffer.alloc(10_000)))
      for (let i = 0; i < 50; i++) await settle()
      assert.ok(conn.stats.bytesIn < 300_000, `${conn.stats.bytesIn} bytes were read`)
      for (const expected of ['1', '2', '3']) assert.equal((await conn.read())?.text(), expected)
      assert.equal((await conn.read())?.length, 10_000)
    })
  })

describe('Conn.over', () => {
  test('starts a socket that was handed over paused', async (t) => {
    const accepted = deferred<net.Socket>()
    const server = net.createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket))
    const peer = await rawConnect(await listen(t, server), { t })
    const conn = Conn.over(await accepted.promise, { role: 'server' })
    peer.write(text('read'))
    assert.equal((await conn.read())?.text(), 'read')
    conn.terminate()
  })

  test('works as a client, over a unix socket too', async (t) => {
    const path = `\0fastws-test-${process.pid}`
    const server = net.createServer((socket) => {
      const conn = Conn.over(socket, {
        role: 'server',
        events: { message: (self, message) => void self.send(message) },
      })
      t.after(() => conn.terminate())
    })
    server.listen(path)
    await once(server, 'listening')
    t.after(() => server.close())
    const socket = net.connect(path)
    await once(socket, 'connect')
    const conn = Conn.over(socket, { role: 'client' })
    await conn.send('echo')
    assert.equal((await conn.read())?.text(), 'echo')
    assert.equal((await conn.close()).clean, true)
  })

  test('writes before the socket is connected go out when it is', async (t) => {
    const server = net.createServer((socket) => {
      const conn = Conn.over(socket, {
        role: 'server',
        events: { message: (self, message) => void self.send(message) },
      })
      t.after(() => conn.terminate())
    })
    const conn = Conn.over(net.connect(await listen(t, server), '127.0.0.1'), { role: 'client' })
    void conn.send('early')
    assert.equal((await conn.read())?.text(), 'early')
    conn.terminate()
    await conn.closed
  })

  test('keeps a socket from ending the process by its error', async () => {
    const socket = net.connect({ port: 1, host: '127.0.0.1' })
    const conn = Conn.over(socket, { role: 'client' })
    const report = await conn.closed
    assert.equal(causeOf(report.cause), 'WS_ERR_SOCKET')
  })

  test('of a socket that is gone already is over at once', async (t) => {
    const { socket, conn: first } = await wired(t)
    socket.destroy()
    await first.closed
    const conn = Conn.over(socket, { role: 'server' })
    assert.equal((await conn.closed).code, 1006)
  })

  test('refuses a wrong role', () => {
    const duplex = new Duplex()
    assert.throws(() => Conn.over(duplex, { role: 'peer' as never }), {
      name: 'TypeError',
      code: 'WS_ERR_ARGUMENT',
      message: /role/,
    })
  })
})

/** A stream in the test's hands. */
function stream(options: ConstructorParameters<typeof Duplex>[0] = {}) {
  const written: Buffer[] = []
  const duplex = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => {
      written.push(chunk)
      done()
    },
    ...options,
  })
  return { duplex, written }
}

describe('Conn.over any other stream', () => {
  test('reads and writes, and leaves the chunks alone', async () => {
    const { duplex, written } = stream()
    const conn = Conn.over(duplex, { role: 'server' })
    const chunk = text('masked')
    const before = Buffer.from(chunk)
    duplex.push(chunk)
    assert.equal((await conn.read())?.text(), 'masked')
    assert.deepEqual(chunk, before)
    await conn.send('out')
    await settle()
    assert.deepEqual(Buffer.concat(written), serverFrame(1, 'out'))
    assert.deepEqual([conn.remoteAddress, conn.localPort], [undefined, undefined])
    duplex.push(close(1000))
    duplex.push(null)
    assert.equal((await conn.closed).clean, true)
  })

  test('does not use its memory again while the stream may hold it', async () => {
    const { duplex, written } = stream()
    const conn = Conn.over(duplex, { role: 'server' })
    for (const message of ['first', 'second', 'third']) {
      void conn.send(message)
      await settle()
    }
    assert.deepEqual(
      Buffer.concat(written),
      Buffer.concat(['first', 'second', 'third'].map((m) => serverFrame(1, m))),
    )
    conn.terminate()
    await conn.closed
  })

  test('waits until the stream has written', async () => {
    const held: (() => void)[] = []
    const { duplex } = stream({ write: (_chunk, _, done) => held.push(done) })
    const conn = Conn.over(duplex, { role: 'server', highWaterMark: 1 })
    const waits = conn.send('xx')
    assert.equal(await isPending(waits), true)
    assert.equal(conn.bufferedAmount, 4)
    held.shift()!()
    await waits
    conn.terminate()
  })

  test('is lost when writing throws, and others are not', async (t) => {
    const { duplex } = stream({
      write: () => {
        throw new Error('broken')
      },
    })
    const bad = Conn.over(duplex, { role: 'server' })
    const good = await wired(t)
    void bad.send('x')
    void good.conn.send('y')
    assert.equal((await good.peer.readFrame()).payload.toString(), 'y')
    const report = await bad.closed
    assert.equal(causeOf(report.cause), 'WS_ERR_SOCKET')
    assert.equal(String(report.cause?.cause), 'Error: broken')
  })

  test('is lost by an error, also of a stream that does not destroy itself', async () => {
    for (const autoDestroy of [true, false]) {
      const { duplex } = stream({ autoDestroy })
      const conn = Conn.over(duplex, { role: 'server' })
      duplex.emit('error', new Error('broken'))
      assert.equal((await conn.closed).cause?.cause instanceof Error, true)
    }
  })

  test('that has ended before is over at once', async () => {
    const { duplex } = stream({ allowHalfOpen: true })
    duplex.resume()
    duplex.push(null)
    await once(duplex, 'end')
    const conn = Conn.over(duplex, { role: 'server' })
    assert.equal(causeOf((await conn.closed).cause), 'WS_ERR_EOF')
  })

  test('drops what is written after its end', async () => {
    const { duplex, written } = stream({ allowHalfOpen: true })
    const conn = Conn.over(duplex, { role: 'server' })
    duplex.end()
    await settle()
    await conn.send('lost')
    await settle()
    assert.deepEqual(written, [])
    conn.terminate()
    await conn.closed
  })
})
