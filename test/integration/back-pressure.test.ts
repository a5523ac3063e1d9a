import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import https from 'node:https'
import { describe, type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import type { ConnOptions } from '../../src/conn/options.js'
import { dial } from '../../src/dial.js'
import { type Handler, upgrade } from '../../src/upgrade.js'
import {
  clientFrame,
  closePayload,
  deferred,
  GUARD,
  isPending,
  listen,
  rawHandshake,
  tls,
  turn,
} from '../support/index.js'
import { peakWhile } from '../support/measure.js'

const KIB = 1 << 10
const MIB = 1 << 20
const GIB = 1 << 30

/** What kernels take, at most, from who sends to somebody that does not read: 32 MiB to receive is set somewhere. */
const TAKEN = 64 * MIB

/** Over TLS the peer is stopped in another way: what OpenSSL has read from the socket cannot be left there. */
const ROADS = ['', ' over TLS'] as const
type Road = (typeof ROADS)[number]

/** A real connection, both ends of it. */
async function connect(t: TestContext, road: Road, handler?: Handler, events?: EventHandler) {
  const opened = deferred<Conn>()
  const over = deferred()
  const server = upgrade(
    handler ??
      ((conn) => {
        opened.resolve(conn)
        return over.promise
      }),
    { onError: () => undefined },
  )
  const secure = road === ' over TLS'
  const port = await listen(t, secure ? https.createServer(tls, server) : createServer(server))
  const url = `${secure ? 'wss' : 'ws'}://127.0.0.1:${port}`
  const client = await dial(url, { compress: false, tls: { ca: tls.ca }, ...(events && { events }) })
  t.after(() => {
    over.resolve()
    client.terminate()
  })
  const served = handler === undefined ? await opened.promise : [...server.conns][0]!
  return { client, served }
}

/** Nothing has changed for so many turns of the event loop, and so long: sockets would have had something to say. */
async function atRest(look: () => number): Promise<void> {
  let last = look()
  let since = performance.now()
  for (let still = 0; still < 200 || performance.now() - since < 50; still++) {
    await turn()
    const now = look()
    if (now === last) continue
    last = now
    still = 0
    since = performance.now()
  }
}

const chunk = Buffer.alloc(64 * KIB, 7)

/** Offers a gibibyte, one message after the other. */
function offer(conn: Conn): { readonly offered: () => number; readonly all: Promise<void> } {
  let offered = 0
  const all = (async () => {
    while (offered < GIB) {
      await conn.send(chunk)
      offered += chunk.length
    }
  })()
  all.catch(() => undefined)
  return { offered: () => offered, all }
}

describe('a consumer that stops reading', GUARD, () => {
  for (const road of ROADS)
    for (const consumer of ['server', 'client'] as const) {
      test(`as ${consumer} stops a peer with 1 GiB, and goes on where it stopped${road}`, async (t) => {
        const { client, served } = await connect(t, road)
        const [from, to] = consumer === 'server' ? [client, served] : [served, client]
        const { offered } = offer(from)
        const { peak } = await peakWhile(() => atRest(offered))
        assert.ok(offered() < TAKEN, `${offered()} bytes were taken`) // the kernel's buffers, mostly
        assert.ok(peak < 16 * MIB + 2 * offered(), `${peak} bytes were held`)
        assert.ok(to.stats.messagesIn <= 16)
        assert.ok(to.stats.bytesIn < MIB, `${to.stats.bytesIn} bytes were read`)

        // More than it had taken: it goes on, and stops again. How much a kernel takes is not the same every time.
        const read = TAKEN / chunk.length
        for (let i = 0; i < read; i++) assert.equal((await to.read())?.length, chunk.length)
        await atRest(offered)
        const waiting = offered() - read * chunk.length
        assert.ok(waiting < TAKEN, `${waiting} bytes more were taken`)
      })

      test(`as ${consumer} with a busy event function stops the peer${road}`, async (t) => {
        const busy = deferred()
        let handled = 0
        const message = (): Promise<void> => {
          handled++
          return busy.promise
        }
        t.after(() => busy.resolve())
        const handler: Handler =
          consumer === 'server' ? { message } : (conn) => conn.closed.then(() => undefined)
        const { client, served } = await connect(
          t,
          road,
          handler,
          consumer === 'client' ? { message } : undefined,
        )
        const { offered } = offer(consumer === 'server' ? client : served)
        const { peak } = await peakWhile(() => atRest(offered))
        assert.equal(handled, 1)
        assert.ok(offered() < TAKEN, `${offered()} bytes were taken`)
        assert.ok(peak < 16 * MIB + 2 * offered(), `${peak} bytes were held`)
      })
    }
})

/** A server's connection whose peer has stopped reading. */
async function stuck(t: TestContext, options: ConnOptions = {}) {
  const opened = deferred<Conn>()
  const handler: Handler = (conn) => {
    opened.resolve(conn)
    return conn.closed.then(() => undefined)
  }
  const server = upgrade(handler, { onError: () => undefined, ...options })
  const { peer } = await rawHandshake(await listen(t, createServer(server)), { t })
  peer.socket.pause()
  return { conn: await opened.promise, peer }
}

describe('a peer that stops reading', GUARD, () => {
  test('makes send() wait, with no more held than the high-water mark and a message', async (t) => {
    const { conn, peer } = await stuck(t)
    const { offered, all } = offer(conn)
    await atRest(offered)
    assert.ok(offered() < TAKEN, `${offered()} bytes were taken`)
    assert.ok(
      conn.bufferedAmount > 0 && conn.bufferedAmount <= 192 * KIB,
      `${conn.bufferedAmount} bytes wait`,
    )
    assert.equal(await isPending(all), true)
    peer.destroy()
    await assert.rejects(all)
  })

  test('is closed with 1013 by who does not wait, and told when it reads again', async (t) => {
    const { conn, peer } = await stuck(t, { maxOutboxBytes: MIB })
    while (conn.isOpen) {
      void conn.send(chunk)
      await turn()
    }
    assert.deepEqual(conn.closeInfo?.breach?.option, 'maxOutboxBytes')
    peer.socket.resume()
    let last = await peer.readFrame()
    while (last.opcode !== 8) last = await peer.readFrame()
    assert.equal(last.payload.readUInt16BE(), 1013)
    assert.match(last.payload.toString('utf8', 2), /^maxOutboxBytes is 1048576, got \d+$/)
  })

  test('gets ping and pong in front of what waits, and Close behind it', async (t) => {
    const { conn, peer } = await stuck(t, { whenFull: 'wait', closeTimeout: 0 })
    let count = 0
    while (conn.bufferedAmount < 8 * MIB) {
      void conn.send(chunk)
      if (count++ % 10 === 0) await turn()
    }
    const trip = conn.ping('now')
    void conn.pong('and this')
    void conn.close(4000, 'done')
    peer.socket.resume()
    const opcodes: number[] = []
    while (opcodes.at(-1) !== 8) opcodes.push((await peer.readFrame()).opcode)
    assert.equal(opcodes.filter((opcode) => opcode === 2).length, count)
    const behind = opcodes.slice(opcodes.indexOf(9)).filter((opcode) => opcode === 2).length
    assert.ok(behind * chunk.length > 3 * MIB, `${behind} messages came behind the ping`)
    assert.equal(opcodes.lastIndexOf(8), opcodes.length - 1)
    assert.ok(opcodes.includes(10))
    peer.write(clientFrame(8, closePayload(4000)))
    await assert.rejects(trip, { code: 4000 })
  })

  for (const way of ['is reset', 'ends the connection'])
    test(`and then ${way}, is told to somebody who awaits send() in a loop without end`, async (t) => {
      const { conn, peer } = await stuck(t, { closeTimeout: 100 })
      const sent = (async () => {
        for (;;) await conn.send(chunk)
      })()
      await atRest(() => conn.stats.messagesOut)
      if (way === 'is reset') peer.destroy()
      else peer.socket.end()
      await assert.rejects(sent, { code: 1006 })
    })

  test('that goes on in time gets everything', async (t) => {
    const { conn, peer } = await stuck(t)
    const TOTAL = 64
    const sent = (async () => {
      for (let i = 0; i < TOTAL * 16; i++) await conn.send(chunk)
    })()
    await atRest(() => conn.stats.messagesOut)
    assert.equal(await isPending(sent), true)
    peer.socket.resume()
    for (let i = 0; i < TOTAL * 16; i++) assert.equal((await peer.readFrame()).payload.length, chunk.length)
    await sent
    assert.equal(conn.bufferedAmount, 0)
  })
})
