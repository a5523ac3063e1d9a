import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { Bucket } from '../../src/conn/bucket.js'
import type { DiagnosticsEvents } from '../../src/conn/channels.js'
import type { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { type CloseError, ProtocolError } from '../../src/errors.js'
import { clientFrame, closePayload, FakeClock, serverFrame } from '../support/index.js'
import { brief, closing, type LineOptions, onLine, settle } from './support.js'

/** A connection whose peer sends many frames of a kind, and how many of them were taken. */
function talk(options: LineOptions = {}) {
  const clock = new FakeClock()
  const errors: Error[] = []
  const role = options.role ?? 'server'
  const frame = role === 'server' ? clientFrame : serverFrame
  const events = { message: () => undefined, error: (_: unknown, error: Error) => void errors.push(error) }
  const given = onLine({ clock, events, closeTimeout: 0, ...options })
  const send = (opcode: number, count: number, payload = ''): void =>
    given.line.receive(...Array.from({ length: count }, () => frame(opcode, payload)))
  const messages = (): number => given.conn.stats.messagesIn
  const frames = (): number => given.conn.stats.framesIn
  return { clock, errors, send, messages, frames, ...given }
}

describe('Bucket', () => {
  test('lets its size through at once, then as much as comes in with time', () => {
    const bucket = new Bucket({ rate: 10, burst: 20 }, 0, 0)
    assert.equal(bucket.stop, 20)
    assert.equal(bucket.wait(20, 0), 100)
    assert.equal(bucket.wait(20, 100), 0)
    assert.equal(bucket.stop, 21)
    assert.equal(bucket.wait(21, 100), 100)
  })

  test('is never fuller than its size', () => {
    const bucket = new Bucket({ rate: 10, burst: 20 }, 0, 0)
    assert.equal(bucket.wait(5, 60_000), 0)
    assert.equal(bucket.stop, 25)
    assert.equal(bucket.taken(25), 20)
  })

  test('has a debt paid off before more is let through', () => {
    const bucket = new Bucket({ rate: 1000, burst: 2000 }, 0, 0)
    assert.equal(bucket.wait(12_000, 0), 10_050) // and a twentieth of a second's worth
    assert.equal(bucket.wait(12_000, 10_050), 0)
  })

  for (const burst of [Infinity, 5])
    test(`without a limit never ends, with a burst of ${burst}`, () => {
      const bucket = new Bucket({ rate: Infinity, burst }, 1, 0)
      assert.equal(bucket.wait(1e15, 0), 0)
      assert.equal(bucket.stop, Infinity)
    })
})

for (const role of ['server', 'client'] as const)
  describe(`a ${role}`, () => {
    test('takes 200 control frames at once, 100 a second after that, and all of them in the end', () => {
      const { clock, send, frames, line, conn } = talk({ role })
      send(9, 500, 'p')
      assert.deepEqual([frames(), line.paused], [200, true])
      clock.advance(1000)
      assert.ok(frames() >= 295 && frames() <= 300, `${frames()}`)
      clock.advance(2100)
      assert.deepEqual([frames(), line.paused, conn.isOpen], [500, false, true])
    })

    for (const [option, opcode] of [
      ['maxControlRate', 9],
      ['maxControlRate', 10],
      ['maxMessageRate', 1],
    ] as const)
      test(`closes 1008 on more of opcode ${opcode} than ${option} lets through, not on just as many`, async () => {
        const limit = { [option]: { rate: 5, burst: 20 }, whenTooFast: 'close' }
        const { clock, send, frames, line, conn, errors } = talk({ role, ...limit } as LineOptions)
        send(opcode, 20)
        clock.advance(1000)
        send(opcode, 5)
        assert.deepEqual([frames(), conn.isOpen, line.paused], [25, true, false])
        line.take()
        send(opcode, 1)
        assert.equal(conn.isOpen, false)
        const { code, reason, breach, cause } = conn.closeInfo!
        assert.deepEqual([code, reason], [1008, `${option} is 5, got 21`])
        assert.deepEqual(breach, { option, limit: 5, value: 21 })
        assert.ok(cause instanceof ProtocolError)
        assert.deepEqual([cause.code, cause.breach], ['WS_ERR_TOO_FAST', breach])
        assert.match(cause.message, new RegExp(`21 at once: ${option} is 5 a second, 20 at once`))
        assert.deepEqual(errors, [cause])
        assert.equal(timekeeperOf(clock).size, 1)
      })

    test('reads bytes no faster than maxByteRate', () => {
      const { clock, send, messages, line } = talk({ role, maxByteRate: 1000 })
      const size = (role === 'server' ? clientFrame : serverFrame)(1, 'x'.repeat(500)).length
      send(1, 4, 'x'.repeat(500)) // more than 2,000 with their headers
      assert.deepEqual([messages(), line.paused], [0, true])
      clock.advance(100)
      assert.deepEqual([messages(), line.paused], [4, false])
      send(1, 1, 'x'.repeat(500))
      assert.equal(messages(), 4)
      clock.advance(size)
      assert.equal(messages(), 5)
    })

    test('closes 1008 on more bytes than maxByteRate, not on just as many', () => {
      const { send, conn, line } = talk({ role, maxByteRate: { rate: 10, burst: 100 }, whenTooFast: 'close' })
      const header = (role === 'server' ? clientFrame : serverFrame)(1, '').length
      send(1, 1, 'x'.repeat(100 - header))
      assert.equal(conn.isOpen, true)
      line.receive(Buffer.of(0x81))
      assert.deepEqual(conn.closeInfo?.breach, { option: 'maxByteRate', limit: 10, value: 101 })
    })
  })

describe('whenTooFast: pause', () => {
  for (const kind of ['event functions', 'a loop'])
    test(`gives ${kind} messages at the rate, in order, and loses none`, async () => {
      const clock = new FakeClock()
      const got: string[] = []
      const options = { clock, maxMessageRate: { rate: 10, burst: 3 } }
      const { line, conn } =
        kind === 'a loop'
          ? onLine(options)
          : onLine({ ...options, events: { message: (_conn, message) => void got.push(message.text()) } })
      const loop = kind === 'a loop' ? read(conn, got) : undefined
      for (let i = 0; i < 10; i++) line.receive(clientFrame(1, `${i}`))
      await settle()
      assert.deepEqual(got, ['0', '1', '2'])
      clock.advance(100)
      await settle()
      assert.deepEqual(got, ['0', '1', '2', '3'])
      for (let i = 0; i < 60; i++) {
        clock.advance(10)
        await settle()
      }
      assert.deepEqual(got, [...Array(10).keys()].map(String))
      conn.terminate()
      await loop
    })

  for (const kind of ['message', 'frame'] as const)
    test(`holds for who takes one ${kind} after the other straight out of what came`, async () => {
      const clock = new FakeClock()
      const { conn, line } = onLine({ clock, maxControlRate: { rate: 10, burst: 4 } })
      const got: string[] = []
      const loop = kind === 'message' ? read(conn, got) : readFrames(conn, got)
      const pings = Array.from({ length: 5 }, () => clientFrame(9, ''))
      line.receive(clientFrame(1, 'a'), ...pings, clientFrame(1, 'b'), clientFrame(1, 'c'))
      await settle()
      assert.deepEqual([got, line.paused, conn.stats.pingsIn], [['a'], true, 4])
      clock.advance(100)
      await settle()
      assert.deepEqual([got, line.paused, conn.stats.pingsIn], [['a'], true, 5])
      clock.advance(100)
      await settle()
      assert.deepEqual([got, line.paused], [['a', 'b', 'c'], false])
      conn.terminate()
      await loop
    })

  test('holds what was read straight into its own memory', async () => {
    const clock = new FakeClock()
    const got: number[] = []
    const message = (_: Conn, { length }: Message): void => void got.push(length)
    const { conn, line } = onLine({
      clock,
      maxByteRate: { rate: 100_000, burst: 200_000 },
      events: { message },
    })
    const bytes = clientFrame(2, Buffer.alloc(250_000, 'x'))
    line.receive(bytes.subarray(0, 150_000))
    const room = line.events.room()!
    const count = bytes.copy(room, 0, 150_000)
    assert.equal(count, 100_014)
    line.events.bytes(room, 0, count)
    assert.deepEqual([got, line.paused, line.events.room()], [[], true, undefined])
    line.receive(clientFrame(2, 'behind it'))
    assert.deepEqual([got, conn.stats.bytesIn], [[], 250_014 + 15])
    clock.advance(1000)
    assert.deepEqual([got, line.paused], [[250_000, 9], false])
  })

  test('sees the answer when whoever is told of it closes', async (t) => {
    const close = ({ conn }: { conn?: Conn | undefined }): void => void conn?.close(4000)
    const listener = (event: unknown): void => close(event as DiagnosticsEvents['fastws:limit'])
    subscribe('fastws:limit', listener)
    t.after(() => unsubscribe('fastws:limit', listener))
    const { conn, line, send } = talk({ maxMessageRate: { rate: 1, burst: 2 }, closeTimeout: 5000 })
    send(1, 3)
    assert.deepEqual([conn.isOpen, line.paused], [false, false])
    line.receive(clientFrame(8, closePayload(4000)))
    line.fin()
    assert.equal((await conn.closed).clean, true)
  })

  test('counts how often the peer was paused: as long as it is not let go on that is one', () => {
    const { clock, conn, line, send } = talk()
    assert.equal(conn.stats.ratePauses, 0)
    send(9, 300)
    assert.deepEqual([line.paused, conn.stats.ratePauses], [true, 1])
    clock.advance(900)
    assert.deepEqual([line.paused, conn.stats.ratePauses], [true, 1])
    clock.advance(200)
    assert.equal(line.paused, false)
    send(9, 300)
    assert.deepEqual([line.paused, conn.stats.ratePauses], [true, 2])
  })

  test('is told apart from a pause for want of room', async () => {
    const clock = new FakeClock()
    const { conn, line } = onLine({ clock, maxInboxFrames: 1, maxMessageRate: { rate: 1, burst: 3 } })
    line.receive(...['1', '2', '3', '4', '5'].map((text) => clientFrame(1, text)))
    assert.deepEqual([line.paused, conn.stats.ratePauses], [true, 0])
    for (let i = 0; i < 3; i++) await conn.read()
    await settle()
    assert.deepEqual([line.paused, conn.stats.ratePauses], [true, 1])
    clock.advance(1000)
    await settle()
    assert.deepEqual([line.paused, conn.stats.messagesIn, conn.stats.ratePauses], [true, 4, 1])
  })

  for (const [option, opcode, value] of [
    ['maxControlRate', 9, 200],
    ['maxMessageRate', 1, 20],
    ['maxByteRate', 1, 210],
  ] as const)
    test(`tells fastws:limit of ${option}, and whoever listens may end the connection`, async (t) => {
      const told: DiagnosticsEvents['fastws:limit'][] = []
      const listener = (event: unknown): void => {
        told.push(event as DiagnosticsEvents['fastws:limit'])
        told[0]?.conn?.terminate()
      }
      subscribe('fastws:limit', listener)
      t.after(() => unsubscribe('fastws:limit', listener))
      const limits = { maxMessageRate: { rate: 10, burst: 20 }, maxByteRate: { rate: 100, burst: 200 } }
      const given = option === 'maxControlRate' ? {} : { [option]: limits[option] }
      const { conn, errors, send, line } = talk(given)
      send(opcode, option === 'maxByteRate' ? 35 : 300)
      await settle()
      assert.equal(told.length, 1)
      const { action, role, error } = told[0]!
      assert.deepEqual(
        [told[0]!.conn, action, role, error.code],
        [conn, 'pause', 'server', 'WS_ERR_TOO_FAST'],
      )
      const limit = option === 'maxControlRate' ? 100 : limits[option].rate
      assert.deepEqual(error.breach, { option, limit, value })
      assert.deepEqual([line.destroyed, errors.length], [true, 1])
      await conn.closed
    })

  test('still sees the answer to our own Close', async () => {
    const { line, conn, send } = talk({ maxMessageRate: 1, closeTimeout: 5000 })
    send(1, 10)
    assert.equal(line.paused, true)
    const closed = conn.close(4000)
    await settle()
    line.receive(clientFrame(8, closePayload(4000)))
    line.fin()
    assert.deepEqual([(await closed).clean, line.paused], [true, false])
  })

  test('leaves no deadline behind when the connection ends', async () => {
    const { clock, line, conn, send } = talk({ maxMessageRate: 1 })
    send(1, 10)
    assert.deepEqual([line.paused, timekeeperOf(clock).size], [true, 2])
    conn.terminate()
    await conn.closed
    assert.deepEqual([timekeeperOf(clock).size, clock.pending], [0, 0])
  })

  test('does not count pongs that we asked for', async () => {
    const { conn, line, frames } = talk()
    for (let i = 0; i < 1000; i++) {
      const trip = conn.ping(`${i}`)
      line.receive(clientFrame(10, `${i}`))
      await trip
    }
    assert.deepEqual([frames(), line.paused], [1000, false])
  })

  test('reads on without a limit where there is none', () => {
    const { send, frames, line } = talk({ maxControlRate: Infinity })
    send(9, 10_000)
    assert.deepEqual([frames(), line.paused], [10_000, false])
  })

  test('is told by the Close of a peer that is closed', async () => {
    const { line, send } = talk({ maxMessageRate: { rate: 1, burst: 1 }, whenTooFast: 'close' })
    send(1, 2)
    assert.deepEqual((await line.frames()).map(brief), [closing(1008, 'maxMessageRate is 1, got 2')])
  })
})

async function read(conn: Conn, got: string[]): Promise<void> {
  try {
    for await (const message of conn) got.push(message.text())
  } catch (error) {
    assert.equal((error as CloseError).code, 1006)
  }
}

/** The same by data frames. */
async function readFrames(conn: Conn, got: string[]): Promise<void> {
  try {
    for (;;) {
      using frame = await conn.nextFrame()
      if (frame?.isData === true) got.push(frame.text())
    }
  } catch (error) {
    assert.equal((error as CloseError).code, 1006)
  }
}
