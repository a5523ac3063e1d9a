import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { pair } from '../../src/conn/pair.js'
import { type Prepared, prepare } from '../../src/conn/prepared.js'
import type { SendOptions } from '../../src/conn/sendable.js'
import { Waiting } from '../../src/conn/waiting.js'
import { Rsv } from '../../src/frame/header.js'
import type { ActiveExtension, Extension, ExtensionCodec } from '../../src/protocol/extension.js'
import {
  clientFrame,
  closePayload,
  deferred,
  isPending,
  type Random,
  type ReadFrame,
  seeded,
} from '../support/index.js'
import { active, brief, type Line, onLine, readFrames, settle, watchUnhandled, wired } from './support.js'

const ARGUMENT = { code: 'WS_ERR_ARGUMENT' }

describe('prepare', () => {
  test('takes a string as text, bytes as binary, bytes as text when told to, a message as what it came as', async () => {
    const { conn, line } = onLine()
    const long = 'x'.repeat(2000) // of which no bytes are kept
    const first = conn.read()
    line.receive(clientFrame(1, long), clientFrame(1, 'téxt'), clientFrame(2, 'bytes'))
    const messages = [(await first)!, (await conn.read())!, (await conn.read())!]
    const bytes = Buffer.from('__é__').subarray(2, 4)
    const all = [
      prepare('é\ud800'),
      prepare(bytes),
      prepare(new DataView(bytes.buffer, bytes.byteOffset, 2)),
      prepare(bytes, { text: true }),
      ...messages.map((message) => prepare(message)),
      prepare(''),
    ]
    for (const one of all) void conn.send(one)
    assert.deepEqual((await line.frames()).map(brief), [
      'text é\ufffd',
      'binary é',
      'binary é',
      'text é',
      `text ${long}`,
      'text téxt',
      'binary bytes',
      'text',
    ])
    assert.deepEqual(
      all.map(({ isText, length }) => [isText, length]),
      [
        [true, 5],
        [false, 2],
        [false, 2],
        [true, 2],
        [true, 2000],
        [true, 5],
        [false, 5],
        [true, 0],
      ],
    )
  })

  test('leaves the caller its bytes at once', async () => {
    const { conn, line } = onLine()
    const bytes = Buffer.from('as they were')
    const prepared = prepare(bytes)
    bytes.fill(0)
    void conn.send(prepared)
    assert.deepEqual((await line.frames()).map(brief), ['binary as they were'])
  })

  test('in an event takes the bytes of a message, which is given back all the same', async () => {
    let prepared: Prepared | undefined
    const { conn, line } = onLine({
      events: {
        message: (_, message) => {
          prepared = prepare(message)
        },
      },
    })
    line.receive(clientFrame(1, 'lent'))
    void conn.send(prepared!)
    assert.deepEqual((await line.frames()).map(brief), ['text lent'])
  })

  test('refuses what cannot be sent, naming it', () => {
    for (const data of [1, null, undefined, {}, [1], (async function* () {})()])
      assert.throws(() => prepare(data as string), { name: 'TypeError', ...ARGUMENT, message: /data/ })
    assert.throws(() => prepare(Buffer.from([0xff]), { text: true }), { name: 'RangeError', ...ARGUMENT })
    for (const options of [{ compress: 1 }, { text: 'yes' }, { txet: true }, null])
      assert.throws(() => prepare('x', options as SendOptions), { name: 'TypeError', ...ARGUMENT })
  })
})

/** Two connections that are told the same; one is sent what the other is sent prepared. */
class Twins {
  readonly ends: readonly { conn: Conn; line: Line }[]
  readonly #random: Random
  #isPrepared = false
  /** Writes were held up: from then on control frames may come at other borders between frames. */
  #wasStuck = false

  constructor(random: Random) {
    this.#random = random
    const role = random.pick(['server', 'client'] as const)
    const fragmentSize = random.pick([600, 5000, 20_000, 40_000, Infinity])
    const codecs = random.pick<readonly (() => ExtensionCodec)[]>([[], [], [inPlace], [inPlace, late]])
    const make = () =>
      onLine({ role, fragmentSize, maxOutboxBytes: Infinity, active: codecs.map((codec) => active(codec())) })
    this.ends = [make(), make()]
  }

  async act(): Promise<void> {
    const random = this.#random
    const data = random.bytes(random.pick([0, 1, 125, 126, 700, 5000, 33_000, 70_000]))
    const bytes = random.pick([data, data.toString('hex')])
    const acts: (() => void)[] = [
      () => this.#send(bytes),
      () => this.#send(bytes),
      () => this.#send(data.toString('latin1'), { compress: random.chance() }),
      () => this.#each(({ conn }) => void conn.send('in between')),
      () => this.#each(({ conn }) => conn.ping('?').catch(() => undefined)),
      () => this.#stream(),
      () => this.#setStuck(random.chance()),
      () => this.#each(({ line }) => line.drain()),
    ]
    random.pick(acts)()
    if (random.chance(3)) await settle()
  }

  async end(): Promise<void> {
    this.#each(({ conn }) => void conn.close(1000, 'done').catch(() => undefined))
    this.#send('too late')
    this.#setStuck(false)
    // Twice: what an extension holds back comes later.
    for (let i = 0; i < 50; i++) await settle()
    const [plain, prepared] = await Promise.all(this.ends.map(({ line }) => readFrames(line.take())))
    if (this.#wasStuck) {
      for (const isControl of [true, false]) {
        const those = (frames: readonly ReadFrame[]) =>
          frames.filter(({ opcode }) => opcode >= 8 === isControl)
        assert.deepEqual(those(prepared!), those(plain!))
      }
    } else assert.deepEqual(prepared, plain)
    const [one, other] = this.ends.map(({ conn }) => [conn.stats, conn.bufferedAmount])
    assert.deepEqual(other, one)
    for (const { conn } of this.ends) conn.terminate()
  }

  #each(act: (end: { conn: Conn; line: Line }) => void): void {
    this.#isPrepared = false
    for (const end of this.ends) {
      act(end)
      this.#isPrepared = true
    }
  }

  /** Twice: a prepared message must come out of it as it went in. */
  #send(data: string | Buffer, options?: SendOptions): void {
    const prepared = prepare(data, options)
    this.#each(({ conn }) => {
      for (let i = 0; i < 2; i++)
        (this.#isPrepared ? conn.send(prepared) : conn.send(data, options)).catch(() => undefined)
    })
  }

  /** A message that takes a while: those behind it wait. */
  #stream(): void {
    this.#each(({ conn }) => {
      const writer = conn.writer('text')
      writer.write('begun ').catch(() => undefined)
      setImmediate(() => writer.end('ended').catch(() => undefined))
    })
  }

  #setStuck(stuck: boolean): void {
    this.#wasStuck ||= stuck
    this.#each(({ line }) => {
      line.stuck = stuck
      if (!stuck) line.drain()
    })
  }
}

/** Turns the payload round where it lies: whoever shares that memory would see it. */
const inPlace = (): ExtensionCodec => ({
  encode: (frame) => {
    if (frame.isData) frame.payload.reverse()
  },
})

const late = (): ExtensionCodec => ({
  encode: (frame, { compress }) => {
    if (!frame.isData) return undefined
    if (compress === true) frame.payload = `!${frame.payload.toString('latin1')}`
    return settle()
  },
})

describe('send(prepare(x))', () => {
  test('puts on the wire what send(x) does, whatever else happens', () =>
    seeded(async (random) => {
      const twins = new Twins(random)
      for (let i = random.int(1, 40); i > 0; i--) await twins.act()
      await twins.end()
    }, 30))

  test('goes with what else is sent in the turn in one write', async () => {
    const { conn, line } = onLine()
    for (const data of [prepare('first'), 'second', prepare('third'), 'fourth']) void conn.send(data)
    assert.deepEqual((await line.frames()).map(brief), [
      'text first',
      'text second',
      'text third',
      'text fourth',
    ])
    assert.equal(line.writes, 1)
  })

  test('copies nothing for peers that do not take it, however many', async () => {
    const size = 256 << 10
    const ends = Array.from({ length: 200 }, () => onLine({ maxOutboxBytes: Infinity }))
    for (const { line } of ends) line.stuck = true
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 4; i++) {
      const message = prepare(Buffer.alloc(size, i))
      for (const { conn } of ends) void conn.send(message)
      await settle()
    }
    const taken = process.memoryUsage().arrayBuffers - before
    for (const { conn } of ends) assert.ok(conn.bufferedAmount > 4 * size)
    // The four messages, as they were given and as they are encoded; a copy for each would be 200 MiB.
    assert.ok(taken < 16 * size, `${taken} bytes`)
    ends[0]!.line.unstick()
    const frames = await ends[0]!.line.frames()
    assert.deepEqual(
      frames.map(({ payload }) => [payload.length, payload[0], payload[size - 1]]),
      [0, 1, 2, 3].map((i) => [size, i, i]),
    )
  })

  test('lets small ones that have waited go in few writes', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    void conn.send('stuck')
    await settle()
    for (let i = 0; i < 100; i++) void conn.send(i % 2 === 0 ? prepare(`${i}`) : `${i}`)
    const writes = line.writes
    line.unstick()
    assert.equal(line.writes, writes + 1)
    assert.deepEqual(
      (await line.frames()).slice(1).map(brief),
      Array.from({ length: 100 }, (_, i) => `text ${i}`),
    )
  })

  test('lets control frames in between its fragments', async () => {
    const { conn, line } = onLine({ fragmentSize: 10_000 })
    line.stuck = true
    void conn.send(prepare('x'.repeat(100_000)))
    await settle()
    conn.ping('!').catch(() => undefined)
    line.unstick()
    const kinds = (await line.frames()).map((frame) => brief(frame).slice(0, 4))
    assert.equal(kinds.length, 11)
    assert.ok(kinds.indexOf('ping') < 10, String(kinds))
  })

  test('is masked anew each time by a client', async () => {
    const { conn, line } = onLine({ role: 'client', maskSource: counting() })
    const prepared = prepare('the same')
    for (let i = 0; i < 2; i++) void conn.send(prepared)
    await settle()
    const wire = line.take()
    assert.deepEqual((await readFrames(wire)).map(brief), ['text the same', 'text the same'])
    assert.deepEqual([wire.readUInt32BE(2), wire.readUInt32BE(14 + 2)], [1, 2])
  })

  test('keeps maxOutboxBytes', async () => {
    const { conn, line } = onLine({ maxOutboxBytes: 100 })
    line.stuck = true
    const prepared = prepare('x'.repeat(60))
    for (let i = 0; i < 4; i++) {
      conn.send(prepared).catch(() => undefined)
      await settle()
    }
    assert.equal(conn.closeInfo?.code, 1013)
    await assert.rejects(conn.send(prepared), { code: 1013 })
  })

  test('cannot be changed through what a receiver does with its message', async () => {
    const reverse: Extension = {
      name: 'reverse',
      start: () => ({
        aloneKey: '',
        encodeAlone: () => undefined,
        decode: (frame) => void frame.payload.reverse(),
      }),
    }
    const prepared = prepare(Buffer.from('mine alone'))
    const ends = [pair({ extensions: [reverse] }), pair({ extensions: [reverse] }), pair()]
    for (const { server } of ends) await server.send(prepared)
    const got: string[] = []
    for (const { client } of ends) {
      const message = (await client.read())!
      got.push(message.text())
      message.data.fill(0)
    }
    assert.deepEqual(got, ['enola enim', 'enola enim', 'mine alone'])
  })

  for (const secure of [false, true])
    test(`arrives over a real ${secure ? 'TLS' : 'TCP'} socket, small and large`, async (t) => {
      const { conn, peer } = await wired(t, { secure, fragmentSize: 50_000 })
      const [small, large] = [prepare('small'), prepare('L'.repeat(120_000))]
      for (const one of [small, large, small]) void conn.send(one)
      const got: string[] = []
      for (let i = 0; i < 5; i++) got.push((await peer.readFrame()).payload.toString())
      assert.deepEqual(
        got.map((text) => `${text.length} ${text[0]}`),
        ['5 s', '50000 L', '50000 L', '20000 L', '5 s'],
      )
    })
})

/** Masking keys 1, 2, 3 … */
function counting(): () => number {
  let key = 0
  return () => ++key
}

describe('an extension that encodes alone', () => {
  interface Watched extends ExtensionCodec {
    readonly log: string[]
  }

  /** Marks what goes through it; `alone` does it for everybody. */
  function marking(key: string, alone?: ExtensionCodec['encodeAlone']): Watched {
    const log: string[] = []
    return {
      log,
      aloneKey: key,
      encode: (frame, { compress }) => {
        log.push('encode')
        if (frame.isData) frame.payload = `${frame.text()} for one, ${compress}`
      },
      encodeAlone: (frame, hints) => {
        log.push('alone')
        if (alone !== undefined) return alone(frame, hints)
        frame.rsv1 = true
        frame.payload.reverse()
        frame.payload = `${frame.payload.toString().split('').reverse().join('')} ${key}`
      },
      forget: () => log.push('forget'),
    }
  }

  const using = (codec: ExtensionCodec, fragmentSize = Infinity) =>
    onLine({ active: [{ ...active(codec), rsv: Rsv.Rsv1 } as ActiveExtension], fragmentSize })

  test('does it once for all connections with the same parameters', async () => {
    const codecs = ['a', 'b', 'a', 'b', 'a'].map((key) => marking(key))
    const ends = codecs.map((codec) => using(codec))
    const prepared = prepare('news')
    for (const { conn } of ends) void conn.send(prepared)
    void using({}).conn.send(prepared)
    const frames = await Promise.all(ends.map(async ({ line }) => (await line.frames())[0]!))
    assert.deepEqual(
      frames.map((frame) => `${brief(frame)} ${frame.rsv}`),
      ['text news a 4', 'text news b 4', 'text news a 4', 'text news b 4', 'text news a 4'],
    )
    assert.deepEqual(
      codecs.map(({ log }) => log),
      [['alone', 'forget'], ['alone', 'forget'], ['forget'], ['forget'], ['forget']],
    )
  })

  test('cuts it to the fragment size of each connection, with the reserved bit in the first frame', async () => {
    const prepared = prepare('news')
    for (const size of [3, 4, 3]) {
      const { conn, line } = using(marking('a'), size)
      void conn.send(prepared)
      const frames = await line.frames()
      assert.equal(frames.map(({ payload }) => payload).join(''), 'news a')
      assert.deepEqual(
        frames.map(({ fin, rsv, opcode }) => [fin, rsv, opcode]),
        [
          [false, 4, 1],
          [true, 0, 0],
        ],
      )
    }
  })

  test('need not forget anything when it leaves the message as it is', async () => {
    const codec = marking('a', () => undefined)
    const { conn, line } = using(codec)
    void conn.send(prepare('small'))
    assert.deepEqual((await line.frames()).map(brief), ['text small'])
    assert.deepEqual(codec.log, ['alone'])
  })

  test('is not asked where another wish is sent along', async () => {
    const codec = marking('a')
    const { conn, line } = using(codec)
    const prepared = prepare('x', { compress: true })
    for (const options of [{ compress: false }, { compress: true }, {}]) void conn.send(prepared, options)
    assert.deepEqual((await line.frames()).map(brief), ['text x for one, false', 'text x a', 'text x a'])
    assert.deepEqual(codec.log, ['encode', 'alone', 'forget', 'forget'])
  })

  test('may take its time: messages stay in order, on every connection', async () => {
    const ready = deferred()
    const codecs = [0, 1].map(() =>
      marking('a', async (frame) => {
        await ready.promise
        frame.payload = 'late'
      }),
    )
    const ends = codecs.map((codec) => using(codec))
    const prepared = prepare('x')
    for (const { conn } of ends) {
      void conn.send(prepared)
      void conn.send('behind')
    }
    await settle()
    assert.deepEqual(await ends[0]!.line.frames(), [])
    ready.resolve()
    for (const { line } of ends) {
      await settle()
      assert.deepEqual((await line.frames()).map(brief), ['text late', 'text behind for one, undefined'])
    }
    assert.deepEqual(codecs[1]!.log, ['forget', 'encode'])
    void ends[1]!.conn.send(prepared)
    assert.deepEqual((await ends[1]!.line.frames()).map(brief), ['text late'])
  })

  test('that takes its time puts nothing behind Close', async (t) => {
    const check = watchUnhandled(t)
    const ready = deferred()
    const { conn, line } = using(marking('a', () => ready.promise))
    line.stuck = true
    conn.ping('stuck').catch(() => undefined)
    await settle()
    const sent = conn.send(prepare('x'))
    line.receive(clientFrame(0xb, 'a bad opcode'))
    ready.resolve()
    await settle()
    line.unstick()
    assert.deepEqual((await line.frames()).map(brief), [
      'ping stuck',
      `close ${closePayload(1002).toString('hex')}`,
    ])
    assert.equal(await isPending(sent), false)
    check()
  })

  test('that fails late is replaced by that of each connection', async () => {
    const fails = async (): Promise<void> => {
      await settle()
      throw new Error('Its connection is gone')
    }
    const ends = [0, 1].map(() => using(marking('a', fails)))
    const prepared = prepare('x')
    for (const { conn } of ends) void conn.send(prepared)
    for (let i = 0; i < 3; i++) await settle()
    for (const { conn, line } of ends) {
      assert.deepEqual((await line.frames()).map(brief), ['text x for one, undefined'])
      assert.equal(conn.isOpen, true)
    }
  })

  test('that throws fails its connection', async () => {
    const { conn } = using(
      marking('a', () => {
        throw new Error('Cannot')
      }),
    )
    conn.send(prepare('x')).catch(() => undefined)
    await settle()
    assert.equal(conn.closeInfo?.code, 1011)
  })
})

test('Waiting packs frames into one block, whatever comes between them', () => {
  const waiting = new Waiting()
  const into = new Set<Buffer>()
  let all = ''
  for (let i = 0; i < 50; i++) {
    const own = `own ${i}`
    const at = waiting.reserve(own.length)
    waiting.into.write(own, at)
    into.add(waiting.into)
    waiting.push(Buffer.from(`shared ${i}`))
    all += `${own}shared ${i}`
  }
  assert.equal(into.size, 1)
  assert.equal(waiting.bytes, all.length)
  assert.equal(waiting.take().toString(), all)
  assert.equal(waiting.bytes, 0)
})
