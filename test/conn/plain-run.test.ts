import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import type { Message } from '../../src/conn/message.js'
import { MAX_STAGED } from '../../src/conn/staging.js'
import { clientFrame, closePayload, type Random, seeded, serverFrame } from '../support/index.js'
import { brief, type LineOptions, onLine, settle } from './support.js'

/** What a handler may do with a message, one of these each time. */
const deeds = [
  'echo',
  'echo',
  'echo',
  'look',
  'text',
  'twice',
  'read',
  'first',
  'wait',
  'keep',
  'pass',
  'raw',
] as const

type Deed = (typeof deeds)[number] | 'throw' | 'close'

/** A connection whose handler does its deeds in turn, and all that comes of it. */
function doer(plan: readonly Deed[], options: LineOptions) {
  const log: string[] = []
  const kept: [Message, string][] = []
  let turn = 0
  const other = onLine({ role: 'client' })
  const see = (message: Message): string => `${message.isText} ${message.data.toString('hex')}`
  const act: Record<Deed, (conn: Conn, message: Message) => unknown> = {
    echo: (conn, message) => conn.send(message),
    look: (conn, message) => {
      log.push(see(message))
      return conn.send(message)
    },
    text: (conn, message) => {
      const text = message.text()
      void conn.send(`you said ${text.length}`)
      log.push(`${text} ${message.length}`)
    },
    twice: (conn, message) => {
      void conn.send(message)
      void conn.send(message)
      log.push(see(message))
    },
    read: (conn, message) => {
      const text = message.text()
      void conn.send(message)
      void other.conn.send(message)
      void conn.send(message)
      log.push(`${text} ${message.length}`)
    },
    first: (conn, message) => {
      void conn.send('something else')
      log.push(see(message))
      void conn.send(message)
    },
    wait: async (conn, message) => {
      void conn.send(message)
      await Promise.resolve()
      log.push(see(message))
      await conn.send(`waited for ${message.length}`)
    },
    keep: (_, message) => void kept.push([message.keep(), message.data.toString('hex')]),
    pass: (conn, message) => {
      void other.conn.send(message)
      void conn.send(message)
      void other.conn.send(message)
    },
    raw: (conn, message) => {
      const { data } = message
      void conn.send(data)
      data.fill(0x2a)
      log.push(see(message))
    },
    throw: () => {
      throw new Error('on purpose')
    },
    close: (conn) => void conn.close(4000, 'enough'),
  }
  const events: EventHandler = {
    message: (conn, message) => act[plan[turn++ % plan.length]!](conn, message),
    ping: (_, payload) => void log.push(`ping ${payload.toString('hex')}`),
    error: (_, error) => void log.push(error.message),
    close: (_, { code, clean }) => void log.push(`closed ${code} ${clean}`),
  }
  return { ...onLine({ ...options, events }), log, kept, other }
}

async function outcome(pieces: readonly Uint8Array[], plan: readonly Deed[], options: LineOptions) {
  const { conn, line, log, kept, other } = doer(plan, options)
  for (const piece of pieces) line.receive(piece)
  await settle()
  for (const [message, data] of kept) assert.equal(message.data.toString('hex'), data)
  line.fin()
  await settle()
  const { framesIn, messagesIn, messagesOut, framesOut, bytesIn, bytesOut } = conn.stats
  return {
    log,
    sent: (await line.frames()).map(brief),
    passed: (await other.line.frames()).map(brief),
    stats: { framesIn, messagesIn, messagesOut, framesOut, bytesIn, bytesOut },
  }
}

function stream(random: Random): Buffer {
  const payload = (): string =>
    random.pick([
      '',
      'a',
      'Hello',
      'grüße',
      'x'.repeat(random.int(14, 140)),
      'y'.repeat(random.int(400, 1400)),
      'ü'.repeat(random.int(200, 700)),
    ])
  const plain = (): Buffer =>
    clientFrame(random.pick([1, 1, 2]), payload(), { mask: random.int(0, 2 ** 32 - 1) })
  const odd = (): Buffer =>
    random.pick([
      clientFrame(9, random.bytes(random.int(0, 20))),
      Buffer.concat([
        clientFrame(1, payload(), { fin: false }),
        clientFrame(9, 'amid'),
        clientFrame(0, payload()),
      ]),
      clientFrame(2, random.bytes(random.int(0, 5000))),
    ])
  const ends = [
    Buffer.alloc(0),
    clientFrame(8, closePayload(1000)),
    clientFrame(1, Buffer.from('ab\xff cd', 'latin1')),
    clientFrame(1, Buffer.alloc(700, 0xff)),
    clientFrame(1, Buffer.from('€').subarray(0, 2)),
    clientFrame(2, Buffer.alloc(9001)),
    serverFrame(1, 'no mask, but long enough'),
    clientFrame(1, 'Hello', { lengthBits: 16 }),
    clientFrame(0, 'nothing to continue'),
    clientFrame(1, 'not to its end', { fin: false }),
  ]
  const frames = Array.from({ length: random.int(1, 30) }, () => (random.chance(6) ? odd() : plain()))
  return Buffer.concat([...frames, random.pick(ends), plain()])
}

const options = (random: Random): LineOptions => ({
  maxMessage: 8000,
  maxFrame: random.pick([8000, 9000]),
  validateText: !random.chance(4),
  fragmentSize: random.pick([Infinity, Infinity, 50]),
})

test('a run of messages gives what comes of them one byte at a time, whatever the handler does', () =>
  seeded(async (random) => {
    const bytes = stream(random)
    const plan: Deed[] = Array.from({ length: random.int(1, 6) }, () => random.pick(deeds))
    if (random.chance(6)) plan.push('echo', random.pick(['throw', 'close']))
    const given = options(random)
    // No message of more than one byte comes whole then: all go the ordinary way.
    const naive = await outcome(
      [...bytes].map((byte) => Buffer.of(byte)),
      plan,
      given,
    )
    assert.deepEqual(await outcome([bytes], plan, given), naive, `${plan}`)
    assert.deepEqual(await outcome(random.split(bytes), plan, given), naive, `${plan}`)
  }, 60))

/** What somebody reads who takes messages and frames as the plan says, and what is counted. */
async function reading(
  pieces: readonly Uint8Array[],
  plan: readonly ('message' | 'frame')[],
  given: LineOptions,
) {
  const { conn, line } = onLine({ ...given, maxInboxFrames: 2 })
  const got: string[] = []
  const take = async (what: 'message' | 'frame'): Promise<boolean> => {
    if (what === 'message') {
      const message = await conn.read()
      if (message !== null) got.push(`${message.isText} ${message.text()} ${message.data.toString('hex')}`)
      return message !== null
    }
    using frame = await conn.nextFrame()
    // Whether a control frame is shown to somebody who came late is no promise.
    if (frame?.isData === true) got.push(`${frame} ${frame.payload.toString('hex')}`)
    return frame !== null
  }
  const done = (async () => {
    for (let i = 0; await take(plan[i % plan.length]!); i++);
  })().catch((error: Error) => void got.push(error.message))
  for (const piece of pieces) {
    while (line.paused) await settle()
    line.receive(piece)
  }
  await settle()
  line.fin()
  line.events.closed(undefined)
  await done
  const { framesIn, messagesIn, bytesIn } = conn.stats
  return { got, stats: { framesIn, messagesIn, bytesIn } }
}

for (const plan of [['message'], ['frame']] as const)
  test(`a run that is pulled by a reader of ${plan[0]}s gives what comes of it one byte at a time`, () =>
    seeded(async (random) => {
      const bytes = stream(random)
      const given = options(random)
      const naive = await reading(
        [...bytes].map((byte) => Buffer.of(byte)),
        plan,
        given,
      )
      assert.deepEqual(await reading([bytes], plan, given), naive)
      assert.deepEqual(await reading(random.split(bytes), plan, given), naive)
    }, 30))

test('a message that waits in the slab is moved before anybody writes there', async () => {
  const seen: string[] = []
  const third = onLine()
  const { line } = onLine({
    events: {
      message: (conn, message) => {
        void third.conn.send('x'.repeat(100))
        seen.push(message.text())
        void conn.send('y'.repeat(100))
        void conn.send(message)
        for (let i = 0; i < 5; i++) void third.conn.send(Buffer.alloc(20_000)) // more than the slab holds
        seen.push(message.data.toString())
      },
    },
  })
  line.receive(clientFrame(1, 'one'), clientFrame(1, 'z'.repeat(300)))
  assert.deepEqual(seen, ['one', 'one', 'z'.repeat(300), 'z'.repeat(300)])
  assert.deepEqual((await line.frames()).map(brief), [
    `text ${'y'.repeat(100)}`,
    'text one',
    `text ${'y'.repeat(100)}`,
    `text ${'z'.repeat(300)}`,
  ])
  assert.equal((await third.line.frames()).length, 12)
})

test('a message stays as it is when bytes for another connection come in while it is handled', async () => {
  const inner = onLine({ events: { message: (conn, message) => conn.send(message) } })
  const seen: string[] = []
  const { line } = onLine({
    events: {
      message: (conn, message) => {
        inner.line.receive(clientFrame(1, 'x'.repeat(200)))
        void conn.send('y'.repeat(200))
        seen.push(message.text())
        return conn.send(message)
      },
    },
  })
  line.receive(clientFrame(1, 'z'.repeat(300)), clientFrame(2, 'w'.repeat(30)))
  assert.deepEqual(seen, ['z'.repeat(300), 'w'.repeat(30)])
  assert.deepEqual(
    (await line.frames()).map(({ payload }) => payload.toString()),
    ['y'.repeat(200), 'z'.repeat(300), 'y'.repeat(200), 'w'.repeat(30)],
  )
  assert.equal((await inner.line.frames()).length, 2)
})

test('a message that was sent on stays readable while it is handled, though the slab is used again', () => {
  const seen: string[] = []
  const others = Array.from({ length: 5 }, () => onLine().conn)
  const { line } = onLine({
    events: {
      message: (conn, message) => {
        void conn.send(message)
        for (const other of others) void other.send(Buffer.alloc(30_000, 0x62))
        seen.push(message.text())
      },
    },
  })
  line.receive(clientFrame(1, 'a'.repeat(1000)))
  assert.deepEqual(seen, ['a'.repeat(1000)])
})

test('an echo behind a write that is stuck waits like any other', async () => {
  const { line } = onLine({ events: { message: (conn, message) => conn.send(message) } })
  line.stuck = true
  line.receive(clientFrame(1, 'one'), clientFrame(1, 'two'))
  line.receive(clientFrame(1, 'three'), clientFrame(1, 'four'))
  line.unstick()
  assert.deepEqual((await line.frames()).map(brief), ['text one', 'text two', 'text three', 'text four'])
})

for (const length of [MAX_STAGED - 5, MAX_STAGED - 4, MAX_STAGED - 3, MAX_STAGED])
  test(`messages of ${length} bytes are echoed whole`, async () => {
    const { line } = onLine({ events: { message: (conn, message) => conn.send(message) } })
    const frames = ['a', 'b', 'c', 'd'].map((letter) => clientFrame(1, letter.repeat(length)))
    line.receive(...frames)
    const sent = await line.frames()
    assert.deepEqual(
      sent.map(({ payload }) => payload.toString()),
      ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(length)),
    )
  })

for (const [name, given] of [
  ['to several connections', {}],
  ['in fragments', { fragmentSize: 3 }],
  ['by a client', {}],
] as const)
  test(`Message.text() leaves the bytes there to be sent ${name}`, async () => {
    const other = onLine({ role: name === 'by a client' ? 'client' : 'server' })
    const { line } = onLine({
      ...given,
      events: {
        message: (conn, message) => {
          assert.equal(message.text(), 'one two')
          void other.conn.send(message)
          void conn.send(message)
          void conn.send(message)
        },
      },
    })
    line.receive(clientFrame(1, 'one two'))
    const whole = (frames: readonly { payload: Buffer }[]): string =>
      frames.map(({ payload }) => payload.toString()).join('')
    assert.equal(whole(await line.frames()), 'one twoone two')
    assert.equal(whole(await other.line.frames()), 'one two')
  })
