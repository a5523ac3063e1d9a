import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type net from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import {
  deferred,
  FakeClock,
  isPending,
  type RawPeer,
  rawAnswer,
  rawServer,
  tls,
  turn,
} from '../support/index.js'
import { dialRaw, gone, refused } from './dialing.js'

/** A dial that has come to a point from which it cannot go on. */
interface Stuck {
  readonly url: string
  readonly options: DialOptions
  /** Resolves when it is stuck, with the peers that must be let go. */
  readonly reached: () => Promise<RawPeer[]>
}

/** Everywhere that a dial has to wait, with the name that messages give it. */
const places: [name: string, shown: RegExp, setUp: (t: TestContext) => Promise<Stuck>][] = [
  [
    'for the address of a host',
    /connecting to nowhere:80/,
    async () => {
      const { promise, resolve } = deferred<RawPeer[]>()
      const lookup: net.LookupFunction = () => resolve([])
      return { url: 'ws://nowhere/', options: { connect: { lookup } }, reached: () => promise }
    },
  ],
  [
    'in the TLS handshake',
    /the TLS handshake with 127\.0\.0\.1/,
    async (t) => {
      const server = await rawServer(t)
      const reached = async (): Promise<RawPeer[]> => {
        const peer = await server.accept()
        await peer.read(1)
        return [peer]
      }
      return { url: `wss://127.0.0.1:${server.port}`, options: {}, reached }
    },
  ],
  [
    'for the answer of the proxy',
    /the handshake with the proxy/,
    async (t) => {
      const server = await rawServer(t)
      const options = { proxy: `http://127.0.0.1:${server.port}` }
      return { url: 'ws://nowhere/', options, reached: () => requested(server) }
    },
  ],
  [
    'for the answer of the server',
    /the opening handshake/,
    async (t) => {
      const server = await rawServer(t)
      return { url: `ws://127.0.0.1:${server.port}`, options: {}, reached: () => requested(server) }
    },
  ],
  [
    'for the answer of a server over TLS',
    /the opening handshake/,
    async (t) => {
      const server = await rawServer(t, tls)
      const options = { tls: { ca: tls.ca } }
      return { url: `wss://127.0.0.1:${server.port}`, options, reached: () => requested(server) }
    },
  ],
  [
    'for the answer on a given stream',
    /the opening handshake/,
    async () => {
      const { promise, resolve } = deferred<RawPeer[]>()
      const write = (_chunk: unknown, _encoding: string, done: () => void): void => {
        done()
        resolve([])
      }
      const socket = new Duplex({ read: () => undefined, write })
      return { url: 'ws://h', options: { socket }, reached: () => promise }
    },
  ],
  [
    'for onRequest',
    /onRequest/,
    async () => {
      const { promise, resolve } = deferred<RawPeer[]>()
      const onRequest = (): Promise<void> => {
        resolve([])
        return new Promise(() => undefined)
      }
      return { url: 'ws://nowhere/', options: { onRequest }, reached: () => promise }
    },
  ],
  [
    'for onResponse',
    /onResponse/,
    async (t) => {
      const server = await rawServer(t)
      const { promise, resolve } = deferred()
      const onResponse = (): Promise<void> => {
        resolve()
        return new Promise(() => undefined)
      }
      const reached = async (): Promise<RawPeer[]> => {
        const peer = await server.accept()
        await rawAnswer(peer)
        await promise
        return [peer]
      }
      return { url: `ws://127.0.0.1:${server.port}`, options: { onResponse }, reached }
    },
  ],
]

async function requested(server: { accept(): Promise<RawPeer> }): Promise<RawPeer[]> {
  const peer = await server.accept()
  await peer.readUntil('\r\n\r\n')
  return [peer]
}

describe('dial gives up after its timeout while it waits', () => {
  for (const [name, shown, setUp] of places)
    test(name, async (t) => {
      const { url, options, reached } = await setUp(t)
      const clock = new FakeClock()
      const dialled = dial(url, { ...options, clock })
      const peers = await reached()
      clock.advance(9_999)
      assert.ok(await isPending(dialled))
      clock.advance(1)
      const error = await refused(dialled)
      assert.equal(error.code, 'WS_ERR_HANDSHAKE_TIMEOUT')
      assert.deepEqual(error.breach, { option: 'timeout', limit: 10_000, value: 10_000 })
      assert.match(error.message, shown)
      assert.match(error.message, /took too long, the limit is 10000 ms$/)
      assert.equal(clock.pending, 0)
      await Promise.all(peers.map(gone))
      assert.ok(options.socket?.destroyed ?? true)
    })
})

describe('dial rejects with the reason of its signal when that is aborted while it waits', () => {
  for (const [name, , setUp] of places)
    test(name, async (t) => {
      const { url, options, reached } = await setUp(t)
      const clock = new FakeClock()
      const { signal, abort } = controller()
      const dialled = dial(url, { ...options, clock, signal })
      const peers = await reached()
      const reason = new Error('enough')
      abort(reason)
      await assert.rejects(dialled, (error) => error === reason)
      assert.equal(clock.pending, 0)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      await Promise.all(peers.map(gone))
      assert.ok(options.socket?.destroyed ?? true)
    })
})

function controller(): { signal: AbortSignal; abort(reason: unknown): void } {
  const one = new AbortController()
  return { signal: one.signal, abort: (reason) => one.abort(reason) }
}

describe('dial', () => {
  test('begins nothing when the signal was aborted before', async () => {
    const never = (): never => assert.fail('it began')
    const signal = AbortSignal.abort()
    const options = { signal, onRequest: never, connect: { lookup: never } }
    await assert.rejects(dial('ws://nowhere/', options), { name: 'AbortError' })
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('does not care how a hook ends that aborted the signal itself', async () => {
    const { signal, abort } = controller()
    const reason = new Error('enough')
    const onRequest = async (): Promise<void> => {
      abort(reason)
      throw new Error('nobody hears this')
    }
    await assert.rejects(dial('ws://nowhere/', { signal, onRequest }), (error) => error === reason)
    await turn()
  })

  test('destroys a given stream when the signal was aborted before', async () => {
    const socket = new PassThrough()
    await assert.rejects(dial('ws://h/', { socket, signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.ok(socket.destroyed)
  })

  test('rejects with a reason that is no error, as it is', async () => {
    await assert.rejects(dial('ws://h/', { signal: AbortSignal.abort('why') }), (reason) => reason === 'why')
  })

  test('counts a head that drips as the silence it is', async (t) => {
    const { peer, dialled, clock } = await dialRaw(await rawServer(t))
    for (const byte of 'HTTP/1.1 1') {
      peer.writeText(byte)
      await turn()
      clock.advance(1_000)
    }
    assert.equal((await refused(dialled)).code, 'WS_ERR_HANDSHAKE_TIMEOUT')
  })

  test('covers redirects with one timeout', async (t) => {
    const server = await rawServer(t)
    const { peer, dialled, clock } = await dialRaw(server, { followRedirects: 5, timeout: 100 })
    clock.advance(60)
    peer.writeText('HTTP/1.1 307 Go\r\nLocation: /next\r\n\r\n')
    await (await server.accept()).readUntil('\r\n\r\n')
    clock.advance(39)
    assert.ok(await isPending(dialled))
    clock.advance(1)
    assert.equal((await refused(dialled)).code, 'WS_ERR_HANDSHAKE_TIMEOUT')
  })

  test('waits for ever with timeout 0', async (t) => {
    const { peer, dialled, clock } = await dialRaw(await rawServer(t), { timeout: 0 })
    assert.equal(clock.pending, 0)
    peer.destroy()
    await refused(dialled)
  })

  test('survives an address that is found after it gave up', async () => {
    const { promise: asked, resolve: ask } = deferred<() => void>()
    const lookup: net.LookupFunction = (_host, _options, found) => ask(() => found(null, '127.0.0.1', 4))
    const { signal, abort } = controller()
    const dialled = dial('ws://nowhere/', { signal, connect: { lookup } })
    const found = await asked
    abort(new Error('enough'))
    await assert.rejects(dialled, /enough/)
    found()
    await turn()
  })

  test('has no use for its signal once it is open', async (t) => {
    const server = await rawServer(t)
    const { signal, abort } = controller()
    const dialled = dial(`ws://127.0.0.1:${server.port}`, { signal })
    const peer = await server.accept()
    await rawAnswer(peer)
    const conn = await dialled
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    abort(new Error('too late'))
    peer.write('8102 6869')
    assert.equal((await conn.read())?.text(), 'hi')
    conn.terminate()
  })
})
