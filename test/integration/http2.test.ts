import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { describe, type TestContext, test } from 'node:test'
import { Conn } from '../../src/index.js'
import { deferred, GUARD, listen, once } from '../support/index.js'

/** Two ends of a WebSocket over a stream of HTTP/2 (RFC 8441), after a handshake that each side has made itself. */
async function overHttp2(t: TestContext): Promise<{
  client: Conn
  server: Conn
  session: http2.ClientHttp2Session
  open: () => Promise<Conn>
}> {
  const accepted: ((conn: Conn) => void)[] = []
  const http = http2.createServer({ settings: { enableConnectProtocol: true } })
  http.on('stream', (stream, headers) => {
    assert.deepEqual([headers[':method'], headers[':protocol']], ['CONNECT', 'websocket'])
    stream.respond({ ':status': 200 })
    accepted.shift()!(Conn.over(stream, { role: 'server', keepalive: false }) as Conn)
  })
  const port = await listen(t, http)
  const session = http2.connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  await once(session, 'remoteSettings')
  const open = async (server?: (conn: Conn) => void): Promise<Conn> => {
    accepted.push(server ?? (() => undefined))
    const request = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' })
    await once(request, 'response')
    return Conn.over(request, { role: 'client', keepalive: false }) as Conn
  }
  const server = deferred<Conn>()
  const client = await open(server.resolve)
  return { client, server: await server.promise, session, open }
}

describe('Conn.over() an HTTP/2 stream (RFC 8441)', GUARD, () => {
  test('carries messages both ways, large ones too', async (t) => {
    const { client, server } = await overHttp2(t)
    const large = Buffer.alloc(900_000, 7)
    void client.send('hello')
    void client.send(large)
    assert.equal((await server.read())?.text(), 'hello')
    const echoed = await server.read()
    assert.ok(echoed !== null)
    void server.send(echoed)
    assert.deepEqual((await client.read())?.data, large)
  })

  test('closes clean, and leaves the session to others', async (t) => {
    const { client, server, open } = await overHttp2(t)
    const report = await client.close(4001, 'bye')
    assert.deepEqual([report.code, report.clean], [4001, true])
    assert.deepEqual([(await server.closed).code, (await server.closed).clean], [4001, true])
    const next = await open()
    assert.equal(next.isOpen, true)
  })

  test('reports a session that is gone', async (t) => {
    const { client, server, session } = await overHttp2(t)
    session.destroy()
    assert.equal((await client.closed).code, 1006)
    assert.equal((await server.closed).code, 1006)
  })
})
