import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { Outbox } from '../../src/conn/outbox.js'
import { pair } from '../../src/conn/pair.js'
import { MAX_STAGED } from '../../src/conn/staging.js'
import { deferred, type ReadFrame, seeded } from '../support/index.js'
import { brief, crossed, Line, onLine, readFrames, settle } from './support.js'

/** The n-th message of a connection: its bytes tell where they belong. */
function marked(connection: number, serial: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, (connection * 31 + serial * 7) & 0xff)
  if (length >= 8) {
    bytes.writeUInt32BE(connection)
    bytes.writeUInt32BE(serial, 4)
  }
  return bytes
}

/** The payloads of whole messages. */
function joined(frames: readonly ReadFrame[]): Buffer[] {
  const messages: Buffer[][] = []
  for (const { opcode, payload } of frames) {
    if (opcode !== 0) messages.push([])
    messages.at(-1)!.push(payload)
  }
  return messages.map((parts) => Buffer.concat(parts))
}

describe('the staging slab', () => {
  test('lays the frames of one turn side by side, and writes once', async () => {
    const { conn, line } = onLine()
    for (let i = 0; i < 100; i++) void conn.send(`${i}`)
    assert.equal(line.writes, 0)
    await Promise.resolve()
    void conn.send('of the same turn')
    await settle()
    assert.equal(line.writes, 1)
    assert.equal((await line.frames()).length, 101)
  })

  test('writes what does not fit in between', async () => {
    const { conn, line } = onLine({ maxOutboxBytes: Infinity })
    for (let i = 0; i < 10; i++) void conn.send(Buffer.alloc(MAX_STAGED - 20, i))
    void conn.send(Buffer.alloc(MAX_STAGED, 10))
    void conn.send('last')
    const frames = await line.frames()
    assert.deepEqual(
      frames.map((frame) => frame.payload[0]),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'l'.charCodeAt(0)],
    )
  })

  test('keeps the frames of many connections apart, however they are interleaved and taken', () =>
    seeded(async (random) => {
      const ends = Array.from({ length: random.int(2, 12) }, (_, who) => {
        const role = random.pick(['server', 'client'] as const)
        const fragmentSize = random.pick([500, 9000, Infinity])
        return { ...onLine({ maxOutboxBytes: Infinity, role, fragmentSize }), who, expected: [] as Buffer[] }
      })
      const lengths = [0, 1, 3, 20, 200, 2000, 30_000, 40_000]
      for (let i = 0; i < 120; i++) {
        const { conn, line, who, expected } = random.pick(ends)
        const send = (): void => {
          const message = marked(who, i, random.pick(lengths))
          expected.push(message)
          void conn.send(message)
        }
        const stick = (): void => {
          line.stuck = true
        }
        const others = [stick, () => line.unstick(), () => line.drain(), settle]
        await (random.chance(5) ? random.pick(others)() : send())
      }
      await settle()
      for (const { conn, line, who, expected } of ends) {
        line.unstick()
        await settle()
        assert.equal(conn.bufferedAmount, 0)
        const messages = joined(await line.frames())
        assert.equal(messages.length, expected.length)
        for (const [index, message] of messages.entries())
          assert.ok(message.equals(expected[index]!), `message ${index} of ${who}`)
      }
    }, 15))

  test('is left alone while a write of it has not left', async () => {
    const slow = onLine()
    slow.line.stuck = true
    void slow.conn.send('must not change')
    await settle()
    const quick = onLine()
    for (let turn = 0; turn < 5; turn++) {
      for (let i = 0; i < 30; i++) void quick.conn.send('x'.repeat(4000))
      await settle()
    }
    slow.line.unstick()
    assert.deepEqual((await slow.line.frames()).map(brief), ['text must not change'])
  })

  test('takes what is sent while it is written out', async () => {
    const { conn, line } = onLine({
      highWaterMark: 50,
      events: { drain: (self) => void self.send('from drain') },
    })
    void conn.send('x'.repeat(100))
    void conn.send('y')
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      `text ${'x'.repeat(100)}`,
      'text y',
      'text from drain',
    ])
  })
})

describe('a connection over a stream that calls back at once', () => {
  test('keeps the order when it is entered again by what it writes', async () => {
    const [a, b] = crossed()
    const done = deferred()
    const got: string[] = []
    const left = Conn.over(a, {
      role: 'client',
      events: {
        message: (conn, message) => {
          got.push(message.text().slice(0, 4))
          if (got.length < 40) void conn.send('x'.repeat(got.length * 1000))
          else done.resolve()
        },
      },
    })
    const right = Conn.over(b, {
      role: 'server',
      events: { message: (conn, message) => void conn.send(message.data) },
    })
    for (let i = 0; i < 5; i++) void left.send(`${1000 + i}`)
    await done.promise
    assert.deepEqual(got.slice(0, 5), ['1000', '1001', '1002', '1003', '1004'])
    await left.close()
    assert.equal((await right.closed).clean, true)
  })
})

describe('Outbox', () => {
  const lay = (outbox: Outbox, text: string): void => {
    const at = outbox.reserve(text.length)
    outbox.into.write(text, at)
  }
  const options = { highWaterMark: 10, maxOutboxBytes: 100 }

  test('writes nothing that is laid while it lets a queue go in front of it', () => {
    const line = new Line()
    const outbox = new Outbox(line, options, {
      onDrain: () => undefined,
      onHolding: () => undefined,
      error: () => undefined,
      writing: () => undefined,
    })
    line.open({} as never)
    line.stuck = true
    lay(outbox, 'a')
    outbox.flushStaged()
    lay(outbox, 'b')
    outbox.writeOwned(Buffer.from('c'))
    const write = line.write.bind(line)
    let entered = false
    line.write = (bytes) => {
      // As a handler does that a transport calls from within the write.
      if (!entered) {
        entered = true
        lay(outbox, 'd')
        outbox.writeOwned(Buffer.from('e'))
      }
      return write(bytes)
    }
    line.stuck = false
    outbox.onDrained()
    outbox.flushStaged()
    assert.equal(line.take().toString(), 'abcde')
  })

  test('counts what waits, and what has left', () => {
    const line = new Line()
    const outbox = new Outbox(line, options, {
      onDrain: () => undefined,
      onHolding: () => undefined,
      error: () => undefined,
      writing: () => undefined,
    })
    line.stuck = true
    lay(outbox, '12345')
    assert.deepEqual([outbox.bufferedAmount, outbox.bytesOut], [5, 5])
    outbox.flushStaged()
    outbox.reserveControl(3)
    outbox.reservePong(4)
    outbox.reservePong(2)
    lay(outbox, '67')
    assert.deepEqual([outbox.bufferedAmount, outbox.bytesOut], [12, 12])
    outbox.hold(100)
    assert.deepEqual([outbox.bufferedAmount, outbox.waiting, outbox.isFull], [112, 12, true])
    outbox.letGo(100)
    outbox.drop()
    assert.equal(outbox.bytesOut, 5)
  })
})

test('a pair that is slow on one side loses and mixes nothing', () =>
  seeded(async (random) => {
    const { client, server } = pair({ maxOutboxBytes: Infinity, maxMessage: Infinity, maxFrame: Infinity })
    const sent: Buffer[] = []
    for (let i = 0; i < 30; i++) {
      const message = marked(1, i, random.pick([0, 5, 500, 70_000, 300_000]))
      sent.push(message)
      void client.send(message)
      if (random.chance(4)) await settle()
    }
    for (const message of sent) {
      if (random.chance(3)) await settle()
      assert.ok((await server.read())?.data.equals(message))
    }
    assert.deepEqual(await readFrames(Buffer.alloc(0)), [])
    await client.close()
  }, 3))
