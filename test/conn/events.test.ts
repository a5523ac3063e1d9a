import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import { CloseError, type CloseReport, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { clientFrame, closePayload, deferred, isPending } from '../support/index.js'
import { brief, type LineOptions, onLine, settle, watchUnhandled } from './support.js'

const text = (payload: string, fin = true): Buffer => clientFrame(1, payload, { fin })
const more = (payload: string, fin = true): Buffer => clientFrame(0, payload, { fin })
const close = (code: number): Buffer => clientFrame(8, closePayload(code))

/** A connection whose events are written down. */
function recorded(events: EventHandler = {}, options: LineOptions = {}) {
  const log: string[] = []
  const note =
    <A extends unknown[], R>(name: string, show: (...args: A) => string, then?: (...args: A) => R) =>
    (...args: A): R | undefined => {
      log.push(`${name} ${show(...args)}`.trimEnd())
      return then?.(...args)
    }
  const all: EventHandler = {
    open: note('open', (_conn: Conn, _request: IncomingMessage | undefined) => '', events.open),
    message: note('message', (_: Conn, message) => message.text(), events.message),
    ping: note('ping', (_: Conn, payload) => payload.toString(), events.ping),
    pong: note('pong', (_: Conn, payload) => payload.toString(), events.pong),
    drain: note('drain', (_: Conn) => '', events.drain),
    close: note('close', (_: Conn, report: CloseReport) => String(report.code), events.close),
    error: note(
      'error',
      (_: Conn, error: Error) => ('code' in error ? String(error.code) : error.message),
      events.error,
    ),
  }
  return { log, ...onLine({ ...options, events: all }) }
}

describe('events', () => {
  test('come synchronously and in order, each message whole', () => {
    const { log, line } = recorded()
    assert.deepEqual(log, ['open'])
    line.receive(text('a'), clientFrame(9, 'p'), text('b', false), clientFrame(10, 'q'), more('c'), text(''))
    assert.deepEqual(log, ['open', 'message a', 'ping p', 'pong q', 'message bc', 'message'])
  })

  test('begin with open, before what came behind the handshake', () => {
    const { log } = recorded({}, { head: Buffer.concat([text('head'), text('cut').subarray(0, 4)]) })
    assert.deepEqual(log, ['open', 'message head'])
  })

  test('that are not listened for are passed over', async () => {
    const { conn, line } = onLine({ events: {} })
    line.receive(text('a'), clientFrame(9), clientFrame(10), close(1000))
    line.fin()
    assert.equal((await conn.closed).clean, true)
  })

  test('give the control frame after it was answered', async () => {
    const seen: string[] = []
    const { line } = onLine({
      events: { ping: (conn) => seen.push(`answered ${conn.bufferedAmount}`) },
    })
    line.receive(clientFrame(9, 'p'))
    assert.deepEqual(seen, ['answered 3'])
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['pong p'])
  })

  test('end with close, once', async () => {
    const { log, conn, line } = recorded()
    line.receive(text('a'), close(1000))
    assert.deepEqual(log, ['open', 'message a'])
    line.fin()
    line.events.closed(undefined)
    await conn.closed
    await settle()
    line.events.closed(new Error('late'))
    assert.deepEqual(log, ['open', 'message a', 'close 1000'])
  })

  test('tell the error that ended the connection, then close', async () => {
    const { log, conn, line } = recorded()
    line.receive(text('a'), clientFrame(3, 'reserved'), text('never'))
    assert.deepEqual(log, ['open', 'message a', 'error WS_ERR_OPCODE'])
    line.fin()
    await conn.closed
    await settle()
    assert.deepEqual(log.slice(2), ['error WS_ERR_OPCODE', 'close 1002'])
  })

  test('refuse reads: there is nothing left to read', async () => {
    const { conn, line } = recorded()
    const reads = [
      () => conn.read(),
      () => conn.nextFrame(),
      () => conn.readFrame(new Frame()),
      () => conn.reader(),
      () => conn[Symbol.asyncIterator]().next(),
    ]
    for (const read of reads)
      await assert.rejects(read(), { code: 'WS_ERR_STATE', message: /event functions/ })
    line.receive(text('a'))
    await assert.rejects(conn.read(), { code: 'WS_ERR_STATE' })
  })

  test('tell of drain when what waited is below the high-water mark', async () => {
    const { log, conn, line } = recorded({}, { highWaterMark: 10 })
    line.stuck = true
    void conn.send('x'.repeat(20))
    await settle()
    assert.deepEqual(log, ['open'])
    line.unstick()
    assert.deepEqual(log, ['open', 'drain'])
    void conn.send('y')
    await settle()
    assert.deepEqual(log, ['open', 'drain'])
  })
})

describe('a message handler that takes its time', () => {
  test('is given one message at a time, in order', async () => {
    const turns = [deferred(), deferred(), deferred()]
    let at = 0
    const { log, line } = recorded({ message: () => turns[at++]?.promise })
    line.receive(text('1'), text('2'), text('3', false), more('!'))
    assert.deepEqual(log, ['open', 'message 1'])
    turns[0]!.resolve()
    await settle()
    assert.deepEqual(log, ['open', 'message 1', 'message 2'])
    line.receive(text('4'))
    turns[1]!.resolve()
    turns[2]!.resolve()
    await settle()
    assert.deepEqual(log.slice(3), ['message 3!', 'message 4'])
  })

  test('makes the peer wait in the end', async () => {
    const turn = deferred()
    const { log, line } = recorded({ message: () => turn.promise }, { maxInboxFrames: 2 })
    line.receive(text('1'), text('2'))
    assert.equal(line.paused, false)
    line.receive(text('3'), text('4'), text('5'))
    assert.equal(line.paused, true)
    turn.resolve()
    await settle()
    assert.equal(line.paused, false)
    assert.deepEqual(log.slice(1), ['message 1', 'message 2', 'message 3', 'message 4', 'message 5'])
  })

  test('takes a fragmented message that is larger than the inbox', async () => {
    const turn = deferred()
    const { log, line } = recorded({ message: () => turn.promise }, { maxInboxFrames: 1 })
    line.receive(text('1'), text('a', false), more('b', false), more('c'), text('2'))
    turn.resolve()
    await settle()
    assert.deepEqual(log.slice(1), ['message 1', 'message abc', 'message 2'])
  })

  test('gets what had come before the end, and then comes close', async () => {
    const turn = deferred()
    const { log, conn, line } = recorded({ message: () => turn.promise })
    line.receive(text('1'), text('2'), text('3'), close(1000))
    line.fin()
    assert.equal((await conn.closed).clean, true)
    assert.deepEqual(log, ['open', 'message 1'])
    turn.resolve()
    await settle()
    assert.deepEqual(log.slice(1), ['message 1', 'message 2', 'message 3', 'close 1000'])
  })

  test('gets what had come before a reset, then error, then close', async () => {
    const turn = deferred()
    const { log, conn, line } = recorded({ message: () => turn.promise })
    line.receive(text('1'), text('2'))
    line.events.closed(new Error('ECONNRESET'))
    await conn.closed
    turn.resolve()
    await settle()
    assert.deepEqual(log.slice(1), ['message 1', 'message 2', 'error WS_ERR_SOCKET', 'close 1006'])
  })

  test('gets nothing more once it was terminated, and close does not wait for it', async () => {
    const { log, conn, line } = recorded({ message: () => new Promise(() => undefined) })
    line.receive(text('1'), text('2'))
    conn.terminate()
    await conn.closed
    await settle()
    assert.deepEqual(log.slice(1), ['message 1', 'error WS_ERR_TERMINATED', 'close 1006'])
  })

  test('gets nothing more once it has failed', async (t) => {
    const check = watchUnhandled(t)
    const turn = deferred()
    const { log, line } = recorded({ message: () => turn.promise })
    line.receive(text('1'), text('2'))
    turn.reject(new Error('handler'))
    await settle()
    assert.deepEqual(log.slice(1), ['message 1', 'error WS_ERR_HANDLER'])
    assert.deepEqual((await line.frames()).map(brief), ['close 03f3'])
    line.receive(text('3'))
    line.fin()
    await settle()
    assert.deepEqual(log.slice(3), ['close 1011'])
    check()
  })
})

describe('a handler', () => {
  test('is not entered again by what it does', async () => {
    const acts: readonly [string, (conn: Conn) => unknown][] = [
      ['send', (conn) => conn.send('x')],
      ['close', (conn) => conn.close(1000)],
      ['ping', (conn) => conn.ping()],
      ['writer', (conn) => conn.writer('text').end('x')],
    ]
    for (const [name, act] of acts) {
      let depth = 0
      const depths: number[] = []
      const turn = deferred()
      const { line, log } = recorded(
        {
          message: (conn, message) => {
            depths.push(++depth)
            // The first one takes its time, so that the others wait in the inbox.
            const done = message.text() === '0' ? turn.promise : void act(conn)
            depth--
            return done
          },
        },
        { maxInboxFrames: 2 },
      )
      line.receive(text('0'), text('1'), text('2'), text('3'), text('4'))
      turn.resolve()
      await settle()
      assert.ok(
        depths.every((at) => at === 1),
        name,
      )
      // Once Close is sent, what the inbox has no room for may be dropped; what is handled comes in order.
      assert.deepEqual(
        log.slice(1),
        ['message 0', 'message 1', 'message 2', 'message 3', 'message 4'].slice(0, log.length - 1),
        name,
      )
      assert.ok(log.length >= 4, name)
    }
  })

  for (const [form, first] of [
    ['whole', [text('first')]],
    ['in fragments', [text('fir', false), more('st')]],
  ] as const)
    test(`is called again at once for what came in while it handled a message that came ${form}`, () => {
      const seen: string[] = []
      const { line } = onLine({
        events: {
          message: (_, message) => {
            const words = message.text()
            seen.push(words)
            if (words === 'first') line.receive(text('second'), text('third'))
            seen.push(`${words} is done`)
          },
        },
      })
      line.receive(...first, text('last'))
      assert.deepEqual(seen, [
        'first',
        'first is done',
        'last',
        'last is done',
        'second',
        'second is done',
        'third',
        'third is done',
      ])
    })

  test('that is asynchronous and closes at once still gets one message at a time', async () => {
    let running = 0
    let most = 0
    const { line } = recorded({
      message: async (conn) => {
        most = Math.max(most, ++running)
        void conn.close()
        await settle()
        running--
      },
    })
    line.receive(text('1'), text('2'), text('3'))
    for (let i = 0; i < 8; i++) await settle()
    assert.equal(most, 1)
  })

  test('that terminates gets nothing more, and close once', async () => {
    const { log, line, conn } = recorded({ message: (conn) => conn.terminate() })
    line.receive(text('1'), text('2'))
    await conn.closed
    await settle()
    assert.deepEqual(log, ['open', 'message 1', 'error WS_ERR_TERMINATED', 'close 1006'])
  })

  test('may close and terminate in open, ping, pong, error and close', async () => {
    for (const name of ['open', 'ping', 'pong', 'error', 'close'] as const)
      for (const act of [(conn: Conn) => void conn.close(), (conn: Conn) => conn.terminate()]) {
        const { log, line, conn } = recorded({ [name]: act })
        if (conn.closeInfo === undefined) line.receive(clientFrame(9, 'p'), clientFrame(10, 'q'))
        if (conn.closeInfo === undefined) line.receive(close(4000))
        line.fin()
        await conn.closed
        await settle()
        assert.equal(log.filter((entry) => entry.startsWith('close')).length, 1, name)
        assert.match(log.at(-1)!, /^close/, name)
      }
  })
})

describe('a handler that throws', () => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const rejects = (): Promise<never> => Promise.reject(new Error('boom'))
  const drive: Record<string, (line: ReturnType<typeof onLine>['line'], conn: Conn) => void> = {
    open: () => undefined,
    message: (line) => line.receive(text('a')),
    ping: (line) => line.receive(clientFrame(9)),
    pong: (line) => line.receive(clientFrame(10)),
    drain: (line, conn) => {
      line.stuck = true
      void conn.send('x'.repeat(100_000))
      line.unstick()
    },
    error: (line) => line.receive(clientFrame(3)),
    close: (line) => line.receive(close(1000)),
  }
  for (const [name, act] of Object.entries(drive))
    for (const fails of name === 'open' || name === 'message' ? [boom, rejects] : [boom])
      test(`in ${name} ${fails === boom ? '' : 'later '}closes with 1011, and is reported once`, async (t) => {
        const check = watchUnhandled(t)
        const reported: string[] = []
        let closes = 0
        const count = (): void => {
          closes++
          if (name === 'close') boom()
        }
        const { conn, line } = onLine({
          events: name === 'close' ? { close: count } : { close: count, [name]: fails },
          onHandlerError: (error) => reported.push(error.message),
        })
        act(line, conn)
        await settle()
        await settle()
        const sent = (await line.frames()).filter((frame) => frame.opcode === 8).map(brief)
        line.fin()
        const { code, cause } = await conn.closed
        await settle()
        assert.deepEqual(reported, ['boom'])
        const expected = { error: 1002, close: 1000 }[name] ?? 1011
        assert.equal(code, expected)
        assert.deepEqual(sent, [`close ${closePayload(expected).toString('hex')}`])
        if (expected === 1011) {
          assert.ok(cause instanceof WebSocketError)
          assert.equal(cause.code, 'WS_ERR_HANDLER')
          assert.match(String(cause.cause), /boom/)
        }
        assert.equal(closes, 1)
        check()
      })

  for (const when of ['at once', 'later'])
    test(`what cannot be shown, ${when}, closes with 1011 all the same`, async (t) => {
      const check = watchUnhandled(t)
      const odd = Object.assign(new Error(), { message: Symbol('odd') })
      const { log, line } = recorded({
        message: () => {
          if (when === 'later') return Promise.reject(odd)
          throw odd
        },
      })
      line.receive(text('a'))
      await settle()
      line.fin()
      await settle()
      assert.deepEqual(log, ['open', 'message a', 'error WS_ERR_HANDLER', 'close 1011'])
      check()
    })

  test('as well as its reporter does not harm other connections', async () => {
    const thrown: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    const bad = onLine({
      events: { drain: boom },
      highWaterMark: 1,
      onHandlerError: () => {
        throw new Error('reporter')
      },
    })
    const good = onLine()
    void bad.conn.send('first in the same turn')
    void good.conn.send('second')
    await settle()
    await settle()
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
    assert.deepEqual(
      thrown.map((error) => (error as Error).message),
      ['reporter'],
    )
    assert.deepEqual((await good.line.frames()).map(brief), ['text second'])
    void good.conn.send('third')
    await settle()
    assert.deepEqual((await good.line.frames()).map(brief), ['text third'])
  })
})

test('a read that waits is not left behind by a handler that never ends', async () => {
  const { conn, line } = recorded({ message: () => new Promise(() => undefined) })
  line.receive(text('1'))
  const sent = conn.send('x'.repeat(1000))
  assert.equal(await isPending(sent), false)
  conn.terminate()
  await assert.rejects(conn.send('x'), CloseError)
})
