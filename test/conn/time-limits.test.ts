import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CloseReport, WebSocketError } from '../../src/errors.js'
import { clientFrame, closePayload, deferred, FakeClock, serverFrame } from '../support/index.js'
import { brief, closing, type LineOptions, onLine, settle } from './support.js'

function timed(options: LineOptions = {}) {
  const clock = new FakeClock()
  const given = onLine({ clock, events: { message: () => undefined }, ...options })
  const breach = (): CloseReport['breach'] => given.conn.closeInfo?.breach
  return { clock, breach, ...given }
}

const begun = clientFrame(2, Buffer.alloc(100_000))

describe('messageTimeout', () => {
  for (const role of ['server', 'client'] as const)
    test(`a ${role} closes 1008 when a message that has begun stands still for 30 s`, async () => {
      const { clock, conn, line, breach } = timed({ role })
      const frame = role === 'server' ? clientFrame : serverFrame
      line.receive(frame(2, Buffer.alloc(100)).subarray(0, 50))
      clock.advance(29_999)
      assert.equal(conn.isOpen, true)
      clock.advance(1)
      assert.deepEqual(breach(), { option: 'messageTimeout', limit: 30_000, value: 30_000 })
      const { cause, code, reason } = conn.closeInfo!
      assert.deepEqual([code, reason], [1008, 'messageTimeout is 30000, got 30000'])
      assert.equal((cause as WebSocketError).code, 'WS_ERR_MESSAGE_TIMEOUT')
      assert.match(
        cause!.message,
        / 50 bytes of it came in 30000 ms, messageTimeout is 30000 ms, minByteRate is 500/,
      )
      if (role === 'server') assert.deepEqual((await line.frames()).map(brief), [closing(code, reason)])
    })

  test('finds a peer that sends a byte now and then', () => {
    const { clock, conn, line, breach } = timed()
    for (let at = 0; at < 70 && conn.isOpen; at++) {
      line.receive(begun.subarray(at, at + 1))
      clock.advance(1000)
    }
    assert.equal(breach()?.option, 'messageTimeout')
  })

  test('lets a message take as long as it likes that keeps minByteRate', () => {
    const { clock, conn, line } = timed()
    for (let at = 0; at < begun.length; at += 500) {
      line.receive(begun.subarray(at, at + 500))
      clock.advance(1000)
    }
    assert.deepEqual([conn.isOpen, conn.stats.messagesIn], [true, 1])
  })

  test('ends one that is just below minByteRate', () => {
    const { clock, conn, line } = timed()
    for (let at = 0; at < begun.length && conn.isOpen; at += 480) {
      line.receive(begun.subarray(at, at + 480))
      clock.advance(1000)
    }
    assert.equal(conn.isOpen, false)
  })

  test('is not held off by pings and pongs between the parts', () => {
    const { clock, conn, line } = timed()
    line.receive(clientFrame(1, 'part', { fin: false }))
    for (let i = 0; i < 70 && conn.isOpen; i++) {
      line.receive(...Array(50).fill(clientFrame(10, 'x'.repeat(125))))
      clock.advance(1000)
    }
    assert.equal(conn.isOpen, false)
  })

  test('counts fragments that somebody waits for, as events or with read()', () => {
    const loop = timed({ events: {} })
    void loop.conn.closed
    const reader = onLine({ clock: loop.clock })
    reader.conn.read().catch(() => undefined)
    for (const { line } of [loop, reader]) line.receive(clientFrame(1, 'part', { fin: false }))
    loop.clock.advance(30_000)
    assert.deepEqual([loop.conn.isOpen, reader.conn.isOpen], [false, false])
  })

  test('counts fragments that were here before somebody came to wait for them', () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock })
    line.receive(clientFrame(1, 'part', { fin: false }))
    clock.advance(45_000)
    assert.equal(conn.isOpen, true)
    conn.read().catch(() => undefined)
    clock.advance(30_000)
    assert.equal(conn.closeInfo?.breach?.option, 'messageTimeout')
  })

  test('leaves time to what is read part by part, or frame by frame', async () => {
    const clock = new FakeClock()
    const parts = onLine({ clock })
    const frames = onLine({ clock })
    const reading = parts.conn.reader()
    for (const { line } of [parts, frames]) line.receive(clientFrame(1, 'part', { fin: false }))
    const reader = await reading
    assert.equal((await reader?.[Symbol.asyncIterator]().next())?.value?.toString(), 'part')
    assert.equal((await frames.conn.nextFrame())?.fin, false)
    clock.advance(3_600_000)
    assert.deepEqual([parts.conn.isOpen, frames.conn.isOpen], [true, true])
  })

  test('does not blame a peer that we do not read from', async () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock, maxInboxFrames: 1 })
    line.receive(clientFrame(2, 'one'), begun.subarray(0, 1000))
    assert.equal(line.paused, true)
    clock.advance(3_600_000)
    assert.equal(conn.isOpen, true)
    await conn.read()
    void conn.read().catch(() => undefined)
    assert.equal(line.paused, false)
    clock.advance(29_000)
    assert.equal(conn.isOpen, true)
    clock.advance(2000)
    assert.equal(conn.isOpen, false)
  })

  /** A peer that goes on as long as it may be read from; what it has to keep until then comes first. */
  function talker(options: LineOptions, begin: Buffer, each: () => Buffer) {
    const given = timed(options)
    const { line, clock, conn } = given
    line.receive(begin)
    let kept = Buffer.alloc(0)
    const talk = (seconds: number): void => {
      for (let i = 0; i < 10 * seconds && conn.isOpen; i++) {
        kept = Buffer.concat([kept, each()])
        if (!line.paused) {
          const chunk = kept.subarray(0, 64 << 10)
          kept = kept.subarray(chunk.length)
          line.receive(chunk)
        }
        clock.advance(100)
      }
    }
    return { ...given, talk }
  }

  const part = clientFrame(1, 'part', { fin: false })
  const controls = (opcode: 9 | 10, payload = 'p'): Buffer =>
    Buffer.concat(Array(15).fill(clientFrame(opcode, payload)))

  for (const [name, frame] of [
    ['pings', controls(9)],
    ['long pings', controls(9, 'x'.repeat(125))],
    ['pongs', controls(10)],
  ] as const)
    for (const options of [{}, { maxControlRate: 20 }, { maxByteRate: 1000 }])
      test(`is not switched off by ${name} above the rate, with ${JSON.stringify(options)}`, () => {
        const { conn, clock, breach, talk } = talker(options, part, () => frame)
        talk('maxByteRate' in options ? 100 : 31)
        assert.deepEqual([conn.isOpen, breach()?.option], [false, 'messageTimeout'])
        assert.ok(clock.now() >= 30_000, `${clock.now()}`)
      })

  test('nor by pings above the rate behind a pause that we made, which is taken off', async () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock, maxInboxFrames: 2 })
    line.receive(clientFrame(2, 'one'), part, ...Array(20_000).fill(clientFrame(9, 'p')))
    clock.advance(299_000)
    await conn.read()
    void conn.read().catch(() => undefined)
    clock.advance(29_000)
    assert.deepEqual([conn.isOpen, line.paused], [true, true])
    clock.advance(2000)
    assert.equal(conn.closeInfo?.breach?.option, 'messageTimeout')
  })

  test('takes no pings that wait to be looked at for a message', () => {
    const { conn, talk } = talker({}, clientFrame(1, 'whole'), () => controls(9))
    talk(300)
    assert.equal(conn.isOpen, true)
  })

  test('does not blame an honest peer for the pauses of maxMessageRate', () => {
    const { conn, clock, line } = timed({ maxMessageRate: { rate: 1 / 59, burst: 1 } })
    line.receive(clientFrame(1, 'one'), part)
    assert.equal(line.paused, true)
    clock.advance(59_000)
    assert.equal(line.paused, false)
    clock.advance(29_000)
    assert.equal(conn.isOpen, true)
    line.receive(clientFrame(0, 'end'), clientFrame(1, 'three'), clientFrame(1, 'four').subarray(0, 5))
    assert.equal(line.paused, true)
    clock.advance(90_000)
    assert.equal(line.paused, false)
    clock.advance(28_000)
    assert.deepEqual([conn.isOpen, conn.stats.messagesIn], [true, 3])
    clock.advance(2000)
    assert.equal(conn.isOpen, false)
  })

  for (const fragment of [1000, 300_000])
    test(`nor for those of maxByteRate, in frames of ${fragment} bytes`, () => {
      const frames: Buffer[] = []
      for (let at = 0; at < 300_000; at += fragment)
        frames.push(clientFrame(at === 0 ? 2 : 0, Buffer.alloc(fragment), { fin: at + fragment >= 300_000 }))
      const { conn, talk } = talker({ maxByteRate: 100 }, Buffer.concat(frames), () => Buffer.alloc(0))
      talk(3100)
      assert.deepEqual([conn.isOpen, conn.stats.messagesIn], [true, 1])
    })

  test('leaves time to who is read part by part, whatever else comes', async () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock })
    const reading = conn.reader()
    line.receive(part)
    const reader = await reading
    assert.equal((await reader?.[Symbol.asyncIterator]().next())?.value?.toString(), 'part')
    line.receive(...Array(20_000).fill(clientFrame(9, 'p')))
    clock.advance(100_000)
    assert.deepEqual([conn.isOpen, line.paused], [true, true])
  })

  test('starts again with each message', () => {
    const { clock, conn, line } = timed()
    for (let i = 0; i < 10; i++) {
      line.receive(clientFrame(1, 'some text').subarray(0, 9))
      clock.advance(20_000)
      line.receive(clientFrame(1, 'some text').subarray(9))
    }
    assert.deepEqual([conn.isOpen, conn.stats.messagesIn], [true, 10])
  })

  test('with 0 waits for ever, and with minByteRate Infinity for the timeout only', () => {
    const patient = timed({ messageTimeout: 0 })
    patient.line.receive(begun.subarray(0, 1000))
    patient.clock.advance(3_600_000)
    assert.equal(patient.conn.isOpen, true)
    const strict = timed({ messageTimeout: 1000, minByteRate: Infinity })
    for (let at = 0; at < 2000 && strict.conn.isOpen; at++) {
      strict.line.receive(begun.subarray(at * 40, at * 40 + 40))
      strict.clock.advance(1)
    }
    assert.deepEqual([strict.conn.isOpen, strict.conn.stats.messagesIn], [false, 0])
  })
})

for (const [option, code] of [
  ['idleTimeout', 'WS_ERR_IDLE_TIMEOUT'],
  ['maxLifetime', 'WS_ERR_MAX_LIFETIME'],
] as const)
  for (const role of ['server', 'client'] as const)
    test(`${option} closes a ${role} 1001 in peace, and tells why`, async () => {
      const told = deferred<unknown>()
      const onBreach = (error: Error): void => told.resolve(error)
      const { clock, conn, line, breach } = timed({ role, [option]: 60_000, events: {}, onBreach })
      const closed = conn.closed
      clock.advance(59_999)
      assert.equal(conn.isOpen, true)
      clock.advance(4000)
      const error = await told.promise
      assert.ok(error instanceof WebSocketError)
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(`${option} is 60000 ms`))
      assert.deepEqual([error.breach?.option, error.breach?.limit], [option, 60_000])
      const frame = role === 'server' ? clientFrame : serverFrame
      line.receive(frame(8, closePayload(1001)))
      line.fin()
      const { clean, initiator, cause, sent } = await closed
      assert.deepEqual([clean, initiator, cause], [true, 'local', undefined])
      assert.deepEqual(sent, { code: 1001, reason: `${option} is 60000, got ${error.breach?.value}` })
      assert.deepEqual(breach(), error.breach)
    })

describe('idleTimeout', () => {
  const idle = (clock: FakeClock, step: () => void, times = 30): void => {
    for (let i = 0; i < times; i++) {
      step()
      clock.advance(500)
    }
  }

  test('begins anew with every message, either way', () => {
    const { clock, conn, line } = timed({ idleTimeout: 1000 })
    idle(clock, () => line.receive(clientFrame(1, '')))
    idle(clock, () => void conn.send(''))
    assert.equal(conn.isOpen, true)
    clock.advance(1100)
    assert.equal(conn.isOpen, false)
  })

  test('takes pings and pongs for no messages', async () => {
    const { clock, conn, line } = timed({ idleTimeout: 1000 })
    for (let i = 0; i < 4; i++) {
      line.receive(clientFrame(9, 'x'), clientFrame(10, 'y'))
      void conn.ping()
      await settle()
      clock.advance(500)
    }
    assert.equal(conn.isOpen, false)
  })

  for (const [name, bytes] of [
    ['above the rate', Buffer.concat(Array(100).fill(clientFrame(9, 'x')))],
    ['that come in pieces', clientFrame(9, 'x'.repeat(125)).subarray(0, 100)],
  ] as const)
    test(`nor pings ${name}`, () => {
      const { clock, conn, line } = timed({ idleTimeout: 1000 })
      const ping = clientFrame(9, 'x'.repeat(125))
      if (name === 'above the rate') line.receive(...Array(20).fill(bytes))
      else line.receive(bytes)
      for (let i = 0; i < 100 && conn.isOpen; i++) {
        clock.advance(50)
        if (line.paused) continue
        line.receive(
          ...(name === 'above the rate' ? [bytes] : [ping.subarray(100 - i), ping.subarray(0, 99 - i)]),
        )
      }
      assert.equal(conn.closeInfo, undefined)
      assert.equal(conn.isOpen, false)
    })

  test('lets a long message come in, and go out', async () => {
    const { clock, conn, line } = timed({ idleTimeout: 1000 })
    let at = 0
    idle(clock, () => {
      line.receive(begun.subarray(at, at + 1000))
      at += 1000
    })
    assert.equal(conn.isOpen, true)
    line.receive(begun.subarray(at))
    line.stuck = true
    for (let i = 0; i < 30; i++) void conn.send(Buffer.alloc(50_000))
    await settle()
    idle(clock, () => line.drain())
    assert.equal(conn.isOpen, true)
  })
})

test('maxLifetime sends what waits before Close', async () => {
  const { clock, conn, line } = timed({ maxLifetime: 1000 })
  line.stuck = true
  void conn.send('one')
  await settle()
  void conn.send('two')
  clock.advance(1000)
  line.unstick()
  assert.deepEqual((await line.frames()).map(brief), [
    'text one',
    'text two',
    closing(1001, 'maxLifetime is 1000, got 1000'),
  ])
})

test('a peer that does not answer such a Close is dropped, and the report tells of the limit', async () => {
  const { clock, conn, breach } = timed({ maxLifetime: 1000 })
  const closed = conn.closed
  clock.advance(6000)
  const { code, cause } = await closed
  assert.deepEqual([code, (cause as WebSocketError).code], [1006, 'WS_ERR_CLOSE_TIMEOUT'])
  assert.equal(breach()?.option, 'maxLifetime')
})
