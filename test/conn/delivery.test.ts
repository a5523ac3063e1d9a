import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { CloseError, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, closePayload, deferred, FakeClock, isPending, once } from '../support/index.js'
import { onLine, settle } from './support.js'

const text = (payload: string, fin = true): Buffer => clientFrame(1, payload, { fin })
const more = (payload: string, fin = true): Buffer => clientFrame(0, payload, { fin })
const ping = (payload: string): Buffer => clientFrame(9, payload)
const close = (code: number, reason = ''): Buffer => clientFrame(8, closePayload(code, reason))

const read = async (conn: Conn, signal?: AbortSignal): Promise<string | null> =>
  (await conn.read({ signal }))?.text() ?? null

type OnLine = ReturnType<typeof onLine>

/** A frame as text, given back. */
async function frame(conn: Conn, signal?: AbortSignal): Promise<string | null> {
  const next = await conn.nextFrame({ signal })
  if (next === null) return null
  const shown = `${next.opcode}${next.fin ? '' : '…'} ${next.text()}`
  releaseFrame(next)
  return shown
}

const isState = (error: unknown): boolean => error instanceof WebSocketError && error.code === 'WS_ERR_STATE'

describe('readers', () => {
  test('are served in call order, each with a whole message or frame', async () => {
    const { conn, line } = onLine()
    const mine = new Frame()
    const into = conn.readFrame(mine)
    const all = Promise.all([
      read(conn),
      frame(conn),
      frame(conn),
      conn.reader().then(async (reader) => {
        const parts: string[] = []
        for await (const part of reader!) parts.push(part.toString())
        return parts
      }),
      conn[Symbol.asyncIterator]().next(),
      read(conn),
    ])
    line.receive(text('zero'), text('one', false), more('!'))
    line.receive(text('two', false), more('three'), text('four', false), more('', false), more('five'))
    line.receive(text('six'), text('seven'))
    assert.equal(await into, true)
    assert.equal(mine.text(), 'zero')
    const [one, two, three, parts, six, seven] = await all
    assert.deepEqual(
      [one, two, three, parts, seven],
      ['one!', '1… two', '0 three', ['four', 'five'], 'seven'],
    )
    assert.equal(six.value?.text(), 'six')
  })

  test('are served in the same order from what is here already', async () => {
    const { conn, line } = onLine()
    line.receive(text('a'), text('b', false), more('c'), text('d'))
    assert.deepEqual(await Promise.all([read(conn), read(conn), read(conn)]), ['a', 'bc', 'd'])
  })

  test('lose nothing that came before anyone reads, head included', async () => {
    const { conn, line } = onLine({
      head: Buffer.concat([text('head'), text('cu', false), more('t').subarray(0, 3)]),
    })
    line.receive(more('t').subarray(3), text('later'))
    assert.deepEqual([await read(conn), await read(conn), await read(conn)], ['head', 'cut', 'later'])
  })

  test('do not change the memory that head came in', async () => {
    const head = text('masked')
    const before = Buffer.from(head)
    const { conn } = onLine({ head })
    assert.equal(await read(conn), 'masked')
    assert.deepEqual(head, before)
  })

  test('that a frame reader stands in front of wait for it', async () => {
    const { conn, line } = onLine()
    const shown = frame(conn)
    const message = read(conn)
    line.receive(ping('p'), text('m'))
    assert.equal(await shown, '9 p')
    assert.equal(await message, 'm')
  })

  test('get the message even if control frames stand in front of it', async () => {
    const { conn, line } = onLine()
    line.receive(ping('1'), ping('2'), text('m'))
    assert.equal(await read(conn), 'm')
    line.receive(ping('3'))
    const reader = conn.reader()
    line.receive(text('n'))
    assert.equal((await (await reader)!.read())?.toString(), 'n')
  })

  test('own the message, whatever happens to the memory it came in', async () => {
    const { conn, line } = onLine()
    const waiting = conn.read()
    const large = 'x'.repeat(5000)
    line.receive(text('small'), text(large), text('é', false), more('!'))
    const messages = [await waiting, await conn.read(), await conn.read()]
    line.receive(text('y'.repeat(6000)))
    assert.deepEqual(
      messages.map((message) => message?.data.toString()),
      ['small', large, 'é!'],
    )
  })
})

describe('a cancelled read', () => {
  const kinds: readonly [string, (conn: Conn, signal: AbortSignal) => Promise<unknown>][] = [
    ['read', (conn, signal) => conn.read({ signal })],
    ['nextFrame', (conn, signal) => conn.nextFrame({ signal })],
    ['readFrame', (conn, signal) => conn.readFrame(new Frame(), { signal })],
    ['reader', async (conn, signal) => (await conn.reader({ signal }))?.cancel()],
  ]
  for (const [name, start] of kinds) {
    test(`${name} rejects with signal.reason, loses nothing and leaves no listener`, async () => {
      const { conn, line } = onLine()
      const controller = new AbortController()
      const cancelled = start(conn, controller.signal)
      const next = read(conn)
      controller.abort(new Error('enough'))
      await assert.rejects(cancelled, /enough/)
      line.receive(text('kept'))
      assert.equal(await next, 'kept')
      assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    })

    test(`${name} with a signal that is aborted takes nothing`, async () => {
      const { conn, line } = onLine()
      line.receive(text('kept'))
      await assert.rejects(start(conn, AbortSignal.abort(new Error('before'))), /before/)
      assert.equal(await read(conn), 'kept')
    })

    test(`${name} that is served leaves no listener on its signal`, async () => {
      const { conn, line } = onLine()
      const { signal } = new AbortController()
      const before = start(conn, signal)
      line.receive(text('a'), text('b'))
      await before
      await start(conn, signal)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      conn.terminate()
    })

    test(`${name} that meets the end leaves no listener on its signal`, async () => {
      const { conn } = onLine()
      const { signal } = new AbortController()
      const waiting = start(conn, signal)
      conn.terminate()
      await assert.rejects(waiting, CloseError)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    })
  }

  test('lets the one behind it go on with what is here', async () => {
    const { conn, line } = onLine()
    const controller = new AbortController()
    const whole = read(conn, controller.signal)
    const begun = frame(conn)
    line.receive(text('half', false))
    assert.equal(await isPending(begun), true)
    controller.abort()
    await assert.rejects(whole, { name: 'AbortError' })
    assert.equal(await begun, '1… half')
  })

  test('of a part leaves the part', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false))
    const reader = (await conn.reader())!
    assert.equal((await reader.read())?.toString(), 'a')
    const controller = new AbortController()
    const cancelled = reader.read({ signal: controller.signal })
    controller.abort()
    await assert.rejects(cancelled, { name: 'AbortError' })
    await assert.rejects(reader.read({ signal: controller.signal }), { name: 'AbortError' })
    line.receive(more('b'))
    assert.equal((await reader.read())?.toString(), 'b')
    assert.equal(await reader.read(), null)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
  })
})

describe('the end of the stream', () => {
  for (const code of [1000, 1001, 1005])
    test(`is null, false and the end of loops after ${code}`, async () => {
      const { conn, line } = onLine()
      const waiting = Promise.all([conn.read(), conn.nextFrame(), conn.readFrame(new Frame()), conn.reader()])
      const loop = (async () => {
        for await (const message of conn) assert.fail(message.text())
        return 'ended'
      })()
      // nextFrame() and readFrame() come to the front one after the other, and see the Close frame.
      line.receive(text('first'), code === 1005 ? clientFrame(8) : close(code))
      const [message, shown, into, reader] = await waiting
      assert.equal(message?.text(), 'first')
      assert.equal(shown?.opcode, 8)
      assert.equal(into, false)
      assert.equal(reader, null)
      assert.equal(await loop, 'ended')
      assert.equal(await conn.read(), null)
      assert.equal(await conn.nextFrame(), null)
      assert.equal(await conn.reader(), null)
    })

  test('is a CloseError with code, reason and report after any other code', async () => {
    const { conn, line } = onLine()
    const early = conn.read()
    line.receive(close(4001, 'why'))
    const errors: unknown[] = []
    for (const ended of [early, conn.read(), conn.nextFrame(), conn.readFrame(new Frame()), conn.reader()])
      await ended.catch((error: unknown) => errors.push(error))
    assert.equal(errors.length, 5)
    const error = errors[0] as CloseError
    assert.ok(error instanceof CloseError)
    assert.deepEqual([error.code, error.reason, error.report], [4001, 'why', conn.closeInfo])
    assert.ok(errors.every((other) => other === error))
    await assert.rejects(async () => {
      for await (const message of conn) assert.fail(message.text())
    }, error)
  })

  test('comes behind what is in the inbox', async () => {
    const { conn, line } = onLine()
    line.receive(text('a'), text('b', false), more('c'), text('half', false), close(4000))
    assert.ok(conn.closeInfo)
    assert.deepEqual([await read(conn), await read(conn)], ['a', 'bc'])
    assert.equal(await frame(conn), '1… half')
    assert.equal(await frame(conn), `8 ${closePayload(4000).toString()}`)
    await assert.rejects(conn.nextFrame(), CloseError)
  })

  for (const [how, end] of [
    ['of the peer', ({ line }: OnLine) => line.fin()],
    ['by a reset', ({ line }: OnLine) => line.events.closed(new Error('reset'))],
  ] as const)
    for (const by of ['message', 'frame'] as const)
      test(`${how} comes behind what came in the same turn, for who waits for a ${by}`, async () => {
        const given = onLine()
        const { conn, line } = given
        const take = async (): Promise<string | null> =>
          by === 'message' ? read(conn) : ((await conn.nextFrame())?.text() ?? null)
        const got: (string | null)[] = []
        const over = (async () => {
          for (;;) got.push(await take())
        })().catch((error: CloseError) => error.code)
        line.receive(text('1'), text('2'), text('3'), clientFrame(9, ''), text('4', false))
        end(given)
        assert.equal(await over, 1006)
        const rest = by === 'message' ? [] : ['', '4'] // the ping was answered, half a message is none
        assert.deepEqual(got, ['1', '2', '3', ...rest])
        assert.equal(conn.stats.pingsIn, 1)
      })

  for (const count of [2, 40])
    for (const reader of ['waiting', 'late'])
      test(`of the peer comes behind ${count} messages and its Close, for a ${reader} reader`, async () => {
        const { conn, line } = onLine()
        const sent = Array.from({ length: count }, (_, i) => `${i}`)
        const first = reader === 'waiting' ? read(conn) : undefined
        line.receive(...sent.map((one) => text(one)), close(4000, 'enough'))
        line.fin()
        const got = [await (first ?? read(conn))]
        while (got.length < count) got.push(await read(conn))
        assert.deepEqual(got, sent)
        const { code, reason, clean } = await conn.closed
        assert.deepEqual([code, reason, clean], [4000, 'enough', true])
      })

  test('of the peer waits for a rate as well', async () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock, maxMessageRate: { rate: 10, burst: 1 } })
    line.receive(text('1'), text('2'), text('3'))
    line.fin()
    for (const expected of ['1', '2', '3']) {
      assert.equal(await read(conn), expected)
      assert.equal(conn.isOpen, true)
      clock.advance(100)
    }
    assert.equal((await conn.closed).code, 1006)
  })

  test('of the peer is not waited for when we drop the connection', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    line.receive(text('1'), text('2'), Buffer.of(0xff))
    line.fin()
    assert.equal(conn.isOpen, true)
    conn.terminate()
    const { cause } = await conn.closed
    assert.equal((cause as WebSocketError).code, 'WS_ERR_TERMINATED')
    assert.equal(await read(conn), '1')
  })

  test('of a stream that is closed at once comes behind all that came', async () => {
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _, done) => done(),
      allowHalfOpen: false,
    })
    const conn = Conn.over(stream, { role: 'server' })
    const sent = Array.from({ length: 40 }, (_, i) => `${i}`)
    const got = [read(conn)]
    stream.push(Buffer.concat([...sent.map((one) => text(one)), close(4000)]))
    stream.push(null)
    await once(stream, 'close')
    while (got.length < sent.length) got.push(read(conn))
    assert.deepEqual(await Promise.all(got), sent)
    assert.equal((await conn.closed).code, 4000)
  })

  test('comes behind what is in the inbox after a reset as well', async () => {
    const { conn, line } = onLine()
    line.receive(text('a'), text('b'))
    line.events.closed(new Error('ECONNRESET'))
    assert.deepEqual([await read(conn), await read(conn)], ['a', 'b'])
    await assert.rejects(conn.read(), (error: CloseError) => error.code === 1006)
  })
})

describe('nextFrame', () => {
  test('shows control frames after they were answered, Close included', async () => {
    const { conn, line } = onLine()
    const shown = frame(conn)
    line.receive(ping('p'), clientFrame(10, 'q'), close(1000, 'bye'))
    assert.equal(await shown, '9 p')
    assert.equal(line.take().toString('hex'), `8a01708805${closePayload(1000, 'bye').toString('hex')}`)
    assert.equal(await frame(conn), '10 q')
    assert.equal(await frame(conn), `8 ${closePayload(1000, 'bye').toString()}`)
    assert.equal(await frame(conn), null)
  })

  test('keeps no more than 64 control frames for those who may come', async () => {
    const { conn, line } = onLine({ maxControlRate: Infinity })
    for (let i = 0; i < 1000; i++) line.receive(ping(String(i)))
    for (let i = 0; i < 64; i++) assert.equal(await frame(conn), `9 ${i}`)
    const next = frame(conn)
    line.receive(text('m'))
    assert.equal(await next, '1 m')
  })

  test('with half a message taken refuses to read it as one, and loses nothing', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false), more('b', false), more('c'), text('d'))
    assert.equal(await frame(conn), '1… a')
    await assert.rejects(conn.read(), isState)
    await assert.rejects(conn.reader(), isState)
    await assert.rejects(conn[Symbol.asyncIterator]().next(), isState)
    assert.equal(await frame(conn), '0… b')
    assert.equal(await frame(conn), '0 c')
    assert.equal(await read(conn), 'd')
  })

  test('with half a message taken refuses a read that came before the rest', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false))
    assert.equal(await frame(conn), '1… a')
    const early = read(conn)
    line.receive(more('b'))
    await assert.rejects(early, isState)
    assert.equal(await frame(conn), '0 b')
  })

  test("gives frames that are the reader's until released", async () => {
    const { conn, line } = onLine()
    line.receive(text('one'), text('two'))
    const one = await conn.nextFrame()
    const two = await conn.nextFrame()
    line.receive(text('six'))
    assert.deepEqual([one?.text(), two?.text(), one?.masked, one?.maskKey], ['one', 'two', true, 0x0a0b0c0d])
    releaseFrame(one!)
    assert.throws(() => one!.text(), { code: 'WS_ERR_RELEASED' })
  })
})

test('a read with wrong options throws, naming the argument', () => {
  const { conn } = onLine()
  const wrong = { name: 'TypeError', code: 'WS_ERR_ARGUMENT' }
  assert.throws(() => conn.read(7 as never), { ...wrong, message: /options/ })
  assert.throws(() => conn.read({ signal: {} as never }), { ...wrong, message: /signal/ })
  assert.throws(() => conn.nextFrame(null as never), { ...wrong, message: /options/ })
  assert.throws(() => conn.reader('x' as never), { ...wrong, message: /options/ })
  assert.throws(() => conn.readFrame({} as never), { ...wrong, message: /frame/ })
  const released = new Frame()
  releaseFrame(released)
  assert.throws(() => conn.readFrame(released), { ...wrong, message: /frame/ })
})

describe('the inbox', () => {
  test('stops the peer when it is full, and lets it go on when read', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('1'))
    assert.equal(line.paused, false)
    line.receive(text('2'), text('3'), text('4'))
    assert.equal(line.paused, true)
    assert.equal(await read(conn), '1')
    assert.equal(line.paused, true) // 3 and 4 are still here
    assert.equal(await read(conn), '2')
    assert.equal(await read(conn), '3')
    await settle()
    assert.equal(line.paused, false)
    assert.equal(await read(conn), '4')
  })

  test('counts bytes as well', async () => {
    const { conn, line } = onLine({ maxInboxBytes: 10 })
    line.receive(text('12345'), text('67890'))
    assert.equal(line.paused, true)
    assert.equal(await read(conn), '12345')
    await settle()
    assert.equal(line.paused, false)
  })

  test('takes a fragmented message that is larger than itself when somebody waits for it', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('a', false), more('b', false), more('c', false))
    assert.equal(line.paused, true)
    const whole = read(conn)
    assert.equal(line.paused, false)
    line.receive(more('d', false), more('e'))
    assert.equal(await whole, 'abcde')
    line.receive(text('f'))
    assert.equal(await read(conn), 'f')
  })

  test('gives frames of such a message one by one', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('a', false), more('b', false), more('c', false), more('d'))
    assert.deepEqual(
      [await frame(conn), await frame(conn), await frame(conn), await frame(conn)],
      ['1… a', '0… b', '0… c', '0 d'],
    )
    await settle()
    assert.equal(line.paused, false)
  })

  test('is not filled beyond its limit by head', async () => {
    const { conn, line } = onLine({
      maxInboxFrames: 1,
      head: Buffer.concat([text('1'), text('2'), text('3')]),
    })
    assert.equal(line.paused, true)
    assert.deepEqual([await read(conn), await read(conn), await read(conn)], ['1', '2', '3'])
    await settle()
    assert.equal(line.paused, false)
  })

  test('stays bounded for somebody who never reads, whose pings are answered', async () => {
    const { conn, line } = onLine({ maxControlRate: Infinity })
    for (let i = 0; i < 500; i++) line.receive(ping('x'))
    assert.equal(line.paused, false)
    await settle()
    assert.equal(line.take().length, 500 * 3)
    assert.equal(conn.stats.framesIn, 500)
  })

  test('answers pings behind data while there is room', async () => {
    const { line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('1'), ping('a'), text('2'), ping('b'))
    await settle()
    assert.equal(line.take().toString('hex'), '8a0161') // the second one waits behind a full inbox
  })

  test("drops what nobody has room for once we have sent Close, and sees the peer's", async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('1'), text('2'), text('3'))
    assert.equal(line.paused, true)
    const closing = conn.close(1000)
    assert.equal(line.paused, false)
    line.receive(text('4'), close(1000))
    line.fin()
    assert.equal((await closing).clean, true)
    assert.deepEqual([await read(conn), await read(conn), await read(conn)], ['1', '2', null])
  })

  test('never makes a message out of what is left when parts of it were dropped', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    line.receive(text('1'), text('be', false))
    void conn.close(1000)
    line.receive(more('twe', false)) // dropped
    assert.equal(await read(conn), '1')
    line.receive(more('en'), text('whole'), close(1000))
    assert.equal(await read(conn), null)
  })

  test('hands no event function what came after something that was dropped', async () => {
    const seen: string[] = []
    const turn = deferred<void>()
    const message = (_: unknown, message: Message) => {
      seen.push(message.text())
      return turn.promise
    }
    const { conn, line } = onLine({ events: { message }, maxInboxFrames: 2 })
    line.receive(text('1'), text('2'), text('3'))
    void conn.close(1000)
    line.receive(text('4')) // no room: dropped
    turn.resolve()
    await settle()
    line.receive(text('5'), text('6'))
    await settle()
    assert.deepEqual(seen, ['1', '2', '3'])
  })
})
