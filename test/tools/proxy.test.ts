import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import dns from 'node:dns'
import { createReadStream, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text as streamText } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { encodeFrame, Frame, Opcode } from '../../src/frame/index.js'
import { parseCall } from '../../src/tools/command.js'
import { Output } from '../../src/tools/output.js'
import { proxyCommand } from '../../src/tools/proxy/command.js'
import { authorityOf, parseEndpoint, parseTarget } from '../../src/tools/proxy/endpoint.js'
import { Rewriter } from '../../src/tools/proxy/rewrite.js'
import { Screen } from '../../src/tools/proxy/screen.js'
import { type ProxySettings, startProxy } from '../../src/tools/proxy/server.js'
import { type Sink, Sinks } from '../../src/tools/proxy/sink.js'
import type { WireEvent } from '../../src/tools/recording/events.js'
import { deferred, listen, once, rawConnect, rawServer, refusedPort, tls } from '../support/index.js'
import { runMain } from './run-main.js'
import { folderFor, startProgram, written } from './wire-program.js'

/** A proxy in this process, and what it has seen. */
async function proxyTo(
  t: TestContext,
  target: string,
  settings: Partial<ProxySettings> & { sink?: Sink } = {},
) {
  const events: WireEvent[] = []
  const notes: string[] = []
  const note = (text: string): void => void notes.push(text)
  const ended = deferred()
  const collect: Sink = {
    take(event) {
      events.push(event)
      if (event.type === 'end') ended.resolve()
    },
  }
  const proxy = await startProxy({
    listen: { host: '127.0.0.1', port: 0 },
    target: parseTarget(target),
    maxFrame: 1 << 20,
    rewrites: false,
    insecure: false,
    now: () => performance.now(),
    sinks: new Sinks([collect, ...(settings.sink === undefined ? [] : [settings.sink])], note),
    note,
    ...settings,
  })
  t.after(() => proxy.close())
  return { port: Number(proxy.authority.split(':')[1]), events, notes, ended: ended.promise, proxy }
}

/** Both ends of a connection through the proxy: a byte of the client has come to the server. */
async function through(t: TestContext, port: number, target: Awaited<ReturnType<typeof rawServer>>) {
  const near = await rawConnect(port, { t })
  near.write('00')
  const far = await target.accept()
  await far.read(1)
  return { near, far }
}

/** An echo of `ws`, with compression in both directions. */
async function wsEcho(t: TestContext): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } })
  server.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  )
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

/** `fastws proxy` in a process of its own, in front of an echo; `port` is where it listens. */
async function proxyBefore(t: TestContext, echo: number, ...args: readonly string[]) {
  const program = startProgram(t, ['proxy', '0', `127.0.0.1:${echo}`, ...args])
  const [, port] = await program.note(/listening on 127\.0\.0\.1:(\d+)/)
  return { program, port }
}

/** Talks to an echo through a proxy, and closes. */
async function talk(url: string, messages: readonly (string | Buffer)[]): Promise<void> {
  const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } })
  await once(socket, 'open')
  for (const message of messages) {
    socket.send(message)
    await once(socket, 'message')
  }
  socket.close(1000, 'bye')
  await once(socket, 'close')
}

const texts = (events: readonly WireEvent[], direction: string): (string | undefined)[] =>
  events.flatMap((event) =>
    event.type === 'frame' && event.direction === direction && !event.frame.isControl
      ? [event.message?.data.toString()]
      : [],
  )

describe('proxy', () => {
  test('passes on every byte as it is, whatever it is', async (t) => {
    const target = await rawServer(t)
    const { port } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const near = await rawConnect(port, { t })
    const far = await target.accept()
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const bytes = randomBytes(300_000)
      for (let at = 0; at < bytes.length; at += 7919) from.write(bytes.subarray(at, at + 7919))
      assert.ok((await to.read(bytes.length)).equals(bytes))
    }
  })

  test('passes on half-closed connections', async (t) => {
    const target = await rawServer(t)
    const { port, events, ended } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const near = await rawConnect(port, { t })
    const far = await target.accept()
    near.write('0102')
    near.socket.end()
    await far.read(2)
    await ended
    far.write('0304')
    assert.equal((await near.read(2)).toString('hex'), '0304')
    far.socket.end()
    assert.equal(await near.closed, undefined)
    const end = events.at(-1)
    assert.ok(end?.type === 'end')
    assert.deepEqual([end.direction, end.how, end.sent], ['sent', 'end', 2])
  })

  for (const side of ['client', 'server'] as const)
    test(`passes on a reset by the ${side}`, async (t) => {
      const target = await rawServer(t)
      const { port, events, ended } = await proxyTo(t, `127.0.0.1:${target.port}`)
      const { near, far } = await through(t, port, target)
      far.write('00')
      await near.read(1)
      const [breaks, sees] = side === 'client' ? [near, far] : [far, near]
      ;(breaks.socket as Socket).resetAndDestroy()
      assert.equal(((await sees.closed) as NodeJS.ErrnoException).code, 'ECONNRESET')
      await ended
      const end = events.at(-1)
      assert.ok(end?.type === 'end')
      assert.deepEqual([end.direction, end.how], [side === 'client' ? 'sent' : 'received', 'ECONNRESET'])
    })

  test('passes a reset on to a server that speaks TLS as an end', async (t) => {
    const target = await rawServer(t, { key: tls.key, cert: tls.cert })
    const { port, events, ended } = await proxyTo(t, `wss://localhost:${target.port}`, { insecure: true })
    const { near, far } = await through(t, port, target)
    ;(near.socket as Socket).resetAndDestroy()
    await far.closed
    await ended
    const end = events.at(-1)
    assert.ok(end?.type === 'end')
    assert.deepEqual([end.direction, end.how], ['sent', 'ECONNRESET'])
  })

  for (const both of [false, true])
    test(`ends once when the client resets while the server ${both ? 'does, too' : 'sends'}`, async (t) => {
      const target = await rawServer(t)
      const { port, events, ended, proxy } = await proxyTo(t, `127.0.0.1:${target.port}`)
      const { near, far } = await through(t, port, target)
      // In one turn, so that the proxy finds both at once.
      ;(near.socket as Socket).resetAndDestroy()
      if (both) (far.socket as Socket).resetAndDestroy()
      else far.write('01')
      await Promise.all([near.closed, far.closed, ended])
      await proxy.close()
      assert.equal(events.filter(({ type }) => type === 'end').length, 1)
      const end = events.at(-1)
      assert.ok(end?.type === 'end')
      assert.deepEqual([end.direction, end.how], ['sent', 'ECONNRESET'])
    })

  test('passes on a reset by the server that is found by writing', async (t) => {
    const target = await rawServer(t)
    const { port, events, ended } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const { near, far } = await through(t, port, target)
    // The bytes come first, and are passed on to where nobody is any more.
    near.write('01')
    ;(far.socket as Socket).resetAndDestroy()
    assert.equal(((await near.closed) as NodeJS.ErrnoException).code, 'ECONNRESET')
    await ended
    const end = events.at(-1)
    assert.ok(end?.type === 'end')
    assert.equal(end.direction, 'received')
    assert.match(end.how, /^(?:ECONNRESET|EPIPE)$/)
  })

  test('lets go of the target when the client goes in the turn in which it is reached', async (t) => {
    const target = await rawServer(t)
    const { port, events } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const near = await rawConnect(port, { t })
    await new Promise(setImmediate)
    ;(near.socket as Socket).resetAndDestroy()
    const far = await target.accept()
    assert.equal((await far.readToEnd()).length, 0)
    far.socket.end()
    await far.closed
    assert.ok(events.every(({ type }) => type === 'end'))
  })

  test('tells the client that the target cannot be reached', async (t) => {
    const nobody = await refusedPort(t)
    const { port, notes } = await proxyTo(t, `127.0.0.1:${nobody}`)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`)
    const error = await once<Error>(socket, 'error')
    assert.match(error.message, /502/)
    assert.deepEqual(notes, [`#1 127.0.0.1:${nobody} cannot be reached: ECONNREFUSED`])
  })

  test('lets go of the target when the client has gone before it was reached', async (t) => {
    const { port, notes, proxy, events } = await proxyTo(t, 'nowhere.test:9')
    const asked = deferred()
    t.mock.method(dns, 'lookup', () => asked.resolve()) // nobody ever says where that is
    const near = await rawConnect(port, { t })
    await asked.promise
    ;(near.socket as Socket).resetAndDestroy()
    await near.closed
    await proxy.close()
    assert.deepEqual([notes, events], [[], []])
  })

  test('shows compressed messages of both sides, with context takeover', async (t) => {
    const { port, events, ended } = await proxyTo(t, `127.0.0.1:${await wsEcho(t)}`)
    const said = ['once upon a time', 'once upon a time', 'x'.repeat(100_000), 'once upon a time there was']
    await talk(`ws://127.0.0.1:${port}/path`, said)
    await ended
    assert.deepEqual(texts(events, 'sent'), said)
    assert.deepEqual(texts(events, 'received'), said)
    const [handshake] = events
    assert.ok(handshake?.type === 'handshake')
    assert.equal(handshake.request?.line, 'GET /path HTTP/1.1')
    const sizes = events.map((event) =>
      event.type === 'frame' && event.direction === 'sent' ? event.frame.length : 0,
    )
    assert.ok((sizes[2] ?? 0) < (sizes[1] ?? 0), 'the second one looks back at the first')
    assert.ok(events.every((event) => event.type !== 'frame' || event.faults.length === 0))
  })

  test('passes on what is wrong, and says so', async (t) => {
    const target = await rawServer(t)
    const { port, events, ended } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const near = await rawConnect(port, { t })
    const far = await target.accept()
    near.writeText('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
    await far.readUntil('\r\n\r\n')
    far.writeText('HTTP/1.1 101 x\r\n\r\n')
    await near.readUntil('\r\n\r\n')
    near.write('8301ff')
    assert.equal((await far.read(3)).toString('hex'), '8301ff')
    near.write('81ff')
    near.write('ff'.repeat(100))
    assert.equal((await far.read(102)).length, 102)
    near.socket.end()
    await ended
    const [, frame, stop] = events
    assert.ok(frame?.type === 'frame' && stop?.type === 'stop')
    assert.equal(frame.faults.length, 2)
    assert.equal(stop.reason, 'The length is no length (RFC 6455 §5.2)')
  })

  test('reaches servers that speak TLS, and trusts nobody unless told to', async (t) => {
    const target = await rawServer(t, { key: tls.key, cert: tls.cert })
    const trusting = await proxyTo(t, `wss://localhost:${target.port}`, { insecure: true })
    const near = await rawConnect(trusting.port, { t })
    const far = await target.accept()
    near.write('0102')
    assert.equal((await far.read(2)).toString('hex'), '0102')
    far.socket.end(Buffer.from('03', 'hex'))
    assert.equal((await near.read(1)).toString('hex'), '03')
    const strict = await proxyTo(t, `wss://localhost:${target.port}`)
    const refused = await rawConnect(strict.port, { t })
    assert.match((await refused.readUntil('\r\n')).toString(), /^HTTP\/1.1 502 /)
    assert.match(strict.notes[0] ?? '', /UNABLE_TO_VERIFY|SELF_SIGNED/)
  })

  test('lets a slow side slow the other one, and piles nothing up', async (t) => {
    const arrived = deferred<Socket>()
    const server = createTcpServer({ pauseOnConnect: true }, (socket) => arrived.resolve(socket))
    const { port } = await proxyTo(t, `127.0.0.1:${await listen(t, server)}`)
    const near = await rawConnect(port, { t })
    const all = 64 << 20
    const before = process.memoryUsage().arrayBuffers
    near.write(Buffer.alloc(all))
    const far = await arrived.promise
    t.after(() => far.destroy())
    const socket = near.socket as Socket
    // When nothing has moved for so many turns, it is stuck: in the kernel's memory, and not in ours.
    for (let still = 0, before = 0; still < 20_000; still++) {
      await new Promise(setImmediate)
      const gone = all - socket.writableLength
      if (gone !== before) still = 0
      before = gone
    }
    const taken = process.memoryUsage().arrayBuffers - before
    assert.ok(taken < all + (24 << 20), `${taken} bytes`)
    let count = 0
    far.on('data', (chunk) => {
      count += chunk.length
    })
    far.resume()
    near.socket.end()
    await once(far, 'end')
    assert.equal(count, all)
  })

  test('lets connections wait for who looks on, and says so when it takes long', async (t) => {
    const room = deferred()
    let isFull = true
    const slow: Sink = {
      name: 'the scribe',
      take: () => undefined,
      get drained() {
        return isFull ? room.promise : undefined
      },
    }
    const target = await rawServer(t)
    const { port, notes } = await proxyTo(t, `127.0.0.1:${target.port}`, { sink: slow })
    const near = await rawConnect(port, { t })
    const far = await target.accept()
    const bytes = randomBytes(1 << 20)
    near.write(bytes)
    while (notes.length === 0) await new Promise(setImmediate)
    assert.deepEqual(notes, ['connections wait for the scribe: it takes no more'])
    assert.ok(far.buffered.length < bytes.length)
    isFull = false
    room.resolve()
    assert.ok((await far.read(bytes.length)).equals(bytes))
  })

  test('goes on when looking fails', async (t) => {
    const broken: Sink = {
      take() {
        throw new Error('no eyes')
      },
    }
    const { port, notes } = await proxyTo(t, `127.0.0.1:${await wsEcho(t)}`, { sink: broken })
    await talk(`ws://127.0.0.1:${port}`, ['one', 'two'])
    assert.deepEqual(notes, ['#1 is not looked at any further: no eyes'])
  })

  test('ends every connection with itself', async (t) => {
    const target = await rawServer(t)
    const { port, proxy, events } = await proxyTo(t, `127.0.0.1:${target.port}`)
    const near = await rawConnect(port, { t })
    const far = await target.accept()
    near.write('00')
    await far.read(1)
    await proxy.close()
    for (const peer of [near, far]) {
      peer.socket.end()
      await peer.closed
    }
    const end = events.at(-1)
    assert.ok(end?.type === 'end' && end.direction === undefined)
  })
})

describe('Rewriter', () => {
  const head = 'GET /a HTTP/1.1\r\nHost: localhost:9000\r\nX-Host: y\r\norigin: http://localhost:9000\r\n\r\n'
  const rewritten =
    'GET /a HTTP/1.1\r\nHost: example.org:8443\r\nX-Host: y\r\nOrigin: https://example.org:8443\r\n\r\n'

  test('puts the target into Host and Origin, however the head is cut', () => {
    for (let at = 0; at <= head.length; at++) {
      const rewriter = new Rewriter(parseTarget('wss://example.org:8443'))
      const pieces = [head.slice(0, at), head.slice(at), 'Host: body\r\n\r\n'].map((text) =>
        rewriter.push(Buffer.from(text)),
      )
      assert.equal(Buffer.concat(pieces).toString(), `${rewritten}Host: body\r\n\r\n`, `cut at ${at}`)
      assert.equal(rewriter.flush().length, 0)
    }
  })

  test('puts a target without TLS into Origin, and leaves lines alone that are no headers', () => {
    const rewriter = new Rewriter(parseTarget('ws://example.org'))
    const odd = 'GET / HTTP/1.1\r\nHosts\r\nOrigin:x\r\nOrigins\r\n\r\n'
    assert.equal(
      rewriter.push(Buffer.from(odd)).toString(),
      'GET / HTTP/1.1\r\nHosts\r\nOrigin: http://example.org\r\nOrigins\r\n\r\n',
    )
  })

  test('holds back nothing of a head that ends too early', async (t) => {
    const target = await rawServer(t)
    const { port } = await proxyTo(t, `127.0.0.1:${target.port}`, { rewrites: true })
    const near = await rawConnect(port, { t })
    near.writeText('GET / HTTP/1.1\r\nHost: loc')
    near.socket.end()
    const far = await target.accept()
    assert.equal((await far.readToEnd()).toString(), 'GET / HTTP/1.1\r\nHost: loc')
    far.socket.end()
    assert.equal(await near.closed, undefined)
  })

  test('lets go of what is no head', () => {
    const rewriter = new Rewriter(parseTarget('ws://example.org'))
    assert.equal(rewriter.push(Buffer.from('abc')).length, 0)
    assert.equal(rewriter.flush().toString(), 'abc')
    const endless = new Rewriter(parseTarget('ws://example.org'))
    assert.equal(endless.push(Buffer.alloc(70_000)).length, 70_000)
  })

  test('works from end to end', async (t) => {
    const target = await rawServer(t)
    const { port } = await proxyTo(t, `127.0.0.1:${target.port}`, { rewrites: true })
    const near = await rawConnect(port, { t })
    near.writeText('GET / HTTP/1.1\r\nHost: localhost')
    const far = await target.accept()
    near.writeText('\r\n\r\nrest')
    assert.equal(
      (await far.readUntil('rest')).toString(),
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\nrest`,
    )
    near.socket.end()
    far.socket.end()
    await far.closed
  })
})

describe('addresses', () => {
  test('of where to listen', () => {
    assert.deepEqual(parseEndpoint('LISTEN', '9000'), { host: '127.0.0.1', port: 9000 })
    assert.deepEqual(parseEndpoint('LISTEN', '[::1]:9000'), { host: '::1', port: 9000 })
    assert.equal(authorityOf(parseEndpoint('LISTEN', '[::1]:9000')), '[::1]:9000')
    for (const text of ['', ' ', 'x', ':9', '1:', '70000', 'host:-1', '0x50', '1e3', '8.0', '+80'])
      assert.throws(
        () => parseEndpoint('LISTEN', text),
        { message: /LISTEN must be PORT or HOST:PORT/ },
        text,
      )
  })

  test('of where to go', () => {
    const target = (text: string): unknown[] => {
      const { host, port, isSecure, authority } = parseTarget(text)
      return [host, port, isSecure, authority]
    }
    assert.deepEqual(target('localhost:8080'), ['localhost', 8080, false, 'localhost:8080'])
    assert.deepEqual(target('wss://example.org'), ['example.org', 443, true, 'example.org'])
    assert.deepEqual(target('http://[::1]:81/'), ['::1', 81, false, '[::1]:81'])
    assert.throws(() => parseTarget('ws://localhost/chat'), { message: /without a path/ })
    for (const text of ['ws://me:secret@localhost', 'me@localhost', 'me:secret@localhost:80'])
      assert.throws(() => parseTarget(text), { message: /without name and password/ }, text)
    const isSafe = ({ message }: Error): boolean =>
      message.startsWith('TARGET must be ws:') && !message.includes('secret')
    for (const text of ['ftp://me:secret@localhost', 'ws://me:secret@:x', 'me:secret@'])
      assert.throws(() => parseTarget(text), isSafe, text)
  })
})

describe('Screen', () => {
  const event: WireEvent = {
    type: 'frame',
    conn: 1,
    at: 1,
    direction: 'sent',
    offset: 0,
    frame: new Frame({ opcode: Opcode.Text, payload: 'x'.repeat(60) }),
    faults: [],
  }
  const screen = (isJson: boolean): { stdout: PassThrough; one: Screen } => {
    const stdout = new PassThrough({ highWaterMark: 100 })
    const output = new Output({ stdout, stderr: new PassThrough() })
    return { stdout, one: new Screen({ output, isJson, isLong: false, shown: undefined }) }
  }

  test('leaves lines out while nobody reads, and says how many', async () => {
    const { stdout, one } = screen(false)
    for (let i = 0; i < 5; i++) one.take(event)
    assert.equal(one.drained, undefined)
    const lines = written(stdout).trimEnd().split('\n')
    await once(stdout, 'readable')
    lines.push(...written(stdout).trimEnd().split('\n'))
    assert.match(lines[0] ?? '', /^#1 {7}1\.0 ms > text fin 60 bytes/)
    assert.equal(
      lines.at(-1),
      `… ${5 - (lines.length - 1)} more that are not shown: the reader of the output is slow`,
    )
  })

  test('lets connections wait for who reads records', async () => {
    const { stdout, one } = screen(true)
    one.take(event)
    const { drained } = one
    assert.ok(drained !== undefined)
    stdout.resume()
    await drained
    assert.equal(one.drained, undefined)
  })
})

describe('fastws proxy', () => {
  for (const [args, message] of [
    [['9000'], /two addresses are needed/],
    [['9000', 'a', 'b'], /two addresses are needed/],
    [['x', 'localhost'], /LISTEN must be/],
    [['0', 'ftp://localhost'], /TARGET must be/],
    [['0', 'localhost', '--web', 'x'], /--web must be/],
    [['0', 'localhost', '--record', '/does/not/exist.har'], /--record: ENOENT/],
    [['0', 'localhost', '--max-frame', 'x'], /--max-frame/],
    [['0', 'localhost', '--shown', '-1'], /--shown/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stdout, stderr } = await runMain('proxy', ...args)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })

  test('tells its options', async () => {
    const { code, stdout } = await runMain('proxy', '--help')
    assert.equal(code, 0)
    for (const option of ['--record FILE', '--web PORT', '--rewrite', '--json'])
      assert.ok(stdout.includes(option))
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })

  test('says that it cannot listen there', async (t) => {
    const taken = await listen(t, createTcpServer())
    const har = join(folderFor(t), 'a.har')
    // In a process of its own: neither the page nor a recording may keep it.
    const program = startProgram(t, ['proxy', String(taken), 'localhost:1', '--web', '0', '--record', har])
    await program.note(/^fastws proxy: .*EADDRINUSE/)
    assert.equal(await program.exit, 1)
    assert.ok(!existsSync(`${har}.part`))
  })

  test('shows and records what goes through, until Ctrl+C', async (t) => {
    const folder = folderFor(t)
    const [lines, har] = [join(folder, 'a.jsonl'), join(folder, 'a.har')]
    const echo = await wsEcho(t)
    const { program, port } = await proxyBefore(t, echo, '--record', lines, '--record', har)
    const said = ['Grüße', Buffer.from([1, 2, 3]), 'y'.repeat(200_000)]
    const begin = Date.now()
    await Promise.all([0, 1].map((i) => talk(`ws://127.0.0.1:${port}/chat?n=${i}`, said)))
    await program.line(/#2 .* ended the connection/)
    await program.line(/#1 .* ended the connection/)
    // Two of them, as npx passes one on: stopped meanwhile, it cannot have ended before the second has come.
    for (const signal of ['SIGSTOP', 'SIGINT', 'SIGTERM', 'SIGCONT'] as const) program.child.kill(signal)
    assert.equal(await program.exit, 0)
    assert.ok(program.lines.some((line) => /^#\d .* > binary fin .* inflated 3 bytes 010203$/.test(line)))
    for (const path of [lines, har]) assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(!existsSync(`${har}.part`))

    const records = readFileSync(lines, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([records[0].type, records[0].version], ['session', 1])
    assert.equal(records.filter(({ type }) => type === 'handshake').length, 2)
    assert.equal(records.filter(({ type }) => type === 'end').length, 2)
    assert.equal(records.filter(({ type }) => type === 'frame').length, 2 * 2 * (said.length + 1))

    const { log } = JSON.parse(readFileSync(har, 'utf8'))
    assert.deepEqual([log.version, log.creator.name, log.entries.length], ['1.2', 'fastws', 2])
    for (const entry of log.entries) {
      assert.equal(entry._resourceType, 'websocket')
      assert.match(entry.request.url, new RegExp(`^ws://127.0.0.1:${echo}/chat\\?n=[01]$`))
      assert.equal(entry.request.queryString[0].name, 'n')
      assert.equal(entry.response.status, 101)
      const messages: { type: string; time: number; opcode: number; data: string }[] =
        entry._webSocketMessages
      const expected = [
        [1, 'Grüße'],
        [2, 'AQID'],
        [1, 'y'.repeat(200_000)],
      ]
      for (const direction of ['send', 'receive'])
        assert.deepEqual(
          messages.filter(({ type }) => type === direction).map(({ opcode, data }) => [opcode, data]),
          expected,
        )
      // By the recording's own clock, of which milliseconds are cut off: the system's may be set meanwhile.
      const opened = Date.parse(entry.startedDateTime)
      assert.ok(Math.abs(opened - begin) < 3_600_000)
      for (const { time } of messages)
        assert.ok(time * 1000 >= opened - 1 && time * 1000 <= opened + entry.time + 2)
    }
    for (const path of [lines, har]) {
      const { code, stdout } = await runMain('dump', path, '--short')
      assert.equal(code, 0)
      assert.match(stdout, /"Grüße"/)
    }
  })

  test('shows no more of a payload than it is told to, and where to look on', async (t) => {
    const echo = await wsEcho(t)
    const program = startProgram(t, ['proxy', '0', `localhost:${echo}`, '--shown', '3', '--web', '0'])
    const [, port] = await program.note(/listening on 127\.0\.0\.1:(\d+), for ws:\/\/localhost:\d+$/)
    const [, url] = await program.note(/^open (http:\/\/127\.0\.0\.1:\d+\/\S+\/) to look on$/)
    assert.equal((await fetch(String(url))).status, 200)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await once(socket, 'open')
    socket.send('abcdef')
    const [line] = await program.line(/> text .*/)
    assert.match(line, /"abc"/)
    assert.ok(!line.includes('abcd'))
    socket.close()
    await program.line(/ended the connection/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
  })

  test('says that it speaks TLS with the target', async (t) => {
    const program = startProgram(t, ['proxy', '0', 'https://localhost'])
    await program.note(/listening on 127\.0\.0\.1:\d+, for wss:\/\/localhost$/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
  })

  test('ends at once when its output was closed before it began', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const output = new Output({ stdout, stderr })
    stdout.destroy(new Error('closed'))
    await once(stdout, 'error')
    const call = parseCall(proxyCommand, ['0', 'localhost:1'])
    assert.equal(await proxyCommand.run({ ...call, output, input: () => new PassThrough() }), 0)
  })

  test('prints what it records with --json', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'a.jsonl')
    const { program, port } = await proxyBefore(t, await wsEcho(t), '--json', '--record', path)
    await talk(`ws://127.0.0.1:${port}`, ['one'])
    await program.line(/"type":"end"/)
    program.child.kill('SIGTERM')
    assert.equal(await program.exit, 0)
    assert.deepEqual(program.lines, readFileSync(path, 'utf8').trimEnd().split('\n').slice(1))
  })

  test('ends when nobody reads its output any more, and keeps its recordings', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'a.har')
    const { program, port } = await proxyBefore(t, await wsEcho(t), '--record', path)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await once(socket, 'open')
    await program.line(/< Sec-WebSocket-Accept/)
    program.child.stdout.destroy()
    socket.send('kept')
    await once(socket, 'close')
    assert.equal(await program.exit, 141)
    assert.match(readFileSync(path, 'utf8'), /"data":"kept"/)
  })

  test('says that it cannot record any more, and goes on', async (t) => {
    const { program, port } = await proxyBefore(t, await wsEcho(t), '--quiet', '--record', '/dev/full')
    await program.note(/^\/dev\/full: nothing is recorded any more: ENOSPC/)
    await talk(`ws://127.0.0.1:${port}`, ['one', 'two'])
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 1)
    assert.deepEqual(program.lines, [])
  })

  test('says that a HAR could not be written', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'gone', 'a.har')
    execFileSync('mkdir', [join(folder, 'gone')])
    const { program, port } = await proxyBefore(t, await wsEcho(t), '--quiet', '--record', path)
    await talk(`ws://127.0.0.1:${port}`, ['one'])
    renameSync(join(folder, 'gone'), join(folder, 'elsewhere'))
    program.child.kill('SIGINT')
    await program.note(/a\.har: nothing is recorded any more: ENOENT/)
    assert.equal(await program.exit, 1)
  })

  test('says which messages are not in a HAR', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'a.har')
    const args = ['--quiet', '--record', path, '--max-frame', '10']
    const { program, port } = await proxyBefore(t, await wsEcho(t), ...args)
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    await once(socket, 'open')
    for (const text of ['much longer than that', 'short']) {
      socket.send(text)
      await once(socket, 'message')
    }
    program.child.kill('SIGINT')
    await program.note(/a\.har: 2 messages are not in it: they were too long, or broken/)
    assert.equal(await program.exit, 1)
    assert.match(readFileSync(path, 'utf8'), /"data":"short"/)
  })

  test('takes two signals at once for one, and ends at once with the next', async (t) => {
    const path = join(folderFor(t), 'fifo')
    execFileSync('mkfifo', [path])
    // Nobody reads there, so that the end of the recording has to be waited for.
    const program = startProgram(t, ['proxy', '0', 'localhost:1', '--record', path])
    await program.note(/listening/)
    // Of two kinds, so that neither can be taken for the other: ended by the second, it would say so. It stands still
    // meanwhile, so that they come at once however late we are.
    for (const signal of ['SIGSTOP', 'SIGINT', 'SIGTERM', 'SIGCONT'] as const) program.child.kill(signal)
    while (program.child.exitCode === null && program.child.signalCode === null) {
      await pause(100)
      program.child.kill('SIGINT')
    }
    assert.equal(await program.exit, 'SIGINT')
  })

  test('leaves nothing open when one of its parts cannot be opened', async (t) => {
    const har = join(folderFor(t), 'a.har')
    const args = ['proxy', '0', 'localhost:1', '--web', '0', '--record', har]
    const program = startProgram(t, [...args, '--record', '/does/not/exist.har'])
    assert.equal(await program.exit, 2)
    assert.ok(!existsSync(`${har}.part`))
    const taken = await listen(t, createTcpServer())
    const other = startProgram(t, ['proxy', '0', 'localhost:1', '--record', har, '--web', String(taken)])
    assert.equal(await other.exit, 1)
    assert.ok(!existsSync(`${har}.part`))
  })

  test('lets connections wait for a slow recording, and loses nothing', async (t) => {
    const folder = folderFor(t)
    const path = join(folder, 'fifo')
    execFileSync('mkfifo', [path])
    const { program, port } = await proxyBefore(t, await wsEcho(t), '--quiet', '--record', path)
    const text = 'z'.repeat(50_000)
    const done = talk(`ws://127.0.0.1:${port}`, [text, text, text])
    await program.note(/^connections wait for .*fifo: it takes no more$/)
    const recorded = streamText(createReadStream(path))
    await done
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 0)
    const frames = (await recorded)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'frame')
    assert.equal(frames.length, 2 * 4)
    assert.ok(frames.filter(({ inflated }) => inflated?.payload === text).length === 6)
  })
})

test('a frame that is passed on is never changed by being looked at', async (t) => {
  const target = await rawServer(t)
  const { port } = await proxyTo(t, `127.0.0.1:${target.port}`)
  const near = await rawConnect(port, { t })
  const far = await target.accept()
  near.writeText('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
  await far.readUntil('\r\n\r\n')
  far.writeText('HTTP/1.1 101 x\r\n\r\n')
  await near.readUntil('\r\n\r\n')
  const bytes = encodeFrame(new Frame({ masked: true, maskKey: 0x01020304, payload: randomBytes(100_000) }))
  near.write(bytes)
  assert.ok((await far.read(bytes.length)).equals(bytes))
})
