import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { type Conn, type Handler, reject, type UpgradeOptions, upgrade } from '../../../src/index.js'
import { main } from '../../../src/tools/main.js'
import { deferred, listen, once, refusedPort, tls, turn } from '../../support/index.js'
import { runMain } from '../run-main.js'
import { records, runTool, startTool } from '../run-tool.js'
import { written } from '../wire-program.js'

const echo: Handler = { message: (conn, message) => conn.send(message) }

async function serve(t: TestContext, handler: Handler = echo, options: UpgradeOptions = {}): Promise<string> {
  return `ws://127.0.0.1:${await listen(t, createServer(upgrade(handler, options)))}`
}

const isPresent = <T>(value: T | undefined): value is T => value !== undefined

describe('fastws connect, from a pipe', () => {
  test('sends lines as messages, prints messages as lines, and closes when nothing comes any more', async (t) => {
    const url = await serve(t)
    const { code, out, err } = await runTool(t, ['connect', url, '--wait', '2000'], 'one\ntwo\r\n\nlast')
    assert.equal(out, 'one\ntwo\n\nlast\n')
    assert.match(err, /^connected to ws:.*\nclosed by us: 1000\n$/)
    assert.equal(code, 0)
  })

  test('talks to ws', async (t) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true })
    t.after(() => server.close())
    await once(server, 'listening')
    const asked = deferred<string | undefined>()
    server.on('connection', (socket, request) => {
      asked.resolve(request.headers.cookie)
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    })
    const { port } = server.address() as { port: number }
    const long = 'x'.repeat(5000)
    const { code, out, err } = await runTool(
      t,
      ['connect', `ws://127.0.0.1:${port}`, '--count', '1', '-H', 'Cookie: a=b', '--frames'],
      `${long}\n`,
    )
    assert.equal(out, `${long}\n`)
    assert.match(err, /> text fin rsv1 masked [0-9a-f]{8} \d+ bytes/)
    assert.match(err, /5000 bytes compressed to \d+\n/)
    assert.match(err, /< text fin rsv1 \d+ bytes [0-9a-f]+/)
    assert.match(err, /\d+ bytes inflated to 5000\n/)
    assert.equal(await asked.promise, 'a=b')
    assert.equal(code, 0)
  })

  test('escapes for a terminal what it gives raw to others', async (t) => {
    const url = await serve(t, { open: (conn) => void conn.send('\u001b[2J') })
    for (const isTTY of [true, false]) {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
      stdin.end()
      const streams = { stdin, stdout: Object.assign(stdout, { isTTY }), stderr }
      assert.equal(await main(['connect', url, '--raw', '--count', '1', '--wait', 'forever'], streams), 0)
      assert.equal(written(stdout), isTTY ? '\\u{1b}[2J\n' : '\u001b[2J\n')
    }
  })

  test('sends what --message says, and does not read stdin', async (t) => {
    const tool = startTool(t, 'connect', await serve(t), '-m', 'a', '-m', 'b', '--count', '2')
    assert.equal(await tool.code, 0) // stdin is still open
    assert.equal(tool.out(), 'a\nb\n')
  })

  test('escapes what a peer sends, unless it is asked for the very bytes', async (t) => {
    const handler: Handler = (conn) =>
      conn.send('a\u001b[2J\nb').then(() => conn.close(4000, 'by\u001be').then())
    const url = await serve(t, handler)
    const { out, err, code } = await runTool(t, ['connect', url, '--wait', 'forever'])
    assert.equal(out, 'a\\u{1b}[2J\\u{a}b\n')
    assert.match(err, /closed by the peer: 4000 "by\\u001be"\n$/)
    assert.equal(code, 1)
    const raw = await runTool(t, ['connect', url, '--wait', 'forever', '--raw'])
    assert.equal(raw.out, 'a\u001b[2J\nb\n')
  })

  test('takes bytes in hex and base64, and shows them so', async (t) => {
    const url = await serve(t)
    const hex = await runTool(t, ['connect', url, '--send', 'hex', '--count', '1'], '01 ff:0A\n')
    assert.equal(hex.out, '01ff0a\n')
    const base64 = ['connect', url, '--send', 'base64', '--show', 'base64', '--count', '1']
    assert.equal((await runTool(t, base64, 'Af8K\n')).out, 'Af8K\n')
    const binary = ['connect', url, '--send', 'binary', '--show', 'text', '--count', '1']
    assert.equal((await runTool(t, binary, 'ab\n')).out, 'ab\n')
  })

  test('goes on behind a line that makes no sense, and fails in the end', async (t) => {
    const url = await serve(t)
    const { code, out, err } = await runTool(t, ['connect', url, '--send', 'hex', '--count', '1'], '0\n01\n')
    assert.equal(out, '01\n')
    assert.match(err, /'0' is not bytes in hex/)
    assert.equal(code, 1)
  })

  test('sends all of stdin as one message with --whole', async (t) => {
    const url = await serve(t)
    const args = ['connect', url, '--whole', '--count', '1', '--json']
    const text = await runTool(t, args, 'two\nlines\n')
    assert.equal(records(text.out).find(({ type }) => type === 'message')?.payload, 'two\nlines\n')
    const binary = await runTool(t, [...args, '--send', 'binary'], 'two\n')
    const { kind, encoding, payload } = records(binary.out).find(({ type }) => type === 'message') ?? {}
    assert.deepEqual([kind, encoding, payload], ['binary', 'hex', '74776f0a'])
  })

  test('tells everything as JSON', async (t) => {
    const url = await serve(t, echo, { protocols: ['chat'] })
    const { out, code } = await runTool(
      t,
      ['connect', url, '--json', '--slash', '-s', 'chat', '--count', '1', '--frames'],
      '/ping x\nhello\n',
    )
    const types = records(out).map(({ type, name = '' }) => `${type} ${name}`.trim())
    for (const type of ['open', 'frame ping', 'frame pong', 'pong', 'frame text', 'message', 'frame close'])
      assert.ok(types.includes(type), type)
    const { code: closeCode, clean, initiator } = records(out).at(-1) ?? {}
    assert.deepEqual([closeCode, clean, initiator], [1000, true, 'local'])
    assert.deepEqual(records(out)[0]?.protocol, 'chat')
    assert.equal(code, 0)
  })

  test('takes commands with a slash when it is told to', async (t) => {
    const closed = deferred<number>()
    const url = await serve(t, { message: () => undefined, close: (_conn, { code }) => closed.resolve(code) })
    const { code, err } = await runTool(
      t,
      ['connect', url, '--slash', '--wait', 'forever'],
      '/nope\n/close 999\n/help\n/pong\n/close 4001 bye now\n',
    )
    assert.match(err, /there is no command '\/nope'/)
    assert.match(err, /\/close \[CODE \[REASON\]\] {2}/)
    assert.match(err, /closed by us: 4001 "bye now"/)
    assert.equal(await closed.promise, 4001)
    assert.equal(code, 1) // two of the lines could not be done
  })

  test('drops the connection when it is told to', async (t) => {
    const url = await serve(t)
    const { code, err } = await runTool(t, ['connect', url, '--slash', '--wait', 'forever'], '/terminate\n')
    assert.match(err, /closed without a closing handshake: 1006/)
    assert.equal(code, 1)
  })

  test('ends when the peer closes, though stdin is still open', async (t) => {
    const url = await serve(t, (conn) => conn.close(1001).then())
    const tool = startTool(t, 'connect', url)
    assert.equal(await tool.code, 0)
    assert.match(tool.err(), /closed by the peer: 1001/)
  })

  test('ends when nobody reads any more', async (t) => {
    const url = await serve(t, async (conn) => {
      for (let i = 0; !conn.signal.aborted; i++) {
        await conn.send(`${i}`)
        await turn()
      }
    })
    const tool = startTool(t, 'connect', url)
    await tool.printed(/0\n/)
    tool.child.stdout.destroy()
    assert.equal(await tool.code, 141)
  })

  test('holds a fast peer back when the output is slow, and loses nothing', async (t) => {
    const count = 20_000
    const line = 'x'.repeat(500)
    const sent = deferred<Conn>()
    const handler: Handler = async (conn) => {
      for (let i = 0; i < count; i++) await conn.send(line)
      sent.resolve(conn)
    }
    // All of it has to be printed before Close is answered.
    const url = await serve(t, handler, { closeTimeout: 120_000 })
    const { code, out } = await runTool(t, ['connect', url, '--wait', 'forever'])
    await sent.promise
    assert.equal(out.length, count * (line.length + 1))
    assert.equal(code, 0)
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    test(`closes politely on ${signal}`, async (t) => {
      const closed = deferred<number>()
      const url = await serve(t, { close: (_conn, { code }) => closed.resolve(code) })
      const tool = startTool(t, 'connect', url)
      await tool.printed(/connected/)
      tool.child.kill(signal)
      assert.equal(await tool.code, 130)
      assert.equal(await closed.promise, 1000)
    })

  test('connects again with --reconnect, and tells what went wrong', async (t) => {
    let count = 0
    const server: Server = createServer(
      upgrade(
        (conn) => {
          if (++count === 1) return conn.terminate()
          return conn.closed.then(() => undefined)
        },
        { accept: () => (count === 1 && refusals++ === 0 ? reject(503, { body: 'busy' }) : undefined) },
      ),
    )
    let refusals = 0
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    const tool = startTool(t, 'connect', url, '--reconnect', '--wait', 'forever', '--frames')
    await tool.printed(/connected[\s\S]*status 503[\s\S]*trying again\n[\s\S]*connected/)
    tool.child.stdin.end('hello\n')
    await tool.printed(/> text fin masked [0-9a-f]{8} 5 bytes "hello"/)
    tool.child.kill('SIGINT')
    assert.equal(await tool.code, 130)
  })

  test('gives up reconnecting where there is no hope', async (t) => {
    const url = await serve(t, echo, { accept: () => reject(401) })
    const { code, err } = await runTool(t, ['connect', url, '--reconnect'])
    assert.equal(code, 1)
    assert.match(err, /status 401/)
    assert.doesNotMatch(err, /trying again/)
  })
})

describe('fastws connect, where it is refused', () => {
  test('shows status, headers and body, escaped', async (t) => {
    const url = await serve(t, echo, {
      accept: () =>
        reject(403, { headers: { 'X-Why': 'because' }, body: `no\u001b[31m\n${'y'.repeat(1000)}` }),
    })
    const { code, stdout, stderr } = await runMain('connect', url, '-m', 'x')
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, /server answered 403 Forbidden\n {2}status 403\n/)
    assert.match(stderr, /\n {2}x-why: because\n/)
    assert.match(stderr, /\n {2}no\\u\{1b\}\[31m\n {2}y+\n {2}… 1008 bytes in all\n$/)
  })

  test('tells it as JSON', async (t) => {
    const url = await serve(t, echo, { accept: () => reject(403, { body: 'no' }) })
    const [record] = records((await runMain('connect', url, '-m', 'x', '--json')).stdout)
    assert.deepEqual([record?.type, record?.status, record?.body], ['error', 403, 'no'])
  })

  test('tells that nobody is there', async (t) => {
    const { code, stderr } = await runMain('connect', `ws://127.0.0.1:${await refusedPort(t)}`, '-m', 'x')
    assert.equal(code, 1)
    assert.match(stderr, /ECONNREFUSED/)
  })
})

describe('fastws connect, the way to the server', () => {
  const folder = (t: TestContext): string => {
    const path = mkdtempSync(join(tmpdir(), 'fastws-connect-'))
    t.after(() => rmSync(path, { recursive: true }))
    for (const [name, text] of Object.entries(tls)) writeFileSync(join(path, `${name}.pem`), text)
    return path
  }
  const secure = async (t: TestContext, more: object = {}): Promise<number> =>
    listen(t, createTlsServer({ key: tls.key, cert: tls.cert, ...more }, upgrade(echo)))

  test('trusts an authority, anybody, or nobody', async (t) => {
    const port = await secure(t)
    const args = ['connect', `wss://localhost:${port}`, '-m', 'x', '--count', '1'] as const
    assert.equal((await runMain(...args, '--ca', join(folder(t), 'ca.pem'))).code, 0)
    assert.equal((await runMain(...args, '-k')).code, 0)
    const { code, stderr } = await runMain(...args)
    assert.equal(code, 1)
    assert.match(stderr, /unable to verify/)
  })

  test('verifies the name it is told', async (t) => {
    const port = await secure(t)
    const ca = join(folder(t), 'ca.pem')
    const args = ['connect', `wss://127.0.0.1:${port}`, '-m', 'x', '--count', '1', '--ca', ca] as const
    assert.equal((await runMain(...args, '--servername', 'localhost')).code, 0)
  })

  test('shows a certificate of its own', async (t) => {
    const port = await secure(t, { ca: tls.ca, requestCert: true, rejectUnauthorized: true })
    const path = folder(t)
    const args = ['connect', `wss://localhost:${port}`, '-m', 'x', '--count', '1', '-k'] as const
    const own = ['--cert', join(path, 'clientCert.pem'), '--key', join(path, 'clientKey.pem')]
    assert.equal((await runMain(...args, ...own)).code, 0)
    assert.equal((await runMain(...args)).code, 1)
  })

  test('goes through a proxy, and follows redirects when told to', async (t) => {
    const url = await serve(t)
    const asked: (string | undefined)[] = []
    const proxy = createServer().on('connect', (request, socket: Socket) => {
      asked.push(request.url)
      const onwards = connectTcp(Number(new URL(`http://${request.url}`).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onwards).pipe(socket)
      })
      socket.on('error', () => onwards.destroy())
      onwards.on('error', () => socket.destroy())
    })
    const through = `http://127.0.0.1:${await listen(t, proxy)}`
    const args = ['-m', 'x', '--count', '1'] as const
    assert.equal((await runMain('connect', url, '--proxy', through, ...args)).stdout, 'x\n')
    assert.deepEqual(asked.filter(isPresent), [new URL(url).host])
    const elsewhere = createServer((_request, response) =>
      response.writeHead(302, { Location: url.replace('ws:', 'http:') }).end(),
    )
    const from = `ws://127.0.0.1:${await listen(t, elsewhere)}`
    assert.equal((await runMain('connect', from, ...args)).code, 1)
    assert.equal((await runMain('connect', from, '--redirects', '1', ...args)).stdout, 'x\n')
  })

  test('offers no compression when told so, and an origin', async (t) => {
    const url = await serve(t, (conn) => conn.send(conn.extensions.join()), {
      compress: true,
      origins: ['http://example.com'],
    })
    const args = ['connect', url, '--wait', 'forever', '-m', '', '-o', 'http://example.com'] as const
    assert.equal((await runMain(...args)).stdout, 'permessage-deflate\n')
    assert.equal((await runMain(...args, '--no-compress')).stdout, '\n')
    assert.equal((await runMain('connect', url, '-m', '', '-o', 'http://elsewhere')).code, 1)
  })
})

describe('fastws connect, called wrongly', () => {
  for (const [args, message] of [
    [[], /a URL is needed/],
    [['ws://a', 'b'], /one URL is enough: what is 'b'\?/],
    [['localhost:8080'], /did you mean ws:\/\/localhost:8080\?/],
    [['ftp://localhost'], /'ftp:\/\/localhost' is no URL with/],
    [['ws://a', '-H', 'nonsense'], /--header must be 'Name: value'/],
    [['ws://a', '-m', 'x', '-H', 'Upgrade: x'], /headers\['Upgrade'\]/],
    [['ws://a', '--send', 'morse'], /--send must be one of text, binary, hex, base64/],
    [['ws://a', '--wait', 'long'], /--wait must be an integer/],
    [['ws://a', '--count', '0'], /--count must be/],
    [['ws://a', '--ca', '/does/not/exist'], /--ca: ENOENT/],
    [['ws://a', '-m', 'x', '-s', 'a b'], /protocols/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stdout, stderr } = await runMain('connect', ...args)
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      assert.match(stderr, /try fastws connect --help\n$/)
    })

  test('tells all of its options for --help', async () => {
    const { code, stdout } = await runMain('connect', '--help')
    assert.equal(code, 0)
    assert.match(stdout, /^ {2}-H, --header LINE {2,}a header/m)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })
})
