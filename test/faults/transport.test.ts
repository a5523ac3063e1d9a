import net from 'node:net'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { ConnHandler } from '../../src/server/options.js'
import { clientFrame, closePayload, GUARD, type RawPeer } from '../support/index.js'
import { openScene, type SceneOptions, until } from '../support/scene.js'

const MIB = 1 << 20

const reset = (peer: RawPeer): void => {
  const { socket } = peer
  const tcp =
    socket instanceof net.Socket && '_parent' in socket ? (socket._parent as net.Socket | null) : null
  void (tcp ?? (socket as net.Socket)).resetAndDestroy()
}

/** Keeps a connection without reading from it. */
const idle: ConnHandler = async (conn) => void (await conn.closed)

/** Sends more than any buffer on the way can take. */
const flood: ConnHandler = async (conn) => {
  void conn.send(Buffer.alloc(32 * MIB)).catch(() => undefined)
  await conn.closed
}

interface State {
  readonly handler?: ConnHandler
  readonly options?: SceneOptions
  /** What the peer sends, all of which is read. */
  readonly sends?: Buffer
  /** Brings the connection into this state. */
  readonly reach?: (peer: RawPeer, conn: Conn) => unknown
  /** How it is reported, when it is not just lost. */
  readonly onReset?: string
  readonly onEnd?: string
}

const text = clientFrame(1, 'hello')
const LOST = '1006 remote WS_ERR_SOCKET'
const ENDED = '1006 remote WS_ERR_EOF'

const STATES: Readonly<Record<string, State>> = {
  'open and idle': {},
  'in the midst of a header': { sends: text.subarray(0, 1) },
  'in the midst of a payload': { sends: text.subarray(0, 8) },
  'in the midst of a long payload': { sends: clientFrame(2, Buffer.alloc(100_000), { length: 900_000 }) },
  'between two fragments': { sends: clientFrame(1, 'hel', { fin: false }) },
  'heard by nobody': { handler: idle, sends: Buffer.concat(Array.from({ length: 10 }, () => text)) },
  'sent more than it reads': {
    handler: flood,
    options: { closeTimeout: 30, maxOutboxBytes: 64 * MIB },
    async reach(peer, conn) {
      peer.socket.pause()
      await until(() => conn.bufferedAmount > 0)
    },
  },
  'told our Close': {
    async reach(peer, conn) {
      void conn.close(4001)
      await peer.readFrame()
    },
    onReset: '1006 local WS_ERR_SOCKET',
    onEnd: '1006 local WS_ERR_EOF',
  },
  'done with its own Close, and our answer': {
    sends: clientFrame(8, closePayload(4002)),
    reach: (peer) => peer.readFrame(),
    onReset: '4002 remote clean',
    onEnd: '4002 remote clean',
  },
}

describe('a peer goes while it is', GUARD, () => {
  for (const [name, state] of Object.entries(STATES))
    for (const secure of [false, true])
      for (const [how, go, expected] of [
        ['by a reset', reset, state.onReset ?? LOST],
        ['by an end of its side', (peer: RawPeer) => peer.socket.end(), state.onEnd ?? ENDED],
      ] as const)
        test(`${name}: ${how}${secure ? ', over TLS' : ''}`, async (t) => {
          const scene = await openScene(t, state.handler, { ...state.options, secure })
          const { peer, conn } = await scene.connect()
          const { sends = Buffer.alloc(0) } = state
          peer.write(sends)
          await until(() => conn.stats.bytesIn === sends.length)
          await state.reach?.(peer, conn)
          go(peer)
          await conn.closed
          await scene.aftermath({ reports: [expected] })
        })
})
