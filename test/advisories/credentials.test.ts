import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type DialOptions, dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import { printError } from '../../src/server/print-error.js'
import { upgrade } from '../../src/upgrade.js'
import {
  GUARD,
  listen,
  once,
  RawPeer,
  type RawServer,
  rawAnswer,
  rawConnect,
  rawHandshake,
  rawServer,
  readHead,
  tls,
} from '../support/index.js'
import { root } from '../support/root.js'
import { readSources } from '../support/source-tree.js'
import { lines } from './attack.js'

const SECRET = 's3cr3t'
const SECRETS: DialOptions['headers'] = {
  Authorization: `Bearer ${SECRET}`,
  'Proxy-Authorization': SECRET,
  Cookie: `session=${SECRET}`,
  Cookie2: SECRET,
  'X-Api-Key': SECRET,
  Host: `${SECRET}.example`,
}

/** The error that a dial ends with. */
async function refused(dialled: Promise<unknown>): Promise<HandshakeError> {
  const error = await dialled.then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof HandshakeError, String(error))
  return error
}

/** Answers the next request with a redirect. */
async function lead(server: Pick<RawServer, 'accept'>, location: string): Promise<void> {
  const peer = await server.accept()
  await readHead(peer)
  peer.writeText(lines('HTTP/1.1 302 Found', { Location: location, 'Content-Length': '0' }))
}

/** A server on a unix socket that is answered by hand. */
async function unixServer(t: TestContext): Promise<{ path: string; accept: () => Promise<RawPeer> }> {
  const path = join(tmpdir(), `fastws-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  const accept = async (): Promise<RawPeer> => {
    const socket = await once<net.Socket>(server, 'connection')
    t.after(() => socket.destroy())
    return new RawPeer(socket)
  }
  return { path, accept }
}

describe('credentials on the way', GUARD, () => {
  const credentials = '6946f5fe, d68ba9e1, bc8bd34e (ws 8.5 to 8.8.1)'
  const secure = { key: tls.key, cert: tls.cert }

  test(`${credentials}: another port, host or a way out of TLS gets none of them`, async (t) => {
    const here = await rawServer(t)
    const there = await rawServer(t)
    const safe = await rawServer(t, secure)
    for (const [from, server, to, next] of [
      [`ws://user:${SECRET}@127.0.0.1:${here.port}/`, here, `ws://127.0.0.1:${there.port}/`, there],
      [`ws://user:${SECRET}@127.0.0.1:${here.port}/`, here, `ws://localhost:${here.port}/`, here],
      [`wss://user:${SECRET}@localhost:${safe.port}/`, safe, `wss://127.0.0.1:${safe.port}/`, safe],
      [`ws://user:${SECRET}@127.0.0.1:${here.port}/`, here, `wss://localhost:${safe.port}/`, safe],
    ] as const) {
      const dialled = dial(from, {
        headers: SECRETS,
        followRedirects: 2,
        tls: { ca: tls.ca },
        connect: { family: 4 },
      })
      await lead(server, to)
      const request = await rawAnswer(await next.accept())
      assert.equal(JSON.stringify(request).includes(SECRET), false, to)
      ;(await dialled).terminate()
    }
  })

  test(`${credentials}: nor do tokens among the subprotocols go there`, async (t) => {
    const here = await rawServer(t)
    const there = await rawServer(t)
    const token = `base64url.bearer.authorization.k8s.io.${SECRET}`
    const dialled = refused(
      dial(`ws://127.0.0.1:${here.port}/`, { protocols: ['v5.channel.k8s.io', token], followRedirects: 2 }),
    )
    await lead(here, `ws://127.0.0.1:${there.port}/`)
    const error = await dialled
    assert.equal(error.code, 'WS_ERR_REDIRECT')
    assert.equal(error.message.includes(SECRET), false)
  })

  test(`${credentials}: what was dropped does not come back with the way back`, async (t) => {
    const here = await rawServer(t)
    const there = await rawServer(t)
    const dialled = dial(`ws://user:${SECRET}@127.0.0.1:${here.port}/`, {
      headers: SECRETS,
      followRedirects: 2,
    })
    await lead(here, `ws://127.0.0.1:${there.port}/`)
    await lead(there, `ws://127.0.0.1:${here.port}/`)
    const request = await rawAnswer(await here.accept())
    assert.equal(JSON.stringify(request).includes(SECRET), false)
    ;(await dialled).terminate()
  })

  test(`${credentials}: nothing leads from wss: to ws:`, async (t) => {
    const safe = await rawServer(t, secure)
    const there = await rawServer(t)
    for (const scheme of ['ws', 'http']) {
      const dialled = refused(
        dial(`wss://localhost:${safe.port}/`, {
          headers: SECRETS,
          followRedirects: 1,
          tls: { ca: tls.ca },
          connect: { family: 4 },
        }),
      )
      await lead(safe, `${scheme}://127.0.0.1:${there.port}/`)
      assert.equal((await dialled).code, 'WS_ERR_REDIRECT')
    }
  })

  test(`${credentials}: neither into a unix socket nor out of one`, async (t) => {
    const unix = await unixServer(t)
    const there = await rawServer(t)
    const into = refused(dial(`ws://127.0.0.1:${there.port}/`, { headers: SECRETS, followRedirects: 1 }))
    await lead(there, `ws+unix:${unix.path}:/`)
    assert.equal((await into).code, 'WS_ERR_REDIRECT')

    const outOf = dial(`ws+unix:${unix.path}:/`, { headers: SECRETS, followRedirects: 1 })
    await lead(unix, `ws://127.0.0.1:${there.port}/`)
    const request = await rawAnswer(await there.accept())
    assert.equal(JSON.stringify(request).includes(SECRET), false)
    ;(await outOf).terminate()
  })

  test('websockets 16.1: a redirect that brings credentials along is not followed, and none is unasked', async (t) => {
    const here = await rawServer(t)
    const url = `ws://127.0.0.1:${here.port}/`
    const brings = refused(dial(url, { followRedirects: 1 }))
    await lead(here, `ws://user:${SECRET}@127.0.0.1:${here.port}/`)
    assert.equal((await brings).code, 'WS_ERR_REDIRECT')

    const unasked = refused(dial(url, { headers: SECRETS }))
    await lead(here, url)
    const error = await unasked
    assert.equal(error.status, 302)
    assert.equal(error.message.includes(SECRET), false)
  })

  test('CVE-2021-33880 (websockets 9.1): no secret is compared in time that tells of it', () => {
    // No attack at the wire: upgrade() and dial() compare no secret, so there is nothing to measure. What is read of a
    // request are the fields of the handshake; credentials are for `accept` to look at, and the README shows it how. Where
    // the commands have a secret, the key in the address of the proxy's page, they compare it so, too: how long that takes
    // differs by nanoseconds, which no test could tell from chance.
    for (const { path, code } of readSources('src').values())
      if (path.startsWith('src/server/') || path === 'src/handshake/server.ts' || path === 'src/upgrade.ts')
        assert.equal(/authorization|cookie|password/i.test(code), false, path)
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    assert.match(readme, /timingSafeEqual\(/)
    const comparing = [...readSources('src').values()].filter(({ code }) => code.includes('timingSafeEqual('))
    assert.deepEqual(
      comparing.map(({ path }) => path),
      ['src/tools/proxy/web.ts'],
    )
  })
})

describe('terminals', () => {
  test('websockets 16.1: what a peer says cannot give orders to a terminal', async (t) => {
    const written: string[] = []
    t.mock.method(process.stderr, 'write', (text: string) => written.push(text) > 0)
    const told = '\x1b]0;owned\x07\x1b[2J\x9b31m\r\nfastws: all is well\u2028'
    printError(new Error(told))
    const shown = written.join('')
    assert.equal(shown.split('\n').length, 2, 'one line, and its end')
    for (const char of shown.trimEnd()) {
      const code = char.codePointAt(0)!
      assert.ok(code >= 0x20 && (code < 0x7f || code >= 0xa0) && code !== 0x2028, `U+${code.toString(16)}`)
    }
    assert.match(shown, /\\u001b\]0;owned\\u0007/)
  })

  test('websockets 16.1: what a peer sends as a reason reaches stderr escaped', async (t) => {
    const written: string[] = []
    const ws = upgrade(async (conn) => {
      const report = await conn.closed
      throw new Error(`It said ${report.reason}`)
    })
    const port = await listen(t, createServer(ws))
    const conn = await dial(`ws://127.0.0.1:${port}`)
    const printed = new Promise<void>((resolve) =>
      t.mock.method(process.stderr, 'write', (text: string) => {
        written.push(text)
        resolve()
        return true
      }),
    )
    await conn.close(4000, '\x1b[31mred')
    await printed
    assert.match(written.join(''), /It said \\u001b\[31mred/)
  })
})

describe('TLS', GUARD, () => {
  const row = 'CVE-2020-15133 (faye-websocket)'
  const unverified = async (t: TestContext, url: (port: number) => string, options: DialOptions) => {
    const server = https.createServer(
      { key: tls.key, cert: tls.cert },
      upgrade(() => assert.fail('it was opened')),
    )
    const port = await listen(t, server)
    const error = await refused(dial(url(port), { connect: { family: 4 }, ...options }))
    assert.equal(error.code, 'WS_ERR_SOCKET')
    return (error.cause as { code?: string }).code
  }

  test(`${row}: a certificate that nobody vouches for is refused`, async (t) => {
    const code = await unverified(t, (port) => `wss://localhost:${port}`, {})
    assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test(`${row}: so is one from the wrong authority`, async (t) => {
    const code = await unverified(t, (port) => `wss://localhost:${port}`, { tls: { ca: tls.strangerCa } })
    assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test(`${row}: so is one for another name`, async (t) => {
    const lookup = ((_host: string, options: { all?: boolean }, done: (...given: unknown[]) => void) =>
      options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) as never
    const code = await unverified(t, (port) => `wss://other.example:${port}`, {
      tls: { ca: tls.ca },
      connect: { lookup },
    })
    assert.equal(code, 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test(`${row}: so it is on a socket that was given, and behind a proxy`, async (t) => {
    const given = await (async () => {
      const server = https.createServer({ key: tls.key, cert: tls.cert })
      return rawConnect(await listen(t, server), { t })
    })()
    given.socket.removeAllListeners('data')
    const onSocket = await refused(dial('wss://localhost', { socket: given.socket }))
    assert.equal((onSocket.cause as { code?: string }).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')

    const proxy = createServer().on('connect', (request, socket) => {
      const target = net.connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(target).pipe(socket)
      })
      t.after(() => target.destroy())
      for (const one of [socket, target]) one.on('error', () => undefined)
    })
    const port = await listen(t, proxy)
    const code = await unverified(t, (target) => `wss://localhost:${target}`, {
      proxy: `http://127.0.0.1:${port}`,
      connect: {},
    })
    assert.equal(code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test(`${row}: nothing in the library touches rejectUnauthorized`, () => {
    // The tools have a switch for it, which is the user's word.
    for (const { path, code } of readSources('src').values())
      if (!path.startsWith('src/tools/'))
        assert.equal(/rejectUnauthorized|checkServerIdentity|NODE_TLS/.test(code), false, path)
  })
})

describe('who may connect', GUARD, () => {
  test('vite 6.0.9: pages of other sites are refused before anybody is asked, whatever they call themselves', async (t) => {
    const asked: unknown[] = []
    const ws = upgrade(async (conn) => void (await conn.closed), { accept: () => void asked.push(1) })
    const port = await listen(t, createServer(ws))
    for (const origin of [
      'http://evil.example',
      `http://evil.example:${port}`,
      `http://localhost.evil.example:${port}`,
      `http://evil.localhost:${port}`,
      `http://localhost:${port === 80 ? 81 : 80}`,
      'http://localhost',
      `http://localhost:${port}@evil.example`,
      `http://localhost:${port}/`,
      `ftp://localhost:${port}`,
      'null',
      'file://',
      '',
    ]) {
      const headers = { Host: `localhost:${port}`, Origin: origin }
      const { head } = await rawHandshake(port, { t, headers })
      assert.equal(head.status, 403, origin)
    }
    const two = { Host: `localhost:${port}`, Origin: [`http://localhost:${port}`, 'http://evil.example'] }
    assert.equal((await rawHandshake(port, { t, headers: two })).head.status, 400)
    assert.deepEqual(asked, [])
    const own = { Host: `localhost:${port}`, Origin: `http://localhost:${port}` }
    assert.equal((await rawHandshake(port, { t, headers: own })).head.status, 101)
  })

  test('vite 6.0.9: a list of origins holds against a name that an attacker leads here', async (t) => {
    const origins = ['https://app.example']
    const port = await listen(t, createServer(upgrade(async (conn) => void (await conn.closed), { origins })))
    const rebound = { Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }
    assert.equal((await rawHandshake(port, { t, headers: rebound })).head.status, 403)
    const right = { Host: 'app.example', Origin: 'https://app.example' }
    assert.equal((await rawHandshake(port, { t, headers: right })).head.status, 101)
  })

  const crafted = [
    'http://169.254.169.254/latest/meta-data',
    'http://localhost:1/admin',
    '//169.254.169.254/',
    '/\\169.254.169.254/',
    'http:///admin',
    '/admin/../chat',
    '/chat/../admin',
    '/%63hat',
    '/CHAT',
    '/chat/',
    '/chat#/admin',
    'ws://user:pass@localhost/admin?/chat',
  ]
  test('GHSA-c4j6-fc7j-m34r (Next.js 15.5.16): a crafted target leads nowhere but to the checks', async (t) => {
    const connected = t.mock.method(net.Socket.prototype, 'connect')
    const paths: string[] = []
    const ws = upgrade(() => assert.fail('it was opened'), {
      path: '/chat',
      accept: () => assert.fail('it was asked'),
      fallback: (request, response) => {
        paths.push(request.url ?? '')
        response.writeHead(403).end()
      },
    })
    const port = await listen(t, createServer(ws))
    for (const path of crafted) {
      const before = connected.mock.callCount()
      const { head } = await rawHandshake(port, { t, path })
      assert.equal(head.status, 403, path)
      assert.equal(connected.mock.callCount(), before + 1, 'only ours')
    }
    assert.deepEqual(paths, crafted)
  })

  test('GHSA-c4j6-fc7j-m34r (Next.js 15.5.16): an absolute target is checked by path, Host and Origin as any other', async (t) => {
    const ws = upgrade(async (conn) => void (await conn.closed), { path: '/chat', maxConnections: 1 })
    const port = await listen(t, createServer(ws))
    const path = `http://localhost:${port}/chat`
    const evil = { Host: `localhost:${port}`, Origin: 'http://evil.example' }
    assert.equal((await rawHandshake(port, { t, path, headers: evil })).head.status, 403)
    // The Origin of the target's own host does not help: what counts is the Host that the browser sent.
    const lying = { Host: `localhost:${port}`, Origin: 'http://169.254.169.254' }
    const target = 'http://169.254.169.254/chat'
    assert.equal((await rawHandshake(port, { t, path: target, headers: lying })).head.status, 403)
    assert.equal((await rawHandshake(port, { t, path })).head.status, 101)
    assert.equal((await rawHandshake(port, { t, path })).head.status, 503)
  })

  test('GHSA-c4j6-fc7j-m34r (Next.js 15.5.16): upgrades to anything else take the way of ordinary requests', async (t) => {
    const answered: string[] = []
    const server = createServer((request, response) => {
      answered.push(request.headers.upgrade ?? '')
      response.writeHead(401).end()
    })
    upgrade(() => assert.fail('it was opened'), { path: '/chat' }).attach(server)
    const port = await listen(t, server)
    for (const other of ['h2c', 'WebSocket2', 'TLS/1.0']) {
      const { head } = await rawHandshake(port, { t, path: '/chat', headers: { Upgrade: other } })
      assert.equal(head.status, 401, other)
    }
    assert.deepEqual(answered, ['h2c', 'WebSocket2', 'TLS/1.0'])
  })
})
