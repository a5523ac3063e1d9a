import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import { abandonConn, Conn, handlerFailed, startConn } from '../../src/conn/conn.js'
import { openConn } from '../../src/conn/open.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import { clientFrame, closePayload } from '../support/index.js'
import { active, brief, Line, onLine, settle } from './support.js'

const text = (payload: string): Buffer => clientFrame(1, payload)

describe('Conn', () => {
  test('knows what it was made of', () => {
    const request = { url: '/chat', rawHeaders: ['Host', 'here'] } as IncomingMessage
    const conn = startConn(new Line(), {
      role: 'server',
      options: resolveConnOptions({ keepalive: false }),
      request,
      protocol: 'chat',
      extensions: [active({})],
      data: { user: 'me' },
    })
    assert.deepEqual([conn.request?.url, conn.request?.headers.host], ['/chat', 'here'])
    assert.deepEqual([conn.protocol, conn.extensions, conn.data.user], ['chat', ['test'], 'me'])
    conn.data = { user: 'you' }
    assert.equal(conn.data.user, 'you')
    const bare = onLine().conn
    assert.deepEqual(
      [bare.request, bare.protocol, bare.extensions, bare.data],
      [undefined, '', [], undefined],
    )
  })

  test('counts frames, messages and bytes both ways', async () => {
    const { conn, line } = onLine()
    const zero = {
      framesIn: 0,
      framesOut: 0,
      messagesIn: 0,
      messagesOut: 0,
      textIn: 0,
      textOut: 0,
      pingsIn: 0,
      pingsOut: 0,
      pongsIn: 0,
      pongsOut: 0,
      bytesIn: 0,
      bytesOut: 0,
      codedBytesIn: 0,
      plainBytesIn: 0,
      codedBytesOut: 0,
      plainBytesOut: 0,
      ratePauses: 0,
      lastRoundTrip: undefined,
    }
    assert.deepEqual(conn.stats, zero)
    const bytes = [text('a'), clientFrame(2, 'b', { fin: false }), clientFrame(9), clientFrame(0, 'c')]
    line.receive(...bytes)
    await conn.send('12')
    await conn.writer().end(Buffer.of(1))
    await settle()
    assert.deepEqual(conn.stats, {
      ...zero,
      framesIn: 4,
      framesOut: 4,
      messagesIn: 2,
      messagesOut: 2,
      textIn: 1,
      textOut: 1,
      pingsIn: 1,
      pongsOut: 1,
      bytesIn: Buffer.concat(bytes).length,
      bytesOut: line.take().length,
    })
  })

  test('is made by over() of a stream, with data, protocol, head and events', async () => {
    const got: string[] = []
    const duplex = new Duplex({ read: () => undefined, write: (_chunk, _, done) => done() })
    const conn = Conn.over(duplex, {
      role: 'server',
      protocol: 'chat',
      data: 7,
      head: text('head'),
      events: { message: (_, message) => got.push(message.text()) },
    })
    assert.deepEqual([conn.protocol, conn.data, got], ['chat', 7, ['head']])
    conn.terminate()
    await conn.closed
  })

  test('is made by openConn of a socket', async () => {
    const duplex = new Duplex({ read: () => undefined, write: (_chunk, _, done) => done() })
    const conn = openConn(duplex, { role: 'server', options: resolveConnOptions() })
    duplex.push(text('a'))
    assert.equal((await conn.read())?.text(), 'a')
    conn.terminate()
  })

  test('is left open by leaving a loop', async () => {
    const { conn, line } = onLine()
    line.receive(text('1'), text('2'), text('3'))
    for await (const message of conn) {
      assert.equal(message.text(), '1')
      break
    }
    for await (const message of conn) {
      assert.equal(message.text(), '2')
      break
    }
    assert.equal(conn.isOpen, true)
    assert.equal((await conn.read())?.text(), '3')
  })

  test('reads before and after the end in one loop', async () => {
    const { conn, line } = onLine()
    line.receive(text('1'), text('2'), clientFrame(8, closePayload(1001)))
    const got: string[] = []
    for await (const message of conn) got.push(message.text())
    assert.deepEqual(got, ['1', '2'])
  })
})

test('abandonConn drops what nobody will read', async () => {
  const { conn, line } = onLine({ maxInboxFrames: 1 })
  line.receive(text('1'), text('2'))
  abandonConn(conn)
  void conn.close(1000)
  line.receive(text('3'), clientFrame(8, closePayload(1000)))
  line.fin()
  assert.equal((await conn.closed).clean, true)
})

test('handlerFailed tells the peer 1011', async () => {
  const { conn, line } = onLine()
  handlerFailed(conn, 'no Error')
  assert.deepEqual((await line.frames()).map(brief), ['close 03f3'])
  assert.match(String(conn.closeInfo?.cause), /The handler failed/)
})
