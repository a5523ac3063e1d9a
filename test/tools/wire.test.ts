import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { HandshakeError, upgrade } from '../../src/index.js'
import { reach } from '../../src/tools/reach.js'
import { dialWire, type WireWatcher } from '../../src/tools/wire.js'
import { acceptKey, deferred, isPending, listen, once, tls, turn } from '../support/index.js'
import { runMain } from './run-main.js'
import { startTool } from './run-tool.js'
import { folderFor } from './wire-program.js'

/** A server that answers the handshake in these pieces, with its accept key where KEY stands. */
async function answering(
  t: TestContext,
  pieces: readonly string[],
  then: (socket: Socket) => void = () => undefined,
): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    t.after(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.once('data', async (request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(String(request))?.[1] ?? ''
      for (const piece of pieces) {
        await new Promise((resolve) => socket.write(piece.replace('KEY', acceptKey(key)), resolve))
        await turn()
      }
      then(socket)
    })
  })
  return listen(t, server)
}

const ANSWER =
  'HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n'

/** Keeps what it is told. */
class Watcher implements WireWatcher {
  readonly told: string[] = []
  #wake = (): void => undefined
  opened({ line }: { line: string }): void {
    this.#tell(line)
  }
  bytes(direction: string, bytes: Buffer): void {
    this.#tell(`${direction} ${bytes.length > 8 ? bytes.length : bytes.toString('hex')}`)
  }
  ended(how: string): void {
    this.#tell(how)
  }
  /** Until one of them has been told. */
  async until(...texts: string[]): Promise<void> {
    while (!texts.some((text) => this.told.includes(text)))
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
  }
  #tell(text: string): void {
    this.told.push(text)
    this.#wake()
  }
}

/** What OpenSSL calls bytes that are no TLS: another version has another name for them. */
const NO_TLS = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_BAD_RECORD_TYPE'].map((code) => `broke TCP: ${code}`)

/** A server with TLS, and a way to it on which `spoil()` puts what is no TLS. */
async function spoilt(
  t: TestContext,
  asked: (spoil: () => void) => void,
): Promise<{ url: string; spoil: () => void }> {
  let way: Socket | undefined
  const spoil = (): void => void way?.write('this is no TLS')
  const accept = (): undefined => void asked(spoil)
  const door = upgrade({ message: () => undefined }, { accept })
  const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, door))
  const relay = createServer((socket) => {
    way = socket
    const onwards = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => onwards.destroy()).pipe(onwards)
    onwards.on('error', () => socket.destroy()).pipe(socket)
  })
  return { url: `wss://localhost:${await listen(t, relay)}`, spoil }
}

const opened = async (
  t: TestContext,
  port: number,
  url = `ws://127.0.0.1:${port}`,
): Promise<Awaited<ReturnType<typeof dialWire>> & { watcher: Watcher }> => {
  const watcher = new Watcher()
  const { conn, wire } = await dialWire(url, { tls: { ca: tls.ca } }, watcher)
  t.after(() => wire.destroy())
  t.after(() => conn.terminate())
  return { conn, wire, watcher }
}

describe('a wire', () => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'
  for (const [name, pieces] of [
    ['interim answers', [`${hints}${hints}${ANSWER}\x01a`]],
    [
      'an answer in pieces',
      [hints.slice(0, 9), hints.slice(9) + ANSWER.slice(0, 20), ANSWER.slice(20), '\x01a'],
    ],
  ] as const)
    test(`finds the frames behind ${name}`, async (t) => {
      const { watcher } = await opened(t, await answering(t, pieces))
      await watcher.until('received 0161')
      assert.deepEqual(watcher.told, ['HTTP/1.1 101 x', 'received 0161'])
    })

  for (const end of ['resume', 'destroy'] as const)
    test(`waits until there is room for more, or never will be: ${end}`, async (t) => {
      let server: Socket | undefined
      const port = await answering(t, [ANSWER], (socket) => {
        server = socket.pause()
      })
      const { wire } = await opened(t, port)
      const injected = wire.inject(Buffer.alloc(32 << 20))
      assert.equal(await isPending(injected), true)
      server?.[end]()
      await injected
      assert.equal(wire.isWritable, end === 'resume')
    })

  test('says how the way broke, and then writes nothing more', async (t) => {
    const { url, spoil } = await spoilt(t, () => undefined)
    const { wire, watcher } = await opened(t, 0, url)
    spoil()
    await watcher.until(...NO_TLS)
    await wire.inject(Buffer.from('late'))
    assert.equal(watcher.told.length, 2)
    assert.ok(NO_TLS.includes(watcher.told[1]!))
  })

  test('breaks the handshake when the way breaks', async (t) => {
    const { url } = await spoilt(t, (spoil) => spoil())
    const watcher = new Watcher()
    await assert.rejects(dialWire(url, { tls: { ca: tls.ca } }, watcher), HandshakeError)
    assert.equal(watcher.told.length, 1)
    assert.ok(NO_TLS.includes(watcher.told[0]!), watcher.told[0])
  })

  test('keeps to itself what the connection that is held back would say', async (t) => {
    const got = deferred<string>()
    const port = await answering(t, [ANSWER], (socket) =>
      socket.on('data', (chunk) => got.resolve(String(chunk))),
    )
    const { conn, wire, watcher } = await opened(t, port)
    await conn.send('hidden')
    await wire.inject(Buffer.from('shown'))
    assert.equal(await got.promise, 'shown')
    assert.deepEqual(watcher.told, ['HTTP/1.1 101 x', 'sent 73686f776e'])
  })

  test('drops TLS where TCP would be reset', async (t) => {
    const closed = deferred<number>()
    const door = upgrade({ message: () => undefined, close: (_conn, { code }) => closed.resolve(code) })
    const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, door))
    const { wire } = await opened(t, port, `wss://127.0.0.1:${port}`)
    wire.reset()
    assert.equal(await closed.promise, 1006)
    assert.equal(wire.isWritable, false)
  })
})

describe('fastws send, on its way to a server', () => {
  const script = 'text "a"; expect text "a"'
  const echo = upgrade({ message: (conn, message) => conn.send(message) })

  test('ends at once when the handshake cannot be asked for', async (t) => {
    const port = await listen(t, createHttpServer(echo))
    const tool = startTool(t, 'send', `ws://127.0.0.1:${port}`, '--protocol', 'a b', script)
    assert.equal(await tool.code, 2)
    assert.match(tool.err(), /Cannot use protocols/)
  })

  for (const [url, proxy, message] of [
    ['ws://localhost', 'nonsense', /--proxy must be an http: or https: URL, not 'nonsense'/],
    ['ws://localhost', 'socks5://localhost:1080', /--proxy must be an http: or https: URL/],
    ['ws+unix:/nowhere:/', 'http://localhost:3128', /--proxy leads to no unix socket/],
  ] as const)
    test(`refuses ${url} through ${proxy}`, async () => {
      const { code, stderr } = await runMain('send', url, '--proxy', proxy, script)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })

  test('speaks TLS on a unix socket, with all the time in the world', async (t) => {
    const path = join(folderFor(t), 's')
    const server = createTlsServer({ key: tls.key, cert: tls.cert }, echo).listen(path)
    t.after(() => server.close())
    await once(server, 'listening')
    const args = ['send', `wss+unix:${path}:/x`, '--timeout', '0', '--patience', '60000', script]
    assert.equal((await runMain(...args, '-k')).code, 0)
    const { code, stderr } = await runMain(...args)
    assert.equal(code, 1)
    assert.match(stderr, /connecting to localhost with TLS failed/)
  })
})

describe('reach', () => {
  test('asks a proxy for the port that a URL leaves out', async (t) => {
    const asked: (string | undefined)[] = []
    const proxy = createHttpServer().on('connect', ({ url }, socket: Socket) => {
      asked.push(url)
      socket.end('HTTP/1.1 403 No\r\n\r\n')
    })
    const through = { proxy: `http://127.0.0.1:${await listen(t, proxy)}`, timeout: 0 }
    for (const url of ['ws://a.test', 'wss://a.test', 'ws://a.test:81'])
      await assert.rejects(reach(url, through), { code: 'WS_ERR_PROXY', status: 403 })
    assert.deepEqual(asked, ['a.test:80', 'a.test:443', 'a.test:81'])
  })

  test('verifies whoever speaks TLS: a server, a proxy', async (t) => {
    const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }))
    const there = `localhost:${port}`
    for (const [url, options] of [
      [`wss://${there}`, {}],
      ['ws://a.test', { proxy: `https://${there}` }],
    ] as const)
      await assert.rejects(reach(url, options), (error: HandshakeError) => {
        assert.equal(error.code, 'WS_ERR_SOCKET')
        return /unable to verify|self-signed|unable to get/.test(String(error.cause))
      })
  })

  test('waits for nobody who stays silent: a server with TLS, a proxy', async (t) => {
    const port = await listen(
      t,
      createServer((socket) => t.after(() => socket.destroy())),
    )
    const there = `127.0.0.1:${port}`
    for (const [url, options] of [
      [`wss://${there}`, {}],
      ['ws://a.test', { proxy: `http://${there}` }],
    ] as const)
      await assert.rejects(reach(url, { ...options, timeout: 30 }), (error: HandshakeError) =>
        /no answer for 30 ms/.test(String(error.cause)),
      )
  })
})
