import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Extension } from '../../src/index.js'
import type { Handler } from '../../src/server/options.js'
import { clientFrame, closePayload, GUARD, type RawPeer, turn } from '../support/index.js'
import { openScene, type Scene, type SceneOptions } from '../support/scene.js'

class Oops extends Error {
  readonly code = 'OOPS'
}

const boom = (): never => {
  throw new Oops('boom')
}

const later = async (): Promise<never> => {
  await turn()
  throw new Oops('boom')
}

/** Frames that bring every event about, one after the other. */
const everything = (peer: RawPeer): void =>
  peer.write(
    Buffer.concat([
      clientFrame(9, 'ping'),
      clientFrame(10, 'pong'),
      clientFrame(1, 'hello'),
      clientFrame(8, closePayload(1000)),
    ]),
  )

const HANDLER_FAILED = '1011 local WS_ERR_HANDLER'

describe('a handler that throws', GUARD, () => {
  for (const [how, fails] of [
    ['', boom],
    [' later', later],
  ] as const) {
    test(`in the function${how}`, async (t) => {
      const scene = await openScene(t, fails)
      await scene.connect()
      await scene.aftermath({ reports: [HANDLER_FAILED], errors: ['OOPS'] })
    })

    test(`in the midst of messages${how}`, async (t) => {
      const scene = await openScene(t, async (conn) => {
        for await (const _message of conn) await fails()
      })
      const { peer } = await scene.connect()
      peer.write(
        Buffer.concat([clientFrame(1, 'a'), clientFrame(1, 'b'), clientFrame(1, 'c', { fin: false })]),
      )
      await scene.conns[0]?.closed
      await scene.aftermath({ reports: [HANDLER_FAILED], errors: ['OOPS'] })
    })

    for (const step of ['open', 'message', 'ping', 'pong'] as const)
      test(`in ${step}()${how}`, async (t) => {
        const scene = await openScene(t, { [step]: fails })
        const { peer, conn } = await scene.connect()
        everything(peer)
        await conn.closed
        // A Close behind it may be quicker than what fails later: the first cause wins, and the error is told either way.
        const [report] = [await conn.closed]
        const expected = how === '' ? HANDLER_FAILED : report.clean ? '1000 remote clean' : HANDLER_FAILED
        await scene.aftermath({ reports: [expected], errors: ['OOPS'] })
      })

    test(`in drain()${how}`, async (t) => {
      const scene = await openScene(
        t,
        {
          open: (conn) => void conn.send(Buffer.alloc(16 << 20)),
          drain: fails,
        },
        { maxOutboxBytes: 32 << 20 },
      )
      const { peer, conn } = await scene.connect()
      peer.socket.resume()
      await conn.closed
      await scene.aftermath({ reports: [HANDLER_FAILED], errors: ['OOPS'] })
    })

    test(`in close()${how}`, async (t) => {
      const scene = await openScene(t, { close: fails })
      const { peer, conn } = await scene.connect()
      everything(peer)
      await conn.closed
      await turn()
      await turn()
      await scene.aftermath({ reports: ['1000 remote clean'], errors: ['OOPS'] })
    })

    test(`in error()${how}`, async (t) => {
      const scene = await openScene(t, { error: fails })
      const { peer, conn } = await scene.connect()
      peer.write(clientFrame(1, 'x', { rsv: 1 }))
      await conn.closed
      await turn()
      await turn()
      await scene.aftermath({ reports: ['1002 local WS_ERR_RSV'], errors: ['OOPS'] })
    })
  }

  test('in every event at once', async (t) => {
    const all: Handler = {
      open: boom,
      message: boom,
      ping: boom,
      pong: boom,
      drain: boom,
      error: boom,
      close: boom,
    }
    const scene = await openScene(t, all)
    const { conn } = await scene.connect()
    await conn.closed
    await turn()
    await scene.aftermath({ reports: [HANDLER_FAILED], errors: ['OOPS', 'OOPS', 'OOPS'] })
  })

  test('what is no error', async (t) => {
    for (const thrown of [undefined, null, 0, 'text', {}, Symbol('s'), Object.create(null)]) {
      const scene = await openScene(t, () => {
        throw thrown
      })
      const { conn } = await scene.connect()
      await conn.closed
      const [error] = await told(scene, 1)
      assert.ok(error instanceof Error)
      await scene.aftermath({ reports: [HANDLER_FAILED], errors: [error.message] })
    }
  })
})

/** Waits for so many errors. */
async function told(scene: Scene, count: number): Promise<readonly Error[]> {
  while (scene.errors.length < count) await turn()
  return scene.errors
}

describe('a hook that throws', GUARD, () => {
  const extension = (hooks: Partial<Extension>): Extension => ({
    name: 'e',
    accept: () => [],
    start: () => ({}),
    ...hooks,
  })

  const offers = { 'Sec-WebSocket-Extensions': 'e', 'Sec-WebSocket-Protocol': 'chat' }

  const refusing: [string, SceneOptions][] = [
    ['accept()', { accept: boom }],
    ['accept() later', { accept: later }],
    ['accept() with nonsense', { accept: () => 42 as never }],
    ['accept() with a refusal that cannot be', { accept: () => ({ status: 42 }) }],
    ['accept() with a protocol that nobody asked for', { accept: () => ({ protocol: 'other' }) }],
    ['origins()', { origins: boom }],
    ['protocols()', { protocols: boom }],
    ['protocols() with nonsense', { protocols: () => 42 as never }],
    ['headers()', { headers: boom }],
    ['headers() with nonsense', { headers: () => 42 as never }],
    ['accept() of an extension', { extensions: [extension({ accept: boom })] }],
    ['start() of an extension', { extensions: [extension({ start: boom })] }],
  ]
  for (const [name, options] of refusing)
    test(`in ${name} is answered 500, and told once`, async (t) => {
      const scene = await openScene(t, undefined, options)
      const { head } = await scene.handshake({ headers: offers })
      assert.equal(head.status, 500)
      const [error] = await told(scene, 1)
      const code = (error as { code?: string }).code
      await scene.aftermath({ errors: [code ?? error!.message] })
    })

  test('in path() is answered 404, and told once', async (t) => {
    const scene = await openScene(t, undefined, { path: boom })
    const { head } = await scene.handshake()
    assert.equal(head.status, 404)
    await scene.aftermath({ errors: ['OOPS', 'OOPS'].slice(0, scene.errors.length) })
  })

  for (const [name, fallback] of [
    ['fallback()', boom],
    ['fallback() later', later],
  ] as const)
    test(`in ${name} is answered 500, and told once`, async (t) => {
      const scene = await openScene(t, undefined, { fallback })
      const { head } = await scene.handshake({ path: '/elsewhere' })
      assert.equal(head.status, 500)
      await scene.aftermath({ errors: ['OOPS'] })
    })

  const failing: [string, ReturnType<Extension['start']>][] = [
    ['decode()', { decode: boom }],
    ['decode() later', { decode: later }],
    ['encode()', { encode: boom }],
    ['encode() later', { encode: (frame) => (frame.isControl ? undefined : later()) }],
  ]
  for (const [name, codec] of failing)
    test(`in ${name} of an extension ends the connection with 1011, or without a Close`, async (t) => {
      const scene = await openScene(t, undefined, { extensions: [extension({ start: () => codec })] })
      const { peer, conn } = await scene.connect({ headers: offers })
      peer.write(clientFrame(1, 'hello'))
      await conn.closed
      await scene.aftermath({ reports: ['1011 local WS_ERR_EXTENSION'] })
    })

  test('in close() of an extension is told', async (t) => {
    const scene = await openScene(t, undefined, {
      extensions: [extension({ start: () => ({ close: boom }) })],
    })
    const { conn } = await scene.connect({ headers: offers })
    conn.terminate()
    await conn.closed
    await scene.aftermath({ reports: ['1006 local WS_ERR_TERMINATED'], errors: ['OOPS'] })
  })

  for (const [how, fails] of [
    ['', boom],
    [' later', later],
  ] as const)
    test(`in onError()${how} is written to stderr, and that is all`, async (t) => {
      const written: string[] = []
      const scene = await openScene(t, boom, { onError: fails as () => never })
      t.mock.method(process.stderr, 'write', (text: string) => written.push(text) > 0)
      await scene.connect()
      await scene.conns[0]?.closed
      while (written.length === 0) await turn()
      t.mock.restoreAll()
      assert.match(written.join(''), /boom/)
      await scene.aftermath({ reports: [HANDLER_FAILED], errors: ['OOPS'] })
    })
})
