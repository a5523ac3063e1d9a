import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { Script } from 'node:vm'
import { releaseFrame, upgrade } from '../../src/index.js'
import { PAGE_SCRIPT } from '../../src/tools/check/page-parts.js'
import { escapeControls } from '../../src/tools/escape.js'
import { main } from '../../src/tools/main.js'
import { Output } from '../../src/tools/output.js'
import { deferred, listen, refusedPort, tls } from '../support/index.js'
import { root } from '../support/root.js'
import { brokenServers } from './broken-servers.js'
import { referenceServer } from './reference-server.js'
import { resultsOf, runMain } from './run-main.js'
import { runTool, startTool } from './run-tool.js'

const echo = upgrade({ message: (conn, message) => conn.send(message) })

describe('fastws', () => {
  for (const args of [[], ['--help'], ['help']])
    test(`tells its commands for '${args.join(' ')}'`, async () => {
      const { code, stdout } = await runMain(...args)
      assert.equal(code, 0)
      assert.match(stdout, /^ {2}check +\S/m)
    })

  test('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    assert.deepEqual(await runMain('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test('refuses a command that does not exist, escaped', async () => {
    const { code, stdout, stderr } = await runMain('\u001b[31mred')
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /no command '\\u\{1b\}\[31mred'/)
  })
})

describe('fastws check', () => {
  test('tells all of its options for --help', async () => {
    const { code, stdout } = await runMain('check', '--help')
    assert.equal(code, 0)
    for (const option of ['--cases LIST', '--serve PORT', '--expect FILE', '--json', '--help'])
      assert.ok(stdout.includes(`  ${option} `), option)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })

  for (const [args, message] of [
    [[], /one URL is needed/],
    [['ws://a', 'ws://b'], /one URL is needed/],
    [['not a url'], /no URL with ws:/],
    [['ftp://localhost'], /no URL with ws:/],
    [['ws://a', '--cases', '77'], /no case '77'/],
    [['ws://a', '--timeout', 'soon'], /--timeout must be an integer from 1/],
    [['ws://a', '--timeout', ''], /--timeout must be an integer/],
    [['ws://a', '--parallel', '0'], /--parallel must be/],
    [['ws://a', '--header', 'nonsense'], /--header must be/],
    [['ws://%ff@a'], /URL: name and password must be percent-encoded/],
    [['ftp://me:secret@a'], /'ftp:\/\/me@a\/' is no URL with/],
    [['ws://a', '--expect', '/does/not/exist'], /--expect: ENOENT/],
    [['ws://a', '--expect', 'README.md'], /--expect: the file is no JSON object/],
    [['ws://a', '--ca', '/does/not/exist'], /--ca: ENOENT/],
    [['ws://a', '--nonsense'], /--nonsense/],
    [['--serve', '70000'], /--serve must be/],
    [['--serve', '0', 'ws://a'], /no URL is needed/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stdout, stderr } = await runMain('check', ...args)
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, message)
      assert.match(stderr, /try fastws check --help\n$/)
    })

  test('lists the cases', async () => {
    const { code, stdout } = await runMain('check', '--list', '--cases', '10')
    assert.equal(code, 0)
    assert.equal(stdout, '10.1.1   Text of 65536 bytes in frames of 1300\n')
    const json = await runMain('check', '--list', '--cases', '10', '--json')
    assert.equal(JSON.parse(json.stdout).id, '10.1.1')
  })

  test('tells that nobody is there', async (t) => {
    const port = await refusedPort(t)
    const { code, stdout, stderr } = await runMain('check', `ws://127.0.0.1:${port}`)
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.equal(stderr, `fastws check: Cannot connect to 127.0.0.1:${port}: ECONNREFUSED\n`)
  })

  test('exits with 1 when a case fails, and shows the wire when it is asked to', async (t) => {
    const port = await listen(t, createHttpServer())
    const url = `ws://127.0.0.1:${port}`
    const { code, stdout } = await runMain('check', url, '--cases', '2.1', '--timeout', '1000', '--verbose')
    assert.equal(code, 1)
    assert.match(stdout, /^FAILED {8}2\.1 {6}Ping without payload$/m)
    assert.match(stdout, / ms > GET \/ HTTP\/1\.1\\u\{d\}\\u\{a\}Host: /)
  })

  test('sends headers of its user, and the path', async (t) => {
    const server = createHttpServer(
      upgrade((conn) => conn.closed.then(() => undefined), {
        path: '/chat',
        accept: ({ headers }) =>
          headers.authorization === 'Bearer x' ? undefined : ({ status: 401 } as never),
      }),
    )
    const port = await listen(t, server)
    const args = ['--cases', '2.1', '--header', 'Authorization: Bearer x']
    assert.equal((await runMain('check', `ws://127.0.0.1:${port}/chat?a=b`, ...args)).code, 0)
    assert.equal((await runMain('check', `ws://127.0.0.1:${port}/other`, ...args)).code, 1)
  })

  test('sends a header that is given twice in two lines, and name and password of the URL', async (t) => {
    let seen: unknown
    const server = createHttpServer(
      upgrade({
        open: (_conn, request) => {
          const { rawHeaders = [], headers } = request ?? {}
          seen = [rawHeaders.filter((_, i) => rawHeaders[i - 1] === 'X-Two'), headers?.authorization]
        },
        message: (conn, message) => conn.send(message),
      }),
    )
    const url = `ws://me:it%3as@127.0.0.1:${await listen(t, server)}/`
    const args = ['--cases', '2.1', '--header', 'X-Two: a', '--header', 'X-Two: b'] as const
    assert.equal((await runMain('check', url, ...args)).code, 0)
    assert.deepEqual(seen, [['a', 'b'], `Basic ${Buffer.from('me:it:s').toString('base64')}`])
  })

  test('speaks TLS, and trusts nobody unless told to', async (t) => {
    const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, echo))
    const args = ['check', `wss://localhost:${port}`, '--cases', '1.1.2,C.2.7'] as const
    assert.equal((await runMain(...args, '--insecure')).code, 0)
    const { code, stderr } = await runMain(...args)
    assert.equal(code, 1)
    assert.match(stderr, /Cannot connect to localhost:\d+: UNABLE_TO_VERIFY/)
  })

  test('trusts whom it is told to, shows its own certificate, and asks for a name', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-tls-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const { key, cert, ca } = tls
    const server = createTlsServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, echo)
    const url = `wss://127.0.0.1:${await listen(t, server)}`
    const names = new Set<unknown>()
    server.on('secureConnection', ({ servername }) => names.add(servername))
    const own = ['--cert', file('cert', tls.clientCert), '--key', file('key', tls.clientKey)]
    const asked = ['--servername', 'localhost', '--timeout', '60000']
    const args = ['check', url, '--cases', '2.1', ...own, ...asked]
    assert.equal((await runMain(...args, '--ca', file('ca', ca))).code, 0)
    assert.deepEqual([...names], ['localhost'])
    assert.equal((await runMain(...args, '--ca', file('stranger', tls.strangerCa))).code, 1)
  })

  test('speaks TLS with an address, without a warning of Node', async (t) => {
    const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, echo))
    const args = ['check', `wss://127.0.0.1:${port}`, '--cases', '2.1', '--timeout', '60000', '-k']
    const { code, err } = await runTool(t, args)
    assert.deepEqual([code, err], [0, ''])
  })

  test('asks for the subprotocols of its user, and takes the one that is chosen', async (t) => {
    const server = createHttpServer(
      upgrade({ message: (conn, message) => conn.send(message) }, { protocols: ['chat'] }),
    )
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    const args = ['check', url, '--cases', '2.1', '--timeout', '60000'] as const
    for (const header of ['Sec-WebSocket-Protocol: chat', 'sec-websocket-protocol: other, chat'])
      assert.equal((await runMain(...args, '-H', header)).code, 0)
  })

  test('sends no header twice because its user writes it in another case', async (t) => {
    let hosts: readonly string[] = []
    const server = createHttpServer(
      upgrade({
        open: (_conn, request) => {
          const { rawHeaders = [] } = request ?? {}
          hosts = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'host')
        },
        message: (conn, message) => conn.send(message),
      }),
    )
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    const args = ['--cases', '2.1', '--timeout', '60000', '--header', 'host: foo'] as const
    assert.equal((await runMain('check', url, ...args)).code, 0)
    assert.deepEqual(hosts, ['foo'])
  })

  test('writes both reports', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-report-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const port = await listen(t, createHttpServer(echo))
    const args = [
      'check',
      `ws://127.0.0.1:${port}`,
      '--cases',
      '1.1.1,7.13.1',
      '--agent',
      '</script><b>',
    ] as const
    assert.equal((await runMain(...args, '--report', folder)).code, 0)
    const report = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
    const { duration, ...entry } = report['</script><b>']['1.1.1']
    assert.ok(duration >= 0)
    assert.deepEqual(entry, {
      behavior: 'OK',
      behaviorClose: 'OK',
      remoteCloseCode: 1000,
      reportfile: 'index.html#1.1.1',
    })
    const page = readFileSync(join(folder, 'index.html'), 'utf8')
    assert.equal(page.split('</script>').length, 3)
    assert.ok(!page.includes('<b>') && !page.includes('http://') && !page.includes('https://'))
    assert.ok(page.includes('text fin masked'))
    assert.ok(new Script(PAGE_SCRIPT) && page.includes(PAGE_SCRIPT))
  })

  test('tells what is better than expected', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-expect-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'expected.json')
    writeFileSync(path, '{"any":{"1.1.1":{"behavior":"FAILED"}}}')
    const port = await listen(t, createHttpServer(echo))
    const { code, stderr } = await runMain(
      'check',
      `ws://127.0.0.1:${port}`,
      '--cases',
      '1.1.1',
      '--expect',
      path,
    )
    assert.equal(code, 0)
    assert.match(stderr, /^better than expected: 1\.1\.1 is OK, not FAILED/)
  })

  test('exits with 1 when a case is worse than expected, be it no failure', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-expect-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'expected.json')
    writeFileSync(path, '{"any":{"1.1.1":{"behavior":"OK"}}}')
    const { parts } =
      brokenServers.find(({ nonStrict }) => nonStrict === 'L.1.4,L.1.5,L.1.6') ?? assert.fail()
    const url = `ws://127.0.0.1:${await listen(t, referenceServer(parts))}`
    const args = ['check', url, '--cases', '1.1.1,L.1.4', '--timeout', '60000'] as const
    assert.equal((await runMain(...args)).code, 0)
    const { code, stderr } = await runMain(...args, '--expect', path)
    assert.equal(code, 1)
    assert.match(stderr, /^worse than expected: L\.1\.4 is NON-STRICT, not OK: .+\n$/)
  })

  test('reports what was judged when it is interrupted, and waits for nothing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-report-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const silent = deferred()
    let count = 0
    const server = createHttpServer()
    server.on('upgrade', (request, socket, head) => {
      if (++count === 1) echo(request, socket, head)
      else silent.resolve()
    })
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    const times = ['--timeout', '600000', '--parallel', '1']
    const args = ['--agent', 'a', '--cases', '1.1.1,1.1.2,1.1.3', '--report', folder, ...times]
    const tool = startTool(t, 'check', url, ...args)
    await silent.promise
    tool.child.kill('SIGINT')
    assert.equal(await tool.code, 130)
    assert.equal(tool.out(), 'a: 1 OK\n')
    assert.equal(tool.err(), "2 of 3 cases were not played by 'a'\n")
    const report = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
    assert.deepEqual(Object.keys(report.a), ['1.1.1'])
  })

  test('gives up connecting when it is interrupted', async (t) => {
    const came = deferred()
    const server = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy())
      came.resolve()
    })
    const port = await listen(t, server)
    const tool = startTool(t, 'check', `wss://127.0.0.1:${port}`, '--timeout', '600000')
    await came.promise
    tool.child.kill('SIGINT')
    assert.equal(await tool.code, 130)
  })

  test('ends when nobody reads its output any more', async (t) => {
    const port = await listen(t, createTcpServer())
    const program = join(root, 'dist/src/tools/bin.js')
    const child = spawn(process.execPath, [
      program,
      'check',
      `ws://127.0.0.1:${port}`,
      '--json',
      '--timeout',
      '200',
    ])
    t.after(() => child.kill())
    await once(child.stdout, 'data')
    child.stdout.destroy()
    assert.deepEqual(await once(child, 'exit'), [141, null])
  })

  test('ends when it is refused the output from the beginning', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const done = main(['check', '--serve', '0'], { stdout, stderr })
    stdout.destroy(new Error('EPIPE'))
    assert.equal(await done, 141)
  })
})

/** Everything that was written to a stream so far. */
function written(stream: PassThrough): string {
  let text = ''
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
  return text
}

describe('Output', () => {
  const terminal = (columns?: number) =>
    Object.assign(new PassThrough(), { isTTY: true, ...(columns && { columns }) })

  test('writes what goes on over and over, on a terminal only, and clears it for other lines', () => {
    const [stdout, stderr] = [new PassThrough(), terminal(20)]
    const output = new Output({ stdout, stderr })
    output.status('one')
    output.status('one')
    output.status('two that is much too long for the line')
    output.line('result')
    output.status('')
    assert.equal(written(stderr), '\r\u001b[2Kone\r\u001b[2Ktwo that is much to\r\u001b[2K')
    assert.equal(written(stdout), 'result\n')
    const plain = new PassThrough()
    new Output({ stdout, stderr: plain }).status('one')
    assert.equal(plain.read(), null)
  })

  test('writes JSON that stays JSON, and drives no terminal', () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const value = 'a\u001b\u009b\u202e👩\u200d👩\u{e0001}\n'
    new Output({ stdout, stderr }).json({ value })
    const text = written(stdout)
    assert.match(text, /^[^\p{Cc}\p{Cf}]+\n$/u)
    assert.deepEqual(JSON.parse(text), { value })
  })

  test('writes nothing any more when nobody reads', () => {
    const [stdout, stderr] = [new PassThrough(), terminal()]
    const output = new Output({ stdout, stderr })
    stdout.emit('error', new Error('EPIPE'))
    output.line('late')
    output.status('progress')
    assert.equal(stdout.read(), null)
    assert.ok(output.closed.aborted)
  })
})

test('escapeControls escapes what a terminal might obey, and nothing else', () => {
  assert.equal(escapeControls('a\u001b[2J\u007f\u009b\u202e\n'), 'a\\u{1b}[2J\\u{7f}\\u{9b}\\u{202e}\\u{a}')
  assert.equal(escapeControls('Grüße, 世界 🙂'), 'Grüße, 世界 🙂')
})

test('a server whose answer to an earlier ping comes late is not taken to live on', async (t) => {
  const wrong = upgrade(
    async (conn) => {
      const pings: Buffer[] = []
      for (let frame = await conn.nextFrame(); frame !== null; frame = await conn.nextFrame()) {
        if (frame.isPing && pings.push(frame.copyPayload()) === 2) {
          await conn.pong(pings[0])
          await conn.close(1007)
        }
        releaseFrame(frame)
      }
    },
    { autoPong: false, validateText: false },
  )
  const port = await listen(t, createHttpServer(wrong))
  const target = `ws://127.0.0.1:${port}`
  const [result] = resultsOf(await runMain('check', target, '--cases', '6.4.2', '--quiet', '1', '--json'))
  assert.equal(result?.behavior, 'OK')
})

test('a server that answers late is not judged before', async (t) => {
  const server = referenceServer()
  const port = await listen(t, server)
  const [result] = resultsOf(
    await runMain('check', `ws://127.0.0.1:${port}`, '--cases', '6.4.2', '--quiet', '1', '--json'),
  )
  assert.equal(result?.behavior, 'OK')
})
