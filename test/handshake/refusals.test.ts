import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type ConnHandler, type Upgrade, upgrade } from '../../src/upgrade.js'
import { listen } from '../support/index.js'
import { ACCEPT, exchange, handshake, KEY } from './raw.js'

const big = (length: number): string => 'x'.repeat(length)

/** What changes in a good handshake, and the status that it then gets. */
const cases: [name: string, status: number | readonly number[], changes: string[], start?: string][] = [
  ['nothing changed', 101, []],
  [
    'names in other cases',
    101,
    ['HOST: a', 'CONNECTION: upgrade', 'uPGRADE: WEBSOCKET', `SEC-WEBSOCKET-KEY: ${KEY}`],
  ],
  ['a query', 101, [], 'GET /?a=1 HTTP/1.1'],
  ['a whole URL', 101, [], 'GET http://example.com/ HTTP/1.1'],

  ['POST', 405, ['Content-Length: 0'], 'POST / HTTP/1.1'],
  ['HEAD', 405, [], 'HEAD / HTTP/1.1'],
  ['HTTP/1.0', 400, [], 'GET / HTTP/1.0'],
  ['another path', 404, [], 'GET /other HTTP/1.1'],
  ['a path that only begins alike', 404, [], 'GET /x HTTP/1.1'],

  ['no Host', 400, ['Host']],
  ['an empty Host', 400, ['Host: ']],
  ['two Hosts', 400, ['Host: a', 'Host: b']],
  ['a large Host', 101, [`Host: ${big(4000)}`]],
  ['a Host with a space', 400, ['Host: a b']],
  ['a Host with a tab', 400, ['Host: a\tb']],
  ['a Host with a path', 400, ['Host: a/b']],
  ['a Host with a backslash', 400, ['Host: a\\b']],
  ['a Host with a user', 400, ['Host: user@a']],
  ['a Host with a query', 400, ['Host: a?b']],
  ['a Host with a fragment', 400, ['Host: a#b']],
  ['a Host with bytes above ASCII', 400, ['Host: \xe9']],
  ['a Host with a port that is no number', 400, ['Host: a:b']],
  ['a Host with two ports', 400, ['Host: a:80:80']],
  ['a Host that is only a port', 400, ['Host: :80']],
  ['a Host with IPv6 without brackets', 400, ['Host: ::1']],
  ['a Host whose brackets do not end', 400, ['Host: [::1']],
  ['a Host with empty brackets', 400, ['Host: []']],
  ['a Host with something behind the brackets', 400, ['Host: [::1]a']],
  ['a Host with brackets in brackets', 400, ['Host: [[::1]]']],
  ['a Host with a port', 101, ['Host: localhost:8080']],
  ['a Host with an empty port', 101, ['Host: localhost:']],
  ['a Host with IPv4', 101, ['Host: 127.0.0.1:80']],
  ['a Host with IPv6', 101, ['Host: [::1]']],
  ['a Host with IPv6 and a port', 101, ['Host: [::1]:80']],
  ['a Host with all that a name may have', 101, ["Host: a-b_c.d~%41!$&'()*+,;="]],

  ['no Upgrade', 426, ['Upgrade']],
  ['an empty Upgrade', 426, ['Upgrade: ']],
  ['another Upgrade', 426, ['Upgrade: h2c']],
  ['websocket in quotes', 426, ['Upgrade: "websocket"']],
  ['websocket and more', 426, ['Upgrade: websockets']],
  ['two Upgrades, one of them right', 101, ['Upgrade: h2c', 'Upgrade: websocket']],
  ['a list of Upgrades', 101, ['Upgrade: h2c, WebSocket']],
  ['a large Upgrade', 101, [`Upgrade: ${'a,'.repeat(3000)}websocket`]],

  ['no Connection', 400, ['Connection']],
  ['an empty Connection', 400, ['Connection: ']],
  ['another Connection', 400, ['Connection: keep-alive']],
  ['two Connections, one of them right', 101, ['Connection: keep-alive', 'Connection: Upgrade']],
  ['a list of Connections', 101, ['Connection: keep-alive, upgrade']],
  ['garbage in Connection', 400, ['Connection: ((upgrade']],

  ['no key', 400, ['Sec-WebSocket-Key']],
  ['an empty key', 400, ['Sec-WebSocket-Key: ']],
  ['two keys', 400, [`Sec-WebSocket-Key: ${KEY}`, `Sec-WebSocket-Key: ${KEY}`]],
  ['two keys in one', 400, [`Sec-WebSocket-Key: ${KEY}, ${KEY}`]],
  ['a short key', 400, ['Sec-WebSocket-Key: dGhlIHNhbXBsZQ==']],
  ['a key that is not base64', 400, ['Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==']],
  ['a key with bytes above ASCII', 400, [`Sec-WebSocket-Key: \xe9${KEY.slice(1)}`]],
  ['a large key', 400, [`Sec-WebSocket-Key: ${big(8000)}`]],

  ['no version', 400, ['Sec-WebSocket-Version']],
  ['an empty version', 400, ['Sec-WebSocket-Version: ']],
  ['two versions', 400, ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 13']],
  ['a list of versions', 400, ['Sec-WebSocket-Version: 13, 8']],
  ['version 8', 426, ['Sec-WebSocket-Version: 8']],
  ['version 1, a part of 13', 426, ['Sec-WebSocket-Version: 1']],
  ['version 0', 426, ['Sec-WebSocket-Version: 0']],
  ['version 256', 400, ['Sec-WebSocket-Version: 256']],
  ['version 013', 400, ['Sec-WebSocket-Version: 013']],
  ['version 1e1', 400, ['Sec-WebSocket-Version: 1e1']],
  ['version -1', 400, ['Sec-WebSocket-Version: -1']],
  ['a large version', 400, [`Sec-WebSocket-Version: ${'1'.repeat(8000)}`]],

  ['an empty protocol', 400, ['Sec-WebSocket-Protocol: ']],
  ['a protocol that is no token', 400, ['Sec-WebSocket-Protocol: a b']],
  ['a protocol in quotes', 400, ['Sec-WebSocket-Protocol: "a"']],
  ['a protocol twice', 400, ['Sec-WebSocket-Protocol: a, a']],
  ['a protocol twice on two lines', 400, ['Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: a']],
  ['protocols on two lines', 101, ['Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: b']],
  ['a protocol with bytes above ASCII', 400, ['Sec-WebSocket-Protocol: \xff']],
  ['many protocols', 101, [`Sec-WebSocket-Protocol: ${[...Array(2000).keys()].join(', ')}`]],
  ['many spaces in the protocols', 101, [`Sec-WebSocket-Protocol: a${' '.repeat(14_000)},b`]],

  ['an empty extension list', 400, ['Sec-WebSocket-Extensions: ']],
  ['an extension that is no token', 400, ['Sec-WebSocket-Extensions: a b']],
  ['an extension whose quotes do not end', 400, ['Sec-WebSocket-Extensions: a; b="c']],
  ['an extension whose value is no token', 400, ['Sec-WebSocket-Extensions: a; b="c d"']],
  ['extensions on two lines', 101, ['Sec-WebSocket-Extensions: a', 'Sec-WebSocket-Extensions: a']],
  [
    'extensions named like parts of objects',
    101,
    ['Sec-WebSocket-Extensions: __proto__; constructor=1, toString'],
  ],
  ['many parameters', 101, [`Sec-WebSocket-Extensions: a${';b'.repeat(6000)}`]],

  ['the same origin', 101, ['Origin: http://example.com']],
  ['another origin', 403, ['Origin: http://evil.example']],
  ['the origin null', 403, ['Origin: null']],
  ['an empty origin', 403, ['Origin: ']],
  ['garbage as origin', 403, ['Origin: \xff\xfe']],
  ['two origins', 400, ['Origin: http://example.com', 'Origin: http://evil.example']],

  ['a body', 400, ['Content-Length: 5']],
  ['a body in chunks', 400, ['Transfer-Encoding: chunked']],
  ['a body of nothing', 101, ['Content-Length: 0']],

  // Some versions of Node drop what is too much, others answer by themselves.
  [
    'more headers than Node reads, and Upgrade behind them',
    [426, 431],
    [...flood(500), 'Upgrade: websocket'],
  ],
  ['more headers than Node reads, behind the others', [101, 431], flood(500)],
  ['headers above the size limit', 431, [`X: ${big(70_000)}`]],
]

function flood(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `a${i}:`)
}

async function check(t: TestContext, server: Server, ws: Upgrade): Promise<void> {
  server.maxHeadersCount = 100
  const port = await listen(t, server)
  for (const [name, statuses, changes, start] of cases)
    await t.test(`${name}: ${statuses}`, async (t) => {
      const { status, ended, headers, body } = await exchange(t, port, handshake(changes, start))
      assert.ok([statuses].flat().includes(status), `status ${status}`)
      assert.equal(headers.has('upgrade'), status === 101 || status === 426)
      assert.equal(ended, status !== 101)
      if (status !== 101 && status !== 431) checkAnswer(headers, body, start)
      const next = await exchange(t, port, handshake())
      assert.equal(next.status, 101)
      assert.deepEqual(next.headers.get('sec-websocket-accept'), [ACCEPT])
    })
  await ws.close()
  assert.equal(ws.conns.size, 0)
}

function checkAnswer(headers: ReadonlyMap<string, string[]>, body: string, start = ''): void {
  assert.match(headers.get('connection')?.join() ?? '', /close/)
  assert.equal(headers.get('content-type')?.join(), 'text/plain; charset=utf-8')
  if (!start.startsWith('HEAD')) assert.equal(headers.get('content-length')?.join(), String(body.length))
  assert.equal(body === '', start.startsWith('HEAD'))
}

const stay: ConnHandler = async (conn) => void (await conn.closed)

/** What Node itself would refuse comes to us, too. */
const settings = { requireHostHeader: false, maxHeaderSize: 65_536 }

test('createServer(upgrade()) gives each handshake its answer', async (t) => {
  const ws = upgrade(stay, { path: '/' })
  await check(t, createServer(settings, ws), ws)
})

test("server.on('upgrade', upgrade()) gives each handshake its answer", async (t) => {
  const ws = upgrade(stay, { path: '/' })
  const server = createServer(settings, ws)
  server.on('upgrade', ws)
  await check(t, server, ws)
})

test('a router that leads to upgrade() gives each handshake its answer', async (t) => {
  const ws = upgrade(stay, { path: '/' })
  await check(
    t,
    createServer(settings, (request, response) => ws(request, response)),
    ws,
  )
})

test('upgrade() behind a router that has to wait gives each handshake its answer', async (t) => {
  const ws = upgrade(stay, { path: '/' })
  const server = createServer(settings, (request, response) => void setImmediate(() => ws(request, response)))
  await check(t, server, ws)
})
