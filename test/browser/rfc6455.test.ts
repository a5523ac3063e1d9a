import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Conn } from '../../src/conn/conn.js'
import { Frame } from '../../src/frame/frame.js'
import { type ConnHandler, type Upgrade, type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import { deferred, once, Random } from '../support/index.js'
import { browserForAll, withBrowser } from './browser.js'
import { openAt, visit } from './page.js'

const close = (code?: number, reason?: string): string =>
  `ws.close(${[code, reason && JSON.stringify(reason)].filter(Boolean).join(', ')})`

describe('upgrade() and Chromium', withBrowser, () => {
  const newVisitor = browserForAll()
  const servers = new Map<string, Upgrade>()
  const http = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><title>An empty page</title>')
  })
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    servers.get(request.url ?? '')?.(request, socket, head),
  )
  let host: string
  let page: Page

  // One page for all: each test has a path of its own.
  before(async () => {
    await once(http.listen(0, '127.0.0.1'), 'listening')
    host = `127.0.0.1:${(http.address() as AddressInfo).port}`
    page = await (await newVisitor()).newPage()
    await openAt(page, `http://${host}/`)
  })
  after(() => http.close())

  function serve(handler: ConnHandler, options: UpgradeOptions = {}): string {
    const path = `/${servers.size}`
    servers.set(path, upgrade(handler, { ...options, path }))
    return `ws://${host}${path}`
  }

  const untilClosed = async (conn: Conn): Promise<void> => void (await conn.closed)

  test('agree on the subprotocol that the server likes best', async () => {
    const url = serve((conn) => conn.send(conn.protocol), { protocols: ['v2', 'v1'] })
    const ended = await visit(page, { url, protocols: ['v0', 'v1', 'v2'] })
    assert.deepEqual([ended.protocol, ended.code, ended.wasClean], ['v2', 1000, true])
    assert.equal((await visit(page, { url })).protocol, '', 'none is asked for')
    const none = await visit(page, { url, protocols: ['v0'] })
    assert.deepEqual(
      [none.opened, none.code],
      [false, 1006],
      'a browser insists on one of those it asked for',
    )
  })

  const long = 'ü'.repeat(61)
  for (const [code, reason] of [
    [1000, 'bye'],
    [1001, ''],
    [1008, 'policy'],
    [1011, long],
    [1013, ''],
    [3000, ''],
    [4999, 'mine'],
  ] as const)
    test(`the browser is told ${code} ${reason}`, async () => {
      const closed = deferred<unknown>()
      const url = serve(async (conn) => {
        const report = await conn.close(code, reason)
        closed.resolve([report.clean, report.initiator, report.received?.code])
      })
      const ended = await visit(page, { url })
      assert.deepEqual([ended.code, ended.reason, ended.wasClean], [code, reason, true])
      assert.deepEqual(await closed.promise, [true, 'local', code])
    })

  for (const [code, reason, expected] of [
    [undefined, undefined, 1005],
    [1000, '', 1000],
    [3000, 'theirs', 3000],
    [4999, long, 4999],
  ] as const)
    test(`the browser closes with ${code ?? 'no code'} ${reason ?? ''}`, async () => {
      const closed = deferred<unknown>()
      const url = serve(async (conn) => {
        const report = await conn.closed
        closed.resolve([report.code, report.reason, report.clean, report.initiator])
      })
      const ended = await visit(page, { url, onOpen: close(code, reason) })
      assert.deepEqual([ended.code, ended.reason, ended.wasClean], [expected, reason ?? '', true])
      assert.deepEqual(await closed.promise, [expected, reason ?? '', true, 'remote'])
    })

  test('a connection that is dropped is 1006 to the browser', async () => {
    const url = serve((conn) => conn.terminate())
    const ended = await visit(page, { url })
    assert.deepEqual([ended.opened, ended.code, ended.wasClean], [true, 1006, false])
  })

  test('a page that is left closes with 1001', async () => {
    const closed = deferred<unknown>()
    const open = deferred()
    const url = serve(async (conn) => {
      await conn.read() // only now it is open for the page, too
      open.resolve()
      const report = await conn.closed
      closed.resolve([report.code, report.initiator])
    })
    const other = await page.context().newPage()
    await openAt(other, `http://${host}/`)
    const left = assert.rejects(visit(other, { url, onOpen: 'ws.send("here")' }))
    await open.promise
    await other.goto('about:blank')
    await left
    await other.close()
    assert.deepEqual(await closed.promise, [1001, 'remote'])
  })

  test('a rule that the server breaks is answered with 1002', async () => {
    const closed = deferred<unknown>()
    const url = serve(async (conn) => {
      await conn.writeFrame(new Frame({ rsv2: true, payload: 'x' }), { check: false })
      closed.resolve((await conn.closed).received?.code)
    })
    const ended = await visit(page, { url })
    assert.deepEqual([ended.code, ended.wasClean], [1006, false])
    assert.equal(await closed.promise, 1002)
  })

  test('pings are answered', async () => {
    const url = serve(async (conn) => {
      const roundTrip = await conn.ping('are you there?')
      await conn.close(roundTrip > 0 ? 4001 : 4002)
    })
    assert.equal((await visit(page, { url })).code, 4001)
  })

  const sizes = [0, 1, 125, 126, 65_535, 65_536, 5 << 20]
  for (const fragmentSize of [undefined, 4096])
    test(`messages up to 5 MiB come back${fragmentSize ? `, sent in frames of ${fragmentSize}` : ''}`, async () => {
      const random = new Random(3)
      const outcome = deferred<void>()
      const echoed = async (conn: Conn): Promise<void> => {
        for (const size of sizes) {
          const text = 'aé'.repeat(Math.ceil(size / 3)).slice(0, size)
          await conn.send(text)
          assert.ok((await conn.read())?.text() === text, `${size} characters`)
          const bytes = random.bytes(size)
          await conn.send(bytes)
          assert.ok((await conn.read())?.data.equals(bytes), `${size} bytes`)
        }
      }
      const url = serve((conn) => echoed(conn).then(outcome.resolve, outcome.reject), {
        maxMessage: 16 << 20,
        maxFrame: 16 << 20,
        ...(fragmentSize && { fragmentSize }),
      })
      const [ended] = await Promise.all([visit(page, { url }), outcome.promise])
      assert.deepEqual([ended.code, ended.kinds.length], [1000, 2 * sizes.length])
    })

  test('a message that is too long for the server is 1009 to the browser', async () => {
    const url = serve(untilClosed, { maxMessage: 1000 })
    const ended = await visit(page, { url, onOpen: 'ws.send("x".repeat(1001))' })
    assert.deepEqual([ended.code, ended.wasClean], [1009, true])
  })

  test('every binary type of the browser goes as binary, and both come', async () => {
    const got: string[] = []
    const url = serve(async (conn) => {
      for (let i = 0; i < 5; i++) {
        const message = await conn.read()
        got.push(`${message?.isText ? 'text' : 'binary'} ${message?.text()}`)
      }
      await conn.send('abc')
      await conn.send(Buffer.from('abc'))
      await conn.read()
      const last = await conn.read()
      got.push(`${last?.isText ? 'text' : 'binary'} ${last?.text()}`)
    })
    const onOpen = `
      const bytes = new TextEncoder().encode('-abc-')
      ws.send('abc')
      ws.send(bytes.buffer.slice(1, 4))
      ws.send(bytes.subarray(1, 4))
      ws.send(new DataView(bytes.buffer, 1, 3))
      ws.send(new Blob(['abc']))`
    for (const [binaryType, name] of [
      ['blob', 'Blob'],
      ['arraybuffer', 'ArrayBuffer'],
    ] as const) {
      got.length = 0
      const ended = await visit(page, { url, binaryType, onOpen })
      assert.deepEqual(ended.kinds, ['string', name])
      assert.deepEqual(got, ['text abc', ...Array(5).fill('binary abc')])
    }
  })

  test('pages of other origins are refused, unless they are named', async () => {
    // The same machine under another name is another origin.
    const strange = (url: string): string => url.replace('127.0.0.1', 'localhost')
    const url = serve(untilClosed)
    const refused = await visit(page, { url: strange(url) })
    assert.deepEqual([refused.opened, refused.code, refused.wasClean], [false, 1006, false])
    assert.equal((await visit(page, { url, onOpen: close(1000) })).opened, true, 'a page of its own may')
    const allowed = serve(untilClosed, { origins: [`http://${host}`] })
    assert.equal((await visit(page, { url: strange(allowed), onOpen: close(1000) })).opened, true)
    const others = serve(untilClosed, { origins: ['https://example.com'] })
    assert.equal((await visit(page, { url: others })).opened, false)
  })
})
