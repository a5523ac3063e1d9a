import assert from 'node:assert/strict'
import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { request } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { encodeClosePayload, Frame, Opcode } from '../../src/frame/index.js'
import { type Conn, type DiagnosticsEvents, dial, HandshakeError } from '../../src/index.js'
import { History, MAX_ROWS } from '../../src/tools/proxy/history.js'
import { startWeb, type Web } from '../../src/tools/proxy/web.js'
import type { FrameEvent } from '../../src/tools/recording/events.js'
import { deferred, GUARD, rawConnect } from '../support/index.js'

async function page(
  t: TestContext,
  host = '127.0.0.1',
): Promise<{ web: Web; port: number; root: string; feed: string }> {
  const web = await startWeb({
    listen: { host, port: 0 },
    title: () => ({ listen: '127.0.0.1:9000', target: 'ws://127.0.0.1:9001' }),
  })
  t.after(() => web.close?.())
  const { port, pathname } = new URL(web.url)
  return { web, port: Number(port), root: pathname, feed: `${web.url.replace('http', 'ws')}feed` }
}

/** The server's side of the connection that is opened next. */
function serverOfNext(t: TestContext): Promise<Conn> {
  const { promise, resolve } = deferred<Conn>()
  const onOpen: ChannelListener = (opened) => {
    const { conn, role } = opened as DiagnosticsEvents['fastws:open']
    if (role === 'server') resolve(conn)
  }
  subscribe('fastws:open', onOpen)
  t.after(() => unsubscribe('fastws:open', onOpen))
  return promise
}

/** What a GET is answered with. */
const get = (
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  host = '127.0.0.1',
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> =>
  new Promise((resolve, reject) => {
    request({ host, port, path, headers, method }, async (response) => {
      let body = ''
      for await (const chunk of response) body += String(chunk)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
    })
      .on('error', reject)
      .end()
  })

const event = (payload: string | Buffer, more: Partial<FrameEvent> = {}): FrameEvent => ({
  type: 'frame',
  conn: 1,
  at: 1.25,
  direction: 'sent',
  offset: 0,
  frame: new Frame({ opcode: Opcode.Text, masked: true, maskKey: 7, payload }),
  faults: [],
  ...more,
})

const parse = (text: string | undefined) => JSON.parse(text ?? 'null')

describe('the page of fastws proxy', () => {
  test('is served with a policy that runs nothing but its own files', async (t) => {
    const { port, root } = await page(t)
    for (const path of ['', 'index.html', 'style.css', 'app.js', 'table.js', 'details.js']) {
      const { status, headers } = await get(port, `${root}${path}`)
      assert.equal(status, 200, path)
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self';/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
    }
    const { body } = await get(port, root)
    assert.ok(!/<script(?! type="module" src="app.js">)|style=| on\w+=/.test(body), 'nothing inline')
  })

  test('has no other files, and takes no other methods', async (t) => {
    const { port, root } = await page(t)
    for (const path of ['../proxy/web.ts', 'web.ts', '%2e%2e/web.ts', 'constructor', '/index.html'])
      assert.equal((await get(port, `${root}${path}`)).status, 404, path)
    assert.equal((await get(port, root, {}, 'POST')).status, 405)
  })

  test('is there for who knows its address, and for nobody else on this machine', async (t) => {
    const { port, root, feed } = await page(t)
    assert.match(root, /^\/[\w-]{22}\/$/)
    assert.notEqual((await page(t)).root, root)
    const other = root.replace(/.\/$/, (end) => (end === 'A/' ? 'B/' : 'A/'))
    for (const path of [
      '/',
      '/index.html',
      '/app.js',
      root.slice(0, -1),
      `${root.slice(0, -2)}/app.js`,
      other,
    ]) {
      const { status, body } = await get(port, path)
      assert.deepEqual([status, /the whole address/.test(body)], [404, true], path)
    }
    for (const folder of ['/', other]) await assert.rejects(dial(feed.replace(root, folder)), { status: 404 })
    const conn = await dial(feed)
    conn.terminate()
  })

  test('is called by any name where it listens to everybody, and by that where it listens to one', async (t) => {
    for (const [host, name, status] of [
      ['0.0.0.0', 'here.example', 200],
      ['LocalHost', 'localhost', 200],
      ['127.0.0.2', '127.0.0.2', 200],
      ['127.0.0.2', 'here.example', 403],
    ] as const) {
      const { port, root } = await page(t, host)
      const at = host === '127.0.0.2' ? host : '127.0.0.1'
      assert.equal((await get(port, root, { host: `${name}:${port}` }, 'GET', at)).status, status, name)
    }
  })

  test('is there for this machine by its own names alone', async (t) => {
    const { port, root } = await page(t)
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
      assert.equal((await get(port, root, { host })).status, 200, host)
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', '%'])
      assert.equal((await get(port, root, { host })).status, 403, host)
  })

  test('is not there for who names nobody', async (t) => {
    const { port } = await page(t)
    const peer = await rawConnect(port, { t })
    peer.writeText('GET / HTTP/1.0\r\n\r\n')
    assert.match((await peer.readUntil('\r\n')).toString(), / 403 /)
  })

  test('has no more for a page than the page keeps', async (t) => {
    const { web, feed } = await page(t)
    await using conn = await dial(feed)
    await conn.read()
    for (let i = 0; i < MAX_ROWS + 5; i++) web.take(event('x'))
    const { rows, skipped } = parse((await conn.read())?.text())
    assert.deepEqual([rows.length, rows[0].id, rows.at(-1).id, skipped], [MAX_ROWS, 6, MAX_ROWS + 5, 0])
  })

  test('feeds its own origin alone', async (t) => {
    const { feed, port } = await page(t)
    const refused = async (headers: Record<string, string>, origin?: string): Promise<number | undefined> => {
      try {
        const conn = await dial(feed, { headers, ...(origin !== undefined && { origin }) })
        conn.terminate()
        return 101
      } catch (error) {
        assert.ok(error instanceof HandshakeError)
        return error.status
      }
    }
    assert.equal(await refused({}, 'http://evil.example'), 403)
    assert.equal(await refused({ host: `evil.example:${port}` }, `http://evil.example:${port}`), 403)
    assert.equal(await refused({}, `http://127.0.0.1:${port}`), 101)
  })

  test('tells what was before, what is new, and the details', async (t) => {
    const { web, feed } = await page(t)
    web.take(event('before'))
    await using conn = await dial(feed)
    const hello = parse((await conn.read())?.text())
    assert.deepEqual([hello.type, hello.target, hello.rows.length], ['hello', 'ws://127.0.0.1:9001', 1])
    web.take(event('after'))
    let rows: { id: number; preview: string }[] = []
    while (!rows.some(({ id }) => id === 2)) rows = parse((await conn.read())?.text()).rows
    assert.equal(rows.at(-1)?.preview, '"after"')
    await conn.send('2')
    const { type, id, details } = parse((await conn.read())?.text())
    assert.deepEqual([type, id, details.id, details.blocks[0]], ['details', 2, 2, ['Text', 'after']])
    await conn.send('nonsense')
    assert.equal(parse((await conn.read())?.text()).details, null)
    await conn.send('99')
    assert.equal(parse((await conn.read())?.text()).details, null)
  })

  test('leaves out what a slow page does not read, and says how much', GUARD, async (t) => {
    const { web, feed } = await page(t)
    const ours = serverOfNext(t)
    await using conn = await dial(feed)
    const server = await ours
    await conn.read()
    const round = async (): Promise<void> => {
      for (let i = 0; i < MAX_ROWS; i++) web.take(event('x'.repeat(200)))
      // The page's own timer is shorter, and was set before: it comes first, however late both are.
      await new Promise((resolve) => setTimeout(resolve, 60))
      assert.ok(server.isOpen, 'the page was owed too much')
    }
    // Nobody reads now: what the page is owed grows, until a round adds nothing to it.
    let owed = 0
    do {
      owed = server.bufferedAmount
      await round()
    } while (owed === 0 || server.bufferedAmount !== owed)
    let skipped = 0
    while (skipped === 0) skipped = parse((await conn.read())?.text()).skipped
    assert.equal(skipped % MAX_ROWS, 0)
  })
})

describe('History', () => {
  test('keeps the latest rows', () => {
    const history = new History()
    for (let i = 0; i <= MAX_ROWS; i++) history.add(event('x'))
    assert.equal(history.rows().length, MAX_ROWS)
    assert.equal(history.details(1), undefined)
    assert.equal(history.details(2)?.id, 2)
  })

  test('keeps no more than so many bytes, and the beginning of each payload', () => {
    const history = new History()
    for (let i = 0; i < 1000; i++) history.add(event(Buffer.alloc(1 << 20, 'x')))
    assert.ok(history.rows().length < 520)
    const details = history.details(1000)
    assert.deepEqual(details?.blocks.at(-1), ['', `${(1 << 20) - (64 << 10)} bytes more are not kept`])
  })

  test('keeps no more of long heads and reasons than of payloads', () => {
    const history = new History()
    const fields = Array.from({ length: 600 }, (_, i) => [`x-${i}`, 'y'.repeat(100)] as const)
    const head = { line: 'GET / HTTP/1.1', fields }
    for (let i = 0; i < 1000; i++)
      history.add({ type: 'handshake', conn: 1, at: 1, request: head, response: head, faults: [] })
    assert.ok(history.rows().length < 300, `${history.rows().length} heads of 120 KiB each`)
    for (let i = 0; i < 1000; i++)
      history.add({ type: 'stop', conn: 1, at: 1, direction: 'sent', offset: 0, reason: 'z'.repeat(1 << 16) })
    assert.ok(history.rows().length < 520)
  })

  test('shows the beginning of a reason that is far too long', () => {
    const history = new History()
    for (const reason of [Buffer.alloc(1 << 20, 'x'), Buffer.alloc(1 << 20, 0xff)]) {
      const payload = Buffer.concat([encodeClosePayload(1000), reason])
      history.add(event('', { frame: new Frame({ opcode: Opcode.Close, payload }) }))
    }
    for (const { preview } of history.rows()) assert.ok(preview.length < 300, `${preview.length}`)
  })

  test('tells what is known of a frame where little is', () => {
    const history = new History()
    const first = new Frame({ opcode: Opcode.Text, fin: false, payload: 'Hel' })
    history.add(event('', { frame: first, at: undefined, offset: undefined, direction: 'received' }))
    const facts = new Map(history.details(1)?.facts)
    assert.deepEqual(
      ['from', 'time', 'FIN', 'MASK', 'begins'].map((name) => facts.get(name)),
      ['the server', '0.0 ms', '0, more will follow', '0', 'at byte ?'],
    )
    const [row] = history.rows()
    assert.deepEqual([row?.at, row?.fin, row?.preview], [0, false, '"Hel"'])
  })

  test('shows nothing of frames that hold nothing, or no code', () => {
    const history = new History()
    for (const payload of [Buffer.alloc(0), Buffer.from([3])])
      history.add(event('', { frame: new Frame({ opcode: Opcode.Close, payload }) }))
    assert.deepEqual(
      history.rows().map(({ preview }) => preview),
      ['', '03'],
    )
    assert.deepEqual(history.details(1)?.blocks, [])
    assert.equal(history.details(2)?.blocks.length, 1)
  })

  test('tells every kind of event', () => {
    const history = new History()
    const head = { line: 'GET / HTTP/1.1', fields: [['Host', 'x']] as const }
    const base = { conn: 2, at: 3 }
    history.add({ type: 'handshake', ...base, request: head, response: undefined, faults: ['odd'] })
    history.add({ type: 'stop', ...base, direction: 'received', offset: 3, reason: 'because' })
    history.add({ type: 'end', ...base, direction: undefined, how: 'end', sent: 1, received: 2 })
    const close = new Frame({ opcode: Opcode.Close, payload: encodeClosePayload(1000, 'bye') })
    history.add(event('', { frame: close, direction: 'received', faults: ['wrong'] }))
    const binary = new Frame({ opcode: Opcode.Binary, rsv1: true, payload: Buffer.from([1]) })
    history.add(event('', { frame: binary, inflated: Buffer.from([2, 3]) }))
    const last = new Frame({ opcode: Opcode.Continuation, payload: 'lo' })
    history.add(
      event('', { frame: last, isText: true, message: { isText: true, data: Buffer.from('Hello') } }),
    )
    const rows = history.rows().map(({ name, preview, faults }) => [name, preview, faults])
    assert.deepEqual(rows, [
      ['handshake', 'GET / HTTP/1.1', 1],
      ['stop', 'byte 3 from the server: because', 1],
      ['end', 'the proxy ended the connection (1 bytes sent, 2 received)', 0],
      ['close', '1000 "bye"', 1],
      ['binary', '0203', 0],
      ['continuation', '"lo"', 0],
    ])
    assert.deepEqual(history.details(1)?.blocks, [['Headers', '> Host: x']])
    assert.deepEqual(history.details(1)?.faults, ['odd'])
    assert.match(history.details(2)?.title ?? '', /byte 3 from the server: because$/)
    assert.deepEqual([history.details(2)?.faults, history.details(3)?.blocks], [[], []])
    assert.deepEqual(history.details(4)?.blocks[0], ['Reason', 'bye'])
    assert.equal(history.details(5)?.blocks[0]?.[0], 'Inflated')
    assert.deepEqual(history.details(6)?.blocks[0], ['Text', 'Hello'])
  })
})
