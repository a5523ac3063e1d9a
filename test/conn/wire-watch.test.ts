import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { broadcast } from '../../src/conn/broadcast.js'
import type { Conn } from '../../src/conn/conn.js'
import { pair } from '../../src/conn/pair.js'
import { prepare } from '../../src/conn/prepared.js'
import type { TapCoding, TapEvent, TapFrame } from '../../src/conn/wire-watch.js'
import { encodeFrame } from '../../src/frame/encoder.js'
import { Frame } from '../../src/frame/frame.js'
import { Opcode } from '../../src/frame/opcode.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame, closePayload, once, type Random, type ReadFrame, seeded } from '../support/index.js'
import { onPackedLine } from './compress-support.js'
import { active, type Line, onLine, readFrames, settle } from './support.js'

type Shown = ReadFrame & { readonly direction: 'in' | 'out'; readonly maskKey: number }

/** What a tap was shown, copied as it has to be. */
function watch(tap: (listener: (event: TapEvent) => void) => () => void): {
  frames: Shown[]
  codings: TapCoding[]
  stop: () => void
} {
  const frames: Shown[] = []
  const codings: TapCoding[] = []
  const stop = tap((event) => {
    if (event.kind === 'frame') frames.push(copyOf(event))
    else codings.push(event)
  })
  return { frames, codings, stop }
}

const copyOf = ({ direction, frame }: TapFrame): Shown => ({
  direction,
  fin: frame.fin,
  rsv: Number(frame.rsv1) * 4 + Number(frame.rsv2) * 2 + Number(frame.rsv3),
  opcode: frame.opcode,
  masked: frame.masked,
  maskKey: frame.masked ? frame.maskKey >>> 0 : 0,
  payload: frame.copyPayload(),
})

const way = (frames: readonly Shown[], direction: 'in' | 'out'): ReadFrame[] =>
  frames
    .filter((frame) => frame.direction === direction)
    .map(({ direction: _, maskKey: __, ...frame }) => frame)

const brief = ({ direction, opcode, fin, payload }: Shown): string =>
  `${direction} ${opcode.toString(16)}${fin ? '' : '…'} ${payload.toString('latin1')}`.trimEnd()

describe('tap', () => {
  test('shows what comes in while it shows a frame behind that frame', () => {
    const seen: string[] = []
    const { conn, line } = onLine({ events: { message: (_, message) => void seen.push(message.text()) } })
    conn.tap(
      ({ kind }) => kind === 'frame' && conn.stats.framesIn === 1 && line.receive(clientFrame(1, 'two')),
    )
    line.receive(clientFrame(1, 'one'))
    assert.deepEqual(seen, ['one', 'two'])
  })

  test('lets a listener send and close while it is shown the first frames of a message', async () => {
    const large = 'x'.repeat(100_000)
    for (const data of [large, Buffer.from(large), prepare(large)]) {
      const { conn, line } = onLine({ fragmentSize: 40_000 })
      let shown = 0
      conn.tap(() => {
        if (shown++ > 0) return
        void conn.send('ab')
        void conn.close()
      })
      void conn.send(data)
      const frames = await line.frames()
      assert.deepEqual(
        frames.map(({ opcode, fin, payload }) => [opcode, fin, payload.length]),
        [
          [frames[0]!.opcode, false, 40_000],
          [0, false, 40_000],
          [0, true, 20_000],
          [1, true, 2],
          [8, true, 2],
        ],
      )
    }
  })

  test('leaves what is being written as it is, whatever a listener has others send', async () => {
    const others = [onLine(), onLine()]
    const { conn, line } = onLine()
    let isFirst = true
    conn.tap(() => {
      if (!isFirst) return
      isFirst = false
      others[0]!.line.receive(clientFrame(9, 'answered at once'))
      void others[1]!.conn.send('somebody else')
    })
    void conn.send('small')
    void conn.send(Buffer.alloc(40_000)) // which has what is staged written first
    const [first, second] = await line.frames()
    assert.deepEqual([first?.payload.toString(), second?.payload.length], ['small', 40_000])
    assert.equal((await others[0]!.line.frames())[0]?.payload.toString(), 'answered at once')
    assert.equal((await others[1]!.line.frames())[0]?.payload.toString(), 'somebody else')
  })

  test('brings no message any more to a connection that a listener terminates', async () => {
    const seen: string[] = []
    const { conn, line } = onLine({
      events: {
        message: (_, message) => void seen.push(message.text()),
        ping: () => void seen.push('ping'),
        close: (_, { code }) => void seen.push(`closed ${code}`),
      },
    })
    conn.tap(({ kind }) => kind === 'frame' && conn.stats.framesIn === 2 && conn.terminate())
    line.receive(clientFrame(1, 'one'), clientFrame(1, 'two'), clientFrame(9, ''))
    await settle()
    assert.deepEqual(seen, ['one', 'closed 1006'])
  })

  test('lets a listener read from another connection', async () => {
    const other = onLine({ maxInboxFrames: 1 })
    other.line.receive(...['one', 'two', 'three', 'four'].map((text) => clientFrame(1, text)))
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    const got: Promise<string | undefined>[] = []
    conn.tap(() => got.push(other.conn.read().then((message) => message?.text())))
    line.receive(...['A', 'B', 'C', 'D'].map((text) => clientFrame(1, text)))
    const own: (string | undefined)[] = []
    for (let i = 0; i < 4; i++) own.push((await conn.read())?.text())
    assert.deepEqual(own, ['A', 'B', 'C', 'D'])
    assert.deepEqual(await Promise.all(got), ['one', 'two', 'three', 'four'])
  })

  test('shows frames both ways in order, replies of the connection itself included', async () => {
    const { conn, line } = onLine({ events: { message: (c, message) => c.send(message) } })
    const { frames } = watch((listener) => conn.tap(listener))
    const before = performance.timeOrigin + performance.now()
    const times: number[] = []
    conn.tap(({ time }) => times.push(time))
    line.receive(clientFrame(1, 'hi'), clientFrame(9, 'p'))
    line.receive(clientFrame(8, closePayload(1001, 'bye')))
    await settle()
    const close = closePayload(1001, 'bye').toString('latin1')
    assert.deepEqual(frames.map(brief), [
      'in 1 hi',
      'in 9 p',
      'out 1 hi',
      'out a p',
      `in 8 ${close}`,
      `out 8 ${close}`,
    ])
    assert.ok(times.every((time, i) => time >= (times[i - 1] ?? before)))
    assert.equal(times.length, 6)
    assert.deepEqual([frames[0]!.masked, frames[0]!.maskKey, frames[2]!.masked], [true, 0x0a0b0c0d, false])
  })

  test('shows a client its own mask keys, and payloads without them', async () => {
    const { conn, line } = onLine({ role: 'client' })
    const { frames } = watch((listener) => conn.tap(listener))
    await conn.send('masked')
    assert.deepEqual(await line.frames(), way(frames, 'out'))
    assert.deepEqual([frames[0]!.maskKey, frames[0]!.payload.toString()], [0x01020304, 'masked'])
  })

  test('shows messages as fragmentSize cuts them, prepared and broadcast ones too', async () => {
    const { conn, line } = onLine({ fragmentSize: 4 })
    const { frames } = watch((listener) => conn.tap(listener))
    await conn.send('0123456789')
    await conn.send(prepare('abcdefghij'))
    await broadcast([conn], Buffer.from('ABCDEFGHIJ'))
    assert.deepEqual(await line.frames(), way(frames, 'out'))
    assert.deepEqual(frames.map(brief), [
      ...['out 1… 0123', 'out 0… 4567', 'out 0 89'],
      ...['out 1… abcd', 'out 0… efgh', 'out 0 ij'],
      ...['out 2… ABCD', 'out 0… EFGH', 'out 0 IJ'],
    ])
  })

  test('shows what is compressed as it is on the wire, and how long it is without', async () => {
    const { conn, line } = onPackedLine()
    const other = onPackedLine({ role: 'client' })
    const { frames, codings } = watch((listener) => conn.tap(listener))
    const text = 'again and again and again and again'
    await conn.send(text)
    await conn.send(prepare(text))
    while (frames.length < 2) await settle() // compression may take its time
    const sent = await line.frames()
    assert.deepEqual(sent, way(frames, 'out'))
    assert.deepEqual(
      sent.map(({ rsv }) => rsv),
      [4, 4],
    )
    await other.conn.send(text)
    while (other.conn.stats.framesOut < 1) await settle()
    await settle()
    line.receive(other.line.take())
    assert.equal((await conn.read())?.text(), text)
    const coded = frames.map(({ payload }) => payload.length)
    assert.ok(coded.every((length) => length < text.length))
    assert.deepEqual(
      codings.map(({ direction, plainLength, codedLength }) => [direction, plainLength, codedLength]),
      ['out', 'out', 'in'].map((direction, i) => [direction, text.length, coded[i]]),
    )
    const { codedBytesIn, plainBytesIn, codedBytesOut, plainBytesOut } = conn.stats
    assert.deepEqual(
      [codedBytesIn, plainBytesIn, codedBytesOut, plainBytesOut],
      [coded[2], text.length, coded[0]! + coded[1]!, 2 * text.length],
    )
  })

  test('says nothing of extensions that only look on', async () => {
    const seen: number[] = []
    const look = (frame: Frame): void => void seen.push(frame.length)
    const { conn, line } = onLine({ active: [active({ encode: look, decode: look })] })
    const { frames, codings } = watch((listener) => conn.tap(listener))
    await conn.send('out')
    line.receive(clientFrame(1, 'in'), clientFrame(9))
    await conn.read()
    assert.deepEqual([frames.length, codings.length, seen.length > 0], [4, 0, true])
    assert.equal(conn.stats.plainBytesOut + conn.stats.codedBytesIn, 0)
  })

  test('shows what waits for a slow peer when it leaves, and never what is dropped', async () => {
    const { conn, line } = onLine()
    line.stuck = true
    await conn.send('under way')
    await settle()
    const { frames } = watch((listener) => conn.tap(listener))
    void conn.send('waits')
    void conn.pong('overtakes')
    await settle()
    assert.deepEqual(frames, [])
    line.drain()
    await settle()
    assert.deepEqual(frames.map(brief), ['out a overtakes'])
    void conn.send('dropped')
    line.receive(clientFrame(3)) // an error: Close goes out in front of all that waits
    line.unstick()
    await settle()
    assert.deepEqual(frames.map(brief).slice(1), [`out 8 ${closePayload(1002).toString('latin1')}`])
  })

  test('shows what lies in pieces as one frame', async () => {
    const { client, server } = pair()
    const { frames } = watch((listener) => server.tap(listener))
    const large = Buffer.alloc(200_000, 'x')
    void client.send(large)
    const message = await server.read()
    void server.send(message!)
    assert.ok((await client.read())?.data.equals(large))
    assert.deepEqual(
      frames.map(({ direction, payload }) => [direction, payload.length]),
      [
        ['in', 200_000],
        ['out', 200_000],
      ],
    )
  })

  test('ends when it is told to, and the others go on', async () => {
    const { conn, line } = onLine()
    const first = watch((listener) => conn.tap(listener))
    const second = watch((listener) => conn.tap(listener))
    line.receive(clientFrame(9, '1'))
    first.stop()
    first.stop()
    line.receive(clientFrame(9, '2'))
    second.stop()
    line.receive(clientFrame(9, '3'))
    await settle()
    assert.deepEqual(first.frames.map(brief), ['in 9 1', 'out a 1'])
    assert.deepEqual(second.frames.map(brief), ['in 9 1', 'out a 1', 'in 9 2', 'out a 2'])
    const again = watch((listener) => conn.tap(listener))
    await conn.send('4')
    assert.deepEqual(again.frames, [])
    await settle()
    assert.deepEqual(again.frames.map(brief), ['out 1 4'])
  })

  test('calls a listener as often as it was given', () => {
    const { conn, line } = onLine()
    let calls = 0
    const listener = (): void => void calls++
    conn.tap(listener)
    const stop = conn.tap(listener)
    line.receive(clientFrame(10))
    stop()
    line.receive(clientFrame(10))
    assert.equal(calls, 3)
  })

  test('may be begun in the middle: it shows the rest of what came in at once', async () => {
    const shown: string[] = []
    const { conn, line } = onLine({
      events: {
        message: (c, message) => {
          if (message.text() === '1')
            c.tap((event) => event.kind === 'frame' && shown.push(event.frame.text()))
        },
      },
    })
    line.receive(clientFrame(1, '1'), clientFrame(1, '2'), clientFrame(1, '3'))
    assert.deepEqual(shown, ['2', '3'])
    conn.terminate()
  })

  test('lends frames: they are gone after the call, and a listener may change them', async () => {
    const { conn, line } = onLine({ events: { message: (c, message) => c.send(message) } })
    const kept: Frame[] = []
    conn.tap((event) => {
      if (event.kind !== 'frame') return
      kept.push(event.frame)
      event.frame.payload.fill(0x7a)
      event.frame.opcode = Opcode.Binary
    })
    line.receive(clientFrame(1, 'same'))
    assert.equal((await line.frames())[0]?.payload.toString(), 'same')
    assert.equal(kept.length, 2)
    for (const frame of kept) assert.throws(() => frame.payload, { code: 'WS_ERR_RELEASED' })
  })

  test('bears a listener that gives the frame back itself', async () => {
    const { conn, line } = onLine()
    let seen = 0
    const { frames } = watch((listener) => conn.tap(listener))
    conn.tap((event) => {
      if (event.kind === 'frame') event.frame[Symbol.dispose]()
      seen++
    })
    line.receive(clientFrame(9, 'x'))
    await settle()
    assert.deepEqual([frames.length, seen, conn.isOpen], [2, 2, true])
  })

  test('tells no more to a listener that throws; onError of the server is told, once', async () => {
    const errors: unknown[] = []
    const { conn, line } = onLine({ onHandlerError: (error, about) => errors.push([error.message, about]) })
    const { frames } = watch((listener) => conn.tap(listener))
    let calls = 0
    conn.tap(() => {
      calls++
      throw new Error('tap')
    })
    line.receive(clientFrame(1, 'a'), clientFrame(1, 'b'))
    assert.deepEqual([calls, errors, frames.length, conn.isOpen], [1, [['tap', conn]], 2, true])
    assert.equal((await conn.read())?.text(), 'a')
  })

  test('makes a process warning of what a listener throws where there is no onError', async (t) => {
    const { client, server } = pair()
    t.after(() => client.terminate())
    const warned = once<Error>(process, 'warning')
    client.tap(() => {
      throw new TypeError('a listener of mine')
    })
    await client.send('x')
    assert.equal((await warned).message, 'a listener of mine')
    assert.equal((await server.read())?.text(), 'x')
  })

  test('bears an error of another realm, which Node takes for none', async () => {
    const { conn, line } = onLine()
    const warned = once<Error>(process, 'warning')
    conn.tap(runInNewContext('() => { throw new RangeError("from elsewhere") }'))
    line.receive(clientFrame(1, 'x'))
    assert.equal((await conn.read())?.text(), 'x')
    assert.equal(String(await warned), 'RangeError: from elsewhere')
  })

  test('shows frames that the application encoded itself, and stops where they are none', async () => {
    const { conn, line } = onLine()
    const { frames } = watch((listener) => conn.tap(listener))
    await conn.writeFrame(new Frame({ opcode: 3, rsv2: true, payload: 'odd' }), { check: false })
    await settle()
    assert.deepEqual(frames.map(brief), ['out 3 odd'])
    const wrong = new Frame({ payload: 'x' })
    wrong.length = Number.MAX_SAFE_INTEGER
    await conn.writeFrame(wrong, { check: false })
    await conn.send('lost in there')
    line.receive(clientFrame(10, 'still here'))
    await settle()
    assert.deepEqual(frames.map(brief).slice(1), ['in a still here'])
    assert.deepEqual(encodeFrame(wrong).length > 0, true)
  })

  test('throws for what is no function', () => {
    const { conn } = onLine()
    for (const wrong of [undefined, null, {}, 'frame'])
      assert.throws(() => conn.tap(wrong as never), { name: 'TypeError', code: 'WS_ERR_ARGUMENT' })
  })

  test('shows nothing on a connection that is gone', async () => {
    const { conn } = onLine()
    conn.terminate()
    const { frames, stop } = watch((listener) => conn.tap(listener))
    await conn.send('x').catch(() => undefined)
    await conn.closed
    stop()
    assert.deepEqual(frames, [])
  })
})

/** Does one of the things that put frames on the wire. */
async function act(random: Random, conn: ReturnType<typeof onLine>['conn'], line: Line): Promise<void> {
  const bytes = random.bytes(random.pick([0, 5, 125, 126, 700, 70_000]))
  const step = random.int(1, 9)
  if (step === 1) void conn.send(bytes)
  if (step === 2) void conn.send(bytes.toString('hex'))
  if (step === 3) void conn.send(prepare(bytes))
  if (step === 4) void conn.ping('p').catch(() => undefined)
  if (step === 5) line.receive(clientFrame(9, 'q'))
  if (step === 6) line.stuck = random.chance()
  if (step === 7) line.drain()
  if (step === 8) void conn.writer().end(bytes)
  if (step === 9) await settle()
}

test('tap shows exactly what a peer reads, whatever is sent, and whenever it is begun', () =>
  seeded(async (random) => {
    const make = random.chance() ? onLine : onPackedLine
    const role = random.pick(['server', 'client'] as const)
    const fragmentSize = random.pick([Infinity, 100, 30_000])
    const { conn, line } = make({ role, fragmentSize, maxOutboxBytes: Infinity })
    for (let i = 0; i < random.int(0, 10); i++) if (role === 'server') await act(random, conn, line)
    await settle()
    const written = (await readFrames(line.take())).length
    const underWay = conn.stats.framesOut - written
    const { frames } = watch((listener) => conn.tap(listener))
    for (let i = 0; i < 20; i++)
      if (role === 'server' || i % 2 === 0) await act(random, conn, line).catch(() => undefined)
    line.unstick()
    await settle()
    line.unstick()
    await settle()
    const wire = await readFrames(line.take())
    const shown = way(frames, 'out')
    // What was under way when the tap began has been shown to nobody.
    assert.deepEqual(wire.slice(wire.length - shown.length), shown)
    assert.ok(wire.length - shown.length <= underWay)
    conn.terminate()
  }, 60))

/** A frame that a client may send now: `inside` a message that was begun. */
function anyFrame(random: Random, inside: boolean): Parameters<typeof clientFrame> {
  if (random.chance(5)) return [random.pick([9, 10]), random.bytes(random.int(0, 125))]
  const payload = Buffer.alloc(random.pick([0, 3, 125, 126, 5_000, 40_000]), random.pick(['a', 'é']))
  return [inside ? 0 : 2, payload, { fin: !random.chance(3) }]
}

/** Whole messages, control frames between and inside of them, and Close. */
function manyFrames(random: Random): Parameters<typeof clientFrame>[] {
  const sent: Parameters<typeof clientFrame>[] = []
  let inside = false
  for (let i = 0; i < 25; i++) {
    const frame = anyFrame(random, inside)
    if (frame[0] < 8) inside = frame[2]?.fin === false
    sent.push(frame)
  }
  if (inside) sent.push([0, ''])
  return [...sent, [8, closePayload(1000)]]
}

/** Reads to the end, as messages or as frames. */
async function readAs(kind: string, conn: Conn): Promise<void> {
  if (kind === 'messages') while ((await conn.read()) !== null);
  if (kind !== 'frames') return
  for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) releaseFrame(frame)
}

test('tap shows exactly what a peer sends, however it is cut, and whoever reads it', () =>
  seeded(async (random) => {
    const kind = random.pick(['events', 'messages', 'frames'] as const)
    const events = kind === 'events' ? { message: () => undefined } : undefined
    const { conn, line } = onLine(events === undefined ? {} : { events })
    const read = readAs(kind, conn)
    const { frames } = watch((listener) => conn.tap(listener))
    const sent = manyFrames(random)
    for (const piece of random.split(Buffer.concat(sent.map((frame) => clientFrame(...frame))))) {
      while (line.paused) await settle()
      line.receive(piece)
      if (random.chance(10)) await settle()
    }
    await settle()
    line.fin()
    await read
    assert.deepEqual(
      way(frames, 'in').map(({ opcode, fin, payload }) => [opcode, fin, payload]),
      sent.map(([opcode, payload = '', more]) => [opcode, more?.fin ?? true, Buffer.from(payload)]),
    )
  }, 40))
