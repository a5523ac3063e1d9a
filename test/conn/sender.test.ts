import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Sendable } from '../../src/conn/sendable.js'
import { CloseError, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { clientFrame, closePayload, deferred, isPending, seeded, serverFrame } from '../support/index.js'
import { active, brief, closing, onLine, settle, watchUnhandled } from './support.js'

const isState = (error: unknown): boolean => error instanceof WebSocketError && error.code === 'WS_ERR_STATE'

async function* from<T>(...chunks: readonly T[]): AsyncGenerator<T> {
  for (const chunk of chunks) yield chunk
}

const bytes = Buffer.from('0123456789abcdef')
/** The bytes 4 to 12 of a larger piece of memory. */
const views: readonly [string, Sendable][] = [
  ['Buffer', bytes.subarray(4, 12)],
  ['Uint8Array', new Uint8Array(bytes.buffer, bytes.byteOffset + 4, 8)],
]
const aligned = new ArrayBuffer(16)
new Uint8Array(aligned).set(bytes)
const shared = new SharedArrayBuffer(8)
new Uint8Array(shared).set(bytes.subarray(4, 12))
const kinds = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
]
const all: readonly [string, Sendable][] = [
  ...views,
  ...kinds.map((Kind): [string, Sendable] => [
    `${Kind.name} with an offset`,
    new Kind(aligned, 4, 8 / Kind.BYTES_PER_ELEMENT),
  ]),
  ['Float64Array with an offset', new Float64Array(aligned.slice(4, 12), 0, 1)],
  ['BigInt64Array', new BigInt64Array(aligned.slice(4, 12))],
  ['BigUint64Array', new BigUint64Array(aligned.slice(4, 12))],
  ['DataView with an offset', new DataView(aligned, 4, 8)],
  ['ArrayBuffer', aligned.slice(4, 12)],
  ['SharedArrayBuffer', shared],
]

describe('send', () => {
  for (const [name, data] of all)
    test(`takes ${name} as binary`, async () => {
      const { conn, line } = onLine()
      await conn.send(data)
      void conn.send(from(data) as Sendable)
      await settle()
      const [whole, streamed, end] = await line.frames()
      assert.equal(brief(whole!), 'binary 456789ab')
      assert.equal(brief(streamed!), 'binary… 456789ab')
      assert.equal(brief(end!), 'more')
    })

  test('takes bytes as text when told to', async () => {
    const { conn, line } = onLine()
    await conn.send(Buffer.from('é'), { text: true })
    await conn.send(from(Buffer.from('é')), { text: true })
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text é', 'text… é', 'more'])
  })

  test('takes messages as what they came as', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(1, 'text'), clientFrame(2, 'bytes'))
    for (let i = 0; i < 2; i++) await conn.send((await conn.read())!)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['text text', 'binary bytes'])
  })

  test('takes async iterables and web streams part by part, as what the first part is', async () => {
    const { conn, line } = onLine()
    await conn.send(from('a', '', 'b'))
    await conn.send(from<string | Buffer>(Buffer.from('c')))
    await conn.send(from())
    await conn.send(new Blob(['d']).stream() as unknown as AsyncIterable<Uint8Array>)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'text… a',
      'more… b',
      'more',
      'binary… c',
      'more',
      'binary',
      'binary… d',
      'more',
    ])
  })

  for (const role of ['server', 'client'] as const)
    test(`takes every length (${role})`, async () => {
      const { conn, line } = onLine({ role, maxOutboxBytes: Infinity })
      const lengths = [
        0,
        1,
        15,
        16,
        47,
        48,
        49,
        124,
        125,
        126,
        127,
        4095,
        32 << 10,
        65534,
        65535,
        65536,
        (1 << 20) + 3,
      ]
      const messages = lengths.flatMap((length) => [
        Buffer.alloc(length, `${length}.`),
        'x'.repeat(length),
        'é'.repeat(length / 2),
      ])
      for (const message of messages) void conn.send(message)
      await settle()
      const frames = await line.frames()
      assert.equal(frames.length, messages.length)
      frames.forEach((frame, i) => {
        assert.equal(frame.masked, role === 'client')
        assert.equal(frame.opcode, typeof messages[i] === 'string' ? 1 : 2)
        assert.ok(frame.payload.equals(Buffer.from(messages[i]!)), `message ${i}`)
      })
      assert.equal(conn.stats.messagesOut, messages.length)
    })

  test('writes lone surrogates as U+FFFD', async () => {
    const { conn, line } = onLine()
    await conn.send('a\ud83d')
    await conn.send('\ud83d'.repeat(60))
    await settle()
    const [short, long] = await line.frames()
    assert.equal(brief(short!), 'text a\ufffd')
    assert.equal(brief(long!), `text ${'\ufffd'.repeat(60)}`)
  })

  test('leaves the caller its bytes at once, whatever they wait for', () =>
    seeded(async (random) => {
      const { conn, line } = onLine({ role: random.pick(['server', 'client']), maxOutboxBytes: Infinity })
      const expected: Buffer[] = []
      const send = (): void => {
        const memory = random.bytes(random.pick([1, 10, 100, 5000, 40_000]))
        expected.push(Buffer.from(memory))
        void (random.chance() ? conn.send(memory) : conn.writeFrame(new Frame({ payload: memory })))
        memory.fill(0xee)
      }
      const stick = (): void => {
        line.stuck = true
      }
      // A message that is open holds the lane; it is empty itself.
      const holdLane = (): void => {
        const writer = conn.writer()
        for (let i = random.int(1, 5); i > 0; i--) send()
        void writer.end()
      }
      const acts = [send, send, send, stick, () => line.drain(), () => line.unstick(), holdLane, settle]
      for (let i = 0; i < 40; i++) await random.pick(acts)()
      await settle()
      line.unstick()
      await settle()
      const sent = (await line.frames()).map((frame) => frame.payload).filter((payload) => payload.length > 0)
      assert.equal(sent.length, expected.length)
      for (const [index, payload] of sent.entries())
        assert.ok(payload.equals(expected[index]!), `message ${index}`)
    }, 30))

  test('cuts messages to fragmentSize', async () => {
    const { conn, line } = onLine({ fragmentSize: 4 })
    await conn.send('12345678')
    await conn.send(Buffer.from('123456789'))
    await conn.send('1234')
    await conn.send('')
    await conn.send(from('abcdef'))
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'text… 1234',
      'more 5678',
      'binary… 1234',
      'more… 5678',
      'more 9',
      'text 1234',
      'text',
      'text… abcd',
      'more… ef',
      'more',
    ])
  })

  test('resolves at once while there is room, and always with the same promise', async () => {
    const { conn } = onLine()
    const first = conn.send('a')
    assert.equal(conn.send(Buffer.from('b')), first)
    assert.equal(await first, undefined)
  })

  test('waits above the high-water mark and resolves below it', async () => {
    const { conn, line } = onLine({ highWaterMark: 100 })
    line.stuck = true
    assert.equal(await isPending(conn.send('x'.repeat(90))), false)
    const waits = conn.send('x'.repeat(20))
    assert.equal(await isPending(waits), true)
    assert.equal(conn.bufferedAmount, 114)
    line.drain() // the first frame has left, the second one has been written
    assert.equal(await isPending(waits), false)
    assert.equal(await isPending(conn.drained()), true)
    line.unstick()
    await conn.drained()
    assert.equal(conn.bufferedAmount, 0)
  })

  test('refuses what is no message', () => {
    const { conn } = onLine()
    const wrong = { name: 'TypeError', code: 'WS_ERR_ARGUMENT', message: /data/ }
    for (const data of [undefined, null, 7, true, {}, [1], Symbol('s'), () => 'x'])
      assert.throws(() => conn.send(data as never), wrong)
    assert.throws(() => conn.send('x', 7 as never), { ...wrong, message: /options/ })
    assert.throws(() => conn.send(Buffer.of(0xff), { text: true }), { name: 'RangeError', message: /data/ })
    assert.doesNotThrow(() => onLine({ validateText: false }).conn.send(Buffer.of(0xff), { text: true }))
  })
})

describe('control frames', () => {
  test('carry strings and bytes, copied', async () => {
    const { conn, line } = onLine()
    const memory = Buffer.from('mine')
    void conn.ping(memory)
    memory.fill(0)
    void conn.ping('text')
    void conn.ping(new DataView(aligned, 4, 4))
    await conn.pong()
    await conn.pong(Buffer.alloc(125, 'x'))
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'ping mine',
      'ping text',
      'ping 4567',
      'pong',
      `pong ${'x'.repeat(125)}`,
    ])
  })

  test('refuse what they cannot carry', () => {
    const { conn } = onLine()
    for (const send of [(data: never) => conn.ping(data), (data: never) => conn.pong(data)]) {
      assert.throws(() => send('é'.repeat(63) as never), {
        name: 'RangeError',
        code: 'WS_ERR_ARGUMENT',
        message: /payload/,
      })
      assert.throws(() => send(Buffer.alloc(126) as never), { name: 'RangeError', message: /payload/ })
      assert.throws(() => send(7 as never), { name: 'TypeError', message: /payload/ })
    }
    assert.throws(() => conn.ping(null as never), { name: 'TypeError', message: /payload/ })
  })

  test('pongs of the application take no answer away, nor each other', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    void conn.send('first')
    await settle()
    line.receive(clientFrame(9, '1'), clientFrame(9, '2'))
    void conn.pong('own 1')
    void conn.pong('own 2')
    line.receive(clientFrame(9, '3'))
    line.unstick()
    const frames = (await line.frames()).map(brief)
    assert.deepEqual(frames, ['text first', 'pong 3', 'pong own 1', 'pong own 2'])
    assert.equal(conn.bufferedAmount, 0)
  })

  test('of an extension that pings while an answer goes through it are all sent', async () => {
    const pinging = (frame: Frame): void => {
      if (frame.isPong) void conn.ping(`with ${frame.text()}`)
    }
    const { conn, line } = onLine({ active: [active({ encode: pinging })] })
    line.stuck = true
    void conn.send('first')
    await settle()
    line.receive(clientFrame(9, '1'), clientFrame(9, '2'))
    line.unstick()
    const frames = (await line.frames()).map(brief)
    assert.deepEqual(frames, ['text first', 'pong 2', 'ping with 1', 'ping with 2'])
  })

  test('overtake data that waits, and only the latest pong waits', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    void conn.send('first')
    await settle() // is at the transport, which does not let go
    void conn.send('second')
    line.receive(clientFrame(9, '1'), clientFrame(9, '2'))
    void conn.ping('own')
    line.receive(clientFrame(9, '3'))
    void conn.send('third')
    const { bytesOut } = conn.stats
    line.unstick()
    const frames = (await line.frames()).map(brief)
    assert.deepEqual(frames, ['text first', 'pong 3', 'ping own', 'text second', 'text third'])
    assert.equal(bytesOut, 7 + 8 + 3 + 5 + 7)
    assert.equal(conn.bufferedAmount, 0)
  })
})

describe('many writers', () => {
  test('go out in call order, streams and fragments included, control frames in between', async () => {
    const { conn, line } = onLine()
    const gate = deferred()
    async function* slow(): AsyncGenerator<string> {
      yield 's1'
      await gate.promise
      yield 's2'
    }
    const frame = (opcode: number, payload: string, fin = true): Frame => new Frame({ opcode, payload, fin })
    void conn.send('a')
    void conn.send(slow())
    void conn.send('b')
    const writer = conn.writer('text')
    void writer.write('w1')
    void conn.writeFrame(frame(2, 'f1', false))
    void conn.send(Buffer.from('c'))
    void conn.writeFrame(frame(0, 'f2', false))
    void writer.end('w2')
    void conn.send(from('t'))
    await settle()
    void conn.ping('p')
    void conn.writeFrame(frame(9, 'q'))
    void conn.writeFrame(frame(0, 'f3'))
    void conn.writeFrame(frame(1, 'whole'))
    void conn.close(1000)
    gate.resolve()
    for (let i = 0; i < 5; i++) await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'text a',
      'text… s1',
      'ping p',
      'ping q',
      'more… s2',
      'more',
      'text b',
      'text… w1',
      'more… w2',
      'more',
      'binary… f1',
      'more… f2',
      'more f3',
      'binary c',
      'text… t',
      'more',
      'text whole',
      'close 03e8',
    ])
    assert.equal(conn.stats.messagesOut, 8)
  })

  test('that wait behind a stream count as buffered, and wait', async () => {
    const { conn, line } = onLine({ highWaterMark: 100 })
    const writer = conn.writer()
    void writer.write(Buffer.alloc(1))
    await settle()
    const small = conn.send('x'.repeat(100))
    assert.equal(conn.bufferedAmount, 100)
    assert.equal(await isPending(small), false)
    const large = conn.send('y')
    const drained = conn.drained()
    assert.equal(await isPending(large), true)
    assert.equal(await isPending(drained), true)
    await writer.end()
    assert.equal(await isPending(large), false)
    assert.equal(await isPending(drained), false)
    assert.equal(conn.bufferedAmount, 0)
    assert.equal((await line.frames()).length, 4)
  })

  test('do not keep the one whose turn it is waiting', async () => {
    const { conn } = onLine({ highWaterMark: 10 })
    const streamed = conn.send(from('a', 'b', 'c'))
    const behind = conn.send('x'.repeat(100))
    await streamed
    await behind
    await conn.writeFrame(new Frame({ fin: false }))
    const last = conn.send('x'.repeat(100))
    await conn.writeFrame(new Frame({ opcode: 0, fin: false }))
    await conn.writeFrame(new Frame({ opcode: 0 }))
    await last
  })

  test('that wait behind a stream without end are bounded', async () => {
    const { conn, line } = onLine({ maxOutboxBytes: 1000 })
    const writer = conn.writer()
    void writer.write(Buffer.of(1))
    await settle()
    for (let i = 0; i < 10; i++) void conn.send('x'.repeat(101))
    await assert.rejects(conn.send('one too many'), CloseError)
    await settle()
    assert.deepEqual((await line.frames()).map(brief), [
      'binary… \x01',
      closing(1013, 'maxOutboxBytes is 1000, got 1010'),
    ])
    assert.equal(conn.closeInfo?.code, 1013)
  })
})

describe('whenFull', () => {
  const fill = async (whenFull: 'close' | 'wait') => {
    const given = onLine({ whenFull, maxOutboxBytes: 1000, highWaterMark: 100 })
    given.line.stuck = true
    void given.conn.send('under way')
    await settle()
    for (let i = 0; i < 11; i++) void given.conn.send('x'.repeat(98))
    return given
  }

  test("'close' closes with 1013 and drops what waits", async (t) => {
    const check = watchUnhandled(t)
    const { conn, line } = await fill('close')
    await settle()
    const waits = conn.send('this one is too much')
    await assert.rejects(
      waits,
      (error: CloseError) => error.code === 1013 && error.report.cause !== undefined,
    )
    assert.match(conn.closeInfo?.cause?.message ?? '', /maxOutboxBytes is 1000/)
    line.unstick()
    const frames = (await line.frames()).map(brief)
    assert.equal(frames.at(-1), closing(1013, 'maxOutboxBytes is 1000, got 1111'))
    check()
  })

  test("'close' counts writers and frames as well", async () => {
    for (const write of ['writer', 'frame'] as const) {
      const { conn } = await fill('close')
      await settle()
      const late = write === 'writer' ? conn.writer().write(Buffer.of(1)) : conn.writeFrame(new Frame())
      await assert.rejects(late, CloseError)
      assert.equal(conn.closeInfo?.code, 1013)
    }
  })

  test("'wait' leaves it to those who await", async () => {
    const { conn, line } = await fill('wait')
    await settle()
    const waits = conn.send('more')
    assert.equal(await isPending(waits), true)
    line.unstick()
    await waits
    assert.equal((await line.frames()).length, 13)
    assert.equal(conn.isOpen, true)
  })

  test('does not count the message that is under way, however large', async () => {
    const { conn, line } = onLine({ maxOutboxBytes: 1000 })
    line.stuck = true
    void conn.send(Buffer.alloc(100_000))
    await settle()
    void conn.send('tiny')
    void conn.send('tiny')
    assert.equal(conn.isOpen, true)
  })

  test("'close' counts pings and pongs as well", async () => {
    for (const name of ['ping', 'pong'] as const) {
      const { conn } = await fill('close')
      await assert.rejects(conn[name](), CloseError)
      assert.equal(conn.closeInfo?.code, 1013)
    }
  })
})

describe('after close()', () => {
  test('nothing can be sent, and every promise says so quietly', async (t) => {
    const check = watchUnhandled(t)
    const { conn } = onLine()
    void conn.close()
    const late = [
      conn.send('x'),
      conn.send(from('x')),
      conn.writer().write('x' as never),
      conn.writer().end(),
      conn.writeFrame(new Frame()),
      conn.ping(),
      conn.pong(),
    ]
    for (const promise of late) await assert.rejects(promise, isState)
    void [conn.send('x'), conn.ping(), conn.pong(), conn.writeFrame(new Frame())]
    await settle()
    check()
  })

  test('and the end, every promise gives the CloseError', async (t) => {
    const check = watchUnhandled(t)
    const { conn, line } = onLine({ highWaterMark: 1 })
    line.stuck = true
    const writer = conn.writer()
    const waiting = [
      conn.send('waits for room'),
      conn.drained(),
      conn.ping(),
      writer.write(Buffer.from('waits as well')),
      conn.send(from('behind the writer')),
      conn.writer('text').end('behind it'),
    ]
    const ignored = [conn.send('not looked at'), conn.drained(), conn.ping(), conn.writer().end()]
    await settle()
    line.receive(clientFrame(3))
    const late = [
      conn.send('x'),
      conn.drained(),
      conn.ping(),
      conn.pong(),
      writer.write(Buffer.of(1)),
      writer.end(),
    ]
    const errors = await Promise.all(
      [...waiting, ...late].map((promise) =>
        promise.then(
          () => 'none',
          (error) => error,
        ),
      ),
    )
    for (const error of errors) assert.ok(error instanceof CloseError && error === errors[0], String(error))
    assert.equal(ignored.length, 4)
    await settle()
    check()
  })
})

test('drained resolves at once when nothing waits', async () => {
  const { conn, line } = onLine()
  assert.equal(await isPending(conn.drained()), false)
  line.stuck = true
  void conn.send('x')
  const first = conn.drained()
  assert.equal(conn.drained(), first)
  await settle()
  line.unstick()
  await first
})

test('a client masks with a new key each time, also in the middle of a message', async () => {
  let key = 0
  const { conn, line } = onLine({ role: 'client', maskSource: () => ++key, fragmentSize: 40_000 })
  line.receive(serverFrame(9, 'p'))
  await conn.send('a')
  await conn.send(Buffer.alloc(100_000))
  void conn.close(1000, 'bye')
  await settle()
  const wire = line.take()
  const keys: number[] = []
  for (let at = 0; at < wire.length; ) {
    const short = wire[at + 1]! & 0x7f
    const length = short === 126 ? wire.readUInt16BE(at + 2) : short
    at += short === 126 ? 4 : 2
    keys.push(wire.readUInt32BE(at))
    at += 4 + length
  }
  assert.deepEqual(keys, [1, 2, 3, 4, 5, 6])
  assert.equal(wire.indexOf(closePayload(1000, 'bye')), -1)
})
