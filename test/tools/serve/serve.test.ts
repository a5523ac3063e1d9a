import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import WebSocket from 'ws'
import { type Conn, dial, type Message } from '../../../src/index.js'
import { fateOf, USUAL } from '../../../src/tools/serve/chaos.js'
import { Random } from '../../../src/tools/serve/random.js'
import { WRONG_FRAMES } from '../../../src/tools/serve/wrong-frames.js'
import { clientFrame, listen, once, rawHandshake, tls } from '../../support/index.js'
import { runMain } from '../run-main.js'
import { records, startTool } from '../run-tool.js'

/** `fastws serve` on a free port. Whatever a test has done to it: it can be stopped, or has ended as the test says. */
async function serving(t: TestContext, ...args: readonly string[]) {
  const stop = (): Promise<number> => {
    tool.child.kill('SIGINT')
    return tool.code
  }
  let ends = 0
  t.after(async () => assert.equal(await stop(), ends, tool.err())) // before it is killed
  const tool = startTool(t, 'serve', ...args, '--port', '0')
  const [url] = await tool.printed(/wss?:\/\/[^\s",]+/)
  const endsWith = (code: number): void => {
    ends = code
  }
  return { ...tool, url, stop, endsWith }
}

/** Nothing comes for so long, the server answers a ping, and still nothing comes: there is no answer then. */
const QUIET = 250

async function answerFrom(conn: Conn): Promise<Message | null> {
  try {
    return await conn.read({ signal: AbortSignal.timeout(QUIET) })
  } catch (error) {
    if (conn.signal.aborted) throw error
    await conn.ping()
    return conn.read({ signal: AbortSignal.timeout(QUIET) })
  }
}

/** Sends messages one by one; tells what came back until the end, or until an answer is missing. */
async function converse(url: string, messages: readonly string[]): Promise<readonly string[]> {
  const conn = await dial(url)
  const answers: string[] = []
  for (const message of messages) void conn.send(message)
  try {
    for (;;) {
      const answer = await answerFrom(conn)
      if (answer === null) break
      answers.push(answer.text())
    }
  } catch (error) {
    answers.push(conn.signal.aborted ? `${(await conn.closed).code}` : (error as Error).name)
  }
  conn.terminate()
  return answers
}

describe('fastws serve', () => {
  test('echoes, tells of connections, and says goodbye on SIGINT', async (t) => {
    const { url, out, stop, printed } = await serving(t, '--messages')
    const client = new WebSocket(`${url}/path?a=b`)
    await once(client, 'open')
    client.send('hel\u001blo')
    assert.equal(String(await once(client, 'message')), 'hel\u001blo')
    await printed(/#1 text 6 bytes/)
    const closed = once(client, 'close')
    const code = stop()
    assert.equal(await closed, 1001)
    assert.equal(await code, 0)
    assert.match(
      out(),
      /^echo at ws:.*\n#1 open \/path\?a=b from 127\.0\.0\.1\n#1 text 6 bytes "hel\\u001blo"\n#1 closed by us: 1001, after 1 message in .* s\nstopped after 1 connection, 1 message\n$/,
    )
  })

  test('tells everything as JSON, frames too', async (t) => {
    const { url, out, stop, printed } = await serving(t, '--json', '--frames', '--messages', '--compress')
    const conn = await dial(url, { protocols: ['a', 'b'] })
    assert.deepEqual([conn.protocol, conn.extensions], ['a', ['permessage-deflate']])
    await conn.send('hello')
    await conn.read()
    await conn.close()
    await printed(/"type":"close"/)
    assert.equal(await stop(), 0)
    const types = records(out()).map(({ type, direction = '', name = '' }) =>
      `${type} ${direction} ${name}`.trim(),
    )
    assert.deepEqual(types, [
      'listening',
      'open',
      'frame received text',
      'message',
      'frame sent text',
      'frame received close',
      'frame sent close',
      'close',
      'stopped',
    ])
  })

  test('shows messages that are not text, to people and as JSON', async (t) => {
    for (const [args, told] of [
      [[], /^#1 binary 1 byte ff$/m],
      [['--json'], /"type":"message",.*"conn":1,"kind":"binary","length":1,"encoding":"hex","payload":"ff"/],
    ] as const) {
      const { url, printed } = await serving(t, 'sink', '--messages', ...args)
      const conn = await dial(url)
      await conn.send(Buffer.from([255]))
      await printed(told)
      await conn.close()
    }
  })

  test('takes everything as a sink, and tells nothing when it is quiet', async (t) => {
    const { url, out, stop } = await serving(t, 'sink', '--quiet')
    const conn = await dial(url)
    await conn.send('hello')
    await conn.ping()
    assert.equal(conn.stats.messagesIn, 0)
    await conn.close()
    assert.equal(await stop(), 0)
    assert.match(out(), /^sink at .*\nstopped after 1 connection, 1 message\n$/)
  })

  test('passes messages on to all others, or to all', async (t) => {
    const others = await serving(t, 'broadcast')
    const [ann, bob] = [await dial(others.url), await dial(others.url)]
    await ann.send('hi')
    assert.equal((await bob.read())?.text(), 'hi')
    await bob.send('ho')
    assert.equal((await ann.read())?.text(), 'ho')
    const all = await serving(t, 'broadcast', '--to-self')
    const carl = await dial(all.url)
    await carl.send('hm')
    assert.equal((await carl.read())?.text(), 'hm')
    for (const conn of [ann, bob, carl]) await conn.close()
  })

  test('keeps to a path, subprotocols and origins', async (t) => {
    const { url } = await serving(t, '--path', '/chat', '-s', 'b', '-o', 'http://example.com')
    const good = { origin: 'http://example.com', protocols: ['a', 'b'] }
    assert.equal((await dial(`${url}/chat`, good)).protocol, 'b')
    await assert.rejects(dial(`${url}/other`, good), { status: 404 })
    await assert.rejects(dial(`${url}/chat`, { origin: 'http://elsewhere' }), { status: 403 })
    const status = (path: string) =>
      new Promise((resolve) => get(url.replace('ws:', 'http:') + path, (r) => resolve(r.statusCode)))
    assert.deepEqual([await status('/chat?x'), await status('/')], [426, 404])
  })

  test('speaks TLS, in chaos too', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-serve-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [cert, key] = [join(folder, 'cert'), join(folder, 'key')]
    writeFileSync(cert, tls.cert)
    writeFileSync(key, tls.key)
    for (const mode of [['echo'], ['chaos', '--reset', '1']]) {
      const { url } = await serving(t, ...mode, '--cert', cert, '--key', key)
      const conn = await dial(url, { tls: { ca: tls.ca, servername: 'localhost' } })
      await conn.send('hello')
      if (mode.length === 1) assert.equal((await conn.read())?.text(), 'hello')
      else assert.equal((await conn.closed).code, 1006)
      conn.terminate()
    }
    const alone = await runMain('serve', '--cert', cert)
    assert.match(alone.stderr, /--cert and --key belong together/)
  })

  test('stops though somebody has never asked for a WebSocket', async (t) => {
    const { url, stop } = await serving(t)
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    assert.equal(await stop(), 0)
  })

  test('ends when nobody reads its log', async (t) => {
    const { url, child, code, endsWith } = await serving(t)
    endsWith(141)
    child.stdout.destroy()
    const conn = await dial(url).catch(() => undefined)
    assert.equal(await code, 141)
    conn?.terminate()
  })

  test('cannot listen where somebody does', async (t) => {
    const server = createServer()
    await listen(t, server)
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await runMain('serve', '--port', `${port}`)
    assert.equal(code, 1)
    assert.match(stderr, /EADDRINUSE/)
  })

  for (const [args, message] of [
    [['ecko'], /one of echo, sink, broadcast, chaos is needed, not 'ecko'/],
    [['echo', 'sink'], /not 'echo sink'/],
    [['--port', '70000'], /--port must be/],
    [['chaos', '--drop', '2'], /--drop must be a chance from 0 to 1/],
    [['chaos', '--drop', '101%'], /--drop must be/],
    [['chaos', '--drop', 'often'], /--drop must be .* not 'often'/],
    [['chaos', '--drop', '60%', '--reset', '.5'], /add up to 1\.1: more than 1/],
    [['chaos', '--seed', '-1'], /--seed/],
    [['--path', 'no-slash'], /path/],
  ] as const)
    test(`refuses '${args.join(' ')}'`, async () => {
      const { code, stderr } = await runMain('serve', ...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })

  test('tells all of its options for --help', async () => {
    const { code, stdout } = await runMain('serve', '--help')
    assert.equal(code, 0)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line)
  })
})

describe('fastws serve chaos', () => {
  const acts = (out: string): string[] => out.split('\n').filter((line) => /^#\d+ message/.test(line))
  const messages = Array.from({ length: 12 }, (_, i) => `message ${i}`)

  test('does the same for the same seed, and something else for another', async (t) => {
    const runs: string[][] = []
    for (const seed of ['5', '5', '6']) {
      const { url, out, stop } = await serving(
        t,
        'chaos',
        '--seed',
        seed,
        ...['--drop', '.2', '--double', '.2', '--fragment', '.2', '--delay', '.2', '--max-delay', '5'],
      )
      const answers = [...(await converse(url, messages)), ...(await converse(url, messages))]
      await stop()
      runs.push([...acts(out()), ...answers])
    }
    assert.deepEqual(runs[0], runs[1])
    assert.notDeepEqual(runs[0], runs[2])
  })

  for (const [act, answers, told] of [
    ['drop', ['TimeoutError'], /drop, no answer/],
    ['double', ['hello', 'hello', 'TimeoutError'], /double, two answers/],
    ['delay', ['hello', 'TimeoutError'], /delay, \d+ ms/],
    ['fragment', ['hello', 'TimeoutError'], /fragment, \d frames/],
    ['cut', ['1006'], /cut, \d of 7 bytes/],
    ['reset', ['1006'], /reset, TCP reset/],
  ] as const)
    test(`can ${act}`, async (t) => {
      const { url, printed } = await serving(
        t,
        'chaos',
        `--${act}`,
        '100%',
        '--seed',
        '1',
        '--max-delay',
        '20',
      )
      assert.deepEqual(await converse(url, ['hello']), answers)
      await printed(told)
    })

  test('can close with some code, and send frames that break the rules', async (t) => {
    const closing = await serving(t, 'chaos', '--close', '1', '--seed', '2')
    const [code] = await converse(closing.url, ['hello'])
    await closing.printed(new RegExp(`close, ${code ?? 1000}`))
    const wrong = await serving(t, 'chaos', '--bad', '1', '--seed', '2')
    assert.match(String(await converse(wrong.url, ['hello'])), /^100[27]$/)
  })

  for (const [act, came, told] of [
    [
      'cut',
      (bytes: Buffer, has: number) => bytes.equals(Buffer.from('\x81\x05hello', 'latin1').subarray(0, has)),
      /cut, (\d)/,
    ],
    [
      'close',
      (bytes: Buffer, code: number) => bytes.length === 9 && bytes.readUInt16BE(2) === code,
      /close, (\d+)/,
    ],
  ] as const)
    test(`answers nothing behind the ${act} that ends a connection, and tells of nothing else`, async (t) => {
      const { url, out, stop, printed } = await serving(t, 'chaos', `--${act}`, '1', '--seed', '1')
      const hello = clientFrame(1, 'hello')
      const trailing = Buffer.concat([hello, hello, clientFrame(9), hello])
      const { peer } = await rawHandshake(Number(new URL(url).port), { t, trailing })
      const [, figure] = await printed(told)
      const rest = act === 'cut' ? await peer.readToEnd() : await peer.read(9)
      assert.ok(came(rest, Number(figure)), `${rest.toString('latin1')} after ${act} ${figure}`)
      peer.destroy()
      await printed(/#1 closed/)
      assert.equal(await stop(), 0)
      assert.equal(acts(out()).length, 1, out())
    })

  test('forgets an answer that is delayed when the client has gone', async (t) => {
    const { url, stop, printed } = await serving(
      t,
      'chaos',
      '--delay',
      '1',
      '--max-delay',
      '3600000',
      '--seed',
      '1',
    )
    const conn = await dial(url)
    await conn.send('hello')
    await printed(/delay, \d+ ms/)
    conn.terminate()
    await printed(/#1 closed without a closing handshake/)
    assert.equal(await stop(), 0)
  })

  test('tells what it does as JSON, and nothing when it is quiet', async (t) => {
    for (const quiet of [[], ['--quiet']]) {
      const { url, out, stop } = await serving(t, 'chaos', '--drop', '1', '--seed', '1', '--json', ...quiet)
      const conn = await dial(url)
      await conn.send(Buffer.from([1, 255]))
      await conn.close()
      assert.equal(await stop(), 0)
      const told = records(out()).map(({ at, ...facts }) => facts)
      assert.deepEqual(told[0], { type: 'listening', url, mode: 'chaos', seed: 1 })
      assert.deepEqual(told.at(-1), { type: 'stopped', visitors: 1, messages: 1 })
      const act = { type: 'chaos', conn: 1, message: 1, act: 'drop', details: 'no answer' }
      assert.deepEqual(
        told.filter(({ type }) => type === 'chaos'),
        quiet.length === 0 ? [act] : [],
      )
      assert.equal(told.length, quiet.length === 0 ? 5 : 2)
    }
  })

  test('reads no more than it can hold while an answer is delayed, and loses nothing', async (t) => {
    const { url } = await serving(t, 'chaos', '--delay', '1', '--max-delay', '1', '--seed', '1')
    const conn = await dial(url, { maxOutboxBytes: 64 << 20 })
    const count = 24
    const sent = Array.from({ length: count }, (_, i) => conn.send(Buffer.alloc(1 << 20, i)))
    for (let i = 0; i < count; i++) {
      const answer = await conn.read()
      assert.ok(answer?.data.equals(Buffer.alloc(1 << 20, i)), `message ${i}`)
    }
    await Promise.all(sent)
    await conn.close()
  })

  test('cuts and divides bytes as it does texts', async (t) => {
    const { url, out, stop } = await serving(
      t,
      'chaos',
      '--fragment',
      '.5',
      '--cut',
      '.5',
      '--seed',
      '1',
      '--frames',
    )
    const conn = await dial(url)
    for (let i = 0; !conn.signal.aborted && i < 100; i++) {
      await conn.send(Buffer.from('hello'))
      const answer = await conn.read().catch(() => null)
      if (answer === null) break
      assert.deepEqual([answer.isText, answer.text()], [false, 'hello'])
    }
    assert.equal((await conn.closed).code, 1006)
    assert.equal(await stop(), 0)
    assert.match(out(), /fragment, \d frames[\s\S]*> binary[\s\S]*cut, \d of 7 bytes/)
  })

  test('draws fates by their chances', () => {
    const plan = { seed: 1, chances: USUAL, maxDelay: 1 }
    const counts = new Map<string, number>()
    for (let i = 0; i < 10_000; i++) {
      const { act } = fateOf(plan, 1, i)
      counts.set(act, (counts.get(act) ?? 0) + 1)
    }
    for (const [act, chance] of Object.entries({ ...USUAL, echo: 0.42 }))
      assert.ok(Math.abs((counts.get(act) ?? 0) / 10_000 - chance) < 0.02, `${act} ${counts.get(act)}`)
  })

  test('knows many ways to be wrong', () => {
    assert.ok(WRONG_FRAMES.length > 10)
    for (const { name, make } of WRONG_FRAMES) assert.notEqual(make(), make(), name)
  })
})

describe('Random', () => {
  test('gives the same numbers for the same seed, and others for others', () => {
    const draw = (...seeds: [number, ...number[]]): number[] => {
      const random = new Random(...seeds)
      return Array.from({ length: 5 }, () => random.next())
    }
    assert.deepEqual(draw(1, 2, 3), draw(1, 2, 3))
    for (const other of [draw(1, 3, 2), draw(1, 2), draw(2, 2, 3)]) assert.notDeepEqual(draw(1, 2, 3), other)
  })

  test('keeps to its range', () => {
    const random = new Random(0)
    const drawn = new Set(Array.from({ length: 1000 }, () => random.integer(-1, 2)))
    assert.deepEqual(
      [...drawn].sort((a, b) => a - b),
      [-1, 0, 1, 2],
    )
    assert.equal(random.pick(['only']), 'only')
  })
})
