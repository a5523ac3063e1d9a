import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type DialOptions, dial } from '../../src/index.js'
import {
  acceptKey,
  clientFrame,
  closePayload,
  deferred,
  GUARD,
  once,
  type RawPeer,
  rawConnect,
  rawHandshake,
  rawServer,
  readHead,
  reset,
  serverFrame,
  tls,
  turn,
} from '../support/index.js'
import { inShort, openScene, until } from '../support/scene.js'
import { wireProxy } from '../support/wire-proxy.js'

const PROGRAM = fileURLToPath(new URL('child.js', import.meta.url))

interface Program {
  readonly process: ChildProcess
  /** The next line that it says. */
  line(): Promise<string>
  ask(line: string): Promise<string>
}

/** Runs a program of child.ts; `before` are the words of a command that is to start it. */
function run(t: TestContext, given: readonly string[], before: readonly string[] = []): Program {
  const [command = '', ...words] = [...before, process.execPath, PROGRAM, ...given]
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async (): Promise<string> => (await lines.next()).value ?? assert.fail('it said nothing more')
  return {
    process: child,
    line,
    ask(text) {
      child.stdin.write(text)
      return line()
    },
  }
}

/** Whether this machine lets us take a network of our own: then it can really go away. */
function ownNetwork(): readonly string[] | undefined {
  for (const words of [
    ['unshare', '-n'],
    ['unshare', '-rn'],
  ]) {
    try {
      const [command = '', ...rest] = [...words, 'ip', 'link', 'set', 'lo', 'up']
      execFileSync(command, rest, { stdio: 'ignore' })
      return [...words, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
    } catch {
      // Not allowed here, or not there at all.
    }
  }
  return undefined
}

describe('a peer that is killed', GUARD, () => {
  test('with SIGKILL is reported, and leaves nothing behind', async (t) => {
    const scene = await openScene(t)
    const client = run(t, ['client', String(scene.port)])
    assert.equal(await client.line(), 'open')
    const [conn] = scene.conns
    await conn?.send('hello')
    assert.equal(await client.line(), 'hello')
    client.process.kill('SIGKILL')
    await conn?.closed
    await scene.aftermath({ reports: ['1006 remote WS_ERR_EOF'] })
  })

  test('with SIGKILL in the midst of what we send is reported, too', async (t) => {
    const scene = await openScene(t, undefined, { whenFull: 'wait' })
    const client = run(t, ['client', String(scene.port)])
    assert.equal(await client.line(), 'open')
    const [conn] = scene.conns
    assert.ok(conn !== undefined)
    client.process.kill('SIGSTOP')
    // Turn by turn, until the kernel takes no more: it has bytes then that nobody will read.
    while (conn.bufferedAmount === 0) {
      void conn.send(Buffer.alloc(1 << 20))
      await turn()
    }
    client.process.kill('SIGKILL')
    await conn.closed
    await scene.aftermath({ reports: ['1006 remote WS_ERR_SOCKET'] })
  })

  test('with SIGKILL is noticed by its clients', async (t) => {
    const server = run(t, ['server'])
    const conn = await dial(`ws://127.0.0.1:${await server.line()}`)
    await conn.send('hello')
    assert.equal((await conn.read())?.text(), 'hello')
    const waits = conn.read()
    server.process.kill('SIGKILL')
    await assert.rejects(waits, { code: 1006 })
    assert.equal(inShort(await conn.closed), '1006 remote WS_ERR_EOF')
  })
})

describe('a network that vanishes', GUARD, () => {
  const namespace = ownNetwork()
  for (const [how, before] of [
    ['between two proxies', []],
    ...(namespace === undefined ? [] : [['with its link', namespace] as const]),
  ] as const)
    test(`${how} is noticed by both ends, and keeps no process`, async (t) => {
      const child = run(t, ['vanish', before.length === 0 ? 'proxy' : 'link'], before)
      const ended = once<number>(child.process, 'exit')
      assert.equal(await child.line(), 'client 1011 local WS_ERR_KEEPALIVE')
      assert.equal(await child.line(), 'server 1011 local WS_ERR_KEEPALIVE')
      assert.equal(await child.line(), 'and you?')
      assert.equal(await ended, 0)
    })
})

describe('bytes that come one at a time', GUARD, () => {
  const messages = [clientFrame(1, 'hello'), clientFrame(9, 'p'), clientFrame(2, Buffer.alloc(300, 7))]
  const request =
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

  /** Each byte in a packet of its own: the next one goes when the last has been read, of which `read` keeps count. */
  const drip = async (peer: RawPeer, bytes: Uint8Array, read: () => number): Promise<void> => {
    const before = read()
    for (const [i, byte] of bytes.entries()) {
      await until(() => read() === before + i)
      peer.write(Buffer.of(byte))
    }
  }

  for (const secure of [false, true])
    test(`are a handshake and frames all the same${secure ? ', over TLS' : ''}`, async (t) => {
      const scene = await openScene(t, undefined, { secure })
      const accepted = once<net.Socket>(scene.server, secure ? 'secureConnection' : 'connection')
      const peer = scene.adopt(
        await rawConnect(scene.port, { t, ...(secure ? { tls: { ca: tls.ca } } : {}) }),
      )
      const socket = await accepted
      await drip(peer, Buffer.from(request), () => socket.bytesRead)
      assert.equal((await readHead(peer)).status, 101)
      const conn = scene.conns[0]!
      const bytes = Buffer.concat([...messages, clientFrame(8, closePayload(1000))])
      await drip(peer, bytes, () => conn.stats.bytesIn)
      const frames = [
        await peer.readFrame(),
        await peer.readFrame(),
        await peer.readFrame(),
        await peer.readFrame(),
      ]
      assert.deepEqual(
        frames.map(({ opcode, payload }) => [opcode, payload.length]),
        [
          [1, 5],
          [10, 1],
          [2, 300],
          [8, 2],
        ],
      )
      assert.equal((await conn.closed).clean, true)
      await scene.aftermath({ reports: ['1000 remote clean'] })
    })

  test('are an answer to a client all the same', async (t) => {
    const server = await rawServer(t)
    const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    const dialled = dial(`ws://127.0.0.1:${server.port}`, { socket })
    const peer = await server.accept()
    const { headers } = await readHead(peer)
    const answer = [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
      `Sec-WebSocket-Accept: ${acceptKey(headers['sec-websocket-key'] ?? '')}\r\n\r\n`,
    ]
    await drip(peer, Buffer.from(answer.join('')), () => socket.bytesRead)
    const conn = await dialled
    const frames = Buffer.concat([serverFrame(1, 'hello'), serverFrame(8, closePayload(1000))])
    await drip(peer, frames, () => conn.stats.bytesIn)
    assert.equal((await conn.read())?.text(), 'hello')
    peer.socket.end()
    assert.equal(inShort(await conn.closed), '1000 remote clean')
  })
})

const outcomeOf = (sent: Promise<void>): Promise<string> =>
  sent.then(
    () => 'sent',
    (error: Error) => error.name,
  )

async function textsOf(peer: RawPeer, count: number): Promise<string[]> {
  const texts: string[] = []
  while (texts.length < count) texts.push((await peer.readFrame()).payload.toString())
  return texts
}

describe('a write that fails', GUARD, () => {
  for (const secure of [false, true])
    test(`in the midst of a batch costs only its own connection${secure ? ', over TLS' : ''}`, async (t) => {
      const scene = await openScene(t, undefined, { secure })
      const all = [await scene.connect(), await scene.connect(), await scene.connect()]
      const lost = all[1]!
      reset(lost.peer)
      // All in one turn: what goes to the three lies side by side, and the reset has not been read yet.
      const texts = Array.from({ length: 50 }, (_, i) => `message ${i} ${'x'.repeat(5_000)}`)
      const sent = texts.flatMap((one) => all.map(({ conn }) => outcomeOf(conn.send(one))))
      await lost.conn.closed
      assert.deepEqual(await textsOf(all[0]!.peer, 50), texts)
      assert.deepEqual(await textsOf(all[2]!.peer, 50), texts)
      for (const outcome of await Promise.all(sent))
        assert.ok(['sent', 'CloseError'].includes(outcome), outcome)
      for (const { conn } of all) conn.terminate()
      await scene.aftermath({
        reports: [
          '1006 remote WS_ERR_SOCKET',
          '1006 local WS_ERR_TERMINATED',
          '1006 local WS_ERR_TERMINATED',
        ],
      })
    })

  test('while a message streams tells the stream, which lets go of its source', async (t) => {
    const gone = deferred<string>()
    const sent = deferred<string>()
    const scene = await openScene(t, async (conn) => {
      const source = (async function* () {
        try {
          for (;;) {
            yield Buffer.alloc(100_000)
            await turn()
          }
        } finally {
          gone.resolve('let go')
        }
      })()
      conn.send(source).catch((error: Error) => sent.resolve(error.name))
      await conn.closed
    })
    const { peer, conn } = await scene.connect()
    await peer.read(100_000)
    reset(peer)
    await conn.closed
    assert.deepEqual(await Promise.all([gone.promise, sent.promise]), ['let go', 'CloseError'])
    await scene.aftermath({ reports: ['1006 remote WS_ERR_SOCKET'] })
  })
})

describe('what comes in the midst of TLS', GUARD, () => {
  const wrong: [string, Buffer][] = [
    ['an alert', Buffer.from('15030300020228', 'hex')],
    ['a record that nobody can read', Buffer.from(`1703030020${'ab'.repeat(32)}`, 'hex')],
    ['no record at all', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ]
  for (const [what, bytes] of wrong) {
    test(`${what} ends the connection of a server`, async (t) => {
      const scene = await openScene(t, undefined, { secure: true })
      const proxy = await wireProxy(t, scene.port)
      const client = await rawHandshake(proxy.port, { t, tls: { ca: tls.ca } })
      client.peer.write(clientFrame(1, 'hello').subarray(0, 8))
      await until(() => scene.conns[0]?.stats.bytesIn === 8)
      proxy.inject('server', bytes)
      await scene.conns[0]?.closed
      client.peer.destroy()
      await scene.aftermath({ reports: ['1006 remote WS_ERR_SOCKET'] })
    })

    test(`${what} ends the connection of a client`, async (t) => {
      const scene = await openScene(t, undefined, { secure: true })
      const proxy = await wireProxy(t, scene.port)
      const options: DialOptions = { tls: { ca: tls.ca, servername: 'localhost' } }
      const conn = await dial(`wss://127.0.0.1:${proxy.port}`, options)
      await conn.send('hello')
      assert.equal((await conn.read())?.text(), 'hello')
      proxy.inject('client', bytes)
      assert.equal(inShort(await conn.closed), '1006 remote WS_ERR_SOCKET')
      await scene.conns[0]?.closed
    })
  }
})

describe('close() during handshakes', GUARD, () => {
  test('of the server and of what upgrade() gave leaves nobody behind', async (t) => {
    const asked: (() => void)[] = []
    const scene = await openScene(t, undefined, {
      accept: ({ headers }) =>
        headers['x-slow'] === undefined
          ? undefined
          : new Promise<undefined>((resolve) => asked.push(() => resolve(undefined))),
    })
    const open = await scene.connect()
    const silent = scene.adopt(await rawConnect(scene.port, { t }))
    const half = scene.adopt(await rawConnect(scene.port, { t }))
    half.writeText('GET / HTTP/1.1\r\nHost: localhost\r\nUpg')
    const slow = scene.handshake({ headers: { 'X-Slow': '1' } })
    await until(() => asked.length === 1)

    const closed = once(scene.server, 'close')
    scene.server.close()
    const over = scene.ws.close({ timeout: 60_000 })
    assert.equal((await slow).head.status, 503)
    asked[0]!() // too late
    const frame = await open.peer.readFrame()
    assert.deepEqual([frame.opcode, frame.payload.readUInt16BE()], [8, 1001])
    open.peer.write(clientFrame(8, closePayload(1001)))
    await over
    for (const peer of [silent, half]) peer.socket.end()
    await scene.aftermath({ reports: ['1001 local clean'] })
    scene.leave()
    await closed
  })
})

describe('a process that may open no more files', GUARD, () => {
  test('keeps its connections, refuses others, and goes on when there is room', async (t) => {
    const child = run(t, ['scarce'], ['sh', '-c', 'ulimit -n 200; exec "$@"', 'sh'])
    const port = Number(await child.line())
    const honest = await dial(`ws://127.0.0.1:${port}`)
    const chat = async (): Promise<void> => {
      await honest.send('hello')
      assert.equal((await honest.read())?.text(), 'hello')
    }
    await chat()
    const attempts = Array.from({ length: 260 }, () =>
      rawHandshake(port, { t }).then(
        ({ peer }) => peer,
        () => undefined,
      ),
    )
    const opened = await Promise.all(attempts)
    assert.ok(opened.includes(undefined), 'there was no room for all')
    await chat()
    // No file for a socket of its own either: that is an error of dial(), and nothing else.
    assert.equal(await child.ask('dial'), 'HandshakeError')
    await chat()
    for (const peer of opened) peer?.destroy()
    await until(async () => (await child.ask('count')) === '1')
    const late = await dial(`ws://127.0.0.1:${port}`)
    await late.close()
    await chat()
    await honest.close()
    const reports = [
      '1000 remote clean', // late
      '1000 remote clean', // honest
      ...opened.filter((peer) => peer !== undefined).map(() => '1006 remote WS_ERR_EOF'),
    ]
    assert.equal(await child.ask(['aftermath', ...reports].join('\n')), 'nothing is left')
    assert.equal(child.process.exitCode, null)
  })
})
