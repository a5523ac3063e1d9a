import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type net from 'node:net'
import { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { dial } from '../../src/dial.js'
import { type CloseReport, HandshakeError, WebSocketError } from '../../src/errors.js'
import { mayTravel } from '../../src/frame/close.js'
import { Frame } from '../../src/frame/frame.js'
import { upgrade } from '../../src/upgrade.js'
import {
  clientFrame,
  deferred,
  FakeClock,
  GUARD,
  listen,
  Random,
  rawAnswer,
  rawConnect,
  rawHandshake,
  rawServer,
  readHead,
  reset,
  seeded,
  turn,
} from '../support/index.js'
import { openScene, type Scene, until } from '../support/scene.js'
import { attack } from './attack.js'

const causeOf = (report: CloseReport | undefined): unknown =>
  (report?.cause as { code?: unknown } | undefined)?.code

/** How a connection ends that gets garbage, unless the garbage is a Close frame. */
const OURS = [1000, 1002, 1003, 1005, 1006, 1007, 1008, 1009]

const REQUEST =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

const ANSWER = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

/** Some text with a few bytes of it replaced, cut anywhere. */
function spoilt(text: string, random: Random): Buffer[] {
  const bytes = Buffer.from(text)
  for (let n = random.int(1, 6); n > 0; n--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255)
  return random.split(bytes)
}

/** A frame that is right but for a bit, perhaps, or no frame at all. */
function spoiltFrame(random: Random): Buffer {
  if (random.chance(5)) return random.bytes(50)
  const frame = clientFrame(random.pick([0, 1, 2, 8, 9, 10]), random.bytes(random.int(0, 300)), {
    fin: !random.chance(3),
    rsv: random.chance(4) ? 4 : 0,
  })
  if (random.chance(2)) frame[random.int(0, Math.min(frame.length - 1, 13))]! ^= 1 << random.int(0, 7)
  return frame
}

/** Opens a connection, sends garbage until that is too much, and leaves. */
async function fuzzed(scene: Scene, random: Random): Promise<void> {
  const { peer } = await scene.handshake({ headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } })
  for (let piece = 0; piece < 8 && !peer.ended; piece++) {
    for (const part of random.split(spoiltFrame(random))) peer.write(part)
    await turn()
  }
  peer.socket.end()
}

const ENGINE_IO = 'CVE-2022-21676, CVE-2022-41940, CVE-2023-31125, CVE-2024-38355 (engine.io, socket.io)'

describe('a process that a stranger cannot end', GUARD, () => {
  test(`${ENGINE_IO}: a reset while accept() decides`, async (t) => {
    const asked = deferred<net.Socket>()
    const decided = deferred<undefined>()
    const scene = await openScene(t, undefined, {
      accept(request) {
        asked.resolve(request.socket)
        return decided.promise
      },
    })
    const peer = scene.adopt(await rawConnect(scene.port, { t }))
    peer.writeText(REQUEST)
    const socket = await asked.promise
    reset(peer)
    await until(() => socket.destroyed)
    decided.resolve(undefined)
    await scene.aftermath()
  })

  test(`${ENGINE_IO}: a reset while an answer is written`, async (t) => {
    const scene = await openScene(t, undefined, {
      accept: () => ({ status: 403, body: Buffer.alloc(8 << 20) }),
    })
    const peer = scene.adopt(await rawConnect(scene.port, { t }))
    peer.writeText(REQUEST)
    await peer.read(1000)
    reset(peer)
    await scene.aftermath()
  })

  test(`${ENGINE_IO}: a reset right behind the handshake, and a handler that waits for something else`, async (t) => {
    const opened = deferred<Conn>()
    const release = deferred<void>()
    const scene = await openScene(t, async (conn) => {
      opened.resolve(conn)
      await release.promise
    })
    const { peer } = await scene.handshake()
    const conn = await opened.promise
    reset(peer)
    assert.equal((await conn.closed).code, 1006)
    void conn.send('into the void') // nobody looks at what comes of it
    void conn.ping()
    for (const read of [() => conn.read(), () => conn.nextFrame(), () => conn.reader()]) void read()
    release.resolve()
    await scene.aftermath({ reports: ['1006 remote WS_ERR_SOCKET'] })
  })

  test(`${ENGINE_IO}: a reset of a handshake that is for nobody`, async (t) => {
    const scene = await openScene(t)
    for (const path of ['/elsewhere', '/']) {
      const peer = scene.adopt(await rawConnect(scene.port, { t }))
      peer.writeText(REQUEST.replace('GET / ', `GET ${path} `).replace('13\r\n', '12\r\n'))
      reset(peer)
    }
    await scene.aftermath()
  })

  test(`${ENGINE_IO}: whatever a handler has in its hands when it ends does not end the process`, async (t) => {
    const scene = await openScene(t, (conn) => {
      // Promises of every kind, none of which anybody looks at.
      void conn.read()
      void conn.nextFrame()
      void conn.reader()
      void conn.send('x')
      void conn.ping()
      void conn.drained()
      void conn.closed
      void conn.writer('text').write('x')
      void conn.readFrame(new Frame())
      void conn.send(
        (async function* () {
          await conn.closed
          yield 'never'
        })(),
      )
      conn.terminate()
    })
    await scene.handshake()
    await scene.aftermath({ reports: ['1006 local WS_ERR_TERMINATED'] })
  })

  test('tungstenite 0.26.1: a stream that keeps to no rule does no harm', async () => {
    /** Calls `misbehave` when it is asked for bytes for the first time. */
    const dodgy = (misbehave: (stream: Duplex) => void, more: Partial<Duplex> = {}): Duplex => {
      const stream = new Duplex({
        read() {
          const { done } = this as { done?: boolean }
          if (done) return
          Object.assign(this, { done: true })
          misbehave(this)
        },
        write: (_chunk, _encoding, done) => done(),
      })
      return Object.assign(stream, more)
    }
    const text = clientFrame(1, 'hello')
    const lent = Buffer.alloc(64)
    const cases: [string, Duplex, string][] = [
      [
        'memory that is used again at once',
        dodgy((stream) => {
          for (const byte of text) {
            lent[0] = byte
            stream.emit('data', lent.subarray(0, 1))
            lent.fill(0xee)
          }
          stream.push(null)
        }),
        'hello',
      ],
      [
        'empty chunks between the bytes',
        dodgy((stream) => {
          for (const byte of text) {
            stream.emit('data', Buffer.alloc(0))
            stream.emit('data', Buffer.of(byte))
          }
          stream.push(null)
        }),
        'hello',
      ],
      [
        'plain Uint8Arrays',
        dodgy((stream) => {
          stream.emit('data', new Uint8Array(text))
          stream.push(null)
        }),
        'hello',
      ],
      [
        'strings',
        dodgy((stream) => {
          stream.emit('data', 'no bytes')
          stream.push(null)
        }),
        'an error',
      ],
      [
        'data behind the end',
        dodgy((stream) => {
          stream.emit('end')
          stream.emit('data', text)
        }),
        'an error',
      ],
      [
        'two errors, neither of which is one',
        dodgy((stream) => {
          stream.emit('error', 'a string')
          stream.emit('error', undefined)
          stream.emit('close')
          stream.emit('close')
        }),
        'an error',
      ],
      [
        'an error while it is asked for bytes',
        dodgy(() => {
          throw new Error('not today')
        }),
        'an error',
      ],
      [
        'a write that throws',
        dodgy((stream) => stream.push(clientFrame(9, 'ping')), {
          write: () => {
            throw new Error('no writing')
          },
        }),
        'an error',
      ],
    ]
    for (const [what, stream, expected] of cases) {
      const conn = Conn.over(stream, { role: 'server', closeTimeout: 20, keepalive: false })
      const got = await conn.read().then(
        (message) => message?.text() ?? 'nothing',
        (error: unknown) => {
          assert.ok(error instanceof WebSocketError, what)
          return 'an error'
        },
      )
      assert.equal(got, expected, what)
      conn.terminate()
      await conn.closed
    }
  })

  test('CVE-2020-36406 (uWebSockets, OSS-Fuzz): garbage at the wire ends the connection it came on, and no more', (t) =>
    seeded(async (random) => {
      const scene = await openScene(t, undefined, {
        compress: true,
        closeTimeout: 100,
        onError: () => undefined,
      })
      // Each with numbers of its own: who comes first must not change what the others send.
      const own = Array.from({ length: 40 }, () => new Random(random.int(0, 2 ** 32 - 1)))
      await Promise.all(own.map((one) => fuzzed(scene, one)))
      await until(() => scene.ws.conns.size === 0)
      for (const conn of scene.conns) {
        const { code, clean } = await conn.closed
        // Garbage may be a right Close frame, too: then its code is the peer's own.
        assert.ok((clean && mayTravel(code)) || OURS.includes(code), `${code}`)
      }
    }))

  test('CVE-2020-36406 (uWebSockets, OSS-Fuzz): garbage instead of a handshake, and instead of an answer', (t) =>
    seeded(async (random) => {
      const scene = await openScene(t)
      for (let i = 0; i < 40; i++) {
        const peer = scene.adopt(await rawConnect(scene.port, { t }))
        for (const part of spoilt(REQUEST, random)) peer.write(part)
        peer.socket.end()
      }
      const server = await rawServer(t)
      for (let i = 0; i < 40; i++) {
        const dialled = dial(`ws://127.0.0.1:${server.port}`).then(
          (conn) => conn.terminate(),
          (error: unknown) => assert.ok(error instanceof HandshakeError, String(error)),
        )
        const peer = await server.accept()
        await readHead(peer)
        for (const part of spoilt(ANSWER, random)) peer.write(part)
        peer.socket.end()
        await dialled
      }
      for (const conn of scene.conns) await conn.closed
      await until(() => scene.ws.conns.size === 0)
    }))
})

describe('peers that say nothing', GUARD, () => {
  const row = 'HackerOne 868834 (Node.js)'

  test(`${row}: a client that opens and stays silent is given up after 45 s`, async (t) => {
    const clock = new FakeClock()
    const opened = deferred<Conn>()
    const ws = upgrade(
      async (conn) => {
        opened.resolve(conn)
        await conn.closed
      },
      { clock },
    )
    const { peer } = await rawHandshake(await listen(t, createServer(ws)), { t })
    const conn = await opened.promise
    clock.advance(25_000)
    assert.equal((await peer.readFrame()).opcode, 9)
    clock.advance(19_000)
    assert.equal(conn.isOpen, true)
    clock.advance(2_000)
    assert.equal(conn.closeInfo?.code, 1011)
    assert.equal(causeOf(conn.closeInfo), 'WS_ERR_KEEPALIVE')
    clock.advance(6_000) // and it does not answer Close either
    await conn.closed
    assert.equal(ws.conns.size, 0)
  })

  test(`${row}: a server that says nothing more is given up, too`, async (t) => {
    const clock = new FakeClock()
    const server = await rawServer(t)
    const dialled = dial(`ws://127.0.0.1:${server.port}`, { clock })
    const peer = await server.accept()
    await rawAnswer(peer)
    const conn = await dialled
    clock.advance(25_000)
    assert.equal((await peer.readFrame()).opcode, 9)
    clock.advance(21_000)
    clock.advance(6_000)
    assert.equal((await conn.closed).code, 1011)
  })

  test(`${row}: a server that never answers a handshake ends dial() after 10 s`, async (t) => {
    const clock = new FakeClock()
    const server = await rawServer(t)
    const dialled = dial(`ws://127.0.0.1:${server.port}`, { clock })
    dialled.catch(() => undefined)
    await readHead(await server.accept())
    clock.advance(10_001)
    await assert.rejects(dialled, { code: 'WS_ERR_HANDSHAKE_TIMEOUT' })
  })

  test(`${row}: an accept() that never decides is answered 503 after 10 s`, async (t) => {
    const clock = new FakeClock()
    const asked = deferred<void>()
    const errors: Error[] = []
    const ws = upgrade(() => undefined, {
      clock,
      accept: () => {
        asked.resolve()
        return new Promise<undefined>(() => undefined)
      },
      onError: (error) => void errors.push(error),
    })
    const peer = await rawConnect(await listen(t, createServer(ws)), { t })
    peer.writeText(REQUEST)
    await asked.promise
    clock.advance(10_001)
    assert.equal((await readHead(peer)).status, 503)
    assert.deepEqual(
      errors.map((error) => (error as { code?: string }).code),
      ['WS_ERR_HANDSHAKE_TIMEOUT'],
    )
  })

  test(`${row}: a peer that does not answer Close is dropped after 5 s`, async (t) => {
    for (const role of ['server', 'client'] as const) {
      const clock = new FakeClock()
      const { conn, peer } = await attack(t, role, { clock })
      const closed = conn.close()
      await peer.readFrame()
      clock.advance(5_001)
      const report = await closed
      assert.equal(causeOf(report), 'WS_ERR_CLOSE_TIMEOUT')
    }
  })

  test(`${row}: half a request is answered by Node's own limits, which upgrade() leaves on`, async (t) => {
    const server = createServer(
      { headersTimeout: 30, connectionsCheckingInterval: 10 },
      upgrade(() => undefined),
    )
    const peer = await rawConnect(await listen(t, server), { t })
    peer.writeText(REQUEST.slice(0, 60))
    assert.equal((await readHead(peer)).status, 408)
  })
})
