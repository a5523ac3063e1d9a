import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import net from 'node:net'
import { test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { dial } from '../../src/dial.js'
import { upgrade } from '../../src/upgrade.js'
import { clientFrame, deferred, listen, rawHandshake } from '../support/index.js'

const MB = 1 << 20

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
  const message = Buffer.alloc(8 * MB, 7)
  const ws = upgrade(
    async (conn) => {
      await conn.send(message)
      await conn.closed
    },
    { keepalive: { interval: 150, timeout: 150 } },
  )
  const port = await listen(t, createServer(ws))
  // A narrow line between the two: a piece, and a pause.
  const narrow = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    t.after(() => far.destroy())
    near.pipe(far)
    far.on('data', (piece) => {
      near.write(piece)
      far.pause()
      setTimeout(() => far.resume(), 4)
    })
    near.on('error', () => undefined).on('close', () => far.destroy())
    far.on('error', () => undefined)
  })
  const conn = await dial(`ws://127.0.0.1:${await listen(t, narrow)}`, {
    maxMessage: 16 * MB,
    maxFrame: 16 * MB,
    keepalive: false,
  })
  assert.equal((await conn.read())?.data.equals(message), true)
  await conn.close()
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
