import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type net from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import { Conn, type Extension, reject } from '../../src/index.js'
import { type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import {
  acceptKey,
  deferred,
  GUARD,
  listen,
  type RawPeer,
  rawAnswer,
  rawConnect,
  rawHandshake,
  rawServer,
  readHead,
  turn,
} from '../support/index.js'
import { leastCpuOf } from '../support/measure.js'
import { lines } from './attack.js'

const echo = upgrade(async (conn) => {
  for await (const message of conn) await conn.send(message)
})

/** A server whose HTTP side lets headers of any length through to us. */
const open = (t: TestContext, options: UpgradeOptions = {}): Promise<number> =>
  listen(
    t,
    createServer(
      { maxHeaderSize: 4 << 20 },
      upgrade(async (conn) => void (await conn.closed), options),
    ),
  )

const NAMES_OF_OBJECTS = [
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
]

/**
 * What reads each letter a few times takes a fifth of a second for a megabyte or two; what reads them by pairs a quarter of
 * an hour, and what compares each name with all others more than half a minute.
 */
const MEGABYTE = 1 << 20
const LINEAR = 5_000

describe('handshakes that a server is offered', GUARD, () => {
  test('GHSA-5v72-xg48-5rpm (ws 3.3.1): extensions and parameters may be called as what objects have', async (t) => {
    const port = await open(t, { compress: true })
    const offers = NAMES_OF_OBJECTS.flatMap((name) => [
      name,
      `${name}; ${name}`,
      `${name}; a=1; a=2`,
      `permessage-deflate; ${name}`,
      `permessage-deflate; ${name}=constructor, ${name}; ${name}="1"`,
    ])
    for (const offer of offers) {
      const { head } = await rawHandshake(port, { t, headers: { 'Sec-WebSocket-Extensions': offer } })
      assert.deepEqual([head.status, head.headers['sec-websocket-extensions']], [101, undefined], offer)
    }
    for (const name of NAMES_OF_OBJECTS) {
      const { head } = await rawHandshake(port, { t, headers: { 'Sec-WebSocket-Protocol': name } })
      assert.deepEqual([head.status, head.headers['sec-websocket-protocol']], [101, undefined], name)
    }
  })

  for (const [what, value] of [
    ['spaces between two names', `a${' '.repeat(MEGABYTE)}b`],
    ['spaces behind each comma', `a${`,${' '.repeat(1023)}b`.repeat(1024)}`],
    ['commas', `a${','.repeat(MEGABYTE)}b`],
    ['tabs and spaces', `a${' \t'.repeat(MEGABYTE / 2)}`],
    ['names', Array.from({ length: 2e5 }, (_, i) => `p${i}`).join(' , ')],
  ] as const)
    test(`CVE-2021-32640 (ws 7.4.6): a megabyte or two of ${what} in Sec-WebSocket-Protocol takes no time`, async (t) => {
      const port = await open(t, { protocols: ['chat'] })
      const cpu = await leastCpuOf(LINEAR, async () => {
        const { head } = await rawHandshake(port, { t, headers: { 'Sec-WebSocket-Protocol': value } })
        assert.ok(head.status === 101 || head.status === 400, head.line)
      })
      assert.ok(cpu < LINEAR, `${cpu} ms`)
    })

  for (const [what, value] of [
    ['a quoted string that does not end', `a; b="${'\\c'.repeat(MEGABYTE / 2)}`],
    ['backslashes', `a; b="${'\\'.repeat(MEGABYTE)}"`],
    ['spaces', `a; b=1${' '.repeat(MEGABYTE)}x`],
    ['semicolons', `a${'; '.repeat(MEGABYTE / 2)}`],
    ['parameters', `permessage-deflate${'; client_max_window_bits'.repeat(80_000)}`],
    ['offers', Array.from({ length: 100_000 }, () => 'permessage-deflate; x').join(',')],
  ] as const)
    test(`CVE-2020-7662 (websocket-extensions 0.1.4): a megabyte or two of ${what} in Sec-WebSocket-Extensions takes no time`, async (t) => {
      const port = await open(t, { compress: true })
      const cpu = await leastCpuOf(LINEAR, async () => {
        const { head } = await rawHandshake(port, { t, headers: { 'Sec-WebSocket-Extensions': value } })
        assert.ok(head.status === 101 || head.status === 400, head.line)
      })
      assert.ok(cpu < LINEAR, `${cpu} ms`)
    })

  for (const max of [1, 2, 3, 4, 5, 6])
    test(`CVE-2024-37890 (ws 8.17.1): a server that keeps ${max} headers of a handshake answers it`, async (t) => {
      const server = createServer(echo)
      server.maxHeadersCount = max
      const port = await listen(t, server)
      const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`X-${i}`, 'x']))
      for (const headers of [many, { ...many, Upgrade: undefined, ...{ uPGRADE: 'websocket' } }]) {
        const { head } = await rawHandshake(port, { t, headers })
        // Newer versions of Node answer 431 themselves.
        assert.ok([101, 400, 404, 426, 431].includes(head.status), head.line)
      }
    })

  for (const missing of ['Host', 'Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version'])
    test(`CVE-2024-37890 (ws 8.17.1): a handshake without ${missing} is refused in order`, async (t) => {
      const server = createServer({ requireHostHeader: false }, echo)
      const port = await listen(t, server)
      const { head } = await rawHandshake(port, { t, headers: { [missing]: undefined } })
      assert.ok(head.status === 400 || head.status === 426, head.line)
    })

  test('CVE-2023-43669 (tungstenite 0.20.1): a head that does not end is cut off by Node’s limits', async (t) => {
    const port = await listen(t, createServer(echo))
    const peer = await rawConnect(port, { t })
    peer.writeText('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nX: ')
    peer.writeText('x'.repeat(64 << 10))
    assert.equal((await readHead(peer)).status, 431)
  })

  test('CVE-2026-55517 (Deno 2.7.5): bytes above 0x7f in the offers are refused', async (t) => {
    const port = await listen(t, createServer(echo))
    for (let byte = 0x80; byte <= 0xff; byte++)
      for (const name of ['Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Sec-WebSocket-Key']) {
        const { head, peer } = await rawHandshake(port, {
          headers: { [name]: `chat${String.fromCharCode(byte)}` },
        })
        assert.equal(head.status, 400, `${name} 0x${byte.toString(16)}`)
        peer.destroy()
      }
  })
})

/** What breaks out of a header, a request line or a status line. */
const INJECTIONS = [
  'a\r\nX-Injected: 1',
  'a\nX-Injected: 1',
  'a\rX-Injected: 1',
  'a\r\n\r\nGET / HTTP/1.1',
  'a\0b',
]

describe('what we write into a handshake', GUARD, () => {
  const extension = (name: string, param: string, value: string): Extension => ({
    name,
    offer: () => [[[param, value]]],
    accept: () => [[param, value]],
    start: () => ({}),
  })

  for (const text of INJECTIONS) {
    const shown = JSON.stringify(text)
    const asked: [string, DialOptions][] = [
      ['the name of a header', { headers: { [text]: 'x' } }],
      ['a header', { headers: { 'X-A': text } }],
      ['one of several values', { headers: { 'X-A': ['a', text] } }],
      ['Host', { headers: { Host: text } }],
      ['Upgrade', { headers: { Upgrade: text } }],
      ['origin', { origin: text }],
      ['protocols', { protocols: text }],
      ['a list of protocols', { protocols: ['chat', text] }],
      ['the name of an extension', { extensions: [extension(text, 'p', '1')] }],
      ['a parameter', { extensions: [extension('e', text, '1')] }],
      ['the value of a parameter', { extensions: [extension('e', 'p', text)] }],
      ['a header for the proxy', { proxy: { url: 'http://127.0.0.1:PORT', headers: { 'X-A': text } } }],
      ['a hook', { onRequest: ({ headers }) => void Object.assign(headers, { 'x-a': text }) }],
      ['a name in a hook', { onRequest: ({ headers }) => void Object.assign(headers, { [text]: 'x' }) }],
    ]
    test(`CVE-2026-1527 (undici 6.24): dial() lets ${shown} through no option`, async (t) => {
      const server = await rawServer(t)
      const url = `ws://127.0.0.1:${server.port}/`
      for (const [what, options] of asked)
        await assert.rejects(
          dial(url, withPort(options, server.port)),
          (error: Error & { code?: string }) =>
            ['WS_ERR_ARGUMENT', 'WS_ERR_HANDLER'].includes(error.code ?? ''),
          what,
        )
    })

    test(`CVE-2026-1527 (undici 6.24): in a URL ${shown} is no more than a part of the URL`, async (t) => {
      const server = await rawServer(t)
      const urls = [
        `ws://127.0.0.1:${server.port}/${text}`,
        `ws://127.0.0.1:${server.port}/?q=${text}`,
        `ws://user${text}:pass${text}@127.0.0.1:${server.port}/`,
      ]
      for (const url of urls) {
        const dialled = dial(url, { compress: false }).catch((error: unknown) => error)
        const arrived = await Promise.race([server.accept(), dialled])
        if (arrived instanceof Error) continue // it is no URL, or nothing that may be sent
        const request = await readHead(arrived as RawPeer)
        assert.match(request.line, /^GET \/\S* HTTP\/1\.1$/)
        assert.equal(request.headers['x-injected'], undefined)
        assert.equal((arrived as RawPeer).buffered.length, 0)
        ;(arrived as RawPeer).destroy()
        await dialled
      }
    })

    const answered: [string, UpgradeOptions][] = [
      ['a header', { headers: () => ({ 'X-A': text }) }],
      ['the name of a header', { headers: () => ({ [text]: 'x' }) }],
      ['a header of accept', { accept: () => ({ headers: { 'X-A': text } }) }],
      ['Set-Cookie', { accept: () => ({ headers: { 'Set-Cookie': ['a=b', text] } }) }],
      ['a protocol', { accept: () => ({ protocol: text }) }],
      ['a chosen protocol', { protocols: () => text }],
      ['a parameter', { extensions: [extension('e', text, '1')] }],
      ['the value of a parameter', { extensions: [extension('e', 'p', text)] }],
      ['a header of a refusal', { accept: () => ({ status: 401, headers: { 'X-A': text } }) }],
      ['the name of a header of a refusal', { accept: () => reject(401, { headers: { [text]: 'x' } }) }],
    ]
    test(`CVE-2026-1527 (undici 6.24): upgrade() lets ${shown} through no hook`, async (t) => {
      for (const [what, options] of answered) {
        const errors: Error[] = []
        const ws = upgrade(() => undefined, { ...options, onError: (error) => void errors.push(error) })
        const port = await listen(t, createServer(ws))
        const headers = { 'Sec-WebSocket-Extensions': 'e', 'Sec-WebSocket-Protocol': 'chat' }
        const { head, peer } = await rawHandshake(port, { t, headers })
        assert.deepEqual([head.status, head.headers['x-injected'], errors.length], [500, undefined, 1], what)
        const rest = (await peer.readToEnd()).toString('latin1')
        assert.equal(rest.includes('Injected'), false, what)
      }
    })
  }

  test('CVE-2026-1527 (undici 6.24): upgrade() takes no such header to begin with', () => {
    for (const text of INJECTIONS) {
      assert.throws(() => upgrade(() => undefined, { headers: { 'X-A': text } }), { code: 'WS_ERR_ARGUMENT' })
      assert.throws(() => upgrade(() => undefined, { protocols: [text] }), { code: 'WS_ERR_ARGUMENT' })
      assert.throws(() => reject(401, { headers: { 'X-A': text } }), { code: 'WS_ERR_ARGUMENT' })
    }
  })
})

function withPort(options: DialOptions, port: number): DialOptions {
  const { proxy } = options
  if (typeof proxy !== 'object' || proxy instanceof URL) return options
  return { ...options, proxy: { ...proxy, url: String(proxy.url).replace('PORT', String(port)) } }
}

describe('handshakes that a client is answered', GUARD, () => {
  const refused = (dialled: Promise<unknown>): Promise<HandshakeError> =>
    dialled.then(
      () => assert.fail('it was opened'),
      (error: unknown) => {
        assert.ok(error instanceof HandshakeError, String(error))
        return error
      },
    )

  test('GHSA-5v72-xg48-5rpm (ws 3.3.1): an answer may name what objects have, and is refused', async (t) => {
    const server = await rawServer(t)
    for (const name of NAMES_OF_OBJECTS)
      for (const answer of [name, `permessage-deflate; ${name}`, `${name}; ${name}=1`]) {
        const dialled = refused(dial(`ws://127.0.0.1:${server.port}`, { compress: true }))
        await rawAnswer(await server.accept(), { headers: { 'Sec-WebSocket-Extensions': answer } })
        await dialled
      }
  })

  test('CVE-2026-55517 (Deno 2.7.5): bytes above 0x7f in an answer are refused', async (t) => {
    const server = await rawServer(t)
    for (let byte = 0x80; byte <= 0xff; byte++)
      for (const name of [
        'Sec-WebSocket-Protocol',
        'Sec-WebSocket-Extensions',
        'Sec-WebSocket-Accept',
        'Upgrade',
      ]) {
        const dialled = refused(dial(`ws://127.0.0.1:${server.port}`, { protocols: 'chat', compress: true }))
        const peer = await server.accept()
        await readHead(peer)
        peer.writeText(
          lines('HTTP/1.1 101 Switching Protocols', {
            Upgrade: 'websocket',
            Connection: 'Upgrade',
            [name]: `chat${String.fromCharCode(byte)}`,
          }),
        )
        await dialled
        peer.destroy()
      }
  })

  test('CVE-2023-43669 (tungstenite 0.20.1): a head that comes byte by byte is read once, up to 16 KiB', async (t) => {
    // The limit is what defends: up to there, to read all of it anew for each byte takes a fraction of a second, too.
    const server = await rawServer(t)
    const cpu = await leastCpuOf(LINEAR, async () => {
      const dialled = refused(dial(`ws://127.0.0.1:${server.port}`))
      const peer = await server.accept()
      await readHead(peer)
      peer.writeText('HTTP/1.1 101 Switching Protocols\r\nX: ')
      for (let i = 0; i < 20_000 && !peer.ended; i++) {
        peer.writeText('x')
        if (i % 100 === 0) await turn()
      }
      assert.match((await dialled).message, /head longer than 16384 bytes/)
    })
    assert.ok(cpu < LINEAR, `${cpu} ms`)
  })

  test('CVE-2020-7662 (websocket-extensions 0.1.4): an answer as long as it may be takes no time', async (t) => {
    const server = await rawServer(t)
    const cpu = await leastCpuOf(LINEAR, async () => {
      for (const value of [`a; b="${'\\c'.repeat(7000)}`, `a; b=1${' '.repeat(15_000)}x`]) {
        const dialled = refused(dial(`ws://127.0.0.1:${server.port}`, { compress: true }))
        await rawAnswer(await server.accept(), { headers: { 'Sec-WebSocket-Extensions': value } })
        await dialled
      }
    })
    assert.ok(cpu < LINEAR, `${cpu} ms`)
  })

  const right = acceptKey('AAAAAAAAAAAAAAAAAAAAAA==')
  for (const [what, headers] of [
    ['nothing to show for it', {}],
    ['no Accept', { Upgrade: 'websocket', Connection: 'Upgrade' }],
    [
      'the Accept of another key',
      { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': right },
    ],
    ['another protocol', { Upgrade: 'h2c', Connection: 'Upgrade', 'Sec-WebSocket-Accept': right }],
  ] as [string, Record<string, string>][])
    test(`CVE-2026-43974 (gun 2.4.0): a 101 with ${what} switches to nothing`, async (t) => {
      const server = await rawServer(t)
      const events: string[] = []
      const dialled = refused(
        dial(`ws://127.0.0.1:${server.port}`, { events: { message: () => void events.push('message') } }),
      )
      const peer = await server.accept()
      // Before anything was asked for, and with a frame right behind it.
      peer.writeText(lines('HTTP/1.1 101 Switching Protocols', headers))
      peer.write('81 01 61')
      assert.equal((await dialled).status, 101)
      await peer.readToEnd().catch(() => undefined)
      assert.deepEqual(events, [])
    })

  test('CVE-2026-43974 (gun 2.4.0): what comes behind a 101 is not read faster than it is wanted', async (t) => {
    const seen = deferred<void>()
    const decided = deferred<void>()
    const server = await rawServer(t)
    const dialled = dial(`ws://127.0.0.1:${server.port}`, {
      async onResponse() {
        seen.resolve()
        await decided.promise
      },
    })
    const peer = await server.accept()
    await rawAnswer(peer)
    await seen.promise
    const flood = Buffer.concat(
      Array.from({ length: 1000 }, () => Buffer.from('827e03e8'.padEnd(2008, '0'), 'hex')),
    )
    const socket = peer.socket as net.Socket
    for (let i = 0; i < 64; i++) peer.write(flood)
    for (let stuck = 0, last = -1; stuck < 200; stuck++) {
      if (socket.bytesWritten - socket.writableLength !== last) stuck = 0
      last = socket.bytesWritten - socket.writableLength
      await turn()
    }
    assert.ok(socket.writableLength > 32 * MEGABYTE, 'most of it waits at the sender')
    decided.resolve()
    const conn = await dialled
    t.after(() => conn.terminate())
    assert.equal((await conn.read())?.length, 1000)
    assert.equal(conn instanceof Conn, true)
  })
})
