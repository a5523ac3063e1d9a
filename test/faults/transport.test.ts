import { describe, test } from 'node:test'
import type { ConnHandler } from '../../src/server/options.js'
import { clientFrame, GUARD, type RawPeer, reset } from '../support/index.js'
import { openScene, type SceneOptions, until } from '../support/scene.js'
import { ENDED, LOST, type State, statesWith } from './states.js'

const MIB = 1 << 20

/** Keeps a connection without reading from it. */
const idle: ConnHandler = async (conn) => void (await conn.closed)

/** Sends more than any buffer on the way can take. */
const flood: ConnHandler = async (conn) => {
  void conn.send(Buffer.alloc(32 * MIB)).catch(() => undefined)
  await conn.closed
}

interface Served extends State {
  readonly handler?: ConnHandler
  readonly options?: SceneOptions
}

const states = statesWith(clientFrame)

const STATES: Readonly<Record<string, Served>> = {
  ...states,
  'heard by nobody': { ...states['heard by nobody'], handler: idle },
  'sent more than it reads': {
    handler: flood,
    options: { closeTimeout: 30, maxOutboxBytes: 64 * MIB },
    async reach(peer, conn) {
      peer.socket.pause()
      await until(() => conn.bufferedAmount > 0)
    },
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
