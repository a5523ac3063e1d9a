import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import type { Conn } from '../../src/conn/conn.js'
import { type PairOptions, pair } from '../../src/conn/pair.js'
import { CloseError, type WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, deferred, FakeClock, hex, isPending, Random, toHex } from '../support/index.js'
import { compression, endsWith, onPackedLine, TAKEOVER } from './compress-support.js'
import { brief, onLine, settle, watchUnhandled } from './support.js'

/** Compressed as it goes on the wire. */
const pack = (data: string | Buffer): Buffer =>
  zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4)

const packed = (data: string | Buffer, opcode = 1): Buffer => clientFrame(opcode, pack(data), { rsv: 4 })

/** A message in fragments. */
function fragments(payload: Buffer, ...cuts: number[]): Buffer[] {
  const places = [0, ...cuts, payload.length]
  return places.slice(1).map((end, i) =>
    clientFrame(i === 0 ? 2 : 0, payload.subarray(places[i], end), {
      fin: end === payload.length,
      rsv: i === 0 ? 4 : 0,
    }),
  )
}

/** Too much to be compressed at once. */
const LARGE = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => ({ i, name: `name ${i % 97}` })))

const both = (compress: PairOptions['compress'], more: PairOptions = {}): { client: Conn; server: Conn } =>
  pair({
    closeTimeout: 0, // what is compressed goes out before Close, however long the thread pool takes
    ...more,
    compress: typeof compress === 'object' ? { threshold: 0, ...compress } : (compress ?? true),
  })

describe('what is compressed', () => {
  const rsvOf = async (compress: object, send: (conn: Conn) => unknown): Promise<boolean[]> => {
    const { conn, line } = onPackedLine({ compress })
    await send(conn)
    await conn.drained()
    return (await line.frames()).map(({ rsv }) => rsv === 4)
  }

  test('messages of at least `threshold` bytes, 1 KiB unless set', async () => {
    const send = (conn: Conn): void => {
      for (const length of [1023, 1024]) void conn.send('x'.repeat(length))
    }
    assert.deepEqual(await rsvOf({ threshold: undefined }, send), [false, true])
    assert.deepEqual(await rsvOf({ threshold: 1024 }, send), [false, true])
    assert.deepEqual(await rsvOf({ threshold: 1023 }, send), [true, true])
    assert.deepEqual(await rsvOf({ threshold: Infinity }, send), [false, false])
  })

  test('what `compress` of send() and writer() says, in spite of it', async () => {
    async function* parts(): AsyncGenerator<string> {
      yield 'xxxx'.repeat(10)
    }
    const send = async (conn: Conn): Promise<void> => {
      void conn.send('x'.repeat(100), { compress: true })
      void conn.send('x'.repeat(5000), { compress: false })
      void conn.send(parts(), { compress: false })
      await conn.send(parts())
    }
    // Of a stream it is not known how long it gets: it is compressed. Both streams end with an empty frame.
    assert.deepEqual(await rsvOf({ threshold: 1024 }, send), [true, false, false, false, true, false])
    const write = async (conn: Conn): Promise<void> => {
      await conn.writer('text', { compress: false }).end('x'.repeat(5000))
      await conn.writer('text').end('x'.repeat(5000))
    }
    assert.deepEqual(await rsvOf({ threshold: 1024 }, write), [false, false, true, false])
  })

  test('no control frames, and no empty messages', async () => {
    const { conn, line } = onPackedLine()
    void conn.send('')
    void conn.ping('x'.repeat(100))
    void conn.close(1000, 'x'.repeat(100))
    assert.deepEqual(
      (await line.frames()).map(({ rsv }) => rsv),
      [0, 0, 0],
    )
  })

  test('nothing where nothing was agreed on', async () => {
    const { conn, line } = onLine()
    await conn.send('x'.repeat(5000), { compress: true })
    assert.deepEqual(
      (await line.frames()).map(({ rsv }) => rsv),
      [0],
    )
  })
})

describe('order', () => {
  test('messages leave in call order, whatever each takes; pings overtake; Close waits', async () => {
    const { conn, line } = onPackedLine({ compress: TAKEOVER })
    void conn.send(LARGE)
    void conn.send('small')
    void conn.send(LARGE, { compress: false })
    void conn.ping('p')
    void conn.close(1000)
    assert.equal(conn.bufferedAmount > LARGE.length * 2, true)
    await conn.drained()
    const frames = await line.frames()
    const all = frames.filter(({ opcode, rsv }) => opcode === 1 && rsv === 4).map(({ payload }) => payload)
    const stream = Buffer.concat(all.flatMap((payload) => [payload, hex('0000ffff')]))
    assert.equal(
      String(zlib.inflateRawSync(stream, { finishFlush: zlib.constants.Z_SYNC_FLUSH })),
      `${LARGE}small`,
    )
    assert.deepEqual(
      frames.map(({ opcode, rsv }) => [opcode, rsv]),
      [
        [9, 0],
        [1, 4],
        [1, 4],
        [1, 0],
        [8, 0],
      ],
    )
  })

  test('messages are read in the order in which they came', async () => {
    const { client, server } = both(TAKEOVER, { maxMessage: 1 << 20 })
    const sent = [LARGE, 'one', LARGE, 'two', '', LARGE]
    for (const text of sent) void client.send(text)
    const reads = sent.map(() => server.read())
    for (const [i, read] of reads.entries()) assert.equal((await read)?.text() === sent[i], true)
  })

  test('a read that is cancelled while its message is inflated loses nothing', async () => {
    const { client, server } = both(TAKEOVER)
    void client.send(LARGE)
    void client.send('next')
    const abort = new AbortController()
    const read = server.read({ signal: abort.signal })
    await settle()
    abort.abort(new Error('cancelled'))
    await assert.rejects(read, { message: 'cancelled' })
    assert.equal((await server.read())?.text(), LARGE)
    assert.equal((await server.read())?.text(), 'next')
  })

  test('the bytes that are sent may be used again at once', async () => {
    const { client, server } = both(TAKEOVER)
    for (const size of [2000, 100_000]) {
      const bytes = Buffer.alloc(size, 'abc')
      void client.send(bytes)
      bytes.fill(0)
      assert.deepEqual((await server.read())?.data, Buffer.alloc(size, 'abc'))
    }
  })

  test('what came in before the end can be read after it', async () => {
    const { client, server } = both(TAKEOVER)
    const sent = ['first first first', LARGE, 'third third third']
    for (const text of sent) void client.send(text)
    await client.close()
    await server.closed
    for (const text of sent) assert.equal((await server.read())?.text(), text)
    assert.equal(await server.read(), null)
  })
})

describe('streams', () => {
  test('parts are compressed and read as they come', async () => {
    const { client, server } = both(TAKEOVER)
    const writer = client.writer('text')
    const first = writer.write('some text, some text')
    const reader = await server.reader()
    assert.equal(String(await reader?.read()), 'some text, some text')
    await first
    void writer.write('more')
    assert.equal(String(await reader?.read()), 'more')
    void writer.end(LARGE)
    assert.equal(String(await reader?.read()), LARGE)
    assert.equal(await reader?.read(), null)
    void client.send('some text, some text')
    assert.equal((await server.read())?.text(), 'some text, some text')
  })

  test('a source is not read ahead of a peer that does not read', async () => {
    const { client, server } = both({}, { highWaterMark: 16 << 10, maxMessage: 8 << 20 })
    let given = 0
    const end = deferred()
    async function* source(): AsyncGenerator<Buffer> {
      for (; given < 300; given++) yield new Random(given).bytes(8 << 10)
      end.resolve()
    }
    const sent = client.send(source())
    const reader = await server.reader()
    await reader?.read()
    for (let i = 0; i < 50; i++) await settle()
    assert.ok(given < 150, `${given} parts were taken`)
    let parts = 1
    for await (const part of reader!) parts += part.length > 0 ? 1 : 0
    await end.promise
    await sent
    assert.equal(parts, 300)
  })

  test('a character may be cut between frames, and has to be whole at the end', async () => {
    const payload = pack('ä€𤭢')
    const cut = fragments(payload, 1, 2, 5).map((frame) => Buffer.from(frame))
    const { conn, line } = onPackedLine()
    line.receive(...cut)
    const reader = await conn.reader()
    const parts: Buffer[] = []
    for await (const part of reader!) parts.push(part)
    assert.equal(String(Buffer.concat(parts)), 'ä€𤭢')
  })

  for (const way of ['read', 'reader'] as const)
    test(`text that is no UTF-8 closes 1007 (${way})`, async () => {
      const { conn, line } = onPackedLine()
      line.receive(packed(hex('61ff62')))
      const reading = way === 'read' ? conn.read() : conn.reader().then((reader) => reader?.read())
      await assert.rejects(reading, endsWith(1007, 'WS_ERR_UTF8'))
    })
})

describe('limits', () => {
  const LIMIT = 100_000
  const cases: [what: string, frames: (length: number) => Buffer[]][] = [
    ['one frame', (length) => [packed(Buffer.alloc(length), 2)]],
    ['fragments', (length) => fragments(pack(Buffer.alloc(length)), 10, 20, 21)],
    ['one frame that cannot be compressed', (length) => [packed(new Random(1).bytes(length), 2)]],
  ]
  for (const [what, frames] of cases) {
    test(`maxMessage counts what is inflated: ${what}`, async () => {
      const at = onPackedLine({ maxMessage: LIMIT, maxFrame: 1 << 20 })
      const exact = frames(LIMIT)
      // What is longer than the limit before it is inflated has no place here.
      if (Buffer.concat(exact).length < LIMIT) {
        at.line.receive(...exact)
        assert.equal((await at.conn.read())?.length, LIMIT)
      }
      const above = onPackedLine({ maxMessage: LIMIT, maxFrame: 1 << 20 })
      above.line.receive(...frames(LIMIT + 1))
      await assert.rejects(above.conn.read(), endsWith(1009, 'WS_ERR_MAX_MESSAGE'))
    })
    test(`maxMessage counts what goes to event functions: ${what}`, async () => {
      const lengths: number[] = []
      const message = (_conn: Conn, { length }: { length: number }): void => void lengths.push(length)
      const failed = deferred<Error>()
      const events = { message, error: (_conn: Conn, error: Error) => failed.resolve(error) }
      const { line } = onPackedLine({ maxMessage: LIMIT, maxFrame: 1 << 20, events })
      line.receive(...frames(LIMIT - 100), ...frames(LIMIT + 1))
      assert.equal(((await failed.promise) as WebSocketError).code, 'WS_ERR_MAX_MESSAGE')
      assert.deepEqual(lengths, [LIMIT - 100])
    })
    test(`maxMessage counts what is read in parts: ${what}`, async () => {
      const { conn, line } = onPackedLine({ maxMessage: LIMIT, maxFrame: 1 << 20 })
      line.receive(...frames(LIMIT + 1))
      const read = async (): Promise<void> => {
        for await (const _ of (await conn.reader())!);
      }
      await assert.rejects(read, endsWith(1009, 'WS_ERR_MAX_MESSAGE'))
    })
  }

  test('maxMessage names the limit and the option', async () => {
    const { conn, line } = onPackedLine({ maxMessage: 10 })
    line.receive(...fragments(pack(Buffer.alloc(11)), 2))
    const error = await conn.read().catch((reason) => reason)
    assert.match(error.cause.message, /message of 11 bytes or more: maxMessage is 10/)
  })

  test('maxMessage holds for those who read frames, too', async () => {
    const { conn, line } = onPackedLine({ maxMessage: 1000 })
    line.receive(packed(Buffer.alloc(1001), 2))
    const frame = await conn.nextFrame()
    assert.equal(frame?.rsv1, true)
    releaseFrame(frame!)
    await assert.rejects(conn.nextFrame(), endsWith(1009, 'WS_ERR_MAX_MESSAGE'))
  })

  for (const way of ['nextFrame', 'readFrame'] as const)
    test(`maxMessage is for all fragments of a message together, in ${way}()`, async () => {
      const { conn, line } = onPackedLine({ maxMessage: 1000 })
      const next = async (): Promise<Frame> => {
        if (way === 'nextFrame') return (await conn.nextFrame())!
        const frame = acquireFrame()
        assert.ok(await conn.readFrame(frame))
        return frame
      }
      const read = async (count: number): Promise<void> => {
        for (let left = count; left > 0; left--) releaseFrame(await next())
      }
      const parts = (sizes: readonly number[]): Buffer[] =>
        sizes.map((size, i) =>
          clientFrame(
            i === 0 ? 2 : 0,
            zlib.deflateRawSync(Buffer.alloc(size), { finishFlush: zlib.constants.Z_FULL_FLUSH }),
            {
              rsv: i === 0 ? 4 : 0,
              fin: i === sizes.length - 1,
            },
          ),
        )
      line.receive(...parts([999, 1, 0]), ...parts([1000]), ...parts([500, 500]))
      await read(6)
      line.receive(...parts([999, 1, 1, 1]))
      await read(3)
      const error = await next().catch((reason) => reason)
      assert.match(error.cause.message, /message of 1001 bytes or more: maxMessage is 1000/)
    })

  test('maxRatio holds for messages of more than 64 KiB', async () => {
    const ratioOf = (length: number): number => length / pack(Buffer.alloc(length)).length
    const read = (length: number, maxRatio: number, cuts: number[] = []) => {
      const { conn, line } = onPackedLine({ compress: { maxRatio } })
      line.receive(...fragments(pack(Buffer.alloc(length)), ...cuts))
      return conn.read()
    }
    const length = 80_000
    assert.equal((await read(length, ratioOf(length)))?.length, length)
    assert.equal((await read(length, ratioOf(length), [30]))?.length, length)
    assert.equal((await read(64 << 10, 1))?.length, 64 << 10)
    const tooMuch = endsWith(1009, 'WS_ERR_MAX_RATIO')
    await assert.rejects(read(length, ratioOf(length) * 0.99), tooMuch)
    await assert.rejects(read(length, ratioOf(length) * 0.99, [30]), tooMuch)
    const error = await read((64 << 10) + 1, 3).catch((reason: CloseError) => reason)
    assert.ok(error instanceof CloseError)
    const { breach } = error.report
    assert.deepEqual([breach?.option, breach?.limit], ['compress.maxRatio', 3])
    assert.ok(breach !== undefined && breach.value > 3)
  })

  test('maxFragments and maxFrame hold for compressed messages', async () => {
    const { conn, line } = onPackedLine({ maxFragments: 3 })
    line.receive(...fragments(pack('abcdefgh'), 1, 2, 3))
    await assert.rejects(conn.read(), endsWith(1008, 'WS_ERR_MAX_FRAGMENTS'))
    const other = onPackedLine({ maxFrame: 10 })
    other.line.receive(packed('abcdefghijklmnopqrstuvwxyz'))
    await assert.rejects(other.conn.read(), endsWith(1009, 'WS_ERR_MAX_FRAME'))
  })
})

describe('garbage', () => {
  test('closes 1007, and nothing behind it is given to anybody', async () => {
    for (const compress of [{}, TAKEOVER]) {
      const { conn, line } = onPackedLine({ compress })
      line.receive(
        packed('good'),
        clientFrame(1, hex('ffff'), { rsv: 4 }),
        packed('behind'),
        clientFrame(1, 'plain'),
      )
      assert.equal((await conn.read())?.text(), 'good')
      await assert.rejects(conn.read(), endsWith(1007, 'WS_ERR_INFLATE'))
      await assert.rejects(conn.read(), endsWith(1007, 'WS_ERR_INFLATE'))
    }
  })

  test('closes 1007 where events are told of messages', async () => {
    const seen: string[] = []
    const { conn, line } = onPackedLine({
      events: { message: (_conn, message) => seen.push(message.text()) },
    })
    line.receive(packed('good'), clientFrame(1, hex('ffff'), { rsv: 4 }), packed('behind'))
    while (conn.closeInfo === undefined) await settle()
    assert.deepEqual(seen, ['good'])
    const [close] = (await line.frames()).slice(-1)
    assert.equal(brief(close!), 'close 03ef')
    assert.equal(conn.closeInfo?.code, 1007)
  })

  test('in the midst of a message does not disturb other connections that share the engines', async () => {
    const one = onPackedLine()
    const other = onPackedLine()
    const [first, second] = fragments(pack('abcabcabc'), 3)
    other.line.receive(first!)
    one.line.receive(clientFrame(2, hex('ffff'), { rsv: 4 }))
    await assert.rejects(one.conn.read(), endsWith(1007, 'WS_ERR_INFLATE'))
    other.line.receive(second!)
    assert.equal((await other.conn.read())?.text(), 'abcabcabc')
  })
})

describe('a connection that ends', () => {
  test('while a message is compressed leaves nothing behind that rejects', async (t) => {
    const check = watchUnhandled(t)
    const { client, server } = both(TAKEOVER)
    const sent = client.send(LARGE)
    void client.send('behind')
    client.terminate()
    await server.closed
    await client.closed
    for (let i = 0; i < 5; i++) await settle()
    await sent.catch(() => undefined)
    check()
  })

  test('while a message is inflated says so to the reader', async () => {
    const { client, server } = both({})
    void client.send(LARGE)
    await client.drained()
    const read = server.read()
    while (await isPending(read)) server.terminate()
    await assert.rejects(
      read.then((message) => assert.equal(message, undefined)),
      (error) => error instanceof Error,
    )
  })

  test('closes when all that was compressed is out', async () => {
    const { client, server } = both(TAKEOVER)
    for (let i = 0; i < 5; i++) void client.send(LARGE)
    const closing = client.close(4000, 'done')
    for (let i = 0; i < 5; i++) assert.equal((await server.read())?.text(), LARGE)
    await assert.rejects(server.read(), { code: 4000 })
    assert.equal((await closing).clean, true)
  })
})

describe('contexts', () => {
  const rows = 'the same text, again and again. '.repeat(3)
  const lengths = async (
    conn: Conn,
    line: ReturnType<typeof onLine>['line'],
    count: number,
  ): Promise<number[]> => {
    for (let i = 0; i < count; i++) void conn.send(rows)
    await conn.drained()
    return (await line.frames()).map(({ payload }) => payload.length)
  }

  test('are taken over only where that was agreed on', async () => {
    for (const [compress, takesOver] of [
      [{}, false],
      [TAKEOVER, true],
    ] as const) {
      const { conn, line } = onPackedLine({ compress })
      const [first, second, third] = await lengths(conn, line, 3)
      assert.equal(second! < first!, takesOver)
      assert.equal(third, second)
    }
  })

  test('are freed when no message went through for idleTimeout; the next message begins anew', async () => {
    const clock = new FakeClock()
    const compress = { ...TAKEOVER, idleTimeout: 10_000 }
    const { conn, line } = onLine({
      clock,
      keepalive: { interval: 3000 },
      active: compression({ threshold: 0, ...compress }),
    })
    const [first, second] = await lengths(conn, line, 2)
    assert.ok(second! < first!)
    clock.advance(9_000)
    line.receive(clientFrame(10)) // control frames are no use
    await line.frames()
    assert.deepEqual(await lengths(conn, line, 1), [second])
    clock.advance(9_000)
    line.receive(packed('incoming messages are'))
    await conn.read()
    line.receive(clientFrame(10))
    clock.advance(9_000)
    line.receive(clientFrame(10))
    await line.frames()
    assert.deepEqual(await lengths(conn, line, 1), [second])
    for (let i = 0; i < 12; i++) {
      clock.advance(1000)
      line.receive(clientFrame(10))
    }
    await line.frames()
    assert.deepEqual(await lengths(conn, line, 2), [first, second])
    conn.terminate()
  })

  test('are never freed for idleness with idleTimeout 0', async () => {
    const clock = new FakeClock()
    const active = compression({ threshold: 0, ...TAKEOVER, idleTimeout: 0 })
    const { conn, line } = onLine({ clock, active })
    const [, second] = await lengths(conn, line, 2)
    clock.advance(3_600_000)
    assert.deepEqual(await lengths(conn, line, 1), [second])
    conn.terminate()
  })

  test('are forgotten when a message goes out that the compressor has not made', async () => {
    const { client, server } = both(TAKEOVER)
    await client.send(rows)
    await client.writeFrame(new Frame({ opcode: 1, rsv1: true, payload: pack('made by hand') }))
    await client.send(rows)
    const texts = [await server.read(), await server.read(), await server.read()].map((message) =>
      message?.text(),
    )
    assert.deepEqual(texts, [rows, 'made by hand', rows])
  })

  test('follow frames that were read as they are on the wire', async () => {
    const { client, server } = both(TAKEOVER)
    for (let i = 0; i < 3; i++) void client.send(rows)
    const frame = await server.nextFrame()
    assert.equal(frame?.rsv1, true)
    releaseFrame(frame!)
    assert.equal((await server.read())?.text(), rows)
    assert.equal((await server.read())?.text(), rows)
  })
})

test('a client masks what it has compressed', async () => {
  const { conn, line } = onPackedLine({ role: 'client' })
  await conn.send('aaaaaaaaaaaaaaaa')
  await conn.drained()
  const [frame] = await line.frames()
  assert.equal(toHex(frame!.payload), toHex(pack('aaaaaaaaaaaaaaaa')))
})
