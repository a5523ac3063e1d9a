import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { encodeClosePayload, Frame, Opcode } from '../../src/frame/index.js'
import { type Conn, type Message, upgrade } from '../../src/index.js'
import type { WireEvent } from '../../src/tools/recording/events.js'
import { recordOf } from '../../src/tools/recording/lines.js'
import { deferred, listen, once, refusedPort, turn } from '../support/index.js'
import { runMain } from './run-main.js'
import { folderFor, startProgram } from './wire-program.js'

/** A server that answers each message, and tells how it was asked. */
async function answering(
  t: TestContext,
  answer: (conn: Conn, message: Message) => unknown = (conn, message) => conn.send(message),
): Promise<{
  url: string
  asked: { url: string; headers: Record<string, unknown> }[]
  closed: Promise<number>
}> {
  const asked: { url: string; headers: Record<string, unknown> }[] = []
  const closed = deferred<number>()
  const door = upgrade(
    {
      message: (conn, message) => void answer(conn, message),
      close: (_, { code }) => closed.resolve(code),
    },
    {
      compress: { threshold: 0, serverNoContextTakeover: false },
      protocols: ['chat'],
      accept: ({ url, headers }) => {
        asked.push({ url: String(url), headers })
        return undefined
      },
    },
  )
  const port = await listen(t, createServer(door))
  return { url: `ws://127.0.0.1:${port}`, asked, closed: closed.promise }
}

let clock = 0
const tick = (): number => {
  clock += 1
  return clock
}
const frame = (
  direction: 'sent' | 'received',
  init: ConstructorParameters<typeof Frame>[0],
  more: object = {},
): WireEvent => ({
  type: 'frame',
  conn: 1,
  at: tick(),
  direction,
  offset: undefined,
  frame: new Frame({ ...init, masked: direction === 'sent', maskKey: 1 }),
  faults: [],
  ...more,
})
const text = (direction: 'sent' | 'received', payload: string, more: object = {}): WireEvent =>
  frame(direction, { opcode: Opcode.Text, payload }, more)
const close = (direction: 'sent' | 'received', code: number): WireEvent =>
  frame(direction, { opcode: Opcode.Close, payload: encodeClosePayload(code, 'bye') })

/** Writes a recording; returns its path. */
function record(t: TestContext, events: readonly WireEvent[]): string {
  const path = join(folderFor(t), 'session.jsonl')
  writeFileSync(path, events.map((event) => `${JSON.stringify(recordOf(event))}\n`).join(''))
  return path
}

const handshake = (more: object = {}): WireEvent => ({
  type: 'handshake',
  conn: 1,
  at: clock,
  request: {
    line: 'GET /chat?a=b HTTP/1.1',
    fields: [
      ['Host', 'recorded'],
      ['Sec-WebSocket-Protocol', 'chat, superchat'],
      ['Cookie', 'secret=1'],
    ],
  },
  response: { line: 'HTTP/1.1 101 x', fields: [] },
  faults: [],
  ...more,
})

describe('fastws replay', () => {
  for (const [args, message] of [
    [[], /a recording is needed/],
    [['x.jsonl'], /a URL is needed/],
    [['/does/not/exist', 'ws://localhost'], /ENOENT/],
    [['package.json', 'ws://localhost'], /is no recording: /],
    [['/dev/null', 'ws://localhost'], /there is nothing to play/],
    [['/dev/null', 'localhost:1'], /is no URL/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stdout, stderr } = await runMain('replay', ...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })

  test('refuses what makes no sense for the recording', async (t) => {
    const path = record(t, [text('sent', 'x')])
    for (const [args, message] of [
      [['--speed', '0'], /--speed must be a number above 0, not '0'/],
      [['--speed', 'x'], /--speed must be/],
      [['--conn', '2'], /there is no connection 2 in the recording: 1/],
    ] as const)
      assert.match((await runMain('replay', path, 'ws://localhost', ...args)).stderr, message)
  })

  test('tells its options', async () => {
    const { code, stdout } = await runMain('replay', '--help')
    assert.equal(code, 0)
    for (const option of ['--expect', '--fast', '--speed N', '--header LINE'])
      assert.ok(stdout.includes(option))
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })

  test('does what the client did, and finds the answers as they were', async (t) => {
    const { url, asked, closed } = await answering(t)
    const path = record(t, [
      handshake(),
      text('sent', 'one'),
      text('received', 'one'),
      frame('sent', { opcode: Opcode.Binary, fin: false, payload: 'ab' }),
      frame('sent', { opcode: Opcode.Ping, payload: 'p' }),
      frame('received', { opcode: Opcode.Pong, payload: 'p' }),
      frame('sent', { opcode: Opcode.Pong }),
      frame('sent', { opcode: Opcode.Continuation, payload: 'cd' }),
      frame('received', { opcode: Opcode.Binary, payload: 'abcd' }),
      close('sent', 4321),
      close('received', 4321),
    ])
    const { code, stdout } = await runMain('replay', path, url, '--expect', '--fast')
    assert.equal(code, 0, stdout)
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      '#1 > text 3 bytes "one"',
      '#1 < text 3 bytes "one"',
      '#1 < binary 4 bytes 61626364',
      '#1 5 sent, 2 of 2 messages received: as recorded',
    ])
    assert.equal(asked[0]?.url, '/chat?a=b')
    assert.equal(asked[0]?.headers['sec-websocket-protocol'], 'chat, superchat')
    assert.equal(asked[0]?.headers.cookie, undefined)
    assert.equal(asked[0]?.headers['sec-websocket-extensions'], undefined)
    assert.equal(await closed, 4321)
  })

  test('sends the recorded headers when it is told to, and those of its user', async (t) => {
    const { url, asked } = await answering(t)
    const path = record(t, [handshake(), text('sent', 'one')])
    await runMain(
      'replay',
      path,
      `${url}/other`,
      '--fast',
      '--headers',
      '--header',
      'X-Mine: 1',
      '--protocol',
      'mine',
    )
    assert.equal(asked[0]?.url, '/other')
    const { cookie, host, 'x-mine': mine, 'sec-websocket-protocol': protocol } = asked[0]?.headers ?? {}
    assert.deepEqual([cookie, mine, protocol], ['secret=1', '1', 'mine'])
    assert.notEqual(host, 'recorded')
  })

  test('tells what is different, and exits with 1 when it is told to', async (t) => {
    const { url } = await answering(t, (conn, message) => {
      if (message.text() === 'end') void conn.close(4000)
      else void conn.send(message.text() === 'b' ? Buffer.from('b') : message.text().replace('y', 'z'))
    })
    const path = record(t, [
      text('sent', 'same'),
      text('received', 'same'),
      text('sent', `${'x'.repeat(80)}y`),
      text('received', `${'x'.repeat(80)}y`),
      text('sent', 'b'),
      text('received', 'b'),
      text('sent', 'end'),
      text('received', 'never'),
      close('received', 4001),
    ])
    const args = ['replay', path, url, '--fast', '--quiet', '--patience', '2000']
    const { code, stdout } = await runMain(...args, '--expect')
    assert.equal(code, 1)
    const [x, ...lines] = stdout.trimEnd().split('\n')
    assert.equal(
      x,
      '#1 ! message 2: recorded was a text of 81 bytes …"xxxxxxxxy", but there came a text of 81 bytes …"xxxxxxxxz", different from byte 80 on',
    )
    assert.deepEqual(lines, [
      '#1 ! message 3: recorded was a text of 1 byte "b", but there came a binary message of 1 byte 62',
      '#1 ! message 4: recorded was a text of 5 bytes "never", but there came none',
      '#1 ! Close: recorded was 4001, but there came 4000',
      '#1 ! Connection was closed by the peer with code 4000',
      '#1 4 sent, 3 of 4 messages received: not as recorded',
    ])
    assert.equal((await runMain(...args)).code, 0)
    const json = await runMain(...args, '--json')
    const outcome = JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.deepEqual([outcome.type, outcome.differences.length], ['outcome', 4])
  })

  test('says what came that was not recorded', async (t) => {
    const { url } = await answering(t, (conn, message) => {
      const text = message.text()
      for (let i = 0; i < 2; i++) void conn.send(text)
    })
    const path = record(t, [text('sent', 'x'), text('received', 'x')])
    const { code, stdout } = await runMain('replay', path, url, '--fast', '--quiet', '--expect')
    assert.equal(code, 1)
    assert.equal(
      stdout.split('\n')[0],
      '#1 ! message 2: nothing was recorded, but there came a text of 1 byte "x"',
    )
  })

  test('tells of no more differences than are of use', async (t) => {
    const { url } = await answering(t, (conn, message) => {
      const text = message.text()
      for (let i = 0; i < 30; i++) void conn.send(text)
    })
    const answers = Array.from({ length: 30 }, () => text('received', 'y'))
    const path = record(t, [text('sent', 'x'), ...answers])
    const { stdout } = await runMain('replay', path, url, '--fast', '--quiet', '--expect')
    assert.equal(stdout.split('\n')[20], '#1 ! … and 10 more')
  })

  test('compresses anew what was compressed', async (t) => {
    const { url, asked } = await answering(t)
    const data = Buffer.from('again and again '.repeat(50))
    const compressed = { inflated: data, message: { isText: true, data } }
    const events = ['sent', 'received'].map((direction) =>
      frame(direction as 'sent', { opcode: Opcode.Text, rsv1: true, payload: 'elsewhere' }, compressed),
    )
    const lost = frame('sent', { opcode: Opcode.Text, rsv1: true, payload: 'lost' })
    const path = record(t, [...events, lost, text('sent', 'x', { isSkipped: true })])
    const { code, stdout, stderr } = await runMain('replay', path, url, '--fast', '--expect', '--quiet')
    assert.equal(code, 0, stdout)
    assert.match(String(asked[0]?.headers['sec-websocket-extensions']), /permessage-deflate/)
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      '#1 cannot replay a compressed message, which could not be inflated',
      '#1 cannot replay a frame of 1 bytes, which is not in the recording',
    ])
    assert.equal((await runMain('replay', path, url, '--fast', '--expect', '--no-compress')).code, 0)
    assert.equal(asked[1]?.headers['sec-websocket-extensions'], undefined)
  })

  test('sends wrong frames as they were, with a mask of its own', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    t.after(() => server.close())
    await once(server, 'listening')
    const closed = new Promise<number>((resolve) =>
      server.on('connection', (socket) =>
        socket.on('error', () => undefined).on('close', (code) => resolve(code)),
      ),
    )
    const path = record(t, [frame('sent', { opcode: 3, payload: 'x' }), close('received', 1002)])
    const { port } = server.address() as { port: number }
    const { code, stdout } = await runMain('replay', path, `ws://127.0.0.1:${port}`, '--expect', '--fast')
    assert.equal(code, 0, stdout)
    assert.ok((await closed) > 0)
  })

  for (const [name, payload, code] of [
    ['no status', Buffer.alloc(0), 1005],
    ['half a code', Buffer.of(3), 1002],
    ['a code that may not travel', Buffer.of(3, 237), 1002],
  ] as const)
    test(`closes as it was recorded: with ${name}`, async (t) => {
      const { url, closed } = await answering(t)
      const path = record(t, [frame('sent', { opcode: Opcode.Close, payload })])
      assert.equal((await runMain('replay', path, url, '--fast')).code, 0)
      assert.equal(await closed, code)
    })

  test('plays what was recorded without a handshake, times and all of its connections', async (t) => {
    const { url, asked } = await answering(t)
    const timeless = { at: undefined }
    const path = record(t, [
      text('sent', '', timeless),
      text('received', '', timeless),
      { ...handshake(), conn: 2 } as WireEvent,
    ])
    const { code, stdout } = await runMain('replay', path, url, '--headers', '--expect', '--quiet')
    assert.deepEqual([code, stdout], [0, '#1 1 sent, 1 of 1 messages received: as recorded\n'])
    assert.equal(asked.length, 1)
  })

  test('puts fragments of a compressed message together', async (t) => {
    const { url } = await answering(t)
    const message = { isText: true, data: Buffer.from('together') }
    const path = record(t, [
      frame('sent', { opcode: Opcode.Text, fin: false, rsv1: true, payload: 'x' }),
      frame('sent', { opcode: Opcode.Continuation, payload: 'y' }, { inflated: message.data, message }),
      text('received', 'together'),
    ])
    const { code, stdout } = await runMain('replay', path, url, '--fast', '--expect', '--quiet')
    assert.equal(code, 0, stdout)
  })

  test('says that a message came with nothing in it, and that no Close came', async (t) => {
    const { url } = await answering(t, (conn) => conn.send('').then(() => conn.terminate()))
    const path = record(t, [text('sent', 'x'), text('received', 'y'), close('received', 1000)])
    const { stdout } = await runMain('replay', path, url, '--fast', '--quiet')
    assert.deepEqual(stdout.split('\n').slice(0, 2), [
      '#1 ! message 1: recorded was a text of 1 byte "y", but there came a text of 0 bytes, different from byte 0 on',
      '#1 ! Close: recorded was 1000, but there came none',
    ])
  })

  test('refuses options that make no handshake', async (t) => {
    const { url } = await answering(t)
    const path = record(t, [text('sent', 'x')])
    const { code, stderr } = await runMain('replay', path, url, '--protocol', 'a b')
    assert.equal(code, 2)
    assert.match(stderr, /Cannot use protocols/)
  })

  test('opens no connection that is due later, when it is stopped', async (t) => {
    const { url, asked } = await answering(t)
    const path = record(t, [text('sent', 'x'), { ...text('sent', 'y'), conn: 2, at: clock + 100_000 }])
    const program = startProgram(t, ['replay', path, url])
    await program.line(/#1 < text 1 byte/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 130)
    assert.equal(asked.length, 1)
  })

  test('keeps the recorded time, or a part of it', async (t) => {
    const { url } = await answering(t)
    const late = text('sent', 'late')
    const path = record(t, [text('sent', 'x'), { ...late, at: clock + 400 }])
    const time = async (...args: string[]): Promise<number> => {
      const { stdout } = await runMain('replay', path, url, '--json', ...args)
      const [first, ...others] = stdout
        .split('\n')
        .filter((line) => line.includes('"sent"'))
        .map((line) => JSON.parse(line))
      return others[0].at - first.at
    }
    // A busy machine holds up the first frame, or the second, but not each time.
    let whole = 0
    for (let i = 0; i < 5 && whole < 350; i++) whole = await time()
    assert.ok(whole >= 350, String(whole))
    const isHalf = (milliseconds: number): boolean => milliseconds >= 150 && milliseconds < 350
    let half = 0
    for (let i = 0; i < 5 && !isHalf(half); i++) half = await time('--speed', '2')
    assert.ok(isHalf(half), String(half))
  })

  test('plays all connections of a recording, or one', async (t) => {
    const { url, asked } = await answering(t)
    const events = [1, 2].flatMap((conn) => [
      { ...handshake(), conn },
      { ...text('sent', `from ${conn}`), conn },
      { ...text('received', `from ${conn}`), conn },
    ]) as WireEvent[]
    const path = record(t, events)
    const { code, stdout } = await runMain('replay', path, url, '--expect')
    assert.equal(code, 0)
    assert.match(stdout, /#1 1 sent, 1 of 1 .*as recorded/)
    assert.match(stdout, /#2 1 sent, 1 of 1 .*as recorded/)
    assert.equal((await runMain('replay', path, url, '--expect', '--conn', '2')).code, 0)
    assert.equal(asked.length, 3)
  })

  test('says that nobody is there', async (t) => {
    const port = await refusedPort(t)
    const path = record(t, [text('sent', 'x')])
    const { code, stdout } = await runMain('replay', path, `ws://127.0.0.1:${port}`)
    assert.equal(code, 1)
    assert.match(stdout, /^#1 .*ECONNREFUSED/)
    const json = await runMain('replay', path, `ws://127.0.0.1:${port}`, '--json')
    assert.equal(JSON.parse(json.stdout).type, 'error')
  })

  test('ends with Ctrl+C', async (t) => {
    const { url } = await answering(t)
    const late = text('sent', 'late')
    const path = record(t, [
      text('sent', 'x'),
      { ...late, at: clock + 100_000 },
      { ...text('sent', 'y'), conn: 2 },
    ])
    const program = startProgram(t, ['replay', path, url])
    await program.line(/#1 < text 1 byte/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 130)
  })

  test('ends when nobody reads its output any more', async (t) => {
    const talk = async (conn: Conn): Promise<void> => {
      for (;;) {
        await conn.send('more')
        await turn()
      }
    }
    const { url } = await answering(t, (conn) => talk(conn).catch(() => undefined))
    const late = text('sent', 'late')
    const program = startProgram(t, [
      'replay',
      record(t, [text('sent', 'x'), { ...late, at: clock + 100_000 }]),
      url,
    ])
    await program.line(/#1 < text/)
    program.child.stdout.destroy()
    assert.equal(await program.exit, 141)
  })

  test('plays a recording up to a last line that is cut off', async (t) => {
    const { url } = await answering(t)
    const path = record(t, [text('sent', 'one'), text('received', 'one')])
    const replayed = () => runMain('replay', path, url, '--expect', '--fast', '--patience', '60000')
    const whole = await replayed()
    appendFileSync(path, '{"type":"frame","at":')
    const { code, stdout, stderr } = await replayed()
    assert.deepEqual([code, stdout], [0, whole.stdout])
    assert.equal(stderr, `fastws replay: line 3 of ${path}, the last one, is cut off: it was left out\n`)
    appendFileSync(path, '\n')
    assert.match((await runMain('replay', path, url)).stderr, /is no recording: line 3: /)
  })

  test('plays what the proxy has recorded, HAR too', async (t) => {
    const { url } = await answering(t)
    const folder = folderFor(t)
    const files = [join(folder, 'a.jsonl'), join(folder, 'a.har')]
    const program = startProgram(t, [
      'proxy',
      '0',
      url,
      '--quiet',
      ...files.flatMap((path) => ['--record', path]),
    ])
    const [, port] = await program.note(/listening on 127\.0\.0\.1:(\d+)/)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: { threshold: 0 } })
    await once(socket, 'open')
    for (const message of ['one', Buffer.from([1, 2]), 'three '.repeat(100)]) {
      socket.send(message)
      await once(socket, 'message')
    }
    socket.close(1000)
    await once(socket, 'close')
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
    for (const path of files) {
      const { code, stdout } = await runMain('replay', path, url, '--expect', '--fast', '--quiet')
      assert.equal(code, 0, stdout)
      assert.match(stdout, /3 of 3 messages received: as recorded/)
    }
  })
})
