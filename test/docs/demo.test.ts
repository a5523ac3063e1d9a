import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import { describe, type TestContext, test } from 'node:test'
import { type Conn, type DiagnosticsEvents, dial, HandshakeError } from 'fastws'
import { start, urlsOf } from '../../examples/demo/server.js'
import { once, turn } from '../support/index.js'
import { Program } from './program.js'

const KEY = '0123456789abcdef0123456789abcdef'

async function serve(t: TestContext): Promise<string> {
  const { url, close } = await start(0)
  t.after(close)
  return url
}

async function connect(t: TestContext, url: string, path: string): Promise<Conn> {
  const conn = await dial(url + path)
  t.after(() => conn.terminate())
  return conn
}

/** Listens there once another test run lets go of the port; who has it for long will do as well as we. */
async function take(server: Server, port: number): Promise<void> {
  const patience = AbortSignal.timeout(5000)
  while (!server.listening && !patience.aborted) {
    server.listen(port, 'localhost')
    await once(server, 'listening').catch(turn)
  }
}

interface News {
  readonly type: string
  readonly [name: string]: unknown
}

/** The next news of one of these types; bytes have the type `paint`. */
async function news(conn: Conn, ...types: readonly string[]): Promise<News> {
  for (;;) {
    const message = await conn.read()
    assert.ok(message !== null, 'it is not over')
    const told = message.isText
      ? message.json<News>()
      : { type: 'paint', cells: message.data.toString('hex') }
    if (types.includes(told.type)) return told
  }
}

const ask = (conn: Conn, request: object): Promise<void> => conn.send(JSON.stringify(request))

describe('the demo', () => {
  test('is started by a program that says where it is, and ends in peace', async (t) => {
    const program = new Program(t, 'examples/demo/server.js', [], { PORT: '0', HOST: undefined })
    const url = await program.line(/^Open (http:\/\/localhost:[1-9]\d*) in a browser/)
    const conn = await connect(t, url, '/chat?name=Ann')
    await news(conn, 'welcome')
    program.kill('SIGTERM')
    const { code, reason, clean } = await conn.closed
    assert.deepEqual([code, reason, clean], [1012, 'Restarting', true])
    const { code: exitCode, err } = await program.ended
    assert.deepEqual([exitCode, err], [0, ''])
  })

  test('takes any free port when 8080 is taken, unless it was told which', async (t) => {
    const other = createServer()
    t.after(() => other.close())
    await take(other, 8080)
    const untold = new Program(t, 'examples/demo/server.js', [], { PORT: undefined, HOST: undefined })
    assert.doesNotMatch(await untold.line(/localhost:[1-9]\d*/), /:8080$/)
    const told = await new Program(t, 'examples/demo/server.js', [], { PORT: '8080', HOST: undefined }).ended
    assert.equal(told.code, 1)
    assert.match(told.err, /^Cannot start: .*EADDRINUSE.*\n$/)
  })

  test('says in one line that a port is none', async (t) => {
    const { code, out, err } = await new Program(t, 'examples/demo/server.js', [], { PORT: 'abc' }).ended
    assert.deepEqual([code, out], [1, []])
    assert.match(err, /^Cannot start: .*port.*\n$/)
  })

  test('says where it is when it was told which host to be', async (t) => {
    const env = { PORT: '0', HOST: '127.0.0.2' }
    const program = new Program(t, 'examples/demo/server.js', [], env)
    const url = await program.line(/^Open (http:\S+) in a browser/)
    assert.match(url, /^http:\/\/127\.0\.0\.2:[1-9]\d*$/)
    assert.equal((await fetch(url)).status, 200)
  })

  test('names the addresses for other devices when it listens everywhere', async (t) => {
    const program = new Program(t, 'examples/demo/server.js', [], { PORT: '0', HOST: '0.0.0.0' })
    const url = await program.line(/^Open (http:\/\/localhost:[1-9]\d*) in a browser/)
    assert.equal((await fetch(url.replace('localhost', '127.0.0.1'))).status, 200)
    program.kill('SIGTERM')
    const [, ...others] = (await program.ended).out
    const addresses = Object.values(networkInterfaces())
      .flatMap((found = []) => found)
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
    assert.deepEqual(
      others,
      addresses.map(({ address }) => `From other devices: ${url.replace('localhost', address)}`),
    )
  })

  test('writes every kind of host as an address has it', () => {
    assert.deepEqual(urlsOf('localhost', 80), ['http://localhost:80'])
    assert.deepEqual(urlsOf('::1', 8080), ['http://[::1]:8080'])
    assert.deepEqual(urlsOf('::', 8080), urlsOf('0.0.0.0', 8080))
  })

  test('serves the files of its page, and no others', async (t) => {
    const url = await serve(t)
    const page = await fetch(url)
    assert.equal(page.status, 200)
    assert.match(page.headers.get('content-security-policy') ?? '', /require-trusted-types-for 'script'/)
    const html = await page.text()
    const links = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link]) => link)
    assert.ok(links.length >= 3)
    for (const link of links) assert.equal((await fetch(`${url}/${link}`)).status, 200, link)
    for (const path of ['/nothing', '/%2e%2e/server.ts', '/..%2fserver.ts', '/style.css/', '/chat'])
      assert.notEqual((await fetch(url + path)).status, 200, path)
  })

  test('tells newcomers where they are, and the others that they came', async (t) => {
    const url = await serve(t)
    const ann = await connect(t, url, '/chat?name=Ann&room=garden')
    assert.equal((await news(ann, 'welcome')).room, 'garden')
    assert.match(String((await news(ann, 'paint')).cells), /^(?:[01][\da-f]{5})+$/)
    await news(ann, 'people')
    const long = encodeURIComponent(`\u202e${'x'.repeat(50)}`)
    const bob = await connect(t, url, `/chat?name=${long}&room=nowhere`)
    assert.equal((await news(bob, 'welcome')).room, 'lobby', 'there is no such room')
    assert.deepEqual((await news(bob, 'people')).people, [{ id: 2, name: 'x'.repeat(24), state: 'here' }])
    await ask(bob, { type: 'join', room: 'garden' })
    assert.equal((await news(ann, 'note')).text, `${'x'.repeat(24)} came in`)
    await ask(bob, { type: 'say', text: 'hello' })
    assert.equal((await news(ann, 'said')).text, 'hello')
  })

  test('lets those stay who ask for the room they are in', async (t) => {
    const url = await serve(t)
    const ann = await connect(t, url, '/chat?name=Ann')
    const bob = await connect(t, url, '/chat?name=Bob')
    assert.equal((await news(ann, 'note')).text, 'Bob came in')
    await ask(bob, { type: 'join', room: 'lobby' })
    await ask(bob, { type: 'say', text: 'still here' })
    assert.equal((await news(ann, 'note', 'said')).text, 'still here')
  })

  test('passes on paint that is on the board, and no other', async (t) => {
    const url = await serve(t)
    const [ann, bob] = [await connect(t, url, '/chat'), await connect(t, url, '/chat')]
    await news(bob, 'paint')
    for (const cells of ['200000', '001400', '000009', '0102', '', 'ffffff010203ff'])
      await ann.send(Buffer.from(cells, 'hex'))
    assert.equal((await news(bob, 'paint')).cells, '010203')
  })

  for (const [what, text] of [
    ['no JSON', '{'],
    ['no object', 'null'],
    ['no request', '{"type":"dance"}'],
    ['a state there is none of', '{"type":"state","state":"asleep"}'],
    ['nothing said', '{"type":"say","text":" "}'],
    ['no text', '{"type":"say","text":7}'],
  ] as const)
    test(`closes politely on ${what}`, async (t) => {
      const conn = await connect(t, await serve(t), '/chat')
      await conn.send(text)
      const { code, initiator } = await conn.closed
      assert.deepEqual([code, initiator], [1008, 'remote'])
    })

  test('shows the frames of a connection to who has its key', async (t) => {
    const url = await serve(t)
    const viewer = await connect(t, url, `/wire?wire=${KEY}`)
    const stranger = await connect(t, url, `/wire?wire=${KEY.replace('0', 'f')}`)
    const ann = await connect(t, url, `/chat?wire=${KEY}`)
    await ann.send(JSON.stringify({ type: 'ping' }))
    const frame = async (): Promise<Record<string, unknown>> => (await viewer.read())?.json() ?? {}
    const welcome = await frame()
    assert.deepEqual(
      [welcome.direction, welcome.opcode, welcome.fin, welcome.rsv, welcome.maskKey],
      ['out', 1, true, '000', null],
    )
    let sent = await frame()
    while (sent.direction !== 'in') sent = await frame()
    assert.match(String(sent.maskKey), /^[\da-f]{8}$/)
    assert.deepEqual([sent.length, sent.payload], [15, Buffer.from('{"type":"ping"}').toString('hex')])
    assert.deepEqual([(await frame()).opcode, (await frame()).opcode], [9, 10])
    await stranger.close()
    assert.equal(stranger.stats.messagesIn, 0)
  })

  test('tells a viewer that was behind how many frames it has missed', async (t) => {
    const url = await serve(t)
    const opened: Conn[] = []
    const onOpen = (event: unknown): void =>
      void opened.push((event as DiagnosticsEvents['fastws:open']).conn)
    subscribe('fastws:open', onOpen)
    t.after(() => unsubscribe('fastws:open', onOpen))
    const viewer = await connect(t, url, `/wire?wire=${KEY}`)
    const door = opened.find((conn) => conn.request?.url?.startsWith('/wire'))
    assert.ok(door)
    const ann = await connect(t, url, `/chat?wire=${KEY}`)
    const missed = async (text: string): Promise<unknown> => {
      const shown = Buffer.from(JSON.stringify({ type: 'state', state: text })).toString('hex')
      for (;;) {
        const frame = (await viewer.read())?.json<Record<string, unknown>>()
        if (frame?.payload === shown) return frame.leftOut
      }
    }
    const state = async (name: string): Promise<void> => {
      await ask(ann, { type: 'state', state: name })
      await news(ann, 'people')
    }
    await news(ann, 'people')
    await state('idle')
    assert.equal(await missed('idle'), 0)
    Object.defineProperty(door, 'bufferedAmount', { value: 256 * 1024, configurable: true })
    await state('here')
    Reflect.deleteProperty(door, 'bufferedAmount')
    await state('typing')
    assert.ok(Number(await missed('typing')) >= 2, 'one each way, and pings')
    await state('idle')
    assert.equal(await missed('idle'), 0)
  })

  test('lets nobody look on without a key', async (t) => {
    const url = await serve(t)
    for (const path of ['/wire', '/wire?wire=short'])
      await assert.rejects(dial(url + path), (error: HandshakeError) => {
        assert.ok(error instanceof HandshakeError)
        return error.status === 400
      })
  })
})
