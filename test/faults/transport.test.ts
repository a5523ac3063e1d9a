import { once } from 'node:events'
import type net from 'node:net'
import { describe, test } from 'node:test'
import type { ConnHandler } from '../../src/server/options.js'
import { clientFrame, deferred, GUARD, hex, type RawPeer, rawConnect, reset, tls } from '../support/index.js'
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

const HEAD =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

/** How much of its request a peer has sent when it goes. */
const REQUESTS: Readonly<Record<string, string>> = {
  'before its request': '',
  'in the midst of the request line': HEAD.slice(0, 8),
  'in the midst of a header': HEAD.slice(0, 60),
  'before the empty line': HEAD,
}

/** A record of TLS whose ClientHello is not whole. */
const HALF_A_HELLO = hex('16030100c8010000c40303')

describe('a peer goes while it opens a connection', GUARD, () => {
  const ways = [
    ['by a reset', reset],
    ['by an end of its side', (peer: RawPeer) => peer.socket.end()],
  ] as const

  for (const [how, go] of ways) {
    for (const [when, sent] of Object.entries(REQUESTS))
      for (const secure of [false, true])
        test(`${when}: ${how}${secure ? ', over TLS' : ''}`, async (t) => {
          const scene = await openScene(t, undefined, { secure })
          const arrived = once(scene.server, secure ? 'secureConnection' : 'connection')
          const peer = scene.adopt(
            await rawConnect(scene.port, { t, ...(secure ? { tls: { ca: tls.ca } } : {}) }),
          )
          const [socket] = (await arrived) as [net.Socket]
          peer.writeText(sent)
          await until(() => socket.bytesRead >= sent.length)
          go(peer)
          await scene.aftermath()
        })

    for (const [when, sent] of [
      ['before its TLS handshake', Buffer.alloc(0)],
      ['in the midst of its TLS handshake', HALF_A_HELLO],
    ] as const)
      test(`${when}: ${how}`, async (t) => {
        const scene = await openScene(t, undefined, { secure: true })
        const arrived = once(scene.server, 'connection')
        const peer = scene.adopt(await rawConnect(scene.port, { t }))
        const [socket] = (await arrived) as [net.Socket]
        peer.write(sent)
        await until(() => socket.bytesRead >= sent.length)
        go(peer)
        await scene.aftermath()
      })
  }

  test('while `accept` is asked: by a reset', async (t) => {
    const asked = deferred()
    const answer = deferred()
    const accept = async (): Promise<undefined> => {
      asked.resolve()
      await answer.promise
    }
    const scene = await openScene(t, undefined, { accept })
    const arrived = once(scene.server, 'connection')
    const peer = scene.adopt(await rawConnect(scene.port, { t }))
    const [socket] = (await arrived) as [net.Socket]
    peer.writeText(`${HEAD}\r\n`)
    await asked.promise
    reset(peer)
    await until(() => socket.destroyed)
    answer.resolve()
    await scene.aftermath()
  })
})
