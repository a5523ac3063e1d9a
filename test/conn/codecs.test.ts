import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Codecs, NO_HINTS } from '../../src/conn/codecs.js'
import type { Conn } from '../../src/conn/conn.js'
import { pair } from '../../src/conn/pair.js'
import { ProtocolError, WebSocketError } from '../../src/errors.js'
import { Frame } from '../../src/frame/frame.js'
import { Rsv } from '../../src/frame/header.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { Extension, ExtensionCodec } from '../../src/protocol/extension.js'
import { clientFrame, closePayload, deferred, isPending } from '../support/index.js'
import { FrameCount } from '../support/scene.js'
import { active, brief, onLine, settle, watchUnhandled } from './support.js'

const text = (payload: string, fin = true): Buffer => clientFrame(1, payload, { fin })
const more = (payload: string, fin = true): Buffer => clientFrame(0, payload, { fin })

/** Adds a letter on the way out and takes it off on the way in, as an extension of its own RSV bit would. */
const letter = (mark: string, log: string[] = []): ExtensionCodec => ({
  decode: (frame) => {
    log.push(`in ${frame}`)
    if (frame.isData) frame.payload = frame.text().replace(mark, '')
  },
  encode: (frame) => {
    log.push(`out ${frame}`)
    if (frame.isData) frame.payload = frame.text() + mark
  },
  close: () => log.push('closed'),
})

/** Ways to take what comes, to the end; undefined is by event functions. */
const ways: Readonly<Record<string, ((conn: Conn) => Promise<void>) | undefined>> = {
  events: undefined,
  messages: async (conn) => {
    while ((await conn.read()) !== null);
  },
  frames: async (conn) => {
    for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame())
      releaseFrame(frame)
  },
  parts: async (conn) => {
    for await (const _part of (await conn.reader())!);
  },
}

/** A codec whose data frames wait for the test. */
function slow() {
  const waiting: (() => void)[] = []
  const hold = (frame: Frame): Promise<void> | undefined =>
    frame.isControl ? undefined : new Promise((resolve) => waiting.push(resolve))
  const next = async (): Promise<void> => {
    waiting.shift()!()
    await settle()
  }
  return { codec: { decode: hold, encode: hold } satisfies ExtensionCodec, waiting, next }
}

describe('an extension', () => {
  test('sees every frame in and out, control frames too', async () => {
    const log: string[] = []
    const { conn, line } = onLine({ active: [active(letter('', log))] })
    line.receive(text('a', false), clientFrame(9, 'p'), more('b'), clientFrame(10, 'q'))
    await conn.read()
    void conn.send('c')
    void conn.ping('r')
    line.receive(clientFrame(8, closePayload(1000)))
    assert.deepEqual(log, [
      'in ping fin masked 0a0b0c0d 1 byte 70',
      'out pong fin 1 byte 70',
      'in pong fin masked 0a0b0c0d 1 byte 71',
      'in text masked 0a0b0c0d 1 byte "a"',
      'in continuation fin masked 0a0b0c0d 1 byte 62',
      'out text fin 1 byte "c"',
      'out ping fin 1 byte 72',
      'in close fin masked 0a0b0c0d 2 bytes 03e8',
      'out close fin 2 bytes 03e8',
    ])
    line.fin()
    await conn.closed
    await settle()
    assert.equal(log.at(-1), 'closed')
    assert.equal(log.filter((entry) => entry === 'closed').length, 1)
  })

  for (const [who, readAll] of Object.entries(ways))
    test(`is closed when the end has cut off a message, whose frames are given back (${who})`, async () => {
      const count = new FrameCount()
      const log: string[] = []
      const { conn, line } = onLine({
        active: [active({ close: () => log.push('closed') })],
        ...(readAll === undefined && { events: { message: () => undefined } }),
      })
      line.receive(text('a', false), more('b', false))
      await settle()
      line.fin()
      line.events.closed(new Error('gone'))
      await conn.closed
      if (readAll !== undefined) await assert.rejects(readAll(conn), { code: 1006 })
      await settle()
      assert.deepEqual(log, ['closed'])
      assert.equal(count.out, 0)
    })

  test('changes what is sent and read; several in order, and back in reverse', async () => {
    const { conn, line } = onLine({ active: [active(letter('x')), active(letter('y'))] })
    void conn.send('out')
    void conn.send(Buffer.from('bytes'))
    async function* stream(): AsyncGenerator<string> {
      yield 's'
    }
    await conn.send(stream())
    assert.deepEqual((await line.frames()).map(brief), [
      'text outxy',
      'binary bytesxy',
      'text… sxy',
      'more xy',
    ])
    line.receive(text('inxy'), text('fragxy', false), more('mentxy'))
    assert.equal((await conn.read())?.text(), 'in')
    assert.equal((await conn.read())?.text(), 'fragment')
  })

  test('changes what events and readers get', async () => {
    const seen: string[] = []
    const { line } = onLine({
      active: [active(letter('x'))],
      events: { message: (_, message) => seen.push(message.text()) },
    })
    line.receive(text('ax'), text('bx', false), more('cx'))
    assert.deepEqual(seen, ['a', 'bc'])
    const reading = onLine({ active: [active(letter('x'))] })
    reading.line.receive(text('ax', false), more('bx'))
    const parts: string[] = []
    for await (const part of (await reading.conn.reader())!) parts.push(part.toString())
    assert.deepEqual(parts, ['a', 'b'])
  })

  test('shows nextFrame the wire, and still follows', async () => {
    const log: string[] = []
    const { conn, line } = onLine({ active: [active(letter('x', log))] })
    line.receive(text('ax'), text('bx'))
    using frame = await conn.nextFrame()
    assert.equal(frame?.text(), 'ax')
    assert.equal((await conn.read())?.text(), 'b')
    assert.equal(log.length, 2)
  })

  test('claims its RSV bit', async () => {
    const rsv: ExtensionCodec = {
      decode: (frame) => {
        frame.rsv1 = false
      },
      encode: (frame) => {
        frame.rsv1 = frame.isData && !frame.isContinuation
      },
    }
    const { conn, line } = onLine({ active: [active(rsv, 0x40)], fragmentSize: 2 })
    void conn.send('abc')
    const frames = await line.frames()
    assert.deepEqual(
      frames.map((frame) => frame.rsv),
      [4, 0],
    )
    line.receive(clientFrame(1, 'in', { rsv: 4 }))
    assert.equal((await conn.read())?.text(), 'in')
    line.receive(clientFrame(1, 'in', { rsv: 2 }))
    assert.equal((conn.closeInfo?.cause as WebSocketError | undefined)?.code, 'WS_ERR_RSV')
  })

  test('is told what was asked for a message', async () => {
    const hints: unknown[] = []
    const { conn } = onLine({
      active: [active({ encode: (_, { compress }) => void hints.push(compress) })],
    })
    void conn.send('a', { compress: true })
    void conn.send('b', { compress: false })
    void conn.send('c')
    await conn.writer('text', { compress: true }).end()
    void conn.ping()
    assert.deepEqual(hints, [true, false, undefined, true, undefined])
  })

  test('may keep the control frames it is given, and take its time with them', async () => {
    const kept: Frame[] = []
    const later: ExtensionCodec = {
      decode: async (frame) => {
        await settle()
        if (frame.isControl) {
          kept.push(frame)
          frame.payload = 'changed too late'
        }
      },
    }
    const { conn, line } = onLine({ active: [active(later)] })
    const other = onLine()
    line.receive(clientFrame(9, 'ping'))
    other.line.receive(text('not touched'))
    await settle()
    await settle()
    other.line.receive(text('nor this'))
    assert.deepEqual((await line.frames()).map(brief), ['pong ping'])
    assert.equal(kept.length, 1)
    assert.equal((await other.conn.read())?.text(), 'not touched')
    assert.equal((await other.conn.read())?.text(), 'nor this')
    assert.equal(conn.isOpen, true)
  })

  test('changes pings and pongs', async () => {
    const upper = (frame: Frame): void => {
      if (frame.isPing || frame.isPong) frame.payload = `${frame.text()}!`
    }
    const { line } = onLine({ active: [active({ decode: upper, encode: upper })] })
    line.receive(clientFrame(9, 'p'))
    assert.deepEqual((await line.frames()).map(brief), ['pong p!!'])
  })
})

describe('an extension that takes its time', () => {
  test('holds back what is behind: messages come in order', async () => {
    const { codec, next } = slow()
    const seen: string[] = []
    const { line } = onLine({
      active: [active(codec)],
      events: { message: (_, { length }) => seen.push(`${length}`) },
    })
    line.receive(text('1'), text('22', false), more('3'), text('4444'))
    await settle()
    assert.deepEqual(seen, [])
    await next()
    assert.deepEqual(seen, ['1'])
    await next()
    await next()
    assert.deepEqual(seen, ['1', '3'])
    await next()
    assert.deepEqual(seen, ['1', '3', '4'])
  })

  test('holds back what is sent behind, but not control frames; Close waits', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    void conn.send('1')
    void conn.send('2')
    void conn.ping('p')
    void conn.close(1000)
    assert.equal(conn.bufferedAmount, 2 + 3)
    assert.deepEqual((await line.frames()).map(brief), ['ping p'])
    await next()
    await next()
    assert.deepEqual((await line.frames()).map(brief), ['text 1', 'text 2', 'close 03e8'])
  })

  test('lets a read be cancelled meanwhile, and nothing is lost', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    const controller = new AbortController()
    line.receive(text('first'), text('second'))
    const cancelled = conn.read({ signal: controller.signal })
    await settle()
    controller.abort(new Error('enough'))
    await assert.rejects(cancelled, /enough/)
    const first = conn.read()
    assert.equal(await isPending(first), true)
    await next()
    assert.equal((await first)?.text(), 'first')
    const second = conn.read()
    await next()
    assert.equal((await second)?.text(), 'second')
  })

  test('lets a read be cancelled meanwhile, and those who read otherwise get the message', async () => {
    for (const how of ['nextFrame', 'reader'] as const) {
      const { codec, next } = slow()
      const { conn, line } = onLine({ active: [active(codec)] })
      const controller = new AbortController()
      line.receive(text('first', false), more('!'), text('second'))
      const cancelled = conn.read({ signal: controller.signal })
      controller.abort(new Error('enough'))
      await assert.rejects(cancelled, /enough/)
      const shown = how === 'nextFrame' ? conn.nextFrame() : conn.reader()
      await next()
      await next()
      const got = await shown
      if (got instanceof Frame) assert.deepEqual([got.isText, got.fin, got.text()], [true, true, 'first!'])
      else assert.equal((await got?.read())?.toString(), 'first!')
      const second = conn.read()
      await next()
      assert.equal((await second)?.text(), 'second')
    }
  })

  test('lets a part be cancelled meanwhile, and nothing is lost', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    line.receive(text('a', false), more('b'))
    const reader = (await conn.reader())!
    const controller = new AbortController()
    const cancelled = reader.read({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(cancelled, /enough/)
    await next()
    assert.equal((await reader.read())?.toString(), 'a')
    const last = reader.read()
    await next()
    assert.equal((await last)?.toString(), 'b')
  })

  test('holds back the frames behind one that nextFrame shows', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    line.receive(text('1'), text('2'))
    using shown = await conn.nextFrame()
    assert.equal(shown?.text(), '1')
    const second = conn.nextFrame()
    assert.equal(await isPending(second), true)
    await next()
    assert.equal((await second)?.text(), '2')
  })

  test('sends nothing behind the Close of a failure', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    line.stuck = true
    void conn.ping('blocks')
    await settle()
    void conn.send('being encoded')
    line.receive(clientFrame(3))
    await next()
    line.unstick()
    assert.deepEqual((await line.frames()).map(brief), ['ping blocks', 'close 03ea'])
  })

  test('does not keep the end from readers', async () => {
    const { codec, next } = slow()
    const { conn, line } = onLine({ active: [active(codec)] })
    line.receive(text('last'), clientFrame(8, closePayload(1000)))
    const last = conn.read()
    const end = conn.read()
    await next()
    assert.equal((await last)?.text(), 'last')
    assert.equal(await end, null)
  })
})

describe('an extension that throws', () => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const cases: readonly [string, () => void | Promise<void>, number][] = [
    ['an error', boom, 1011],
    [
      'a ProtocolError',
      () => {
        throw new ProtocolError('WS_ERR_EXTENSION', 1009, 'too much')
      },
      1009,
    ],
    ['an error later', () => Promise.reject(new Error('boom')), 1011],
    ['a ProtocolError later', () => Promise.reject(new ProtocolError('WS_ERR_EXTENSION', 1003, 'no')), 1003],
  ]
  for (const [what, fails, code] of cases) {
    const told = `close ${closePayload(code).toString('hex')}`

    const reads: readonly [string, (conn: Conn) => Promise<unknown>][] = [
      ['read', (conn) => assert.rejects(conn.read(), { code })],
      ['reader', async (conn) => assert.rejects((await conn.reader())!.read(), { code })],
      ['nextFrame', (conn) => conn.nextFrame()],
    ]
    for (const [name, read] of reads)
      test(`${what} in decode() of data fails the connection (${name})`, async (t) => {
        const check = watchUnhandled(t)
        const { conn, line } = onLine({ active: [active({ decode: fails })] })
        line.receive(text('a'))
        await read(conn)
        assert.deepEqual((await line.frames()).map(brief), [told])
        check()
      })

    test(`${what} in decode() of data fails the connection (events)`, async (t) => {
      const check = watchUnhandled(t)
      const events = { message: () => assert.fail('there is no message') }
      const { line } = onLine({ active: [active({ decode: fails })], events })
      line.receive(text('a'))
      await settle()
      assert.deepEqual((await line.frames()).map(brief), [told])
      check()
    })

    test(`${what} in decode() of a control frame fails the connection`, async (t) => {
      const check = watchUnhandled(t)
      const { line, conn } = onLine({ active: [active({ decode: fails })] })
      line.receive(clientFrame(9, 'p'))
      assert.deepEqual((await line.frames()).map(brief).at(-1), told)
      assert.equal(conn.closeInfo?.code, code)
      check()
    })

    test(`${what} in encode() of data fails the connection`, async (t) => {
      const check = watchUnhandled(t)
      const encode = (frame: Frame): void | Promise<void> => (frame.isData ? fails() : undefined)
      for (const send of ['send', 'writer'] as const) {
        const { line, conn } = onLine({ active: [active({ encode })] })
        void (send === 'send' ? conn.send('x') : conn.writer('text').end('x'))
        void conn.send('behind')
        await settle()
        assert.deepEqual((await line.frames()).map(brief), [told])
        assert.equal(conn.closeInfo?.code, code)
      }
      check()
    })
  }

  test('in encode() of any frame still has the connection closed, once', async () => {
    const acts = [
      (given: ReturnType<typeof onLine>) => void given.conn.ping(),
      (given: ReturnType<typeof onLine>) => void given.conn.close(1000),
      (given: ReturnType<typeof onLine>) => given.line.receive(clientFrame(9, 'p')),
      (given: ReturnType<typeof onLine>) => given.line.receive(clientFrame(8, closePayload(4000))),
    ]
    for (const act of acts) {
      const given = onLine({ active: [active({ encode: boom })] })
      act(given)
      assert.deepEqual((await given.line.frames()).map(brief), ['close 03f3'])
      assert.equal(given.line.ended, true)
      given.line.fin()
      assert.equal((await given.conn.closed).cause?.message, 'An extension failed: boom')
    }
  })

  test('in close() is reported, and the others are still closed', async () => {
    const log: string[] = []
    const reported: string[] = []
    const { conn } = onLine({
      active: [active({ close: boom }), active(letter('', log))],
      onHandlerError: (error) => reported.push(error.message),
    })
    conn.terminate()
    await conn.closed
    assert.deepEqual([log, reported], [['closed'], ['boom']])
  })
})

describe('an extension that breaks a rule', () => {
  test('cannot hold back a control frame on its way out', async (t) => {
    const check = watchUnhandled(t)
    const { conn, line } = onLine({ active: [active({ encode: () => Promise.reject(new Error('later')) })] })
    void conn.ping('p')
    assert.deepEqual((await line.frames()).map(brief), ['close 03f3'])
    assert.match(conn.closeInfo?.cause?.message ?? '', /hold back a control frame/)
    check()
  })

  test('cannot make a control frame too long', async () => {
    const lengthen = (frame: Frame): void => {
      if (frame.isPing) frame.payload = Buffer.alloc(126)
    }
    const out = onLine({ active: [active({ encode: lengthen })] })
    void out.conn.ping('p')
    assert.deepEqual((await out.line.frames()).map(brief), ['close 03f3'])
    const into = onLine({ active: [active({ decode: lengthen })] })
    into.line.receive(clientFrame(9, 'p'))
    assert.deepEqual((await into.line.frames()).map(brief), ['close 03f3'])
    for (const { conn } of [out, into]) assert.match(conn.closeInfo?.cause?.message ?? '', /longer than 125/)
  })

  test('cannot make a message longer than maxMessage, whole or in parts', async () => {
    const limits: number[] = []
    const inflate = (frame: Frame, limit: number): void => {
      limits.push(limit)
      frame.payload = Buffer.alloc(60)
    }
    const whole = onLine({ active: [active({ decode: inflate })], maxMessage: 100 })
    whole.line.receive(clientFrame(2, 'a', { fin: false }), more('b'))
    await assert.rejects(whole.conn.read(), { code: 1009 })
    const parts = onLine({ active: [active({ decode: inflate })], maxMessage: 100 })
    parts.line.receive(clientFrame(2, 'a', { fin: false }), more('b'))
    const reader = (await parts.conn.reader())!
    assert.equal((await reader.read())?.length, 60)
    await assert.rejects(reader.read(), { code: 1009 })
    assert.deepEqual(limits, [100, 40, 100, 40])
  })

  test('cannot make text that is no UTF-8, whole or in parts', async () => {
    const garble = (frame: Frame): void => {
      frame.payload = frame.fin ? Buffer.of(0xff) : Buffer.of(0xe2)
    }
    const ends: readonly Buffer[][] = [[text('a')], [text('a', false), more('b')]]
    for (const frames of ends) {
      const whole = onLine({ active: [active({ decode: garble })] })
      whole.line.receive(...frames)
      await assert.rejects(whole.conn.read(), { code: 1007 })
      const parts = onLine({ active: [active({ decode: garble })] })
      parts.line.receive(...frames)
      const reader = (await parts.conn.reader())!
      if (frames.length === 2) await reader.read()
      await assert.rejects(reader.read(), { code: 1007 })
      const off = onLine({ active: [active({ decode: garble })], validateText: false })
      off.line.receive(...frames)
      assert.equal((await off.conn.read())?.isText, true)
    }
    const cut = onLine({
      active: [
        active({
          decode: (frame) => {
            frame.payload = Buffer.of(0xe2)
          },
        }),
      ],
    })
    cut.line.receive(text('a'))
    await assert.rejects((await cut.conn.reader())!.read(), { code: 1007 })
  })
})

describe('an extension that says what it leaves alone', () => {
  const marked = (seen: string[], more: ExtensionCodec = {}): ExtensionCodec => ({
    decodesMarked: true,
    skips: (length) => length < 10,
    encode: (frame) => void seen.push(`out ${frame.text()}`),
    decode: (frame) => {
      seen.push(`in ${frame.text()}`)
      frame.rsv1 = false
    },
    ...more,
  })

  test('decode() is not called for messages of one frame without its bit, whoever waits', async () => {
    const seen: string[] = []
    const { conn, line } = onLine({ active: [active(marked(seen), 0x40)] })
    const first = conn.read()
    line.receive(text('plain'))
    assert.equal((await first)?.text(), 'plain')
    line.receive(
      clientFrame(1, 'a', { rsv: 4 }),
      text('b'),
      text('c'),
      clientFrame(1, 'd', { rsv: 4 }),
      text('e'),
    )
    const rest: (string | undefined)[] = []
    for await (const message of conn) if (rest.push(message.text()) === 5) break
    assert.deepEqual(rest, ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(seen, ['in a', 'in d'])
  })

  const listeners: Record<string, (conn: Conn, got: string[]) => void> = {
    'three reads': (conn, got) => {
      for (let i = 0; i < 3; i++) void conn.read().then((message) => got.push(message!.text()))
    },
    'a loop': async (conn, got) => {
      for await (const message of conn) got.push(message.text())
    },
    'an event function': () => undefined,
  }
  for (const [who, listen] of Object.entries(listeners))
    test(`a plain message does not overtake one that takes its time, for ${who}`, async () => {
      const release = deferred()
      const slow = marked([], {
        decode: async (frame) => {
          await release.promise
          frame.rsv1 = false
        },
      })
      const got: string[] = []
      const message = (_conn: Conn, message: { text(): string }): void => void got.push(message.text())
      const events = who === 'an event function' ? { events: { message } } : {}
      const { conn, line } = onLine({ active: [active(slow, 0x40)], ...events })
      line.receive(clientFrame(1, 'slow', { rsv: 4 }))
      listen(conn, got)
      await settle()
      line.receive(text('plain'), text('last'))
      await settle()
      assert.deepEqual(got, [])
      release.resolve()
      for (let i = 0; i < 5; i++) await settle()
      assert.deepEqual(got, ['slow', 'plain', 'last'])
    })

  test('a message that was inflated for a reader that left comes before those behind it', async () => {
    const release = deferred()
    const slow = marked([], {
      decode: async (frame) => {
        await release.promise
        frame.rsv1 = false
      },
    })
    const { conn, line } = onLine({ active: [active(slow, 0x40)] })
    const abort = new AbortController()
    const left = conn.read({ signal: abort.signal })
    line.receive(clientFrame(1, 'slow', { rsv: 4 }))
    abort.abort()
    await assert.rejects(left)
    release.resolve()
    await settle()
    line.receive(text('plain'))
    const got: string[] = []
    for await (const message of conn) if (got.push(message.text()) === 2) break
    assert.deepEqual(got, ['slow', 'plain'])
  })

  test('encode() is not called for what it skips, unless something is asked for', async () => {
    const seen: string[] = []
    const { conn, line } = onLine({ active: [active(marked(seen), 0x40)] })
    void conn.send('abc') // at most 9 bytes
    void conn.send('äöüabc') // 9 bytes, which has to be counted
    void conn.send(Buffer.from('123456789'))
    void conn.send(Buffer.from('1234567890'))
    void conn.send('hint', { compress: true })
    void conn.send('text', { text: true })
    assert.deepEqual(seen, ['out 1234567890', 'out hint'])
    assert.equal((await line.frames()).length, 6)
  })

  test('one that does not say so sees every message', async () => {
    const seen: string[] = []
    const other: ExtensionCodec = { decode: (frame) => void seen.push(`other ${frame.text()}`) }
    const { conn, line } = onLine({ active: [active(marked(seen), 0x40), active(other)] })
    line.receive(text('plain'))
    await conn.read()
    await conn.send('abc')
    assert.deepEqual(seen, ['other plain', 'in plain'])
    const all = onLine({ active: [active({ encode: (frame) => void seen.push(`all ${frame.text()}`) })] })
    await all.conn.send('abc')
    assert.equal(seen.at(-1), 'all abc')
  })
})

describe('messages encoded alone', () => {
  const alone = (key: string, mark: string, log: string[] = []): ExtensionCodec => ({
    aloneKey: key,
    encodeAlone: (frame) => {
      frame.payload = frame.text() + mark
    },
    forget: () => log.push(`forget ${key}`),
    idle: () => log.push(`idle ${key}`),
  })
  const codecsOf = (...codecs: ExtensionCodec[]): Codecs => new Codecs(codecs.map((codec) => active(codec)))

  test('Codecs.aloneKey joins the keys in order, and there is none when one extension has none', () => {
    assert.equal(codecsOf(alone('a', ''), alone('b', '')).aloneKey, 'a\nb')
    assert.equal(codecsOf(alone('a', ''), { encode: () => undefined }).aloneKey, undefined)
    assert.equal(codecsOf({ aloneKey: 'without the function' }).aloneKey, undefined)
  })

  test('Codecs.encodeAlone goes through the extensions in order', () => {
    const frame = new Frame({ opcode: 1, payload: 'x' })
    assert.equal(codecsOf(alone('a', '1'), alone('b', '2')).encodeAlone(frame, NO_HINTS), undefined)
    assert.equal(frame.text(), 'x12')
  })

  test('Codecs.forget reaches those that listen', () => {
    const log: string[] = []
    codecsOf(alone('a', '', log), {}).forget()
    assert.deepEqual(log, ['forget a'])
  })

  test('writeFrame of a frame with a reserved bit has the extensions forget, when the frame goes out', async () => {
    const log: string[] = []
    const { conn } = onLine({ active: [active(alone('a', '', log), 0x40)] })
    void conn.writeFrame(new Frame({ opcode: 2, payload: 'plain' }))
    assert.deepEqual(log, [])
    const writer = conn.writer('text')
    void writer.write('1')
    void conn.writeFrame(new Frame({ opcode: 2, rsv1: true, payload: 'raw' }))
    await settle()
    assert.deepEqual(log, [])
    await writer.end()
    await settle()
    assert.deepEqual(log, ['forget a'])
    void conn.writeFrame(new Frame({ opcode: 2, rsv1: true, payload: 'raw' }))
    assert.deepEqual(log, ['forget a', 'forget a'])
  })
})

test('assume() lets a negotiated extension work where there is no handshake', async () => {
  const seen: unknown[] = []
  const extension: Extension = {
    name: 'x',
    rsv: Rsv.Rsv2,
    offer: () => [[]],
    accept: () => [],
    assume: () => [['p', '1']],
    start: (params, role) => {
      seen.push([role, params])
      return {
        encode: (frame) => {
          if (frame.isData) frame.rsv2 = true
        },
        decode: (frame) => {
          frame.rsv2 = false
        },
      }
    },
  }
  const { client, server } = pair({ extensions: [extension] })
  await client.send('hello')
  assert.equal((await server.read())?.text(), 'hello')
  assert.deepEqual(client.extensions, ['x'])
  const params = [['p', '1']]
  assert.deepEqual(seen, [
    ['client', params],
    ['server', params],
  ])
})

describe('local extensions', () => {
  test('hook both ends of a pair without the peer knowing', async () => {
    const seen: string[] = []
    const hook: Extension = {
      name: 'hook',
      start: (params, role) => ({
        decode: (frame) => void seen.push(`${role} in ${frame.opcode} ${params.length}`),
        encode: (frame) => void seen.push(`${role} out ${frame.opcode}`),
        close: () => seen.push(`${role} closed`),
      }),
    }
    const negotiated: Extension = { ...hook, name: 'negotiated', offer: () => [[]] }
    const { client, server } = pair({ extensions: [hook, negotiated] })
    assert.deepEqual(client.extensions, ['hook'])
    await client.send('x')
    assert.equal((await server.read())?.text(), 'x')
    await client.close()
    await server.closed
    assert.deepEqual(seen.slice(0, 2), ['client out 1', 'server in 1 0'])
    assert.deepEqual(seen.filter((entry) => entry.endsWith('closed')).sort(), [
      'client closed',
      'server closed',
    ])
  })

  test('may be slow on both ends', async () => {
    const wait = (): Promise<void> => settle()
    const late: Extension = {
      name: 'late',
      start: () => ({ decode: wait, encode: (frame) => (frame.isData ? wait() : undefined) }),
    }
    const { client, server } = pair({ extensions: [late] })
    const gate = deferred()
    const got: string[] = []
    const reading = (async () => {
      for await (const message of server) if (got.push(message.text()) === 10) gate.resolve()
    })()
    for (let i = 0; i < 10; i++) void client.send(`${i}`)
    await gate.promise
    assert.deepEqual(got, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    await client.close()
    await reading
  })
})

test('an extension error is a WebSocketError with a code', () => {
  const { conn } = onLine({ active: [active({ encode: () => Promise.resolve() })] })
  void conn.ping()
  assert.ok(conn.closeInfo?.cause instanceof WebSocketError)
  assert.equal(conn.closeInfo.cause.code, 'WS_ERR_EXTENSION')
})
