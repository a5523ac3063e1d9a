import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { WebSocketServer } from 'ws'
import { type Handler, reject, type UpgradeOptions, upgrade } from '../../../src/index.js'
import { deferred, listen, once, rawAnswer, rawServer, serverFrame, tls } from '../../support/index.js'
import { buffersInUse } from '../../support/measure.js'
import { runMain as runPlain } from '../run-main.js'
import { records, runTool, startTool } from '../run-tool.js'

/** What has to come does: it is waited for until a machine that stood still goes on. */
const PATIENTLY = ['--patience', '60000'] as const

const runMain = (...[command, ...rest]: readonly string[]) =>
  runPlain(command ?? '', ...(command === 'send' ? PATIENTLY : []), ...rest)

const echo: Handler = { message: (conn, message) => conn.send(message) }

async function serve(t: TestContext, handler: Handler = echo, options: UpgradeOptions = {}): Promise<string> {
  return `ws://127.0.0.1:${await listen(t, createServer(upgrade(handler, options)))}`
}

async function serveWs(t: TestContext): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } })
  t.after(() => server.close())
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await once(server, 'listening')
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`
}

describe('fastws send', () => {
  for (const [name, server] of [
    ['fastws', serve],
    ['ws', serveWs],
  ] as const) {
    test(`sends frames to ${name}, and holds the answers against the script`, async (t) => {
      const script = `text fin=0 "Hel"; ping "?"
        cont "lo"
        expect pong "?"
        expect text fin=1 rsv=0 mask=off "Hello"
        pieces 1; together { binary hex:01ff; binary size=200 }; pieces off
        expect binary hex:01ff
        expect binary size=200
        close 1000 "bye"
        expect close 1000
        expect end`
      const { code, out } = await runTool(t, ['send', await server(t), ...PATIENTLY], script)
      assert.equal(code, 0, out)
      assert.match(out, /^ +\d+\.\d ms > text masked [0-9a-f]{8} 3 bytes "Hel"$/m)
      assert.match(out, /^ +\d+\.\d ms < text fin 5 bytes "Hello"$/m)
      assert.match(out, /^ +\d+\.\d ms ok expect close 1000$/m)
    })

    test(`sends wrong frames to ${name}, and says what is wrong with them`, async (t) => {
      const url = await server(t)
      for (const [statement, code, fault] of [
        ['text mask=off "x"', 1002, /! A client must mask what it sends/],
        ['frame opcode=3', 1002, /! Opcode is reserved 0x3/],
        ['text rsv2 "x"', 1002, /! RSV2 is set/],
        ['cont "x"', 1002, / > continuation fin/],
        ['ping size=126', 1002, /126/],
        ['text hex:ff', 1007, / > text fin masked [0-9a-f]{8} 1 byte ff/],
        ['close 1005', 1002, / > close fin masked [0-9a-f]{8} 2 bytes 1005/],
        ['raw 83 80 00000000', 1002, / > 6 raw bytes 83 80 00 00 00 00/],
      ] as const) {
        const { stdout, code: exit } = await runMain('send', url, statement, `expect close ${code}`)
        assert.equal(exit, 0, `${statement}\n${stdout}`)
        assert.match(stdout, fault)
      }
    })

    test(`inflates what ${name} sends`, async (t) => {
      const url = name === 'ws' ? await server(t) : await serve(t, echo, { compress: { threshold: 0 } })
      const { code, stdout } = await runMain(
        'send',
        url,
        '--compress',
        'text deflate size=1000 "abc"',
        'expect text rsv1; text "again again"; expect message "again again"',
      )
      assert.equal(code, 0, stdout)
      assert.match(stdout, /< text fin rsv1 \d+ bytes [0-9a-f]+ inflated 1000 bytes "abcabc/)
    })
  }

  test('fails where something else comes, and tells what and where', async (t) => {
    const url = await serve(t)
    for (const [script, why] of [
      [
        'text "a"; expect text "b"',
        /FAILED line 1: expect text "b", but text fin 1 byte "a" came: byte 0 is/,
      ],
      ['text "a"\nexpect text "ab"', /FAILED line 2: .*: 1 bytes, not 2$/m],
      ['text "a"; expect binary', /: another opcode$/m],
      ['text "a"; expect text fin=0', /: FIN is set$/m],
      ['text "a"; expect text rsv1', /: RSV is 0$/m],
      ['text "a"; expect text mask=on', /: the mask is not set$/m],
      ['text "a"; expect text len=2', /: 1 bytes, not 2$/m],
      ['close 1000; expect close 1001', /: the code is 1000, not 1001$/m],
      ['close 1000 "a"; expect close 1000 "b"', /: another reason$/m],
      ['expect close within 20ms', /but nothing came for 20 ms$/m],
      ['expect message within 20ms', /but no message came for 20 ms$/m],
      ['expect end within 20ms', /but TCP was still open after 20 ms$/m],
      ['text "a"; expect nothing 1m', /expect nothing 1m, but text fin 1 byte "a" came$/m],
      ['text "a"; expect message binary', /but a text message of 1 bytes came$/m],
      ['text "a"; expect message "b"', /but a message came with byte 0/],
      ['close; expect message', /but close fin 0 bytes came$/m],
      ['fin; expect text', /the peer ended TCP$/m],
    ] as const) {
      const { code, stdout } = await runMain('send', url, script)
      assert.equal(code, 1, `${script}\n${stdout}`)
      assert.match(stdout, why)
    }
  })

  test('fails where nothing can be sent any more', async (t) => {
    const url = await serve(t)
    for (const end of ['fin', 'reset']) {
      const { code, stderr } = await runMain('send', url, `${end}; text "late"`)
      assert.equal(code, 1, end)
      assert.match(stderr, /nothing can be sent any more: TCP has ended/)
    }
  })

  test('says where what comes is not frames any more, and takes nothing more from it', async (t) => {
    const server = await rawServer(t)
    const ran = runMain(
      'send',
      `ws://127.0.0.1:${server.port}`,
      '--no-close',
      'expect text "a"; expect nothing',
    )
    const peer = await server.accept()
    await rawAnswer(peer, {
      trailing: Buffer.concat([serverFrame(1, 'a'), Buffer.from('827fffffffffffffffff', 'hex')]),
    })
    peer.write(serverFrame(1, 'b'))
    const { code, stdout, stderr } = await ran
    assert.equal(code, 0, stdout)
    assert.match(stderr, /what came cannot be cut into frames: /)
  })

  test('holds what a wrong server sends against the script', async (t) => {
    const server = await rawServer(t)
    for (const [bytes, script, why] of [
      [serverFrame(1, 'a', { fin: false }), 'expect text fin=1', /: FIN is not set$/m],
      [serverFrame(1, Buffer.from([255])), 'expect message', /but a text came that is not UTF-8$/m],
      [serverFrame(2, 'a'), 'expect message text', /but a binary message of 1 bytes came$/m],
      [serverFrame(2, 'abc'), 'expect message "ab"', /but a message came with 3 bytes, not 2$/m],
    ] as const) {
      const ran = runMain('send', `ws://127.0.0.1:${server.port}`, '--no-close', script)
      await rawAnswer(await server.accept(), { trailing: bytes })
      const { code, stdout } = await ran
      assert.equal(code, 1, `${script}\n${stdout}`)
      assert.match(stdout, why)
    }
  })

  test('puts together what stands in several blocks', async (t) => {
    const script =
      'together { text "a"; together { text "b" }; raw 81 80 00000000 } expect text "a"; expect text "b"; expect text ""'
    const { code, stdout } = await runMain('send', await serve(t), script)
    assert.equal(code, 0, stdout)
  })

  test('shortens long bytes, and tells a failure as JSON', async (t) => {
    const url = await serve(t)
    const long = await runMain(
      'send',
      url,
      `raw 82 c1 00000000 ${'00'.repeat(65)}; expect binary size=65 hex:00`,
    )
    assert.match(long.stdout, /> 71 raw bytes 82 c1(?: 00){62} …$/m)
    const unmet = records((await runMain('send', url, '--json', 'expect text within 10ms')).stdout)
    const { at, ...told } = unmet.find(({ type }) => type === 'expect') ?? {}
    assert.deepEqual(told, {
      type: 'expect',
      line: 1,
      expected: 'text within 10ms',
      ok: false,
      why: 'nothing came for 10 ms',
    })
    assert.deepEqual(unmet.at(-1), { type: 'result', ok: false, held: 0, failed: 1 })
    const late = records((await runMain('send', url, '--json', 'fin; text "late"')).stdout)
    const notes = late.filter(({ type }) => type === 'note').map(({ text }) => text)
    assert.deepEqual(notes, ['we end our direction of TCP', 'nothing can be sent any more: TCP has ended'])
  })

  for (const [where, url, args] of [
    ['the answer to the handshake', 'ws', []],
    ['TLS', 'wss', []],
    ['a proxy', 'ws', ['--proxy']],
  ] as const)
    test(`stops on SIGINT while it waits for ${where}`, async (t) => {
      const server = await rawServer(t)
      const at = `127.0.0.1:${server.port}`
      const proxy = args.flatMap((arg) => [arg, `http://${at}`])
      const tool = startTool(t, 'send', `${url}://${at}`, ...proxy, '--timeout', '3600000', 'text')
      await (await server.accept()).read(1)
      tool.child.kill('SIGINT')
      assert.equal(await tool.code, 130)
    })

  test('answers pings and Close by itself, unless it is not to', async (t) => {
    const url = await serve(t, async (conn) => {
      await conn.ping('are you there?')
      await conn.close(4000)
    })
    const { stdout } = await runMain('send', url, 'expect close 4000')
    assert.match(stdout, /< ping fin 14 bytes "are you there\?"\n.* > pong fin masked/)
    assert.match(stdout, /< close fin 2 bytes 4000\n.* > close fin masked [0-9a-f]{8} 2 bytes 4000/)
    const silent = await runMain('send', url, '--no-answer', '--no-close', 'expect ping; expect nothing')
    assert.equal(silent.code, 0, silent.stdout)
    assert.doesNotMatch(silent.stdout, / > /)
  })

  test('shows answers that nobody expects, and closes when nothing comes any more', async (t) => {
    const { code, out } = await runTool(t, ['send', await serve(t), '--wait', '2000', 'text "a"'])
    assert.match(
      out,
      /> text.*\n.*< text fin 1 byte "a"\n.*> close fin masked .* 1000\n.*< close fin 2 bytes 1000\n/,
    )
    assert.equal(code, 0)
  })

  test('ends and resets TCP', async (t) => {
    const codes: number[] = []
    const closed = [deferred(), deferred()]
    const url = await serve(t, { close: (_conn, { code }) => closed[codes.push(code) - 1]?.resolve() })
    assert.equal((await runMain('send', url, 'fin; expect end')).code, 0)
    await closed[0]?.promise
    assert.equal((await runMain('send', url, 'reset')).code, 0)
    await closed[1]?.promise
    assert.deepEqual(codes, [1006, 1006])
  })

  test('tells everything as JSON, and byte by byte with --long', async (t) => {
    const url = await serve(t)
    const script = [
      'repeat 2 { raw 81 80 00000000; expect text "" }',
      'text rsv3; expect close 1002; expect end',
    ] as const
    const json = records((await runMain('send', url, '--json', ...script)).stdout)
    assert.deepEqual(
      json.map(({ type }) => type).filter((type) => type !== 'frame' && type !== 'end'),
      ['open', 'raw', 'expect', 'raw', 'expect', 'expect', 'expect', 'result'],
    )
    assert.deepEqual(json.at(-1), { type: 'result', ok: true, held: 4, failed: 0 })
    const own = json.find(({ direction }) => direction === 'sent')
    assert.match(String(own?.faults), /RSV3 is set/)
    const { stdout } = await runMain('send', url, '--long', 'text mask=37fa213d "Hello"; expect text')
    assert.match(stdout, /\n {4}37 fa 21 3d {19}masking key\n/)
  })

  test('takes a script from a file, and says where it is wrong as compilers do', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-send-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'script')
    writeFileSync(path, 'text "a"\n  expect txet "a"\n')
    const wrong = await runMain('send', 'ws://a', '--file', path, '--check')
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /script:2:10: 'txet' cannot be expected; .*\n {4}expect txet "a"\n {11}\^\n$/)
    writeFileSync(path, 'text "a"\nexpect text "a"\n')
    assert.equal((await runMain('send', await serve(t), '-f', path)).code, 0)
    assert.equal((await runMain('send', 'ws://a', '-f', path, '--check')).code, 0)
    const both = await runMain('send', 'ws://a', '-f', path, 'text')
    assert.match(both.stderr, /from the command line or from --file, not from both/)
  })

  test('goes through TLS, a proxy and a unix socket', async (t) => {
    const port = await listen(t, createTlsServer({ key: tls.key, cert: tls.cert }, upgrade(echo)))
    const script = 'text "a"; expect text "a"'
    assert.equal((await runMain('send', `wss://localhost:${port}`, '-k', script)).code, 0)
    const refused = await runMain('send', `wss://localhost:${port}`, script)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /connecting to localhost with TLS failed: unable to verify/)
    const proxy = createServer().on('connect', (request, socket: Socket) => {
      if (request.headers['proxy-authorization'] === undefined) return socket.end('HTTP/1.1 407 No\r\n\r\n')
      const onwards = connectTcp(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onwards).pipe(socket)
      })
      socket.on('error', () => onwards.destroy())
      return onwards.on('error', () => socket.destroy())
    })
    const at = `127.0.0.1:${await listen(t, proxy)}`
    const args = ['send', `wss://localhost:${port}`, '-k', '--proxy'] as const
    assert.equal((await runMain(...args, `http://a:b@${at}`, script)).code, 0)
    assert.match((await runMain(...args, `http://${at}`, script)).stderr, /proxy answered 407 No/)
    const folder = mkdtempSync(join(tmpdir(), 'fastws-send-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const local = createServer(upgrade(echo)).listen(join(folder, 's'))
    t.after(() => local.close())
    await once(local, 'listening')
    assert.equal((await runMain('send', `ws+unix:${join(folder, 's')}:/x`, script)).code, 0)
  })

  test('trusts an https: proxy by its own name, as it trusts the server', async (t) => {
    const names: string[] = []
    const proxy = createTlsServer({ key: tls.key, cert: tls.cert }).on(
      'connect',
      (request, socket: Socket) => {
        names.push((socket as TLSSocket).servername || '')
        const onwards = connectTcp(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          socket.pipe(onwards).pipe(socket)
        })
        socket.on('error', () => onwards.destroy())
        onwards.on('error', () => socket.destroy())
      },
    )
    const port = await listen(t, proxy)
    const { port: target } = new URL(await serve(t))
    const ca = join(mkdtempSync(join(tmpdir(), 'fastws-send-')), 'ca.pem')
    t.after(() => rmSync(dirname(ca), { recursive: true }))
    writeFileSync(ca, tls.ca)
    // The certificate is for localhost and 127.0.0.1; the target goes by a name that is in none.
    const url = `ws://[::ffff:127.0.0.1]:${target}`
    for (const command of [
      ['send', url, 'text "a"; expect text "a"'],
      ['connect', url, '-m', 'a', '--wait', '50'],
    ])
      for (const [at, trust, code] of [
        ['localhost', ['--ca', ca], 0],
        ['127.0.0.1', ['--ca', ca], 0],
        ['localhost', ['-k'], 0],
        ['localhost', [], 1],
      ] as const) {
        const ran = await runMain(...command, '--proxy', `https://${at}:${port}`, ...trust)
        assert.equal(ran.code, code, `${command[0]} ${at} ${trust.join(' ')}: ${ran.stderr}`)
      }
    assert.deepEqual(new Set(names), new Set(['localhost', '']))
    const wrong = await runMain('send', url, '--proxy', 'http://%ff@127.0.0.1', 'text "a"')
    assert.deepEqual([wrong.code, /percent-encoded/.test(wrong.stderr)], [2, true])
  })

  test('keeps nothing of what nobody asks for, however much comes', async (t) => {
    const [size, count] = [1 << 20, 400]
    const limit = (size * count) / 2
    let most = 0
    const url = await serve(t, {
      async message(conn) {
        const before = process.memoryUsage().arrayBuffers
        for (let i = 0; i < count; i++) {
          await conn.send(Buffer.alloc(size))
          most = Math.max(most, buffersInUse(before + limit) - before)
        }
        await conn.close()
      },
    })
    const { code, stdout } = await runMain('send', url, 'text "x"', '--wait', '60000') // the server closes
    assert.equal(code, 0)
    assert.equal(stdout.match(/< binary fin/g)?.length, count)
    assert.ok(most <= limit, `${most} bytes`)
  })

  test('can be stopped in a script that waits for nothing', async (t) => {
    const tool = startTool(t, 'send', await serve(t), 'repeat 1000000000 { pieces 5 }')
    await tool.printed(/connected/)
    tool.child.kill('SIGINT')
    assert.equal(await tool.code, 130)
  })

  test('shows no password', async (t) => {
    const url = (await serve(t)).replace('//', '//ann:secret@')
    for (const args of [[], ['--json']]) {
      const { code, stdout, stderr } = await runMain('send', url, ...args, 'text "x"; expect text')
      assert.equal(code, 0)
      assert.match(stdout + stderr, /ws:\/\/ann@127/)
      assert.doesNotMatch(stdout + stderr, /secret/)
    }
  })

  test('refuses what cannot be asked for', async (t) => {
    const { code, stderr } = await runMain('send', await serve(t), '-s', 'a b', 'text')
    assert.equal(code, 2)
    assert.match(stderr, /protocol/)
  })

  test('shows a refusal', async (t) => {
    const url = await serve(t, echo, { accept: () => reject(401, { body: 'who are you?' }) })
    const { code, stderr } = await runMain('send', url, 'text "a"')
    assert.equal(code, 1)
    assert.match(stderr, /401 Unauthorized[\s\S]*\n {2}who are you\?\n$/)
  })

  for (const name of ['Host', 'host', 'HOST'])
    test(`names the host that it is told to: ${name}`, async (t) => {
      let host: string | undefined
      const accept = ({ headers }: { headers: IncomingHttpHeaders }): undefined => {
        host = headers.host
      }
      const url = await serve(t, echo, { accept })
      const { code, stderr } = await runMain(
        'send',
        url,
        '-H',
        `${name}: elsewhere.test`,
        'text "a"; expect text',
      )
      assert.deepEqual([code, host], [0, 'elsewhere.test'], stderr)
    })

  test('stops on SIGINT, and when nobody reads', async (t) => {
    const url = await serve(t)
    const waiting = startTool(t, 'send', url, 'text "a"; wait 1m')
    await waiting.printed(/< text/)
    waiting.child.kill('SIGINT')
    assert.equal(await waiting.code, 130)
    const talking = startTool(t, 'send', url, 'repeat 1000000 { text "a"; expect text }')
    await talking.printed(/ok expect/)
    talking.child.stdout.destroy()
    assert.equal(await talking.code, 141)
  })

  for (const [args, message] of [
    [[], /a URL is needed/],
    [['a', 'text'], /'a' is no URL/],
    [['ws://a', '--patience', '0', 'text'], /--patience must be/],
    [['ws://a', '-H', 'x', 'text'], /--header must be/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stderr } = await runMain('send', ...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })

  test('tells all of its options for --help', async () => {
    const { code, stdout } = await runMain('send', '--help')
    assert.equal(code, 0)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })
})
