import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pair } from '../../src/conn/pair.js'
import { CloseError, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { clientFrame, closePayload, deferred, isPending } from '../support/index.js'
import { brief, onLine, settle, watchUnhandled } from './support.js'

const isState = (error: unknown): boolean => error instanceof WebSocketError && error.code === 'WS_ERR_STATE'
const misuse = (name: string, message: RegExp) => ({ name, code: 'WS_ERR_ARGUMENT', message })
const close = (code: number): Buffer => clientFrame(8, closePayload(code))

describe('MessageWriter', () => {
  test('sends every part as a frame, and ends the message with one', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    await writer.write('a')
    await writer.write('')
    await writer.write(Buffer.from('b'))
    await writer.end('c')
    assert.deepEqual((await line.frames()).map(brief), ['text… a', 'more… b', 'more… c', 'more'])
    await conn.writer().end()
    await conn.writer('text').end('')
    assert.deepEqual((await line.frames()).map(brief), ['binary', 'text'])
  })

  test('leaves the caller its bytes at once', async () => {
    const { conn, line } = onLine()
    const first = conn.writer()
    const second = conn.writer()
    const memory = Buffer.from('part')
    void second.write(memory)
    memory.fill(0)
    void first.end()
    await second.end()
    assert.deepEqual((await line.frames()).map(brief), ['binary', 'binary… part', 'more'])
  })

  test('resolves when there is room for more', async () => {
    const { conn, line } = onLine({ highWaterMark: 10 })
    line.stuck = true
    const writer = conn.writer()
    const waits = writer.write(Buffer.alloc(20))
    assert.equal(await isPending(waits), true)
    line.unstick()
    await waits
    await writer.end()
  })

  test('counts what waits for its turn as buffered', async () => {
    const { conn } = onLine()
    const first = conn.writer()
    const second = conn.writer('text')
    void second.write('12345')
    void second.end('678')
    assert.equal(conn.bufferedAmount, 8 + 1) // the end counts, too
    await first.end()
    await conn.drained()
    assert.equal(conn.bufferedAmount, 0)
  })

  test('puts a surrogate pair together that is cut between two strings', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    void writer.write('a\ud834')
    void writer.write('\udd1eb\ud834')
    void writer.write('\udd1e')
    await writer.end('\ud834')
    const frames = await line.frames()
    assert.equal(Buffer.concat(frames.map((frame) => frame.payload)).toString(), 'a𝄞b𝄞\ufffd')
  })

  test('writes half a surrogate pair before the bytes that follow it', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    void writer.write('a\ud834')
    await writer.end(Buffer.from('b'))
    const frames = await line.frames()
    assert.equal(Buffer.concat(frames.map((frame) => frame.payload)).toString(), 'a\ufffdb')
  })

  test('takes UTF-8 that is cut between bytes, and refuses what is none', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    void writer.write(Buffer.of(0xe2, 0x82))
    assert.throws(() => writer.write('a'), misuse('RangeError', /chunk/))
    assert.throws(() => writer.end(), misuse('RangeError', /end of the message/))
    await writer.end(Buffer.of(0xac))
    assert.equal(Buffer.concat((await line.frames()).map((frame) => frame.payload)).toString(), '€')
    assert.throws(() => conn.writer('text').write(Buffer.of(0xff)), misuse('RangeError', /chunk/))
  })

  test('takes any bytes as text with validateText off', async () => {
    const { conn, line } = onLine({ validateText: false })
    const writer = conn.writer('text')
    void writer.write(Buffer.of(0xe2))
    await writer.end('a')
    assert.deepEqual(
      Buffer.concat((await line.frames()).map((frame) => frame.payload)),
      Buffer.of(0xe2, 0x61),
    )
  })

  test('refuses wrong arguments, naming them', () => {
    const { conn } = onLine()
    assert.throws(() => conn.writer('json' as never), misuse('TypeError', /type/))
    const writer = conn.writer()
    for (const chunk of [undefined, null, 7, {}, [1]])
      assert.throws(() => writer.write(chunk as never), misuse('TypeError', /chunk/))
    assert.throws(() => writer.write('text'), misuse('TypeError', /chunk/))
    assert.throws(() => writer.end(7 as never), misuse('TypeError', /chunk/))
  })

  test('cannot be used after its end', async () => {
    const { conn } = onLine()
    const writer = conn.writer()
    void writer.end()
    assert.throws(() => writer.write(Buffer.of(1)), isState)
    assert.throws(() => writer.end(), isState)
    await settle()
    assert.throws(() => writer.end(), isState)
    writer.abort()
    assert.equal(conn.isOpen, true)
  })

  test('abort() before the first part only gives the lane on', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer()
    const next = conn.send('next')
    writer.abort()
    await next
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text next'])
    await assert.rejects(writer.write(Buffer.of(1)), isState)
    await assert.rejects(writer.end(), isState)
  })

  test('abort() after the first part closes with 1011', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer()
    await writer.write(Buffer.from('part'))
    void conn.send('never')
    writer.abort(new Error('why'))
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['binary… part', 'close 03f3'])
    assert.equal(String(conn.closeInfo?.cause?.cause), 'Error: why')
  })

  test('that is not ended when its scope ends is given up', async () => {
    const { conn, line } = onLine()
    {
      await using writer = conn.writer()
      assert.ok(writer)
    }
    assert.equal(conn.isOpen, true)
    {
      await using writer = conn.writer()
      await writer.write(Buffer.of(1))
    }
    assert.equal(conn.closeInfo?.code, 1011)
    assert.equal((await line.frames()).length, 2)
  })

  test('is a web stream', async () => {
    const { conn, line } = onLine()
    await new Blob(['abc']).stream().pipeTo(conn.writer().writable as never)
    assert.deepEqual((await line.frames()).map(brief), ['binary… abc', 'more'])
    const stream = conn.writer('text').writable.getWriter()
    await stream.write('x')
    await stream.abort(new Error('why'))
    assert.equal(conn.closeInfo?.code, 1011)
  })
})

describe('a streamed send', () => {
  test('whose source fails before a part is sent only rejects', async () => {
    const { conn, line } = onLine()
    const failing = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('source')) }),
    }
    await assert.rejects(conn.send(failing), /source/)
    await assert.rejects(
      conn.send({ [Symbol.asyncIterator]: () => ({ next: () => assert.fail('sync') }) }),
      /sync/,
    )
    await conn.send('next')
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text next'])
  })

  test('whose source fails after a part closes with 1011', async () => {
    const { conn, line } = onLine()
    async function* source(): AsyncGenerator<string> {
      yield 'part'
      throw new Error('source')
    }
    await assert.rejects(conn.send(source()), /source/)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text… part', 'close 03f3'])
    assert.equal((conn.closeInfo?.cause as WebSocketError | undefined)?.code, 'WS_ERR_SOURCE')
  })

  test('whose source gives what cannot be sent stops it', async (t) => {
    const check = watchUnhandled(t)
    const { conn } = onLine()
    let stopped = 0
    async function* source(): AsyncGenerator<unknown> {
      try {
        yield 7
      } finally {
        stopped++
      }
    }
    await assert.rejects(conn.send(source() as never), misuse('TypeError', /chunk/))
    await assert.rejects(conn.send(source() as never, { text: true }), misuse('TypeError', /chunk/))
    await settle()
    assert.equal(stopped, 2)
    assert.equal(conn.isOpen, true)
    check()
  })

  test('pulls from its source only as fast as there is room', async () => {
    const { conn, line } = onLine({ highWaterMark: 10 })
    let pulled = 0
    async function* source(): AsyncGenerator<Buffer> {
      for (; pulled < 100; pulled++) yield Buffer.alloc(8)
    }
    line.stuck = true
    const sent = conn.send(source())
    for (let i = 0; i < 20; i++) await settle()
    assert.ok(pulled < 3, `${pulled} parts were pulled`)
    line.unstick()
    await sent
    assert.equal(pulled, 100)
  })

  const ends: readonly [string, Buffer, (error: unknown) => boolean][] = [
    ['fails', clientFrame(3), (error) => error instanceof CloseError && error.code === 1002],
    ['is closed by the peer', close(4000), isState],
  ]
  for (const [name, bytes, isEnd] of ends)
    test(`rejects when the connection ${name}, though its source never gives anything`, async (t) => {
      const check = watchUnhandled(t)
      const { conn, line } = onLine()
      let stopped = 0
      const source = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<IteratorResult<string>>(() => undefined),
          return: () => {
            stopped++
            return Promise.reject(new Error('not looked at'))
          },
        }),
      }
      const sends = [conn.send(source), conn.send(source)]
      assert.equal(await isPending(sends[0]!), true)
      line.receive(bytes)
      for (const sent of sends) await assert.rejects(sent, isEnd)
      assert.equal(stopped, 2)
      await settle()
      check()
    })
})

describe('close() behind a message under way', () => {
  test('waits for a streamed send', async () => {
    const { conn, line } = onLine()
    const gate = deferred()
    async function* source(): AsyncGenerator<string> {
      yield 'a'
      await gate.promise
      yield 'b'
    }
    const sent = conn.send(source())
    await settle()
    void conn.close(1000)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text… a'])
    gate.resolve()
    await sent
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['more… b', 'more', 'close 03e8'])
  })

  test('lets a writer finish, and refuses a new one', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    await writer.write('a')
    void conn.close(1000)
    await assert.rejects(conn.writer('text').end('late'), isState)
    await writer.write('b')
    await writer.end('c')
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'text… a',
      'more… b',
      'more… c',
      'more',
      'close 03e8',
    ])
  })

  test('lets a message of frames finish, and refuses a new one', async () => {
    const { conn, line } = onLine()
    const frame = (opcode: number, payload: string, fin: boolean): Frame =>
      new Frame({ opcode, payload, fin })
    await conn.writeFrame(frame(1, 'a', false))
    void conn.close(1000)
    await conn.writeFrame(frame(0, 'b', true))
    await assert.rejects(conn.writeFrame(frame(1, 'late', true)), isState)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text… a', 'more b', 'close 03e8'])
  })
})

describe("the peer's Close", () => {
  test('cuts off what is not complete, and lets the rest go before the answer', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text') // has the turn, and nothing of it is out
    void conn.send('whole')
    const queued = conn.writer('text')
    const late = queued.write('never')
    const complete = conn.writer('text')
    void complete.end('complete')
    await settle()
    line.take()
    line.receive(close(1000))
    await assert.rejects(late)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text whole', 'text… complete', 'more', 'close 03e8'])
    assert.equal(conn.closeInfo?.clean, true)
    await assert.rejects(writer.write('x'), CloseError)
    await assert.rejects(writer.end(), CloseError)
  })

  test('lets no other message go behind one that is cut off in the midst (§5.4)', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer('text')
    await writer.write('half')
    void conn.send('whole')
    const complete = conn.writer('text')
    const ended = complete.end('complete')
    void conn.writeFrame(new Frame({ opcode: 1, payload: 'frame' }))
    await settle()
    line.receive(close(1000))
    await assert.rejects(ended)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text… half', 'close 03e8'])
    assert.equal(conn.closeInfo?.clean, true)
    assert.equal(conn.bufferedAmount, 0)
  })

  test('is heard as a clean end by another Conn, whatever was cut off', async () => {
    const { client, server } = pair()
    const writer = server.writer('text')
    await writer.write('half')
    void server.send('whole')
    const reader = await client.reader()
    assert.equal((await reader?.read())?.toString(), 'half')
    const report = await client.close(4001)
    assert.deepEqual([report.code, report.clean], [4001, true])
  })

  test('cuts off a message of frames', async () => {
    const { conn, line } = onLine()
    await conn.writeFrame(new Frame({ opcode: 1, payload: 'half', fin: false }))
    void conn.send('whole')
    await settle()
    line.receive(close(1000))
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text… half', 'close 03e8'])
    await assert.rejects(conn.writeFrame(new Frame({ opcode: 0, payload: 'rest' })), CloseError)
    assert.equal(conn.bufferedAmount, 0)
  })

  test('cuts off a message of frames that waits for its turn', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer()
    void conn.writeFrame(new Frame({ opcode: 1, payload: 'waits', fin: false }))
    assert.equal(conn.bufferedAmount, 5)
    line.receive(close(1000))
    await assert.rejects(writer.end(), WebSocketError)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['close 03e8'])
    assert.equal(conn.bufferedAmount, 0)
  })
})
