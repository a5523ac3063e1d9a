import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { Duplex } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { prepare } from '../../src/conn/prepared.js'
import { encodeClosePayload } from '../../src/frame/close.js'
import { Frame } from '../../src/frame/frame.js'
import { Opcode } from '../../src/frame/opcode.js'
import { type ConnHandler, type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import { onLine } from '../conn/support.js'
import { clientFrame, deferred, GUARD, listen, rawHandshake, serverFrame, turn } from '../support/index.js'

const BINARY = Opcode.Binary

/** What an application does to hand bytes to a worker without a copy. True where Node let it; Node 20 copies instead. */
function transfer(bytes: Buffer): boolean {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch (error) {
    assert.equal((error as Error).name, 'DataCloneError')
  }
  return bytes.buffer.byteLength === 0
}

/** The same by a stream of bytes. */
function stream(bytes: Buffer): boolean {
  try {
    new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(bytes) })
  } catch (error) {
    assert.match((error as Error).message, /transfer|detach/)
  }
  return bytes.buffer.byteLength === 0
}

const filled = (size: number, value: number): Buffer => Buffer.alloc(size, value)

/** Writes by transferring what it is given; the first write ends when it is told to. */
class Transferring extends Duplex {
  readonly written: Buffer[] = []
  release: () => void = () => undefined
  #isFirst = true

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk))
    transfer(chunk)
    if (!this.#isFirst) return done()
    this.#isFirst = false
    this.release = done
  }
}

/** Serves one connection. */
async function serve<T>(t: TestContext, handle: (conn: Conn) => Promise<T>, options: UpgradeOptions = {}) {
  const result = deferred<T>()
  const handler: ConnHandler = (conn) => handle(conn).then(result.resolve, result.reject)
  const ws = upgrade(handler, options)
  const port = await listen(t, createServer(ws))
  t.after(() => ws.close({ timeout: 1 }))
  const { peer } = await rawHandshake(port, { t })
  return { peer, result: result.promise }
}

/** Messages of such a size in one write, filled with 1, 2, 3 … */
const messages = (size: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => clientFrame(BINARY, filled(size, i + 1))))

describe('who transfers a message takes nothing from others', GUARD, () => {
  const ways = {
    messages: async (conn: Conn) => (await conn.read())!.data,
    frames: async (conn: Conn) => (await conn.nextFrame())!.payload,
  }
  for (const [what, read] of Object.entries(ways))
    for (const size of [0, 5, 700, 2000, 12_000])
      test(`${what} of ${size} bytes`, async (t) => {
        const readAll = async (conn: Conn): Promise<Buffer[]> => {
          const bytes = [await read(conn), await read(conn), await read(conn)]
          // The first came out of the bytes as they were read, the second out of what of them was kept.
          for (const one of bytes.slice(0, 2)) transfer(one)
          while (bytes.length < 8) bytes.push(await read(conn))
          return bytes.slice(2)
        }
        const { peer, result } = await serve(t, readAll, { maxInboxFrames: 2 })
        peer.write(messages(size, 8))
        const others = [3, 4, 5, 6, 7, 8].map((value) => filled(size, value))
        assert.deepEqual(await result, others)
      })

  test('messages that came in behind what was left', async () => {
    const { conn, line } = onLine()
    const first = conn.read()
    line.receive(messages(5000, 2))
    line.receive(messages(5000, 2))
    const all = [await first, await conn.read(), await conn.read(), await conn.read()]
    const bytes = all.map((message) => message!.data)
    assert.equal(transfer(bytes[1]!), false)
    assert.deepEqual(bytes.slice(2), [filled(5000, 1), filled(5000, 2)])
  })

  test('what a stream of the application is given to write', async () => {
    const one = new Transferring()
    const other = new Transferring()
    const conns = [one, other].map((stream) => Conn.over(stream, { role: 'server' }))
    const message = prepare('p'.repeat(10_000))
    for (const conn of conns) void conn.send(message)
    await turn()
    // From here on it waits for the stream, and is packed into one piece of memory.
    for (const size of [5, 40_000, 6]) void conns[0]!.send(filled(size, size))
    await turn()
    one.release()
    await turn()
    const prepared = serverFrame(1, 'p'.repeat(10_000))
    const later = [5, 40_000, 6].map((size) => serverFrame(BINARY, filled(size, size)))
    assert.deepEqual(Buffer.concat(one.written), Buffer.concat([prepared, ...later]))
    assert.deepEqual(Buffer.concat(other.written), prepared)
    for (const conn of conns) conn.terminate()
  })

  test('frames that a tap is shown', async () => {
    const { conn } = onLine()
    const shown: Buffer[] = []
    conn.tap((event) => {
      if (event.kind !== 'frame') return
      shown.push(event.frame.copyPayload())
      transfer(event.frame.payload)
    })
    void conn.send(filled(5000, 1))
    void conn.send(filled(5000, 2))
    await turn()
    assert.deepEqual(shown, [filled(5000, 1), filled(5000, 2)])
  })

  test('an empty payload is nobody else’s', () => {
    for (const empty of [() => encodeClosePayload(), () => new Frame().payload])
      assert.notEqual(empty().buffer, empty().buffer)
  })

  for (const when of ['before', 'after'])
    test(`messages that are sent on ${when} a byte stream has taken the memory`, async (t) => {
      const { peer, result } = await serve(
        t,
        async (conn) => {
          const first = (await conn.read())!
          const second = (await conn.read())!
          const { data } = first
          const sent = when === 'before' ? undefined : conn.send(second)
          const isGone = stream(data)
          // Node 20 and 22 let it go in spite of its mark.
          if (when === 'before' && isGone)
            await assert.rejects(async () => conn.send(second), { code: 'WS_ERR_ARGUMENT' })
          else await (sent ?? conn.send(second))
          const third = (await conn.read())!
          void conn.send(third)
          return { arrive: when === 'before' && isGone ? [3] : [2, 3], third: third.data }
        },
        { maxInboxFrames: 1 },
      )
      peer.write(messages(50, 3))
      const { arrive, third } = await result
      assert.deepEqual(third, filled(50, 3))
      for (const value of arrive) assert.deepEqual((await peer.readFrame()).payload, filled(50, value))
    })

  test('a large message has memory of its own, and takes it along', async (t) => {
    const { peer, result } = await serve(t, async (conn) => {
      const isGone = transfer((await conn.read())!.data)
      return { isGone, next: (await conn.read())!.data }
    })
    peer.write(messages(100_000, 2))
    assert.deepEqual(await result, { isGone: true, next: filled(100_000, 2) })
  })
})

describe('who sends what was transferred away gets an error, and sends nothing', GUARD, () => {
  const ways: Record<string, (conn: Conn, message: Message) => Promise<void>> = {
    'a message': (conn, message) => conn.send(message),
    'a prepared one': (conn, message) => conn.send(prepare(message)),
    'a frame': (conn, message) => {
      const frame = new Frame()
      frame.payload = message.data
      transfer(message.data)
      return conn.writeFrame(frame)
    },
  }
  for (const [what, send] of Object.entries(ways))
    test(what, async (t) => {
      const { peer, result } = await serve(t, async (conn) => {
        const message = (await conn.read())!
        if (what !== 'a frame') transfer(message.data)
        await assert.rejects(async () => send(conn, message), { code: 'WS_ERR_ARGUMENT' })
        assert.throws(() => message.data, { code: 'WS_ERR_ARGUMENT' })
        assert.throws(() => message.text(), { code: 'WS_ERR_ARGUMENT' })
        await conn.send('and goes on')
      })
      peer.write(messages(100_000, 1))
      await result
      assert.equal(String((await peer.readFrame()).payload), 'and goes on')
    })

  /** Something that is sent, and how its memory goes. */
  const sources: Record<string, () => Promise<{ data: Message | Buffer; take: () => boolean }>> = {
    'bytes of its own': async () => {
      const data = Buffer.from(new ArrayBuffer(20_000))
      return { data, take: () => transfer(data) }
    },
    'a message': async () => {
      const { conn, line } = onLine()
      const bytes = messages(20_000, 1)
      line.receive(bytes.subarray(0, 100))
      line.receive(bytes.subarray(100))
      const data = (await conn.read())!
      return { data, take: () => transfer(data.data) }
    },
    'a small message, with those beside it': async () => {
      const { conn, line } = onLine()
      line.receive(messages(60, 2))
      const beside = (await conn.read())!
      return { data: (await conn.read())!, take: () => stream(beside.data) }
    },
  }
  for (const [what, make] of Object.entries(sources))
    test(`${what}, by whoever is shown what had to be written to make room for it`, async () => {
      const { data, take } = await make()
      const [other, { conn, line }] = [onLine(), onLine()]
      let isGone: boolean | undefined
      other.conn.tap(() => {
        isGone ??= take()
      })
      for (const size of [32_000, 32_000, 1500]) void other.conn.send(filled(size, 0x53))
      const send = async (): Promise<void> => conn.send(data)
      const sent = send()
      assert.notEqual(isGone, undefined)
      if (isGone) await assert.rejects(sent, { code: 'WS_ERR_ARGUMENT' })
      void conn.send('and goes on')
      const seen = await line.frames()
      assert.equal(String(seen.pop()?.payload), 'and goes on')
      assert.equal(seen.length, isGone ? 0 : 1)
    })

  test('a prepared message that a stream of the application was given', async () => {
    const taker = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _, done) => {
        stream(chunk)
        done()
      },
    })
    const [first, { conn, line }] = [Conn.over(taker, { role: 'server' }), onLine()]
    const message = prepare('p'.repeat(40_000))
    void first.send(message)
    await turn()
    const isGone = message.length === 0
    if (isGone) await assert.rejects(async () => conn.send(message), { code: 'WS_ERR_ARGUMENT' })
    else void conn.send(message)
    assert.equal((await line.frames()).length, isGone ? 0 : 1)
    first.terminate()
  })
})
