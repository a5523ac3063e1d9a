import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { dial, HandshakeError } from '../../src/index.js'
import { createCheckServer } from '../../src/tools/check/serve.js'
import { Session } from '../../src/tools/check/session.js'
import { SETTINGS } from '../../src/tools/check/settings.js'
import { deferred, listen, rawConnect } from '../support/index.js'
import { root } from '../support/root.js'
import { echoPeers } from './echo.js'
import { startTool } from './run-tool.js'
import { serveMain } from './start-main.js'

const EXPECTED = join(root, 'test/conformance/expected.json')

/** A server for two cases that ends with the test. */
async function serving(...args: readonly string[]) {
  const times = ['--timeout', '60000']
  const { url, done, lines, notes } = await serveMain('--once', '--cases', '1.1.2,2.1', ...times, ...args)
  const ask = async (path: string): Promise<string | undefined> => {
    await using conn = await dial(url + path)
    return (await conn.read())?.text()
  }
  return {
    url,
    ask,
    done,
    lines,
    notes,
    end: async () => {
      await ask('/updateReports')
      return done
    },
  }
}

describe('fastws check --serve', () => {
  test('tells what a client asks about cases', async () => {
    const { ask, url, end } = await serving()
    assert.equal(await ask('/getCaseCount'), '2')
    assert.equal(await ask('/getCaseInfo?case=2'), '{"id":"2.1","description":"Ping without payload"}')
    assert.equal(
      await ask('/getCaseInfo?casetuple=1.1.2'),
      '{"id":"1.1.2","description":"Text of 125 bytes"}',
    )
    assert.equal(await ask('/getCaseStatus?case=1&agent=a'), '{}')
    await echoPeers.ws?.client(`${url}/runCase?casetuple=1.1.2&agent=a`)
    assert.equal(await ask('/getCaseStatus?case=1&agent=a'), '{"behavior":"OK"}')
    assert.equal(await ask('/getCaseStatus?case=1&agent=b'), '{}')
    assert.equal(await end(), 1)
  })

  for (const [what, cases, agent, code, note] of [
    ['every case', [1, 2], 'a', 0, undefined],
    ['one case of two', [1], 'a', 1, "1 of 2 cases were not played by 'a'"],
    ['no case, under the name it tells', [1, 2], 'b', 1, "2 of 2 cases were not played by 'b'"],
  ] as const)
    for (const expect of [[], ['--expect', EXPECTED, '--agent', 'ws client']])
      test(`ends with ${code} when a client played ${what}, '${expect.join(' ')}'`, async () => {
        const { url, ask, notes, done } = await serving(...expect)
        for (const one of cases) await echoPeers.ws?.client(`${url}/runCase?case=${one}&agent=a`)
        await ask(`/updateReports?agent=${agent}`)
        assert.equal(await done, code)
        assert.deepEqual(notes.slice(1), note === undefined ? [] : [note])
      })

  test('waits for the cases that are being played before it concludes', async () => {
    const { url, ask, done, lines } = await serving()
    const peer = await rawConnect(Number(new URL(url).port))
    peer.write(Buffer.from('GET /runCase?case=1&agent=a HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await peer.readUntil('\r\n\r\n')
    await ask('/updateReports?agent=a')
    peer.socket.destroy()
    assert.equal(await done, 1)
    assert.equal(lines.at(-1), 'a: 1 FAILED')
  })

  test('tells of a case that it could not judge itself, and counts it as not played', async (t) => {
    const broken = (): never => {
      throw new Error('a mistake of ours')
    }
    const session = new Session([{ id: '1.1', description: 'is wrong itself', steps: broken }])
    const told: string[] = []
    const done = deferred<string>()
    const server = createCheckServer({
      session,
      settings: { ...SETTINGS, timeout: 60_000 },
      page: () => '',
      onResult: () => assert.fail(),
      onError: (agent, { id }, error) => told.push(`${agent} ${id} ${String(error)}`),
      onDone: (agent) => done.resolve(agent),
    })
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    await echoPeers.ws?.client(`${url}/runCase?case=1&agent=a`)
    await echoPeers.ws?.client(`${url}/updateReports?agent=a`)
    assert.equal(await done.promise, 'a')
    assert.deepEqual(told, ['a 1.1 Error: a mistake of ours'])
    assert.deepEqual(session.results('a'), [])
  })

  test('reports what was judged when it is interrupted', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fastws-report-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const args = ['check', '--serve', '0', '--cases', '1.1.2,2.1', '--timeout', '600000', '--report', folder]
    const tool = startTool(t, ...args)
    const [url = ''] = await tool.printed(/ws:\S+[^/\s]/)
    await echoPeers.ws?.client(`${url}/runCase?case=1&agent=a`)
    while ((await echoPeers.ws?.client(`${url}/getCaseStatus?case=1&agent=a`)) === '{}') {
      // The case is still being judged.
    }
    const peer = await rawConnect(Number(new URL(url).port))
    peer.write(Buffer.from('GET /runCase?case=2&agent=a HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await peer.readUntil('\r\n\r\n')
    tool.child.kill('SIGINT')
    assert.equal(await tool.code, 130)
    assert.equal(tool.out(), 'a: 1 OK\n')
    assert.match(tool.err(), /^1 of 2 cases were not played by 'a'$/m)
    const report = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
    assert.deepEqual(Object.keys(report.a), ['1.1.2'])
  })

  test('refuses cases and paths that do not exist', async () => {
    const { url, end } = await serving()
    for (const path of ['/runCase?case=3', '/runCase', '/nothing'])
      await assert.rejects(
        dial(url + path),
        (error) => error instanceof HandshakeError && error.status === 404,
      )
    await end()
  })

  test('shows its report to a browser', async () => {
    const { url, end } = await serving()
    const address = url.replace('ws:', 'http:')
    await echoPeers.ws?.client(`${url}/runCase?case=1&agent=a`)
    const page = await fetch(`${address}/`)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /"agent":"a"/)
    assert.equal((await fetch(`${address}/other`)).status, 404)
    await end()
  })

  test('takes no harm from who comes and says nothing, or nonsense', async () => {
    const { url, ask, end } = await serving()
    const port = Number(new URL(url).port)
    const silent = await rawConnect(port)
    silent.socket.destroy()
    const nonsense = connect({ port, host: '127.0.0.1' })
    nonsense.on('error', () => nonsense.destroy())
    nonsense.write(Buffer.alloc(2 << 20, 97))
    const absurd = await rawConnect(port)
    absurd.write(Buffer.from('GET http://[ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await absurd.readToEnd()
    assert.equal(await ask('/getCaseCount'), '2')
    await end()
  })

  test('fails a case whose client goes away', async () => {
    const { url, ask, end } = await serving()
    const peer = await rawConnect(Number(new URL(url).port))
    peer.write(Buffer.from('GET /runCase?case=1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'))
    await peer.readUntil('\r\n\r\n')
    peer.socket.destroy()
    while ((await ask('/getCaseStatus?case=1')) === '{}') {
      // The case is still being judged.
    }
    assert.equal(await ask('/getCaseStatus?case=1'), '{"behavior":"FAILED"}')
    assert.equal(await end(), 1)
  })

  test('cannot listen where somebody does', async () => {
    const { url, end } = await serving()
    const second = await serveMain('--serve', new URL(url).port)
    assert.equal(await second.done, 1)
    assert.match(second.notes[0] ?? '', /EADDRINUSE/)
    await end()
  })

  for (const [args, message] of [
    [['--expect', '/does/not/exist'], /--expect: ENOENT/],
    [['--expect', 'README.md'], /--expect: the file is no JSON object/],
    [['--expect', 'package.json', '--agent', 'nobody'], /there is nothing about 'nobody'/],
  ] as const)
    test(`does not listen with ${args.join(' ')}`, async () => {
      const { done, notes } = await serveMain(...args)
      assert.match(notes[0] ?? '', message)
      assert.equal(await done, 2)
    })

  test('tells when the expectation does not fit the client', async () => {
    const { url, done, notes } = await serveMain('--cases', '1.1.1', '--expect', 'package.json')
    await (await dial(`${url}/updateReports?agent=nobody`)).closed
    assert.equal(await done, 2)
    assert.match(notes[1] ?? '', /there is nothing about 'nobody'/)
  })
})
