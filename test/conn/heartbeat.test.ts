import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { CloseError, type WebSocketError } from '../../src/errors.js'
import { clientFrame, closePayload, FakeClock, isPending } from '../support/index.js'
import { brief, closing, type LineOptions, onLine, settle } from './support.js'

const text = (payload: string, fin = true): Buffer => clientFrame(1, payload, { fin })

function timed(options: LineOptions = {}) {
  const clock = new FakeClock()
  const given = onLine({ clock, ...options })
  const causeOf = (): unknown => (given.conn.closeInfo?.cause as WebSocketError | undefined)?.code
  return { clock, causeOf, ...given }
}

describe('keepalive', () => {
  test('is on by default: a ping after 25 s of silence, then 20 s to answer', async () => {
    const { clock, line, conn, causeOf } = timed({ keepalive: true })
    clock.advance(24_999)
    assert.deepEqual(await line.frames(), [])
    clock.advance(1)
    assert.deepEqual(
      (await line.frames()).map((frame) => frame.opcode),
      [9],
    )
    clock.advance(19_999)
    assert.equal(conn.isOpen, true)
    clock.advance(1)
    assert.equal(causeOf(), 'WS_ERR_KEEPALIVE')
    assert.deepEqual((await line.frames()).map(brief), [
      closing(1011, 'keepalive.timeout is 20000, got 20000'),
    ])
    await assert.rejects(conn.read(), (error: CloseError) => error.code === 1011)
  })

  test('takes any byte as a sign of life', async () => {
    const { clock, line, conn } = timed({
      keepalive: { interval: 10_000, timeout: 5000 },
      messageTimeout: 0,
    })
    const slow = text('a message that comes byte by byte')
    for (let at = 0; at < 30; at++) {
      clock.advance(4000)
      line.receive(slow.subarray(at, at + 1))
    }
    assert.deepEqual(await line.frames(), [])
    clock.advance(11_000)
    assert.equal((await line.frames()).length, 1)
    line.receive(slow.subarray(30, 31)) // no pong, but life
    clock.advance(9000)
    assert.equal(conn.isOpen, true)
    clock.advance(2000)
    assert.equal((await line.frames()).length, 1)
  })

  test('pings after each interval of silence, however long the timeout is', async () => {
    const { clock, line, conn, causeOf } = timed({ keepalive: { interval: 1000, timeout: 60_000 } })
    for (let answered = 0; answered < 10; answered++) {
      clock.advance(1000)
      const [ping, ...others] = await line.frames()
      assert.deepEqual([ping?.opcode, others], [9, []])
      line.receive(clientFrame(10, ping!.payload))
    }
    clock.advance(1000)
    assert.equal((await line.frames()).length, 1)
    clock.advance(59_999)
    assert.equal(conn.isOpen, true)
    clock.advance(1)
    assert.equal(causeOf(), 'WS_ERR_KEEPALIVE')
  })

  test('measures the round trip', async () => {
    const { clock, line, conn } = timed({ keepalive: { interval: 1000, timeout: 1000 } })
    assert.equal(conn.stats.lastRoundTrip, undefined)
    clock.advance(1000)
    const [ping] = await line.frames()
    clock.advance(30)
    line.receive(clientFrame(10, ping!.payload))
    assert.equal(conn.stats.lastRoundTrip, 30)
  })

  test('with timeout 0 pings on without end', async () => {
    const { clock, line, conn } = timed({ keepalive: { interval: 1000, timeout: 0 } })
    clock.advance(1000 * 1000)
    await settle()
    assert.equal((await line.frames()).length, 1000)
    assert.equal(conn.isOpen, true)
  })

  test('that is off sends nothing', async () => {
    for (const keepalive of [false, { interval: 0 }] as const) {
      const { clock, line, conn } = timed({ keepalive })
      clock.advance(3_600_000)
      assert.deepEqual(await line.frames(), [])
      assert.equal(conn.isOpen, true)
    }
  })

  test('does not give up a peer that we do not read from ourselves', async () => {
    const { clock, line, conn } = timed({ keepalive: { interval: 1000, timeout: 500 }, maxInboxFrames: 1 })
    line.receive(text('1'), text('2'))
    assert.equal(line.paused, true)
    clock.advance(60_000)
    assert.equal(conn.isOpen, true)
    await conn.read()
    await conn.read()
    await settle()
    assert.equal(line.paused, false)
    clock.advance(2500)
    assert.equal(conn.isOpen, false)
  })

  test('leaves a closing connection to closeTimeout', async () => {
    const { clock, line, conn, causeOf } = timed({
      keepalive: { interval: 1000, timeout: 1000 },
      closeTimeout: 60_000,
    })
    void conn.close(1000)
    clock.advance(59_000)
    assert.deepEqual((await line.frames()).map(brief), ['close 03e8'])
    clock.advance(2000)
    assert.equal(causeOf(), 'WS_ERR_CLOSE_TIMEOUT')
  })

  test('overtakes data that waits', async () => {
    const { clock, line, conn } = timed({ keepalive: { interval: 1000, timeout: 1000 } })
    line.stuck = true
    void conn.send('first')
    await settle()
    void conn.send('second')
    clock.advance(1000)
    line.unstick()
    assert.deepEqual(
      (await line.frames()).map((frame) => frame.opcode),
      [1, 9, 1],
    )
  })
})

describe('readTimeout', () => {
  test('ends a connection whose reader waits in vain', async () => {
    const { clock, conn, line, causeOf } = timed({ readTimeout: 1000 })
    const reading = conn.read()
    const rejected = assert.rejects(reading, (error: CloseError) => error.code === 1008)
    clock.advance(999)
    assert.equal(conn.isOpen, true)
    clock.advance(502) // looked at every quarter of it, and never early
    assert.equal(causeOf(), 'WS_ERR_READ_TIMEOUT')
    await rejected
    assert.deepEqual((await line.frames()).map(brief), [closing(1008, 'readTimeout is 1000, got 1000')])
  })

  test('starts again with every message, for loops too', async () => {
    const { clock, conn, line } = timed({ readTimeout: 1000 })
    let count = 0
    const loop = (async () => {
      for await (const message of conn) count += message.length
    })()
    for (let i = 0; i < 20; i++) {
      clock.advance(700)
      line.receive(text('x'))
      await settle()
    }
    assert.equal(count, 20)
    line.receive(clientFrame(8, closePayload(1000)))
    await loop
  })

  test('starts again with every message of an event handler', async () => {
    const { clock, conn, line, causeOf } = timed({ readTimeout: 1000, events: { message: () => undefined } })
    for (let i = 0; i < 20; i++) {
      clock.advance(700)
      line.receive(text('x'))
    }
    assert.equal(conn.isOpen, true)
    clock.advance(1501)
    assert.equal(causeOf(), 'WS_ERR_READ_TIMEOUT')
  })

  test('does not run while nobody reads, or a handler is busy', () => {
    const idle = timed({ readTimeout: 1000 })
    idle.clock.advance(60_000)
    assert.equal(idle.conn.isOpen, true)
    const busy = timed({ readTimeout: 1000, events: { message: () => new Promise(() => undefined) } })
    busy.line.receive(text('x'))
    busy.clock.advance(60_000)
    assert.equal(busy.conn.isOpen, true)
  })

  test('is not held off by a message that never ends', async () => {
    const { clock, conn, line, causeOf } = timed({ readTimeout: 1000 })
    const rejected = assert.rejects(conn.read(), CloseError)
    line.receive(text('begins', false))
    for (let i = 0; i < 20 && conn.isOpen; i++) {
      clock.advance(200)
      line.receive(clientFrame(0, 'x', { fin: false }))
    }
    assert.equal(causeOf(), 'WS_ERR_READ_TIMEOUT')
    await rejected
  })
})

describe('writeTimeout', () => {
  test('terminates when the peer takes nothing of what waits', async () => {
    const { clock, conn, line, causeOf } = timed({ writeTimeout: 1000, highWaterMark: 1 })
    line.stuck = true
    const waits = assert.rejects(conn.send('waits'), CloseError)
    await settle()
    clock.advance(999)
    assert.equal(conn.isOpen, true)
    clock.advance(502)
    assert.equal(causeOf(), 'WS_ERR_WRITE_TIMEOUT')
    assert.equal(line.destroyed, true)
    await waits
  })

  test('starts again when something leaves', async () => {
    const { clock, conn, line } = timed({ writeTimeout: 1000 })
    line.stuck = true
    for (let i = 0; i < 20; i++) {
      void conn.send('x'.repeat(20_000))
      await settle()
      clock.advance(700)
      line.drain()
    }
    assert.equal(conn.isOpen, true)
    line.unstick()
    clock.advance(60_000)
    assert.equal(conn.isOpen, true)
  })

  test('is not held off by pings of a peer that takes nothing', async () => {
    const { clock, conn, line, causeOf } = timed({ writeTimeout: 1000 })
    line.stuck = true
    void conn.send('x')
    await settle()
    for (let i = 0; i < 20 && conn.isOpen; i++) {
      line.receive(clientFrame(9, `${i}`.repeat(i)))
      clock.advance(200)
    }
    assert.equal(causeOf(), 'WS_ERR_WRITE_TIMEOUT')
  })

  test('does not blame the peer for what waits behind our own stream', async () => {
    const { clock, conn } = timed({ writeTimeout: 1000 })
    const writer = conn.writer()
    void conn.send('waits for the writer')
    clock.advance(60_000)
    assert.equal(conn.isOpen, true)
    await writer.end()
  })
})

describe('ping', () => {
  test('resolves with the round trip', async () => {
    const { clock, conn, line } = timed()
    const trip = conn.ping()
    clock.advance(42)
    const [ping] = await line.frames()
    line.receive(clientFrame(10, ping!.payload))
    assert.equal(await trip, 42)
    assert.equal(conn.stats.lastRoundTrip, 42)
  })

  test('is answered by the pong for it, or for a later one', async () => {
    const { clock, conn, line } = timed()
    const trips = [conn.ping('a'), conn.ping('b'), conn.ping('a'), conn.ping('c')]
    clock.advance(5)
    line.receive(clientFrame(10, 'unasked'))
    assert.equal(await isPending(trips[0]!), true)
    line.receive(clientFrame(10, 'a')) // the latest with that payload
    assert.deepEqual(await Promise.all(trips.slice(0, 3)), [5, 5, 5])
    assert.equal(await isPending(trips[3]!), true)
    clock.advance(5)
    line.receive(clientFrame(10, 'c'))
    assert.equal(await trips[3], 10)
  })

  test('without a payload sends one of its own each time', async () => {
    const { conn, line } = timed()
    void conn.ping()
    void conn.ping()
    const [first, second] = await line.frames()
    assert.notDeepEqual(first!.payload, second!.payload)
  })
})

test('a connection that is over leaves no deadline behind', async () => {
  const clock = new FakeClock()
  const keeper = timekeeperOf(clock)
  for (let i = 0; i < 50; i++) {
    const { conn, line } = onLine({ clock, keepalive: true, readTimeout: 1000, writeTimeout: 1000 })
    if (i % 3 === 0) void conn.close()
    if (i % 3 === 1) line.receive(clientFrame(3))
    conn.terminate()
    await conn.closed
  }
  assert.equal(keeper.size, 0)
  assert.equal(clock.pending, 0)
})
