import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { CloseError, type CloseReport, ProtocolError, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { clientFrame, closePayload, deferred, FakeClock, isPending, serverFrame } from '../support/index.js'
import { active, brief, closing, type LineOptions, onLine, settle } from './support.js'

const close = (code: number, reason = ''): Buffer => clientFrame(8, closePayload(code, reason))

/** What matters of a report. */
const facts = ({ code, reason, initiator, clean, sent, received, cause }: CloseReport) => ({
  end: `${code} ${reason}`.trim(),
  initiator,
  clean,
  sent: sent?.code,
  received: received?.code,
  cause: (cause as WebSocketError | undefined)?.code,
})

function timed(options: LineOptions = {}) {
  const clock = new FakeClock()
  return { clock, ...onLine({ clock, ...options }) }
}

describe('the closing handshake', () => {
  test('begun by us: Close, the answer, then the server ends first', async () => {
    const { conn, line } = onLine()
    const first = conn.close(4000, 'done')
    assert.equal(conn.isOpen, false)
    assert.deepEqual((await line.frames()).map(brief), [closing(4000, 'done')])
    assert.equal(line.ended, false)
    line.receive(close(4000, 'done'))
    assert.equal(line.ended, true)
    assert.equal(await isPending(first), true)
    line.fin()
    assert.deepEqual(facts(await first), {
      end: '4000 done',
      initiator: 'local',
      clean: true,
      sent: 4000,
      received: 4000,
      cause: undefined,
    })
  })

  test('begun by the peer: the reply carries its code and reason', async () => {
    const { conn, line } = onLine()
    line.receive(close(4001, 'bye'))
    assert.deepEqual((await line.frames()).map(brief), [closing(4001, 'bye')])
    assert.equal(line.ended, true)
    line.fin()
    assert.deepEqual(facts(await conn.closed), {
      end: '4001 bye',
      initiator: 'remote',
      clean: true,
      sent: 4001,
      received: 4001,
      cause: undefined,
    })
  })

  test('without a code is answered without one, and reported as 1005', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(8))
    assert.deepEqual((await line.frames()).map(brief), ['close'])
    line.fin()
    const report = await conn.closed
    assert.deepEqual(facts(report), {
      end: '1005',
      initiator: 'remote',
      clean: true,
      sent: 1005,
      received: 1005,
      cause: undefined,
    })
  })

  test('begun by both at once is clean on both sides', async () => {
    const { conn, line } = onLine()
    void conn.close(4000, 'ours')
    line.receive(close(4001, 'theirs'))
    assert.deepEqual((await line.frames()).map(brief), [closing(4000, 'ours')])
    line.fin()
    assert.deepEqual(facts(await conn.closed), {
      end: '4001 theirs',
      initiator: 'local',
      clean: true,
      sent: 4000,
      received: 4001,
      cause: undefined,
    })
  })

  test('of a client waits for the server to end first', async () => {
    for (const ours of [true, false]) {
      const { conn, line } = onLine({ role: 'client' })
      if (ours) void conn.close(1000)
      line.receive(serverFrame(8, closePayload(1000)))
      await settle()
      assert.equal(line.ended, false)
      assert.equal(conn.closeInfo?.clean, true)
      line.fin()
      assert.equal(line.ended, true)
      assert.equal((await conn.closed).clean, true)
    }
  })

  test('masks code and reason of a client as a whole', async () => {
    const { conn, line } = onLine({ role: 'client' })
    void conn.close(1000, 'reason')
    await settle()
    const wire = line.take()
    assert.equal(wire.toString('hex', 0, 6), '888801020304')
    assert.notDeepEqual(wire.subarray(6, 8), closePayload(1000))
    const unmasked = wire.subarray(6).map((byte, i) => byte ^ [1, 2, 3, 4][i % 4]!)
    assert.deepEqual(Buffer.from(unmasked), closePayload(1000, 'reason'))
  })

  test('sends what was sent before, and nothing after', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    void conn.send('at the transport')
    await settle()
    void conn.send('waits')
    void conn.close(1000)
    void conn.send('refused')
    line.receive(clientFrame(9, 'ping')) // a pong may not follow Close
    line.unstick()
    assert.deepEqual((await line.frames()).map(brief), ['text at the transport', 'text waits', closing(1000)])
  })

  test('still answers pings while Close waits for its turn', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer()
    void conn.close(1000)
    line.receive(clientFrame(9, 'p'))
    void writer.end()
    assert.deepEqual((await line.frames()).map(brief), ['pong p', 'binary', closing(1000)])
  })

  test('looks at no data after Close', async () => {
    const { conn, line } = onLine()
    line.receive(Buffer.concat([close(1000), clientFrame(1, 'late'), clientFrame(3, 'wrong')]))
    line.receive(Buffer.from('garbage'))
    assert.equal(await conn.read().then((message) => message?.text()), undefined)
    line.fin()
    assert.equal((await conn.closed).clean, true)
    assert.equal(conn.stats.framesIn, 1)
  })

  test('is not disturbed by a second close(), which gives the same promise', async () => {
    const { conn, line } = onLine()
    const first = conn.close(4000)
    assert.equal(conn.close(4001), first)
    assert.equal(conn.closed, first)
    assert.deepEqual((await line.frames()).map(brief), [closing(4000)])
    line.receive(close(4000))
    line.fin()
    await first
    assert.equal(conn.close(), first)
  })

  test('refuses codes that may not travel, and long reasons', () => {
    const { conn } = onLine()
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, Number.NaN])
      assert.throws(() => conn.close(code), { name: 'RangeError', code: 'WS_ERR_ARGUMENT', message: /code/ })
    assert.throws(() => conn.close('1000' as never), {
      name: 'TypeError',
      code: 'WS_ERR_ARGUMENT',
      message: /code/,
    })
    assert.throws(() => conn.close(1000, 'é'.repeat(62)), { name: 'RangeError', message: /reason/ })
    assert.throws(() => conn.close(1000, 7 as never), { name: 'TypeError', message: /reason/ })
    assert.equal(conn.isOpen, true)
    void conn.close(1000, `${'é'.repeat(61)}x`)
    assert.equal(conn.isOpen, false)
  })

  const allowed = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ]
  test('takes all codes that may travel, both ways', async () => {
    for (const code of allowed) {
      const ours = onLine()
      void ours.conn.close(code)
      assert.deepEqual((await ours.line.frames()).map(brief), [closing(code)])
      const theirs = onLine()
      theirs.line.receive(close(code))
      assert.deepEqual((await theirs.line.frames()).map(brief), [closing(code)])
    }
  })

  test('with autoClose off is left to the application', async () => {
    const { conn, line } = onLine({ autoClose: false })
    const shown = conn.nextFrame()
    line.receive(close(4000, 'theirs'))
    assert.equal((await shown)?.closeStatus.code, 4000)
    assert.deepEqual(await line.frames(), [])
    assert.equal(conn.closeInfo, undefined)
    await assert.rejects(conn.send('late'), { code: 'WS_ERR_STATE' })
    void conn.close(4001, 'ours')
    assert.deepEqual((await line.frames()).map(brief), [closing(4001, 'ours')])
    assert.deepEqual(facts(conn.closeInfo!).end, '4000 theirs')
    line.fin()
    assert.equal((await conn.closed).clean, true)
  })

  test('with autoPong off leaves pings to the application', async () => {
    const { conn, line } = onLine({ autoPong: false })
    line.receive(clientFrame(9, 'p'))
    assert.deepEqual(await line.frames(), [])
    await conn.pong('mine')
    assert.deepEqual((await line.frames()).map(brief), ['pong mine'])
  })
})

describe('closeTimeout', () => {
  const timeout = { end: '1006', initiator: 'local', clean: false, cause: 'WS_ERR_CLOSE_TIMEOUT' }

  test('ends the wait for the answer', async () => {
    const { clock, conn, line } = timed({ closeTimeout: 100 })
    void conn.close(1000)
    clock.advance(99)
    assert.equal(conn.closeInfo, undefined)
    clock.advance(2)
    assert.equal(line.destroyed, true)
    assert.deepEqual(facts(await conn.closed), { ...timeout, sent: 1000, received: undefined })
  })

  test('counts from close(), however long the connection was idle', async () => {
    const { clock, conn } = timed({ closeTimeout: 100 })
    clock.advance(999)
    void conn.close(1000)
    clock.advance(99)
    assert.equal(conn.closeInfo, undefined)
  })

  test('ends the wait for messages that do not leave', async () => {
    const { clock, conn, line } = timed()
    line.stuck = true
    void conn.send('x')
    void conn.close(1000)
    clock.advance(5001)
    assert.equal(line.destroyed, true)
    assert.equal((await conn.closed).cause instanceof WebSocketError, true)
  })

  test('ends the wait for a stream that does not end, ours begun', async () => {
    const { clock, conn, line } = timed()
    const writer = conn.writer()
    void conn.close(1000)
    await writer.write(Buffer.of(1))
    clock.advance(5001)
    assert.equal(line.destroyed, true)
    assert.deepEqual(facts(await conn.closed), { ...timeout, sent: undefined, received: undefined })
    await assert.rejects(writer.end(), CloseError)
  })

  test('ends the wait for our own answer', async () => {
    const { clock, conn, line } = timed({ autoClose: false })
    line.receive(close(4000, 'theirs'))
    clock.advance(5001)
    assert.deepEqual(facts(await conn.closed), {
      end: '4000 theirs',
      initiator: 'remote',
      clean: false,
      sent: undefined,
      received: 4000,
      cause: 'WS_ERR_CLOSE_TIMEOUT',
    })
  })

  test('ends the wait of a client for the server to end, which stays a clean end', async () => {
    const { clock, conn, line } = timed({ role: 'client' })
    line.receive(serverFrame(8, closePayload(1000)))
    clock.advance(4999)
    assert.equal(line.destroyed, false)
    clock.advance(2)
    assert.equal(line.destroyed, true)
    assert.equal((await conn.closed).clean, true)
  })

  test('ends the wait of a server for a client that never ends', async () => {
    const { clock, conn, line } = timed()
    line.receive(close(1000))
    clock.advance(5001)
    assert.equal(line.destroyed, true)
    assert.equal((await conn.closed).clean, true)
  })

  test('ends the wait after a failure', async () => {
    const { clock, conn, line } = timed()
    line.receive(clientFrame(3))
    clock.advance(5001)
    assert.equal(line.destroyed, true)
    assert.equal((await conn.closed).code, 1002)
  })

  test('ends the wait for bytes that a half-closed peer does not take', async () => {
    const { clock, conn, line } = timed()
    line.stuck = true
    void conn.send('x')
    await settle()
    line.events.ended()
    clock.advance(5001)
    assert.equal(line.destroyed, true)
    assert.equal((await conn.closed).code, 1006)
  })

  test('counts once for the whole closing', async () => {
    const { clock, conn, line } = timed()
    void conn.close(1000)
    clock.advance(4000)
    line.receive(close(1000))
    clock.advance(1001)
    assert.equal(line.destroyed, true)
    await conn.closed
  })

  test('0 waits as long as it takes', async () => {
    const { clock, conn, line } = timed({ closeTimeout: 0 })
    void conn.close(1000)
    clock.advance(3_600_000)
    assert.equal(line.destroyed, false)
    assert.equal(await isPending(conn.closed), true)
  })
})

describe('a connection that is lost', () => {
  test('by FIN without Close is 1006, WS_ERR_EOF', async () => {
    const { conn, line } = onLine()
    line.fin()
    assert.deepEqual(facts(await conn.closed), {
      end: '1006',
      initiator: 'remote',
      clean: false,
      sent: undefined,
      received: undefined,
      cause: 'WS_ERR_EOF',
    })
  })

  test('without a word is 1006, WS_ERR_EOF', async () => {
    const { conn, line } = onLine()
    line.events.closed(undefined)
    assert.equal(facts(await conn.closed).cause, 'WS_ERR_EOF')
  })

  test('by an error is 1006, WS_ERR_SOCKET, with the error as cause', async () => {
    const { conn, line } = onLine()
    const reset = new Error('read ECONNRESET')
    line.events.closed(reset)
    const report = await conn.closed
    assert.equal(facts(report).cause, 'WS_ERR_SOCKET')
    assert.equal(report.cause?.cause, reset)
  })

  test('while our Close waits for an answer is local', async () => {
    const { conn, line } = onLine()
    void conn.close(1000)
    line.fin()
    assert.deepEqual(facts(await conn.closed), {
      end: '1006',
      initiator: 'local',
      clean: false,
      sent: 1000,
      received: undefined,
      cause: 'WS_ERR_EOF',
    })
  })

  test('by terminate() is 1006, WS_ERR_TERMINATED, at once', async () => {
    const { conn, line } = onLine()
    void conn.send('lost')
    conn.terminate()
    assert.equal(line.destroyed, true)
    assert.equal(conn.isOpen, false)
    assert.equal(facts(await conn.closed).cause, 'WS_ERR_TERMINATED')
    conn.terminate()
    assert.equal(line.take().length, 0)
    assert.equal(conn.stats.bytesOut, 0)
  })

  test('tells the code of a Close that did come in', async () => {
    const { conn, line } = onLine({ autoClose: false })
    line.receive(close(4000, 'theirs'))
    line.events.closed(new Error('reset'))
    assert.equal(facts(await conn.closed).end, '4000 theirs')
  })
})

describe('a failure', () => {
  const violations: readonly [string, Buffer, number, string, LineOptions?, string?][] = [
    ['a reserved bit', clientFrame(1, 'x', { rsv: 4 }), 1002, 'WS_ERR_RSV'],
    ['no mask', serverFrame(1, 'x'), 1002, 'WS_ERR_MASK'],
    ['bad UTF-8', clientFrame(1, Buffer.of(0xff)), 1007, 'WS_ERR_UTF8'],
    ['a Close of one byte', clientFrame(8, Buffer.of(3)), 1002, 'WS_ERR_CLOSE_PAYLOAD'],
    ['a Close with 1005', close(1005), 1002, 'WS_ERR_CLOSE_PAYLOAD'],
    ['a Close reason that is no UTF-8', clientFrame(8, Buffer.of(3, 232, 0xff)), 1007, 'WS_ERR_UTF8'],
    [
      'a long frame',
      clientFrame(2, 'x', { length: 11n }).subarray(0, 6),
      1009,
      'WS_ERR_MAX_FRAME',
      { maxFrame: 10 },
      'maxFrame is 10, got 11',
    ],
    [
      'a long message',
      clientFrame(2, Buffer.alloc(11)).subarray(0, 6),
      1009,
      'WS_ERR_MAX_MESSAGE',
      { maxMessage: 10 },
      'maxMessage is 10, got 11',
    ],
    [
      'too many fragments, empty ones',
      Buffer.concat([
        clientFrame(2, '', { fin: false }),
        ...Array(3).fill(clientFrame(0, '', { fin: false })),
      ]),
      1008,
      'WS_ERR_MAX_FRAGMENTS',
      { maxFragments: 3 },
      'maxFragments is 3, got 4',
    ],
  ]
  for (const [name, bytes, code, errorCode, options, reason = ''] of violations)
    test(`by ${name} tells the peer ${code}, then ends`, async () => {
      const { conn, line } = onLine(options)
      const rejected = assert.rejects(
        conn.read(),
        (error: CloseError) => error.code === code && error === conn.signal.reason,
      )
      line.receive(bytes)
      line.receive(clientFrame(1, 'discarded'))
      assert.deepEqual((await line.frames()).map(brief), [closing(code, reason)])
      assert.equal(line.ended, true)
      await rejected
      line.fin()
      assert.deepEqual(facts(await conn.closed), {
        end: `${code} ${reason}`.trim(),
        initiator: 'local',
        clean: false,
        sent: code,
        received: undefined,
        cause: errorCode,
      })
      assert.ok((await conn.closed).cause instanceof ProtocolError)
    })

  test('drops what waits and puts Close behind what has begun to leave', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    void conn.send('has begun')
    await settle()
    void conn.send('is dropped')
    line.receive(clientFrame(9, 'p'), clientFrame(3))
    line.unstick()
    assert.deepEqual((await line.frames()).map(brief), ['text has begun', 'pong p', closing(1002)])
    assert.equal(line.ended, true)
    assert.equal(conn.stats.bytesOut, 11 + 3 + 4)
  })

  test('after our own Close sends no second one', async () => {
    const { conn, line } = onLine()
    void conn.close(1000)
    line.receive(clientFrame(3))
    assert.deepEqual((await line.frames()).map(brief), [closing(1000)])
    assert.equal(line.ended, true)
    assert.equal(conn.closeInfo?.code, 1002)
  })

  test('is the first one only', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(3))
    line.events.closed(new Error('later'))
    conn.terminate()
    assert.equal(facts(await conn.closed).cause, 'WS_ERR_OPCODE')
  })

  test('with a limit whose name is too long for a Close frame tells the peer the code alone', async () => {
    const breach = { option: 'ü'.repeat(70), limit: 1, value: 2 }
    const decode = (): never => {
      throw new ProtocolError('WS_ERR_MAX_MESSAGE', 1009, 'on purpose', { breach })
    }
    const { conn, line } = onLine({ active: [active({ decode })] })
    const read = assert.rejects(conn.read(), { code: 1009 })
    line.receive(clientFrame(1, 'x'))
    await read
    assert.deepEqual((await line.frames()).map(brief), [closing(1009)])
    assert.deepEqual(conn.closeInfo?.breach, breach)
  })

  test('with a close code that may not travel tells the peer 1011', async () => {
    const codec = {
      decode: () => {
        throw new ProtocolError('WS_ERR_EXTENSION', 1006, 'odd')
      },
    }
    const { line } = onLine({ active: [active(codec)] })
    line.receive(clientFrame(9))
    assert.deepEqual((await line.frames()).map(brief), [closing(1011)])
  })
})

describe('everybody who waits', () => {
  const ends: readonly [string, (conn: Conn, line: ReturnType<typeof onLine>['line']) => void][] = [
    ['a failure', (_, line) => line.receive(clientFrame(3))],
    ['a reset', (_, line) => line.events.closed(new Error('reset'))],
    ['terminate()', (conn) => conn.terminate()],
    ['a Close with an error code', (_, line) => line.receive(close(4000))],
  ]
  for (const [name, end] of ends)
    test(`gets the same CloseError after ${name}`, async () => {
      const { conn, line } = onLine({ highWaterMark: 1 })
      line.stuck = true
      void conn.send('xx')
      await settle()
      const waiting = [
        conn.read(),
        conn.nextFrame(),
        conn.readFrame(new Frame()),
        conn.reader(),
        conn[Symbol.asyncIterator]().next(),
        conn.send('y'),
        conn.ping(),
        conn.drained(),
      ]
      end(conn, line)
      const settled = await Promise.allSettled(waiting)
      const reasons = settled.map((result) => (result.status === 'rejected' ? result.reason : result))
      // The one frame that did come is shown to the first who wants frames.
      const errors = reasons.filter((reason) => reason instanceof CloseError)
      assert.ok(errors.length >= 7)
      assert.ok(errors.every((error) => error === errors[0]))
      assert.equal(errors[0]?.report, conn.closeInfo)
      assert.equal(conn.signal.aborted, true)
      assert.equal(conn.signal.reason, errors[0])
    })
})

describe('signal', () => {
  test('is aborted with the CloseError, for those who had it before and after', async () => {
    const { conn, line } = onLine()
    const { signal } = conn
    const aborted = deferred<unknown>()
    signal.addEventListener('abort', () => aborted.resolve(signal.reason))
    assert.equal(signal.aborted, false)
    line.receive(close(1000))
    const reason = await aborted.promise
    assert.ok(reason instanceof CloseError)
    assert.equal(conn.signal, signal)
    const later = onLine()
    later.conn.terminate()
    assert.equal(later.conn.signal.aborted, true)
  })
})

test('await using closes and waits until it is over', async () => {
  const { conn, line } = onLine()
  const left = deferred()
  const scope = (async () => {
    await using open = conn
    assert.equal(open.isOpen, true)
    left.resolve()
  })()
  await left.promise
  assert.equal(await isPending(scope), true)
  line.receive(close(1000))
  line.fin()
  await scope
  assert.equal(conn.closeInfo?.code, 1000)
})

test('closeInfo is there as soon as the end is known, closed when it is over', async () => {
  const { conn, line } = onLine({ clock: new FakeClock() })
  const before = Date.now()
  line.receive(close(1000))
  const report = conn.closeInfo
  const after = Date.now()
  assert.ok(report !== undefined && Object.isFrozen(report))
  assert.equal(await isPending(conn.closed), true)
  line.fin()
  assert.equal(await conn.closed, report)
  const { lastReceivedAt } = report
  assert.ok(lastReceivedAt >= before && lastReceivedAt <= after, `${before} ${lastReceivedAt} ${after}`)
})
