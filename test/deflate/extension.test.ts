import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Engines } from '../../src/deflate/engine.js'
import { PerMessageDeflate } from '../../src/deflate/extension.js'
import { Pools } from '../../src/deflate/pool.js'
import type { DeflateSettings } from '../../src/deflate/settings.js'
import { Frame } from '../../src/frame/frame.js'
import { zlibEngines } from '../../src/node/zlib-engines.js'
import type { EncodeHints, ExtensionCodec } from '../../src/protocol/extension.js'

/** Engines of zlib that are counted. */
class Counted implements Engines {
  made = 0
  open = 0

  deflater(...args: Parameters<Engines['deflater']>): ReturnType<Engines['deflater']> {
    return this.#count(zlibEngines.deflater(...args))
  }

  inflater(...args: Parameters<Engines['inflater']>): ReturnType<Engines['inflater']> {
    return this.#count(zlibEngines.inflater(...args))
  }

  #count<E extends { close(): void }>(engine: E): E {
    this.made++
    this.open++
    const close = engine.close.bind(engine)
    let isOpen = true
    engine.close = () => {
      if (isOpen) this.open--
      isOpen = false
      close()
    }
    return engine
  }
}

const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false }
const NO_HINTS: EncodeHints = { compress: undefined }
const TEXT = 'the same text, again and again. '.repeat(3)

function deflate(given: Partial<DeflateSettings> = {}): { extension: PerMessageDeflate; engines: Counted } {
  const engines = new Counted()
  const settings: DeflateSettings = {
    serverNoContextTakeover: undefined,
    clientNoContextTakeover: undefined,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    level: 3,
    memLevel: 8,
    threshold: 0,
    maxRatio: Infinity,
    maxContexts: 1024,
    idleTimeout: 0,
    ...given,
  }
  return { extension: new PerMessageDeflate(settings, new Pools(engines)), engines }
}

async function encode(
  codec: ExtensionCodec,
  payload: string | Buffer = TEXT,
  hints = NO_HINTS,
): Promise<Frame> {
  const frame = new Frame({ opcode: 1, payload })
  await codec.encode?.(frame, hints)
  return frame
}

async function encodeAlone(codec: ExtensionCodec, payload: string | Buffer = TEXT): Promise<Frame> {
  const frame = new Frame({ opcode: 1, payload })
  await codec.encodeAlone?.(frame, NO_HINTS)
  return frame
}

async function decode(codec: ExtensionCodec, frame: Frame): Promise<string> {
  await codec.decode?.(frame, 1 << 20)
  assert.equal(frame.rsv1, false)
  return frame.text()
}

describe('PerMessageDeflate negotiates', () => {
  test('the first offer that it can take', () => {
    const { extension } = deflate({ ...TAKEOVER, clientMaxWindowBits: 10 })
    const answer = extension.accept([
      [['unknown', undefined]],
      [['server_no_context_takeover', undefined]],
      [['client_max_window_bits', '12']],
      [['client_max_window_bits', undefined]],
    ])
    assert.deepEqual(answer, [['client_max_window_bits', '10']])
    assert.equal(extension.accept([[['client_max_window_bits', '7']]]), undefined)
    assert.equal(extension.accept([]), undefined)
  })

  test('one offer', () => {
    assert.deepEqual(deflate().extension.offer(), [[['client_max_window_bits', undefined]]])
  })

  test('what both sides are taken to have agreed on', () => {
    assert.deepEqual(deflate({ ...TAKEOVER, serverMaxWindowBits: 9 }).extension.assume(), [
      ['server_max_window_bits', '9'],
    ])
    assert.deepEqual(deflate().extension.assume(), [
      ['server_no_context_takeover', undefined],
      ['client_no_context_takeover', undefined],
    ])
  })

  test('no context when none may be kept any more', () => {
    const { extension } = deflate({ ...TAKEOVER, maxContexts: 1 })
    assert.deepEqual(extension.accept([[]]), [])
    const codec = extension.start([], 'server')
    const without = [
      ['server_no_context_takeover', undefined],
      ['client_no_context_takeover', undefined],
    ]
    assert.deepEqual(extension.accept([[]]), without)
    assert.deepEqual(extension.offer(), [[...without, ['client_max_window_bits', undefined]]])
    codec.close?.()
    codec.close?.()
    assert.deepEqual(extension.accept([[]]), [])
  })

  test('and fails where the answer is wrong, with a text that says why', () => {
    const { extension, engines } = deflate()
    assert.throws(() => extension.start([['server_max_window_bits', '7']], 'client'), {
      code: 'WS_ERR_HANDSHAKE',
      message: /permessage-deflate: server_max_window_bits is no number from 8 to 15/,
    })
    assert.throws(() => extension.start([['x', undefined]], 'server'), { code: 'WS_ERR_HANDSHAKE' })
    assert.equal(engines.made, 0)
  })
})

describe('PerMessageDeflate keeps', () => {
  test('nothing before it is used, and nothing after it is closed', async () => {
    for (const settings of [{}, TAKEOVER]) {
      const { extension, engines } = deflate(settings)
      const [server, client] = [
        extension.start(extension.assume(), 'server'),
        extension.start(extension.assume(), 'client'),
      ]
      assert.equal(engines.made, 0)
      assert.equal(await decode(client, await encode(server)), TEXT)
      assert.equal(await decode(server, await encode(client)), TEXT)
      assert.ok(engines.open >= 2)
      server.close?.()
      client.close?.()
      assert.equal(engines.open, 0)
    }
  })

  test('one compressor and one decompressor for all connections without takeover', async () => {
    const { extension, engines } = deflate()
    const codecs = Array.from({ length: 50 }, () => extension.start(extension.assume(), 'server'))
    for (const codec of codecs) assert.equal(await decode(codec, await encode(codec)), TEXT)
    assert.equal(engines.made, 2)
    for (const codec of codecs) codec.close?.()
    assert.equal(engines.open, 0)
  })

  test('no more compressors with a context than maxContexts; the others serve without', async () => {
    const { extension, engines } = deflate({ ...TAKEOVER, clientNoContextTakeover: true, maxContexts: 2 })
    const params = extension.assume()
    const codecs = Array.from({ length: 5 }, () => extension.start(params, 'server'))
    const second: number[] = []
    for (const codec of codecs) {
      await encode(codec)
      second.push((await encode(codec)).length)
    }
    assert.deepEqual(
      second.map((length) => length < 15),
      [true, true, false, false, false],
    )
    assert.equal(engines.made, 3)
    codecs[0]!.idle?.() // gives its context back, and the next one has room
    await encode(codecs[4]!)
    assert.ok((await encode(codecs[4]!)).length < 15)
    for (const codec of codecs) codec.close?.()
    assert.equal(engines.open, 0)
  })

  test('no context for a connection that is idle; what comes next begins anew', async () => {
    const { extension, engines } = deflate(TAKEOVER)
    const [codec, peer] = [extension.start([], 'server'), extension.start([], 'client')]
    const first = await encode(codec)
    assert.equal(engines.open, 1)
    codec.idle?.()
    codec.idle?.()
    assert.equal(engines.open, 0)
    const again = await encode(codec)
    assert.deepEqual(again.payload, first.payload)
    for (const frame of [first, again, await encode(codec)]) assert.equal(await decode(peer, frame), TEXT)
    codec.close?.()
    peer.close?.()
  })

  test('the context of a message that is under way, idle or not', async () => {
    const { extension } = deflate(TAKEOVER)
    const [codec, peer] = [extension.start([], 'server'), extension.start([], 'client')]
    const first = new Frame({ opcode: 1, fin: false, payload: TEXT })
    await codec.encode?.(first, NO_HINTS)
    codec.idle?.()
    const last = new Frame({ opcode: 0, payload: TEXT })
    await codec.encode?.(last, NO_HINTS)
    assert.ok(last.length < 15)
    assert.deepEqual([first.rsv1, last.rsv1], [true, false])
    assert.equal((await decode(peer, first)) + (await decode(peer, last)), TEXT + TEXT)
    codec.close?.()
    peer.close?.()
  })

  test('no engine of a message that was cut off', async () => {
    for (const settings of [{}, TAKEOVER]) {
      const { extension, engines } = deflate(settings)
      const codec = extension.start(extension.assume(), 'server')
      const frame = new Frame({ opcode: 1, fin: false, payload: TEXT })
      await codec.encode?.(frame, NO_HINTS)
      await codec.decode?.(frame, 1000)
      assert.equal(engines.open, 2)
      codec.close?.()
      assert.equal(engines.open, 0)
    }
  })

  test('no engine that has failed', async () => {
    for (const settings of [{}, TAKEOVER])
      for (const size of [10, 100_000]) {
        const { extension, engines } = deflate(settings)
        const codec = extension.start(extension.assume(), 'server')
        const garbage = new Frame({ opcode: 1, rsv1: true, payload: Buffer.alloc(size, 0xff) })
        await assert.rejects(async () => codec.decode?.(garbage, 1000), { code: 'WS_ERR_INFLATE' })
        assert.equal(engines.open, 0)
        codec.close?.()
      }
  })
})

describe('PerMessageDeflate encodes alone', () => {
  test('a message that fits everywhere, in whatever place', async () => {
    const { extension } = deflate(TAKEOVER)
    const codecs = [0, 1].map(() => extension.start([], 'server'))
    const peers = [0, 1].map(() => extension.start([], 'client'))
    assert.equal(codecs[0]!.aloneKey, codecs[1]!.aloneKey)
    const before = await encode(codecs[0]!)
    assert.equal(await decode(peers[0]!, before), TEXT)
    const alone = await encodeAlone(codecs[0]!)
    for (const [i, codec] of codecs.entries()) {
      codec.forget?.()
      const copy = new Frame({ opcode: 1, rsv1: alone.rsv1, payload: alone.copyPayload() })
      assert.equal(await decode(peers[i]!, copy), TEXT)
      assert.equal(await decode(peers[i]!, await encode(codec)), TEXT)
    }
    for (const codec of [...codecs, ...peers]) codec.close?.()
  })

  test('and leaves the context as it was, as long as nothing of it goes out', async () => {
    const { extension } = deflate(TAKEOVER)
    const codec = extension.start([], 'server')
    await encode(codec)
    const { length } = await encode(codec)
    await encodeAlone(codec)
    assert.equal((await encode(codec)).length, length)
    codec.forget?.()
    codec.forget?.()
    assert.ok((await encode(codec)).length > length)
    codec.close?.()
  })

  test('nothing that is too short, or would get longer', async () => {
    const { extension } = deflate({ threshold: 10 })
    const codec = extension.start(extension.assume(), 'server')
    for (const text of ['', 'aaaaaaaaa', 'abcdefghijkl']) {
      const frame = await encodeAlone(codec, text)
      assert.deepEqual([frame.rsv1, frame.text()], [false, text])
    }
    assert.equal((await encodeAlone(codec, 'aaaaaaaaaaaaaaa')).rsv1, true)
    codec.close?.()
  })

  test('with a key for all that makes a difference', () => {
    const keyOf = (
      settings: Partial<DeflateSettings>,
      role: 'server' | 'client' = 'server',
    ): string | undefined => {
      const { extension } = deflate({ ...TAKEOVER, ...settings })
      const codec = extension.start(extension.assume(), role)
      codec.close?.()
      return codec.aloneKey
    }
    assert.equal(keyOf({}), keyOf({ serverNoContextTakeover: true, maxRatio: 3, clientMaxWindowBits: 9 }))
    assert.equal(keyOf({}), keyOf({}, 'client'))
    for (const settings of [{ level: 4 }, { memLevel: 7 }, { threshold: 1 }, { serverMaxWindowBits: 14 }])
      assert.notEqual(keyOf({}), keyOf(settings))
  })
})
