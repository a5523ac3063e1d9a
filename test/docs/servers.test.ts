import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import {
  type CloseReport,
  type Conn,
  type DialOptions,
  dial,
  HandshakeError,
  type UpgradeOptions,
  upgrade,
} from 'fastws'
import { pathOf } from '../support/find-program.js'
import { GUARD } from '../support/guard.js'
import { freePort } from '../support/ports.js'
import { listenOn } from '../support/raw-socket.js'
import { root } from '../support/root.js'
import { tls } from '../support/tls.js'

/** For `describe()`: these tests need a program, and install none. */
const withProgram = (name: string): { readonly skip: string | false; readonly timeout: number } => ({
  skip: pathOf(name) === undefined && `there is no ${name}: install Debian's`,
  ...GUARD,
})

/** The one fence of a language in the guide. */
function fence(language: string): string {
  const guide = readFileSync(join(root, 'docs/deployment.md'), 'utf8')
  const [, text = ''] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'm').exec(guide) ?? []
  assert.notEqual(text, '')
  return text
}

/** Each of them has to be there: a configuration that says something else would not be tested. */
function replaced(text: string, changes: Readonly<Record<string, string>>): string {
  for (const [told, used] of Object.entries(changes)) {
    assert.ok(text.includes(told), told)
    text = text.replaceAll(told, used)
  }
  return text
}

/** An empty folder for one test. */
function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fastws-proxy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Runs a program until the test ends; resolves when it listens on a port. */
async function running(
  t: TestContext,
  port: number,
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<() => void> {
  const [file = '', ...args] = command
  const child = spawn(pathOf(file) ?? file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'close')
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  while (!(await listens(port))) if (child.exitCode !== null) throw new Error(`It ended: ${said}`)
  return () => child.kill('SIGTERM')
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

function later(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** The server of the guide, with other options where a test needs them. */
async function behind(t: TestContext, options: UpgradeOptions<string> = {}): Promise<number> {
  const chat = upgrade<string>(
    async (conn) => {
      for await (const message of conn) await conn.send(`${conn.data}: ${message.text()}`)
    },
    {
      path: '/chat',
      accept: ({ headers }) => ({
        data: `${headers['x-forwarded-for']} by ${headers['x-forwarded-proto']}`,
      }),
      ...options,
    },
  )
  const server = createServer((_request, response) => response.end('alive'))
  chat.attach(server)
  t.after(() => {
    for (const conn of chat.conns) conn.terminate()
    server.close()
  })
  return listenOn(server)
}

/** A proxy that stands in front of a server, and how it is reached. */
interface Front {
  readonly url: string
  readonly dialling: DialOptions
  stop(): void
}

async function nginx(
  t: TestContext,
  upstream: number,
  changes: Readonly<Record<string, string>> = {},
): Promise<Front> {
  const folder = folderFor(t)
  const port = await freePort()
  writeFileSync(join(folder, 'chat.pem'), tls.cert)
  writeFileSync(join(folder, 'chat.key'), tls.key)
  const site = replaced(fence('nginx'), {
    '443 ssl': `127.0.0.1:${port} ssl`,
    '127.0.0.1:9000': `127.0.0.1:${upstream}`,
    'chat.example;': 'localhost;',
    '/etc/ssl/chat.example': join(folder, 'chat'),
    ...changes,
  })
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
     http { access_log off; ${folders}\n${site}\n}`,
  )
  const stop = await running(t, port, ['nginx', '-p', folder, '-e', 'stderr', '-c', 'nginx.conf'])
  return { url: `wss://localhost:${port}/chat`, dialling: { tls: { ca: tls.ca } }, stop }
}

async function caddy(t: TestContext, upstream: number): Promise<Front> {
  const folder = folderFor(t)
  const port = await freePort()
  const site = replaced(fence('caddyfile'), {
    'chat.example': `http://localhost:${port}`,
    '127.0.0.1:9000': `127.0.0.1:${upstream}`,
  })
  const file = join(folder, 'Caddyfile')
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${site}\n`)
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const stop = await running(t, port, ['caddy', 'run', '--adapter', 'caddyfile', '--config', file], env)
  return { url: `ws://localhost:${port}/chat`, dialling: {}, stop }
}

const PROXIES = { nginx, caddy }

for (const [name, proxy] of Object.entries(PROXIES))
  describe(`docs/deployment.md on ${name}`, withProgram(name), () => {
    const scheme = name === 'nginx' ? 'https' : 'http'

    test('passes messages both ways, and tells where a client is, whatever it says', async (t) => {
      const { url, dialling } = await proxy(t, await behind(t))
      const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'gopher' }
      const conn = await dial(url, { ...dialling, headers })
      t.after(() => conn.terminate())
      await conn.send('hello')
      assert.equal((await conn.read())?.text(), `127.0.0.1 by ${scheme}: hello`)
      assert.ok((await conn.ping()) > 0)
      assert.equal((await conn.close(4000, 'done')).clean, true)
    })

    test('lets pages of the same host in, and no others', async (t) => {
      const { url, dialling } = await proxy(t, await behind(t))
      const { host } = new URL(url)
      const conn = await dial(url, { ...dialling, origin: `${scheme}://${host}` })
      await conn.close()
      for (const origin of [`${scheme}://localhost:1`, `${scheme}://evil.example`])
        await assert.rejects(
          dial(url, { ...dialling, origin }),
          (error) => error instanceof HandshakeError && error.status === 403,
        )
    })

    test('serves pages as well', async (t) => {
      const { url, dialling } = await proxy(t, await behind(t))
      await assert.rejects(dial(url.replace('/chat', '/'), dialling), (error) => {
        assert.ok(error instanceof HandshakeError)
        assert.deepEqual([error.status, error.body.toString()], [200, 'alive'])
        return true
      })
    })

    test('passes compression and large messages', async (t) => {
      const { url, dialling } = await proxy(t, await behind(t, { compress: true }))
      const conn = await dial(url, dialling)
      t.after(() => conn.terminate())
      assert.deepEqual(conn.extensions, ['permessage-deflate'])
      await conn.send('x'.repeat(1_000_000))
      assert.equal((await conn.read())?.length, 1_000_000 + `127.0.0.1 by ${scheme}: `.length)
    })

    test('tells clients that it ends, or drops them', async (t) => {
      const { url, dialling, stop } = await proxy(t, await behind(t))
      const conn = await dial(url, dialling)
      stop()
      const { initiator, code } = await conn.closed
      assert.equal(initiator, 'remote')
      assert.ok([1001, 1006].includes(code), `${code}`)
    })
  })

/** Dials again where the handshake, too, took longer than nginx waits for anything: then the machine stood still. */
async function dialInTime(url: string, options: DialOptions): Promise<Conn> {
  for (let left = 4; ; left--)
    try {
      return await dial(url, options)
    } catch (error) {
      if (left === 0 || !(error instanceof HandshakeError) || error.status !== 504) throw error
    }
}

describe('docs/deployment.md on idle timeouts of nginx', withProgram('nginx'), () => {
  const patient = (seconds: number): Record<string, string> => ({
    'proxy_read_timeout 60s;': `proxy_read_timeout ${seconds}s;`,
  })

  test('a connection that is silent for longer is cut', async (t) => {
    const { url, dialling } = await nginx(t, await behind(t, { keepalive: false }), patient(1))
    const conn = await dialInTime(url, { ...dialling, keepalive: false })
    const { code, cause }: CloseReport = await conn.closed
    assert.deepEqual([code, cause && 'code' in cause && cause.code], [1006, 'WS_ERR_EOF'])
  })

  test('one that is kept alive is not', async (t) => {
    const port = await behind(t, { keepalive: { interval: 300 } })
    const { url, dialling } = await nginx(t, port, patient(10)) // the machine may stand still for seconds
    let pings = 0
    const { promise, resolve } = later()
    const ping = (): void => {
      if (++pings === 36) resolve()
    }
    const conn = await dial(url, { ...dialling, keepalive: false, events: { ping } })
    t.after(() => conn.terminate())
    await Promise.race([promise, conn.closed]) // 10.8 s, in which nothing else went by
    assert.equal(conn.isOpen, true)
  })

  test('without the headers for it, nobody sees that a WebSocket is asked for', async (t) => {
    const { url, dialling } = await nginx(t, await behind(t), {
      'proxy_set_header Upgrade $http_upgrade;': '',
    })
    await assert.rejects(
      dial(url, dialling),
      (error) => error instanceof HandshakeError && error.status !== 101,
    )
  })
})
