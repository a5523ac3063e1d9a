import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { get } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type Conn, type DialOptions, dial, HandshakeError, type Message } from 'fastws'
import * as broadcast from '../../examples/broadcast.js'
import * as channels from '../../examples/channels.js'
import * as concurrent from '../../examples/concurrent.js'
import * as cookies from '../../examples/cookies.js'
import * as echoClient from '../../examples/echo-client.js'
import * as echoServer from '../../examples/echo-server.js'
import { escapeControls } from '../../examples/escape-controls.js'
import * as extension from '../../examples/extension.js'
import * as frames from '../../examples/frames.js'
import * as http2 from '../../examples/http2.js'
import * as metrics from '../../examples/metrics.js'
import * as netServer from '../../examples/net-server.js'
import * as passValue from '../../examples/pass-value.js'
import * as peerToPeer from '../../examples/peer-to-peer.js'
import * as router from '../../examples/router.js'
import * as shared from '../../examples/shared.js'
import * as shutdown from '../../examples/shutdown.js'
import * as tls from '../../examples/tls.js'
import * as workerThreads from '../../examples/worker-threads.js'
import { once, refusedPort } from '../support/index.js'
import { root } from '../support/root.js'
import { readExposition } from './exposition.js'
import { Program } from './program.js'

interface Running {
  readonly url: string
  close(): unknown
}

/** Starts an example on a free port; ended with the test. */
async function running(t: TestContext, start: (port: number) => Promise<Running>): Promise<string> {
  const { url, close } = await start(0)
  t.after(close)
  return url
}

async function connect(t: TestContext, url: string, options: DialOptions = {}): Promise<Conn> {
  const conn = await dial(url, options)
  t.after(() => conn.terminate())
  return conn
}

async function next(conn: Conn): Promise<string> {
  const message = await conn.read()
  assert.ok(message, 'a message, not the end')
  return message.text()
}

/** Sends a text and gives the next one that comes. */
async function ask(conn: Conn, text: string): Promise<string> {
  await conn.send(text)
  return next(conn)
}

/** Text of a message, or undefined at a peaceful end. */
const textOf = (message: Message | null): string | undefined => message?.text()

/** What each example does, by the name of its file. */
const behaviours: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  'echo-server': async (t) => {
    const conn = await connect(t, await running(t, echoServer.start))
    await conn.send('ünï')
    await conn.send(Buffer.from([0, 255]))
    assert.deepEqual(textOf(await conn.read()), 'ünï')
    const second = await conn.read()
    assert.deepEqual([second?.isText, second?.data.toString('hex')], [false, '00ff'])
  },

  'echo-client': async (t) => {
    const url = await running(t, echoServer.start)
    const printed: string[] = []
    await echoClient.start(url, ['one', 'two'], (line) => printed.push(line))
    assert.match(printed[0] ?? '', /^Connected to ws:.*; a ping took [\d.]+ ms$/)
    assert.match(printed[1] ?? '', /^< one \([\d.]+ ms\)$/)
    assert.match(printed[2] ?? '', /^< two \([\d.]+ ms\)$/)
    await echoClient.start(url, ['\u001b[2J\u009b2J \u202eback\r\n'], (line) => printed.push(line))
    assert.match(printed[4] ?? '', /^< \\u\{1b\}\[2J\\u\{9b\}2J \\u\{202e\}back\\u\{d\}\\u\{a\} \(/)
  },

  'escape-controls': async () => {
    const orders = [
      '\0',
      '\t',
      '\n',
      '\u001b',
      '\u007f',
      '\u009b',
      '\u200f',
      '\u202e',
      '\u2028',
      '\u2066',
      '\u{e0001}',
    ]
    for (const order of orders)
      assert.equal(escapeControls(`a${order}b`), `a\\u{${order.codePointAt(0)?.toString(16)}}b`)
    for (const text of ['', 'plain', 'ünï ☃ 😀 你好 عربي']) assert.equal(escapeControls(text), text)
  },

  frames: async (t) => {
    const printed: string[] = []
    const url = await running(t, (port) => frames.start(port, (line) => printed.push(line)))
    const conn = await connect(t, url, { fragmentSize: 4 })
    assert.equal(await ask(conn, 'a\u001b[2Jb'), 'a\u001b[2Jb')
    await conn.ping('hi')
    await conn.close()
    const shown = printed.map((line) => line.replace(/masked [\da-f]{8}/, 'masked'))
    assert.deepEqual(shown, [
      'text masked 4 bytes "a\\u001b[2"',
      'continuation fin masked 2 bytes 4a62',
      'ping fin masked 2 bytes 6869',
      'close fin masked 2 bytes 03e8',
    ])
  },

  broadcast: async (t) => {
    const url = await running(t, broadcast.start)
    const [ann, bob, cid] = await Promise.all([connect(t, url), connect(t, url), connect(t, url)])
    await ann.send('from ann')
    assert.deepEqual([await next(bob), await next(cid)], ['from ann', 'from ann'])
    await bob.send('from bob')
    assert.equal(await next(ann), 'from bob', 'and not what ann said herself')
  },

  concurrent: async (t) => {
    const url = await running(t, concurrent.start)
    const jobs = [40, 10, 25].map((milliseconds, id) => ({ id, milliseconds }))
    const answers = await concurrent.giveJobs(url, jobs)
    const parsed = answers.map((answer) => JSON.parse(answer))
    assert.deepEqual(new Set(parsed.map(({ id }) => id)), new Set([0, 1, 2]))
    assert.deepEqual(new Set(parsed.map(({ doneBy }) => doneBy)), new Set(['ann', 'bob', 'cid']))
  },

  cookies: async (t) => {
    const url = await running(t, cookies.start)
    let given = ''
    const first = await connect(t, url, {
      onResponse: ({ headers }) => {
        given = String(headers['set-cookie'])
      },
    })
    const Cookie = given.split(';')[0] ?? ''
    assert.equal(await next(first), `Visitor ${Cookie.slice('visitor='.length)}, visit 1`)
    const second = await connect(t, url, { headers: { Cookie } })
    assert.equal(await next(second), `Visitor ${Cookie.slice('visitor='.length)}, visit 2`)
    const stranger = await connect(t, url, { headers: { Cookie: 'visitor=made-up' } })
    assert.match(await next(stranger), /^Visitor [\da-f-]{36}, visit 1$/)
  },

  'pass-value': async (t) => {
    const url = await running(t, passValue.start)
    const ann = await connect(t, url, { headers: { Authorization: 'Bearer letmein' } })
    assert.equal(await next(ann), 'Hello Ann, what shall I do?')
    assert.equal(await ask(ann, 'nothing'), 'Ann says nothing')
    await assert.rejects(dial(url), (error: HandshakeError) => {
      assert.ok(error instanceof HandshakeError)
      return error.status === 401 && error.headers['www-authenticate'] === 'Bearer'
    })
  },

  'net-server': async (t) => {
    const url = await running(t, netServer.start)
    assert.equal(await ask(await connect(t, url), 'by hand'), 'by hand')
    const response = await once<{ statusCode: number; resume(): void }>(
      get(url.replace('ws:', 'http:')),
      'response',
    )
    response.resume()
    assert.equal(response.statusCode, 400)
  },

  http2: async (t) => {
    const url = await running(t, http2.start)
    const session = connectHttp2(url)
    t.after(() => session.destroy())
    await once(session, 'remoteSettings')
    const [ann, bob] = await Promise.all([http2.open(session), http2.open(session, { origin: url })])
    assert.deepEqual(await Promise.all([ask(ann, 'from ann'), ask(bob, 'from bob')]), [
      'from ann',
      'from bob',
    ])
    await assert.rejects(http2.open(session, { origin: 'http://evil.example' }), /answers 403/)
    const page = session.request({ ':path': '/' })
    const { ':status': status } = await once<{ ':status': number }>(page, 'response')
    assert.equal(status, 404)
    assert.equal((await ann.close()).clean, true)
    assert.equal(await ask(bob, 'still there'), 'still there')
    await bob.close()
  },

  'peer-to-peer': async (t) => {
    const heard: [string, string][] = []
    let news: () => void = () => undefined
    const peer = async (name: string) => {
      const one = await peerToPeer.start(0, (line) => {
        heard.push([name, line])
        news()
      })
      t.after(one.close)
      return one
    }
    const until = async (count: number): Promise<void> => {
      while (heard.length < count)
        await new Promise<void>((resolve) => {
          news = resolve
        })
    }
    const [ann, bob, cid] = [await peer('ann'), await peer('bob'), await peer('cid')]
    await ann.meet(bob.url)
    await bob.meet(cid.url)
    ann.say('hello')
    await until(2)
    await cid.meet(ann.url) // now there are two ways to everybody
    cid.say('\u001b[2J')
    await until(4)
    ann.say('bye')
    await until(6)
    for (const [name, expected] of [
      ['ann', ['Heard: \\u{1b}[2J']],
      ['bob', ['Heard: hello', 'Heard: \\u{1b}[2J', 'Heard: bye']],
      ['cid', ['Heard: hello', 'Heard: bye']],
    ] as const)
      assert.deepEqual(
        heard.filter(([who]) => who === name).map(([, line]) => line),
        expected,
      )
  },

  shared: async (t) => {
    const printed: string[] = []
    const { close } = await shared.start(0, (line) => printed.push(line))
    t.after(close)
    assert.deepEqual(printed, [
      'server got 1',
      'client got 2',
      'server got 3',
      'client got 4',
      'server got 5',
      'client got 6',
      'closed with 1000 by the client',
    ])
  },

  'worker-threads': async (t) => {
    const url = await running(t, workerThreads.start)
    for (const wrong of ['x', 'x', '-1', '1.5', '41', '1e400']) {
      const guesser = await connect(t, url)
      await guesser.send(wrong)
      const { code, reason } = await guesser.closed
      assert.deepEqual([code, reason], [1008, 'A number from 0 to 40'], wrong)
    }
    const conn = await connect(t, url)
    assert.equal(await ask(conn, '5'), 'fibonacci(5) = 5')
    for (const n of [20, 10, 1]) await conn.send(String(n))
    assert.deepEqual(
      [await next(conn), await next(conn), await next(conn)],
      ['fibonacci(20) = 6765', 'fibonacci(10) = 55', 'fibonacci(1) = 1'],
    )
  },

  channels: async (t) => {
    const url = await running(t, channels.start)
    const first = await connect(t, url)
    assert.equal(await next(first), 'guest 1 connects, here: guest 1')
    const second = await connect(t, url)
    assert.equal(await next(first), 'guest 2 connects, here: guest 1, guest 2')
    assert.equal(await next(second), 'guest 2 connects, here: guest 1, guest 2')
    assert.equal(await ask(second, 'hello'), 'guest 2: hello')
    assert.equal(await next(first), 'guest 2: hello')
    await second.close()
    assert.equal(await next(first), 'guest 2 disconnects, here: guest 1')
  },

  router: async (t) => {
    const url = await running(t, router.start)
    assert.equal(await ask(await connect(t, `${url}/echo`), 'hi'), 'hi')
    const time = await connect(t, `${url}/time`)
    assert.match(await next(time), /^\d{4}-\d\d-\d\dT/)
    assert.equal((await time.closed).code, 1000)
    const [tea, alsoTea] = [await connect(t, `${url}/rooms/tea`), await connect(t, `${url}/rooms/tea`)]
    const coffee = await connect(t, `${url}/rooms/coffee`)
    await tea.send('sugar?')
    assert.deepEqual([await next(tea), await next(alsoTea)], ['sugar?', 'sugar?'])
    assert.equal(await ask(coffee, 'milk?'), 'milk?', 'and nothing of tea')
    const page = await once<{ statusCode: number; resume(): void }>(
      get(`${url.replace('ws:', 'http:')}/`),
      'response',
    )
    page.resume()
    assert.equal(page.statusCode, 200)
  },

  tls: async (t) => {
    const url = await running(t, tls.start)
    assert.equal(await ask(await connect(t, url, { tls: { ca: tls.cert } }), 'hush'), 'hush')
    await assert.rejects(dial(url), { code: 'WS_ERR_SOCKET' })
  },

  shutdown: async (t) => {
    const program = new Program(t, 'examples/shutdown.js', [], { PORT: '0' })
    const conn = await connect(t, await program.line(/(ws:\S+);/))
    assert.match(await next(conn), /^\d{4}-\d\d-\d\dT/)
    program.kill('SIGTERM')
    const { code, reason, clean, initiator } = await conn.closed
    assert.deepEqual([code, reason, clean, initiator], [1001, 'The server restarts', true, 'remote'])
    const { code: exitCode, out } = await program.ended
    assert.equal(exitCode, 0)
    assert.deepEqual(out.slice(1), ['SIGTERM: 1 connections to close', 'All are closed'])
    await (await shutdown.start(0)).close()
  },

  metrics: async (t) => {
    // In a process of its own: what it subscribes to tells of every connection in its process.
    const program = new Program(t, 'examples/metrics.js', [], { PORT: '0' })
    const url = await program.line(/(ws:\S+);/)
    const conn = await connect(t, url, { compress: false })
    assert.equal(await ask(conn, 'counted'), 'counted')
    await conn.close(4321)
    const other = await connect(t, url)
    const page = await fetch(`${url.replace('ws', 'http')}/metrics`)
    assert.equal(page.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const families = readExposition(await page.text())
    const value = (series: string): number | undefined =>
      families.get(series.replace(/\{.*/, ''))?.series.get(series)
    assert.equal(value('ws_connections'), 1)
    assert.equal(value('ws_accepted_total'), 2)
    assert.equal(value('ws_closed_total{code="4xxx"}'), 1)
    assert.equal(value('ws_messages_total{direction="in"}'), 1)
    assert.equal(value('ws_bytes_total{direction="out"}'), conn.stats.bytesIn)
    assert.deepEqual([value('ws_rate_pauses_total'), value('ws_memory_bytes')], [0, 0])
    assert.equal(families.get('ws_duration_seconds')?.series.get('ws_duration_seconds_bucket{le="+Inf"}'), 1)
    for (const [name, { type }] of families) assert.equal(type === 'counter', name.endsWith('_total'), name)
    await assert.rejects(dial(url, { origin: 'http://evil.example' }), { status: 403 })
    assert.equal((await fetch(url.replace('ws', 'http'))).status, 404)
    const again = readExposition(await (await fetch(`${url.replace('ws', 'http')}/metrics`)).text())
    assert.equal(again.get('ws_refused_total')?.series.get('ws_refused_total{status="403"}'), 1)
    const odd = metrics.metric('odd', 'gauge', 'a\\b\nc', [[{ x: 'say "\\"\n' }, 1.5]])
    const [series] = readExposition(odd).get('odd')!.series
    assert.deepEqual(series, ['odd{x="say \\"\\\\\\"\\n"}', 1.5])
    await other.close()
  },

  extension: async (t) => {
    const program = new Program(t, 'examples/extension.js', [], { PORT: '0' })
    const { code, out } = await program.ended
    assert.equal(code, 0)
    assert.deepEqual(out.map((line) => line.replace(/masked [\da-f]{8}/, 'masked')).slice(0, 4), [
      'Agreed on x-mirror',
      'server gets text fin masked 5 bytes "straw"',
      'server sends text fin 5 bytes "straw"',
      'The client reads straw',
    ])
    // A peer without the extension is understood as well: nothing is negotiated then.
    const printed: string[] = []
    // What `push` gives back goes through the hook: it is no promise, and changes nothing.
    const url = await running(t, (port) => extension.start(port, (line) => printed.push(line)))
    const plain = await connect(t, url)
    assert.deepEqual([plain.extensions, await ask(plain, 'straw')], [[], 'straw'])
    assert.match(printed[0] ?? '', /^server gets text fin masked [\da-f]{8} 5 bytes "straw"$/)
  },
}

/** The programs of one file. The demo has a folder, and tests of its own. */
const examples = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'))

/** What those print last that end by themselves. */
const lastLines: Readonly<Record<string, RegExp>> = {
  http2: /^Two connections, and one session under both$/,
  'escape-controls': /^\\u\{1b\}\[8mA terminal would hide this\.$/,
  concurrent: /^\{"id":\d,"doneBy":"\w+"\}$/,
  shared: /^closed with 1000 by the client$/,
  tls: /^Trusted, and answered: nobody else reads this$/,
  extension: /^server sends close/,
}

test('every example has a test', () => {
  assert.deepEqual(Object.keys(behaviours).sort(), examples.sort())
})

describe('example', { concurrency: 4 }, () => {
  for (const [name, behaviour] of Object.entries(behaviours)) test(`${name} does what it says`, behaviour)

  for (const name of examples.filter((one) => one !== 'echo-client'))
    test(`${name} runs as a program`, async (t) => {
      const program = new Program(t, `examples/${name}.js`, [], { PORT: '0' })
      const last = lastLines[name]
      if (last === undefined) {
        assert.match(await program.line(/localhost:\d+/), /localhost:[1-9]\d*/)
        return
      }
      const { code, out, err } = await program.ended
      assert.deepEqual([code, err], [0, ''])
      assert.match(out.at(-1) ?? '', last)
    })

  test('echo-server and the demo run through a link, too', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-link-'))
    t.after(() => rmSync(folder, { recursive: true }))
    symlinkSync(join(root, 'dist/examples'), join(folder, 'examples'))
    for (const name of ['echo-server', 'demo/server']) {
      const path = relative(join(root, 'dist'), join(folder, `examples/${name}.js`))
      const program = new Program(t, path, [], { PORT: '0', HOST: undefined })
      assert.match(await program.line(/localhost:\d+/), /localhost:[1-9]\d*/)
    }
  })

  test('echo-client runs as a program: with a text, with lines typed in, and says so when there is no server', async (t) => {
    const { url, close } = await echoServer.start(0)
    const withText = await new Program(t, 'examples/echo-client.js', ['--url', url, 'hello', 'you']).ended
    assert.equal(withText.code, 0)
    assert.match(withText.out[1] ?? '', /^< hello you \(/)
    const typing = new Program(t, 'examples/echo-client.js', ['--url', url])
    typing.type('one\ntwo\n')
    const typed = await typing.ended
    assert.deepEqual([typed.code, typed.out.length], [0, 3])
    assert.match(typed.out[2] ?? '', /^< two \(/)
    close()
    const nobody = `ws://127.0.0.1:${await refusedPort(t)}`
    const alone = await new Program(t, 'examples/echo-client.js', ['--url', nobody, 'hello']).ended
    assert.equal(alone.code, 1)
    assert.match(alone.err, /ECONNREFUSED[\s\S]*npm run echo/)
  })
})
