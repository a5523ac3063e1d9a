import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type Handler, upgrade } from '../../src/index.js'
import { readRecording } from '../../src/tools/recording/read.js'
import { scriptsOf } from '../../src/tools/replay/script.js'
import { Waiter } from '../../src/tools/replay/waiter.js'
import { deferred, GUARD, isPending, listen } from '../support/index.js'
import { runMain } from './run-main.js'
import { folderFor, startProgram } from './wire-program.js'

/** A server, and the request targets and headers that it was asked with. */
async function asked(
  t: TestContext,
  handler: Handler = { message: (conn, message) => conn.send(message) },
): Promise<{ port: number; urls: string[]; headers: Record<string, unknown>[] }> {
  const [urls, headers]: [string[], Record<string, unknown>[]] = [[], []]
  const door = upgrade(handler, {
    accept(request) {
      urls.push(request.url ?? '')
      headers.push(request.headers)
      return undefined
    },
  })
  return { port: await listen(t, createServer(door)), urls, headers }
}

function write(t: TestContext, records: readonly object[]): string {
  const path = join(folderFor(t), 'session.jsonl')
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  return path
}

const request = (target: string, headers: readonly (readonly [string, string])[] = [], conn = 1): object => ({
  type: 'handshake',
  conn,
  at: 0,
  request: { line: `GET ${target} HTTP/1.1`, headers },
})

const sent = (payload: string, more: object = {}): object => ({
  ...{ type: 'frame', conn: 1, at: 0, direction: 'sent', fin: true, opcode: 1, mask: '00000001' },
  ...{ encoding: 'utf8', payload, ...more },
})

describe('fastws replay with a recording that means no good', GUARD, () => {
  test('connects to the host that its user named, whatever path was recorded', async (t) => {
    const [own, other] = [await asked(t), await asked(t)]
    const elsewhere = `127.0.0.1:${other.port}`
    for (const target of [`//${elsewhere}/a`, `/\\${elsewhere}/a`, `/a?b=//${elsewhere}`, '/a#b']) {
      const path = write(t, [request(target), sent('x')])
      await runMain('replay', path, `ws://127.0.0.1:${own.port}`, '--fast', '--header', 'Cookie: secret')
    }
    assert.deepEqual(other.urls, [])
    assert.deepEqual(own.urls, [`//${elsewhere}/a`, `//${elsewhere}/a`, `/a?b=//${elsewhere}`, '/a%23b'])
  })

  test('takes headers of any name, __proto__ too', async (t) => {
    const { port, headers } = await asked(t)
    const path = write(t, [
      request('/', [
        ['__proto__', 'recorded'],
        ['x-b', '1'],
        ['x-b', '2'],
      ]),
      sent('x'),
    ])
    const url = `ws://127.0.0.1:${port}`
    const { code, stdout } = await runMain('replay', path, url, '--fast', '--headers', '-H', 'x-a: 1')
    assert.equal(code, 0, stdout)
    assert.equal(headers[0]?.['x-b'], '1, 2')
    assert.equal((await runMain('connect', url, '-m', 'x', '--wait', '0', '-H', '__proto__: 1')).code, 0)
  })

  test('ends every connection when one of them cannot be opened as recorded', async (t) => {
    const records = [request('/', [], 1), sent('x', { at: 0 }), sent('late', { at: 90_000 })]
    const bad = request('/', [['Sec-WebSocket-Protocol', 'a b']], 2)
    const path = write(t, [...records, { ...bad, at: 200 }, sent('x', { conn: 2, at: 200 })])
    const before = process.listenerCount('SIGINT')
    /** How the first one was closed; undefined where the machine stood still, and it was not open by then. */
    const run = async (): Promise<number | undefined> => {
      const [opened, closed] = [deferred<void>(), deferred<number>()]
      const { port } = await asked(t, {
        open: () => opened.resolve(),
        close: (_, { code }) => closed.resolve(code),
      })
      const { code, stderr } = await runMain('replay', path, `ws://127.0.0.1:${port}`)
      assert.equal(code, 2)
      assert.match(stderr, /Cannot use protocols/)
      return (await isPending(opened.promise)) ? undefined : closed.promise
    }
    let closed: number | undefined
    for (let i = 0; i < 5 && closed === undefined; i++) closed = await run()
    assert.equal(closed, 1006)
    assert.equal(process.listenerCount('SIGINT'), before)
  })

  test('waits for what is later than any timer, and can be stopped while it does', async (t) => {
    const { port, urls } = await asked(t)
    const late = sent('y', { conn: 2, at: 1e15 })
    const path = write(t, [request('/'), sent('x'), request('/', [], 2), late, sent('z', { at: 1e15 })])
    const program = startProgram(t, ['replay', path, `ws://127.0.0.1:${port}`])
    await program.line(/#1 > text 1 bytes "x"/)
    program.child.kill('SIGINT')
    assert.equal(await program.exit, 130)
    assert.deepEqual(program.notes, [], 'no warning of Node')
    assert.deepEqual(urls, ['/', '/'])
    assert.ok(!program.lines.some((line) => /"[yz]"/.test(line)))
  })

  test('keeps no more of what was not recorded than it tells of', async (t) => {
    const { port } = await asked(t, {
      async message(conn) {
        for (let i = 0; i < 500; i++) void conn.send(`${i}`)
        await conn.close()
      },
    })
    const close = { type: 'frame', conn: 1, at: 0, direction: 'received', fin: true, opcode: 8 }
    const path = write(t, [request('/'), sent('x'), { ...close, encoding: 'hex', payload: '03e8' }])
    const { stdout } = await runMain('replay', path, `ws://127.0.0.1:${port}`, '--fast', '--json')
    const outcome = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    assert.equal(outcome.received, 500)
    assert.equal(outcome.differences.length, 21)
    assert.equal(outcome.differences[20], '… and 480 more')
  })
})

describe('Waiter', () => {
  test('takes a time that no timer can hold for a long one', async () => {
    const waiter = new Waiter(1)
    const warned: Error[] = []
    const onWarning = (warning: Error): number => warned.push(warning)
    process.on('warning', onWarning)
    const waiting = waiter.sleepUntil(Number.POSITIVE_INFINITY)
    await new Promise((resolve) => setImmediate(resolve))
    waiter.end()
    await waiting
    process.off('warning', onWarning)
    assert.deepEqual(warned, [])
  })
})

test('scriptsOf takes time in proportion to the recording, however many connections are in it', () => {
  const count = 50_000
  const frame = { type: 'frame', direction: 'sent', fin: true, opcode: 1, payload: '' }
  const lines = Array.from({ length: count }, (_, conn) => JSON.stringify({ ...frame, conn }))
  const begin = process.cpuUsage()
  assert.equal(scriptsOf([...readRecording(lines.join('\n'))]).length, count)
  const { user } = process.cpuUsage(begin)
  assert.ok(user < 6e6, `${user / 1e6} s`) // in the square of their number it takes a quarter of a minute and more
})
