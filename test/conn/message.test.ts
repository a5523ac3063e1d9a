import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { Message } from '../../src/conn/message.js'
import { WebSocketError } from '../../src/errors.js'
import { clientFrame } from '../support/index.js'
import { onLine, readFrames, settle } from './support.js'

const isReleased = (error: unknown): boolean =>
  error instanceof WebSocketError && error.code === 'WS_ERR_RELEASED' && /keep\(\)/.test(error.message)

/** What a handler did with a message, and the message after its event. */
function after(frame: Buffer, handle: (message: Message, conn: Conn) => unknown, options = {}): Message {
  let seen: Message | undefined
  const { line } = onLine({
    ...options,
    events: {
      message: (conn, message) => {
        seen ??= message
        return handle(message, conn)
      },
    },
  })
  line.receive(frame, clientFrame(1, 'overwrites'))
  assert.ok(seen)
  return seen
}

describe('a message whose bytes were changed before it is sent on', () => {
  for (const length of [1, 5, 200, 5000, 40_000, 70_000])
    for (const [what, change] of [
      ['in place', (message: Message) => void message.data.fill('x')],
      ['in place, when it was kept', (message: Message) => void message.keep().data.fill('x')],
      ['in place, when its text was read', (message: Message) => [message.text(), message.data.fill('x')]],
    ] as const)
      test(`${what}, leaves as it is now: ${length} bytes`, async () => {
        const { line } = onLine({
          events: {
            message: (conn, message) => {
              change(message)
              void conn.send(message)
            },
          },
        })
        line.receive(clientFrame(1, Buffer.alloc(length, 'a')), clientFrame(1, 'behind'))
        const [first, second] = await line.frames()
        assert.equal(first?.payload.toString(), 'x'.repeat(length))
        assert.equal(second?.payload.toString(), 'x'.repeat(6))
      })
})

describe('the text of a message whose bytes were changed', () => {
  const change = (message: Message, fill: string): void => void message.data.fill(fill)

  for (const length of [4, 200, 1024, 6000, 40_000])
    for (const fill of ['x', 'ä'])
      test(`is that of the bytes: ${length} of them, filled with ${fill}`, async () => {
        const { conn, line } = onLine()
        const next = conn.read()
        line.receive(clientFrame(1, Buffer.alloc(length, 'a')), clientFrame(1, Buffer.alloc(length, 'b')))
        for (const was of ['a', 'b']) {
          const message = (await (was === 'a' ? next : conn.read()))!
          assert.equal(message.text(), was.repeat(length))
          change(message, fill)
          assert.equal(message.text(), Buffer.alloc(length, fill).toString())
          void conn.send(message)
        }
        for (const { payload } of await line.frames()) assert.deepEqual(payload, Buffer.alloc(length, fill))
      })

  test('is there, and is sent, when the event is over and the bytes are gone: text that is no ASCII', async () => {
    const text = 'ä'.repeat(100)
    const message = after(clientFrame(1, text), (message, conn) => {
      message.text()
      void conn.send(message)
    })
    assert.equal(message.length, 200)
    const { conn, line } = onLine()
    void conn.send(message)
    assert.equal((await line.frames())[0]?.payload.toString(), text)
    assert.equal(message.text(), text)
  })

  test('is that of the bytes in an event as well', () => {
    const message = after(clientFrame(1, 'abcd'), (message) => {
      assert.equal(message.text(), 'abcd')
      change(message, 'ä')
      assert.equal(message.text(), 'ää')
    })
    assert.equal(message.text(), 'ää')
  })
})

describe('Message from a read', () => {
  test('has its bytes in every form', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(1, '{"a":"é"}'), clientFrame(2, Buffer.of(1, 2)), clientFrame(1, ''))
    const json = (await conn.read())!
    assert.deepEqual([json.isText, json.length, json.text()], [true, 10, '{"a":"é"}'])
    assert.deepEqual(json.json<{ a: string }>(), { a: 'é' })
    assert.deepEqual(json.data, Buffer.from('{"a":"é"}'))
    assert.equal(json.keep(), json)
    const bytes = (await conn.read())!
    assert.deepEqual([bytes.isText, bytes.data], [false, Buffer.of(1, 2)])
    assert.throws(() => bytes.json(), SyntaxError)
    const empty = (await conn.read())!
    assert.deepEqual([empty.length, empty.text(), empty.data.length], [0, '', 0])
    assert.equal(json.data, json.data)
  })

  test('is not harmed by being sent on', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(1, 'again'))
    const message = (await conn.read())!
    void conn.send(message)
    void conn.send(message)
    await settle()
    assert.deepEqual(
      (await line.frames()).map((frame) => String(frame.payload)),
      ['again', 'again'],
    )
    assert.equal(message.text(), 'again')
  })
})

describe('Message of an event', () => {
  const frames: readonly [string, Buffer, string][] = [
    ['ASCII text', clientFrame(1, 'plain'), 'plain'],
    ['other text', clientFrame(1, 'é€𝄞'), 'é€𝄞'],
    ['binary', clientFrame(2, 'bytes'), 'bytes'],
    ['empty text', clientFrame(1, ''), ''],
  ]
  for (const [name, frame, expected] of frames) {
    const checks: readonly [string, (message: Message, conn: Conn) => unknown][] = [
      ['was not looked at', () => undefined],
      ['gave its data', (message) => void message.data],
      ['gave its text', (message) => void message.text()],
      ['gave its length', (message) => void message.length],
      ['was kept', (message) => void message.keep()],
      ['was kept and sent', (message, conn) => void conn.send(message.keep())],
      ['gave its data and was sent', (message, conn) => [message.data, void conn.send(message)].length],
      ['was sent and gave its data', (message, conn) => [void conn.send(message), message.data].length],
      [
        'belongs to a handler that takes its time',
        (message, conn) => Promise.resolve(void conn.send(message)),
      ],
    ]
    for (const [what, handle] of checks)
      test(`with ${name} that ${what} stays`, () => {
        const message = after(frame, handle)
        assert.equal(message.data.toString(), expected)
        assert.equal(message.text(), expected)
        assert.equal(message.length, Buffer.byteLength(expected))
      })

    test(`with ${name} that was only sent on is gone, and says so`, () => {
      const message = after(frame, (sent, conn) => void conn.send(sent))
      assert.throws(() => message.data, isReleased)
      assert.throws(() => message.text(), isReleased)
      assert.throws(() => message.json(), isReleased)
      assert.throws(() => message.length, isReleased)
      assert.throws(() => message.keep(), isReleased)
    })
  }

  test('with text that was taken and sent stays', () => {
    for (const payload of ['plain', 'é']) {
      const message = after(
        clientFrame(1, payload),
        (taken, conn) => [taken.text(), void conn.send(taken)].length,
      )
      assert.equal(message.text(), payload)
      assert.equal(message.data.toString(), payload)
    }
  })

  test('with binary that was looked at as text and sent is gone', () => {
    const message = after(clientFrame(2, 'b'), (taken, conn) => [taken.text(), void conn.send(taken)].length)
    assert.throws(() => message.data, isReleased)
  })

  test('with text that is no UTF-8 keeps its bytes', () => {
    const bytes = Buffer.of(0x61, 0xff)
    const message = after(clientFrame(1, bytes), (taken) => void taken.text(), { validateText: false })
    assert.deepEqual(message.data, bytes)
  })

  test('cannot be sent once it is gone', () => {
    const { conn, line } = onLine({
      events: {
        message: (other, message) => {
          void other.send(message)
          kept.push(message)
        },
      },
    })
    const kept: Message[] = []
    line.receive(clientFrame(1, 'a'))
    assert.throws(() => conn.send(kept[0]!), isReleased)
  })

  test('goes to several connections within its event', async () => {
    const others = [onLine(), onLine({ role: 'client' }), onLine({ fragmentSize: 2 })]
    const { line } = onLine({
      events: { message: (_, message) => others.forEach(({ conn }) => void conn.send(message)) },
    })
    line.receive(clientFrame(2, 'broadcast'))
    await settle()
    for (const other of others) {
      const sent = await readFrames(other.line.take())
      assert.equal(Buffer.concat(sent.map((frame) => frame.payload)).toString(), 'broadcast')
    }
  })
})
