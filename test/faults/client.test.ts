import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { type DialOptions, dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import type { Frame } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import {
  GUARD,
  type RawPeer,
  rawAnswer,
  rawServer,
  readHead,
  reset,
  serverFrame,
  tls,
} from '../support/index.js'
import { CountingClock, FrameCount, inShort, nameOf, openSockets, until } from '../support/scene.js'
import { ENDED, LOST, type State, statesWith } from './states.js'

const MIB = 1 << 20

const end = (peer: RawPeer): void => void peer.socket.end()

interface Stage {
  readonly options: DialOptions & { clock: CountingClock }
  readonly url: string
  accept(): Promise<RawPeer>
  /** Nothing is left of the client: no deadline, no timer, no frame, no socket. */
  assertClean(): Promise<void>
}

async function openStage(t: TestContext, secure: boolean): Promise<Stage> {
  const server = await rawServer(t, secure ? { key: tls.key, cert: tls.cert } : undefined)
  const clock = new CountingClock()
  const frames = new FrameCount()
  const before = openSockets()
  const peers: RawPeer[] = []
  return {
    options: { clock, keepalive: false, tls: { ca: tls.ca } },
    url: `${secure ? 'wss' : 'ws'}://127.0.0.1:${server.port}`,
    async accept() {
      const peer = await server.accept()
      peers.push(peer)
      return peer
    },
    async assertClean() {
      for (const peer of peers) peer.destroy()
      await until(() => openSockets() === before)
      assert.deepEqual([timekeeperOf(clock).size, clock.pending, frames.out], [0, 0, 0])
    },
  }
}

/** How far a handshake has come when the server goes. */
const HANDSHAKES: Readonly<Record<string, (peer: RawPeer) => unknown>> = {
  'before it has read the request': () => undefined,
  'when it has read the request': (peer) => readHead(peer),
  'in the midst of the answer': async (peer) => {
    await readHead(peer)
    peer.writeText('HTTP/1.1 101 Switching Proto')
  },
  'between two headers of the answer': async (peer) => {
    await readHead(peer)
    peer.writeText('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n')
  },
}

describe('a server goes while it is dialled', GUARD, () => {
  for (const [when, reach] of Object.entries(HANDSHAKES))
    for (const secure of [false, true])
      for (const [how, go] of [
        ['by a reset', reset],
        ['by an end', end],
      ] as const)
        test(`${when}: ${how}${secure ? ', over TLS' : ''}`, async (t) => {
          const stage = await openStage(t, secure)
          const dialled = dial(stage.url, stage.options)
          const failed = assert.rejects(dialled, (error: Error) => {
            assert.ok(error instanceof HandshakeError, String(error))
            assert.ok(['WS_ERR_SOCKET', 'WS_ERR_EOF'].includes(error.code), error.code)
            return true
          })
          const peer = await stage.accept()
          await reach(peer)
          go(peer)
          await failed
          await stage.assertClean()
        })

  test('in the midst of the TLS handshake', async (t) => {
    const stage = await openStage(t, false)
    const dialled = dial(stage.url.replace('ws:', 'wss:'), stage.options)
    const failed = assert.rejects(dialled, (error: Error) => nameOf(error) === 'WS_ERR_SOCKET')
    const peer = await stage.accept()
    await peer.read(5) // the header of its first record
    reset(peer)
    await failed
    await stage.assertClean()
  })
})

/** What came before the end can still be read, and waits for it. */
async function readAll(conn: Conn): Promise<void> {
  const next = (): Promise<Frame | null> => conn.nextFrame().catch(() => null)
  for (let frame = await next(); frame !== null; frame = await next()) releaseFrame(frame)
}

const STATES: Readonly<Record<string, State & { readonly closeTimeout?: number }>> = {
  ...statesWith(serverFrame),
  'sent more than it reads': {
    closeTimeout: 50, // nobody will take what waits
    async reach(peer, conn) {
      peer.socket.pause()
      void conn.send(Buffer.alloc(32 * MIB)).catch(() => undefined)
      await until(() => conn.bufferedAmount > 0)
    },
  },
}

describe('a server goes while its connection is', GUARD, () => {
  for (const [name, state] of Object.entries(STATES))
    for (const secure of [false, true])
      for (const [how, go, expected] of [
        ['by a reset', reset, state.onReset ?? LOST],
        ['by an end of its side', end, state.onEnd ?? ENDED],
      ] as const)
        test(`${name}: ${how}${secure ? ', over TLS' : ''}`, async (t) => {
          const stage = await openStage(t, secure)
          const { sends = Buffer.alloc(0), closeTimeout = 60_000 } = state
          const dialled = dial(stage.url, { ...stage.options, closeTimeout, maxOutboxBytes: 64 * MIB })
          const peer = await stage.accept()
          await rawAnswer(peer)
          const conn = await dialled
          const before = conn.stats.bytesIn
          peer.write(sends)
          await until(() => conn.stats.bytesIn - before === sends.length)
          await state.reach?.(peer, conn)
          go(peer)
          assert.equal(inShort(await conn.closed), expected)
          await readAll(conn)
          await stage.assertClean()
        })
})
