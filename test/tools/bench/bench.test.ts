import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Conn, type Message, reject, type UpgradeOptions, upgrade } from '../../../src/index.js'
import type { Result } from '../../../src/tools/bench/result.js'
import { main } from '../../../src/tools/main.js'
import { listen, refusedPort, tls } from '../../support/index.js'
import { root } from '../../support/root.js'
import { echoPeers } from '../echo.js'
import { runMain } from '../run-main.js'

const serving = (message: (conn: Conn, message: Message) => unknown, options: UpgradeOptions = {}): Server =>
  createServer(upgrade({ message }, options))
const echo = (): Server => serving((conn, message) => conn.send(message))

/** Runs `fastws bench --json`: the code, the result, what was noted. */
async function bench(port: number, ...args: readonly string[]) {
  const ran = await runMain('bench', `ws://127.0.0.1:${port}/`, '--json', ...args)
  const lines = ran.stdout.split('\n').filter((line) => line !== '')
  const result: Result = JSON.parse(lines.at(-1) ?? '{}')
  return { ...ran, lines, result }
}

const FEW = ['--connections', '3', '--messages', '300'] as const

async function benchOf(t: TestContext, server: Server, ...args: readonly string[]) {
  return bench(await listen(t, server), ...args)
}

describe('fastws bench', () => {
  for (const [name, peer] of Object.entries(echoPeers))
    test(`sends what it was told to ${name}, and every message comes back`, async (t) => {
      const { code, result } = await benchOf(t, peer.server(), ...FEW)
      assert.equal(code, 0)
      const { type, connections, sent, answered, unanswered, unsent, errors } = result
      assert.deepEqual(
        { type, connections, sent, answered, unanswered, unsent, errors },
        {
          type: 'result',
          connections: { asked: 3, opened: 3, left: 3 },
          ...{ sent: 300, answered: 300, unanswered: 0, unsent: 0, errors: {} },
        },
      )
      const { min, p50, p99, max, count } = result.latency ?? assert.fail()
      assert.ok(count === 300 && min > 0 && min <= p50 && p50 <= p99 && p99 <= max)
      assert.equal(result.handshake?.count, 3)
    })

  for (const args of [
    ['--size', '0'],
    ['--size', '1', '--binary'],
    ['--size', '70k', '--in-flight', '5'],
    ['--size', '2k', '--compress'],
    ['--size', '40k', '--compress', '--binary'],
    ['--rate', '2000', '--size', '100'],
    ['--ramp-up', '50ms', '--warm-up', '100ms'],
    ['--rate', '2000', '--warm-up', '500ms'],
  ])
    test(`gets every echo with ${args.join(' ')}`, async (t) => {
      const seen: { isText: boolean; size: number; extensions: readonly string[] }[] = []
      const server = serving(
        (conn, message) => {
          seen.push({ isText: message.isText, size: message.length, extensions: conn.extensions })
          return conn.send(message)
        },
        { compress: true },
      )
      const { code, result } = await benchOf(t, server, ...args, ...FEW)
      assert.equal(code, 0)
      // What goes out in the warm-up comes on top.
      assert.ok(args.includes('--warm-up') ? seen.length > 300 : seen.length === 300, `${seen.length}`)
      assert.deepEqual([result.sent, result.answered, result.latency?.count], [300, 300, 300])
      assert.deepEqual(result.errors, {})
      assert.equal(seen[0]?.isText, !args.includes('--binary'))
      assert.equal(seen[0]?.extensions.length, args.includes('--compress') ? 1 : 0)
    })

  test('tells a load in numbers and in a picture', async (t) => {
    const port = await listen(t, echo())
    const { code, stdout, stderr } = await runMain('bench', `ws://me:secret@127.0.0.1:${port}`, ...FEW)
    assert.equal(code, 0)
    // Where the machine stands still it is a long load, and busy from end to end: then it says so, and nothing else.
    assert.equal(stderr.replace(/^warning: this load generator was busy .*\n/, ''), '')
    assert.ok(!stdout.includes('secret'))
    assert.match(stdout, /: 3 connections, text messages of 64 B, 1 in flight on each, 300 of them$/m)
    assert.match(stdout, /^messages {4}300 answered in [\d.]+ s: [\d,.]+\/s, [\d,.]+ \w+\/s each way$/m)
    assert.match(
      stdout,
      /^latency {5}p50 [\d,.]+ {2}p90 [\d,.]+ {2}p99 [\d,.]+ {2}p99.9 [\d,.]+ {2}max [\d,.]+ ms$/m,
    )
    assert.match(stdout, /^handshakes {2}3 of 3: p50 /m)
    assert.match(stdout, /ms {2}█{40} /)
    assert.ok(!stdout.includes('errors'))
  })

  test('speaks TLS, sends headers, origin and subprotocols', async (t) => {
    let seen: unknown
    const server = createTlsServer(
      { key: tls.key, cert: tls.cert },
      upgrade(
        {
          open: (conn, request) => {
            seen = [request?.headers.cookie, request?.headers.origin, conn.protocol]
          },
          message: (conn, message) => conn.send(message),
        },
        { origins: '*', protocols: ['b'] },
      ),
    )
    const url = `wss://localhost:${await listen(t, server)}/`
    const args = [
      '--messages',
      '9',
      '--header',
      'Cookie: a=1',
      '--origin',
      'http://x.test',
      '--protocol',
      'b',
    ]
    assert.equal((await runMain('bench', url, '--insecure', ...args)).code, 0)
    assert.deepEqual(seen, ['a=1', 'http://x.test', 'b'])
    const { code, stdout } = await runMain('bench', url, ...args)
    assert.equal(code, 1)
    assert.match(stdout, /^ +10 {2}a connection that could not be opened: (UNABLE_TO|SELF_SIGNED|DEPTH_)/m)
  })

  test('counts from the time a message should go out: whoever stalls is not spared', async (t) => {
    let count = 0
    const stalling = async (conn: Conn, message: Message): Promise<void> => {
      if (++count === 100) await sleep(400)
      await conn.send(message)
    }
    const args = ['--connections', '1', '--messages', '400']
    const open = await benchOf(t, serving(stalling), ...args, '--rate', '500')
    // 200 messages are due while it stalls; half of them wait for 200 ms and more.
    const slow = open.result.histogram.filter(({ to }) => to > 200).reduce((sum, one) => sum + one.count, 0)
    assert.ok(slow >= 60, `${slow} were slow`)
    assert.ok((open.result.latency?.p90 ?? 0) > 200)
    assert.equal(open.result.answered, 400)
    count = 0
    // Asked one at a time it looks well: a single message has waited.
    const closed = await benchOf(t, serving(stalling), ...args)
    assert.ok((closed.result.latency?.p90 ?? Infinity) < 200)
    assert.ok((closed.result.latency?.max ?? 0) >= 390)
  })

  test('notes what is no echo, with the first of them, escaped', async (t) => {
    const port = await listen(
      t,
      serving((conn) => conn.send('\u001b[31mred')),
    )
    const { code, result } = await bench(port, ...FEW)
    assert.equal(code, 1)
    assert.deepEqual(result.errors, { 'an answer that is no echo': 300 })
    assert.match(
      result.firstWrong ?? '',
      /^sent was text of 64 bytes '0{16}.*', answered text of 8 bytes 1b5b33316d726564$/,
    )
    const any = await bench(port, ...FEW, '--any-answer')
    assert.deepEqual([any.code, any.result.errors, any.result.answered], [0, {}, 300])
    const few = await bench(port, ...FEW, '--max-errors', '300')
    assert.equal(few.code, 0)
    const { stdout, stderr } = await runMain('bench', `ws://127.0.0.1:${port}/`, ...FEW)
    assert.match(stdout, /^errors\n {6}300 {2}an answer that is no echo\n {11}the first: sent was/m)
    assert.match(stderr, /^fastws bench: 300 errors, allowed are 0$/m)
  })

  test('finds an echo that comes to somebody else, and one that comes twice', async (t) => {
    const conns: Conn[] = []
    const crossed = createServer(
      upgrade({
        open: (conn) => void conns.push(conn),
        message: (_conn, message) => conns[0]?.send(message),
      }),
    )
    const args = ['--connections', '2', '--messages', '2', '--timeout', '1500']
    const swapped = await benchOf(t, crossed, ...args)
    assert.equal(swapped.code, 1)
    assert.equal(swapped.result.unanswered, 1)
    const twice = serving((conn, message) => {
      void conn.send(message.data)
      return conn.send(message.data)
    })
    const doubled = await benchOf(t, twice, '--connections', '1', '--messages', '50')
    assert.equal(doubled.code, 1)
    assert.ok(Object.keys(doubled.result.errors).length > 0)
  })

  test('counts messages that are not answered, with the time they have waited', async (t) => {
    const args = ['--connections', '2', '--messages', '10', '--in-flight', '3', '--timeout', '1500']
    const { code, result } = await benchOf(
      t,
      serving(() => undefined),
      ...args,
    )
    assert.equal(code, 1)
    assert.deepEqual(result.errors, { 'a message that was not answered': 6 })
    assert.ok(result.latency?.count === 6 && result.latency.min >= 1400)
  })

  test('counts messages that were due and never went out, where the server does not keep up', async (t) => {
    const args = ['--connections', '1', '--rate', '1000', '--in-flight', '5', '--duration', '200ms']
    const { code, result } = await benchOf(
      t,
      serving(() => undefined),
      ...args,
      '--timeout',
      '1500',
    )
    assert.equal(code, 1)
    assert.equal(result.unanswered, 5)
    assert.ok(result.unsent > 100, `${result.unsent}`)
    assert.equal(result.latency?.count, result.unsent + 5)
    assert.ok(result.latency.max >= 200)
  })

  for (const [when, others] of [
    ['at once', 0],
    ['when more was due on it', 5],
  ] as const)
    test(`counts what was due at a rate on a connection that is lost ${when}`, async (t) => {
      let lost: Conn | undefined
      let answers = 0
      const server = serving((conn, message) => {
        lost ??= conn
        if (answers === others) lost.terminate()
        if (conn === lost) return
        answers++
        return conn.send(message)
      })
      const args = ['--connections', '2', '--messages', '40', '--rate', '200', '--in-flight', '1']
      const { code, result } = await benchOf(t, server, ...args)
      assert.equal(code, 1)
      const { connections, sent, answered, unanswered, unsent, errors } = result
      assert.deepEqual(connections, { asked: 2, opened: 2, left: 1 })
      // Of its twenty one was sent, and nothing came back for which another one might go.
      assert.deepEqual([sent, answered, unanswered, unsent], [21, 20, 1, 19])
      assert.equal(errors['a message that was due and could not be sent'], 19)
    })

  test('counts connections that are lost, and goes on with the others', async (t) => {
    let count = 0
    const server = createServer(
      upgrade({
        message: (conn, message) => {
          if (++count === 20) conn.terminate()
          else if (count === 40) void conn.close(4001, 'enough')
          else return conn.send(message)
          return undefined
        },
      }),
    )
    const { code, result } = await benchOf(t, server, ...FEW)
    assert.equal(code, 1)
    assert.equal(result.connections.left, 1)
    assert.equal(result.errors['a connection that was lost: closed by the peer, 4001'], 1)
    assert.equal(Object.keys(result.errors).filter((kind) => kind.includes('1006')).length, 1)
    assert.equal(result.answered + result.unanswered, 300)
  })

  test('ends when there is no connection left', async (t) => {
    const server = serving((conn) => conn.close(1001))
    const { code, result } = await benchOf(t, server, '--connections', '2', '--rate', '100')
    assert.equal(code, 1)
    assert.equal(result.connections.left, 0)
  })

  test('tells why connections could not be opened, each kind once', async (t) => {
    const refusing = createServer(upgrade(() => undefined, { accept: () => reject(401) }))
    const refused = await benchOf(t, refusing, '--connections', '4')
    assert.equal(refused.code, 1)
    assert.deepEqual(refused.result.errors, { 'a handshake that was refused: HTTP 401': 4 })
    assert.equal(refused.result.latency, null)
    const silent = await bench(await listen(t, createTcpServer()), '--connections', '2', '--timeout', '50')
    assert.deepEqual(silent.result.errors, { 'a handshake that was not answered in time': 2 })
    const nobody = await bench(await refusedPort(t), '--connections', '3')
    assert.deepEqual(nobody.result.errors, { 'a connection that could not be opened: ECONNREFUSED': 3 })
    assert.deepEqual(nobody.result.warnings, [])
  })

  test('sends to a sink without waiting for answers', async (t) => {
    let bytes = 0
    const sink = (): Server =>
      serving((_conn, message) => {
        bytes += message.length
      })
    const full = await benchOf(
      t,
      sink(),
      '--no-echo',
      '--size',
      '1k',
      '--messages',
      '5000',
      '--connections',
      '2',
    )
    assert.equal(full.code, 0)
    assert.equal(full.result.latency, null)
    assert.equal(full.result.sent, 5000)
    assert.equal(bytes, 5000 * 1024)
    const paced = await benchOf(t, sink(), '--no-echo', '--rate', '1000', '--messages', '100')
    assert.deepEqual([paced.code, paced.result.sent], [0, 100])
    assert.ok(paced.result.seconds >= 0.09)
    const port = await listen(t, sink())
    const { stdout } = await runMain('bench', `ws://127.0.0.1:${port}`, '--no-echo', '--duration', '100ms')
    assert.match(stdout, /, as many as are taken, 0.1 s\nmessages {4}[\d,]+ sent in /)
  })

  test('exits with 1 when the 99th percentile is above what is allowed', async (t) => {
    const slow = await benchOf(
      t,
      serving(async (conn, message) => {
        await sleep(20)
        await conn.send(message)
      }),
      ...['--messages', '10', '--max-p99', '5'],
    )
    assert.equal(slow.code, 1)
    assert.match(slow.result.exceeded.join(), /^the 99th percentile is \d+\.\d+ ms, allowed are 5 ms$/)
    const fast = await benchOf(t, echo(), '--messages', '10', '--max-p99', '60000')
    assert.deepEqual([fast.code, fast.result.exceeded], [0, []])
    const nobody = await benchOf(t, createServer(), '--max-p99', '5', '--max-errors', '10')
    assert.equal(nobody.code, 1)
    assert.deepEqual(nobody.result.exceeded, ['no message was answered, and --max-p99 is 5 ms'])
  })

  test('tells how it goes every second, as lines of JSON', async (t) => {
    const { lines } = await benchOf(t, echo(), '--duration', '1200ms', '--rate', '50')
    const told = lines.map((line) => JSON.parse(line))
    assert.equal(told.pop().type, 'result')
    assert.ok(told.length > 0) // more than one where the end has to be waited for
    for (const [i, progress] of told.entries()) {
      assert.equal(progress.type, 'progress')
      assert.ok(progress.at >= 900 * (i + 1), `${progress.at}`)
    }
    // The first may come while connections are being opened, and one right behind another has nothing to tell.
    assert.equal(told.at(-1).connections, 10)
    assert.ok(told.some(({ answered, latency }) => answered > 0 && latency?.count > 0))
  })

  test('tells how it goes on a terminal', async (t) => {
    const port = await listen(t, echo())
    const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })]
    let status = ''
    stderr.on('data', (chunk) => {
      status += String(chunk)
    })
    stdout.resume()
    const args = ['bench', `ws://127.0.0.1:${port}`, '--duration', '600ms', '--rate', '100']
    assert.equal(await main(args, { stdout, stderr }), 0)
    assert.ok(status.includes('\r\u001b[2K10 connections, '))
    assert.match(status, /10 connections, \d+ answered, p99 [\d.]+ ms, 0 errors/)
  })

  test('says when it is what is measured itself', async (t) => {
    const burn = (milliseconds: number): void => {
      const until = performance.now() + milliseconds
      while (performance.now() < until);
    }
    // One process for both, and every answer takes a while: what comes next is there before anybody waits for it.
    const slow = serving((conn, message) => {
      burn(1)
      return conn.send(message)
    })
    const busy = await benchOf(t, slow, '--in-flight', '20', '--duration', '700ms')
    assert.match(busy.stderr, /^warning: this load generator was busy \d+ % of the time: it may be what is/m)
    assert.equal(busy.result.warnings.length, 1)
    let count = 0
    const blocking = serving((conn, message) => {
      if (++count % 20 === 0) burn(50)
      return conn.send(message)
    })
    const late = await benchOf(t, blocking, '--rate', '200', '--duration', '600ms')
    assert.match(late.stderr, /^warning: this load generator sent one message in a hundred \d+\.\d ms late/m)
    assert.ok((late.result.generator.lag?.max ?? 0) > 30)
  })

  for (const [args, message] of [
    [[], /a URL is needed/],
    [['ws://a', 'ws://b'], /one URL is enough/],
    [['ftp://a'], /no URL with ws:/],
    [['ws://a', '--connections', '0'], /--connections must be an integer from 1/],
    [['ws://a', '--rate', '0'], /--rate must be a number above 0/],
    [['ws://a', '--rate', ' '], /--rate must be/],
    [
      ['ws://a', '--duration', 'long'],
      /--duration must be a time as in 500ms, 10s or 2m, at most 24h, not 'long'/,
    ],
    [['ws://a', '--duration', '25h'], /--duration must be/],
    [['ws://a', '--size', '-1'], /--size/],
    [['ws://a', '--size', '65m'], /--size must be bytes/],
    [['ws://a', '--header', 'nonsense'], /--header must be/],
    [['ws://a', '--header', 'Upgrade: x'], /Upgrade/i],
    [['ws://a', '--ca', '/does/not/exist'], /--ca: ENOENT/],
    [['ws://a', '--no-echo', '--max-p99', '5'], /--max-p99 needs answers/],
    [['ws://a', '--no-echo', '--in-flight', '5'], /--in-flight needs answers/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stderr } = await runMain('bench', ...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })

  test('tells all of its options, in lines that fit', async () => {
    const { code, stdout } = await runMain('bench', '--help')
    assert.equal(code, 0)
    for (const option of ['--rate N', '--connections N', '--max-p99 MS', '--no-echo', '--json'])
      assert.ok(stdout.includes(`${option} `), option)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })
})

const program = join(root, 'dist/src/tools/bin.js')

/** The command as a process of its own. */
function start(t: TestContext, command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const texts = [child.stdout, child.stderr].map(async (stream) => {
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return text
  })
  return { child, ended: once(child, 'exit'), texts: Promise.all(texts) }
}

describe('fastws bench, as a process,', () => {
  test('reports what came until Ctrl+C', async (t) => {
    const port = await listen(t, echo())
    const args = [program, 'bench', `ws://127.0.0.1:${port}`, '--json', '--rate', '100', '--duration', '1h']
    const { child, ended, texts } = start(t, process.execPath, args)
    // The first line may come while connections are being opened.
    for (let told = ''; !/"answered":[1-9]/.test(told); )
      told += String((await once(child.stdout, 'data'))[0])
    child.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])
    const [stdout = ''] = await texts
    const result: Result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.equal(result.type, 'result')
    assert.ok(result.answered > 0 && result.unanswered === 0)
  })

  test('ends when nobody reads its output any more', async (t) => {
    const port = await listen(t, echo())
    const child = spawn(process.execPath, [
      program,
      'bench',
      `ws://127.0.0.1:${port}`,
      '--json',
      '--duration',
      '1h',
    ])
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    child.stdout.destroy()
    assert.deepEqual(await once(child, 'exit'), [141, null])
  })

  test('says what to do when it may not open more files', async (t) => {
    const port = await listen(t, echo())
    const call = `ulimit -n 300; exec "${process.execPath}" "${program}" bench ws://127.0.0.1:${port} --connections 500 --messages 600`
    const { ended, texts } = start(t, 'sh', ['-c', call])
    assert.deepEqual(await ended, [1, null])
    const [stdout = '', stderr = ''] = await texts
    assert.match(
      stderr,
      /^fastws bench: opened \d\d\d connections, and can open no more: .* \(EMFILE\); raise that limit with 'ulimit -n'/m,
    )
    assert.match(stdout, /^messages {4}600 answered/m)
    assert.match(stdout, /a connection that could not be opened: EMFILE$/m)
  })
})
