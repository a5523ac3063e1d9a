import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { type DialOptions, dial } from '../../src/dial.js'
import type { Extension } from '../../src/protocol/extension.js'
import { type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import { clientFrame, hex, listen, rawHandshake, rawServer } from '../support/index.js'
import { acceptedBy, dialRaw, headersOf, refused } from './dialing.js'

const TAKEOVER = { serverNoContextTakeover: false, clientNoContextTakeover: false }
const TEXT = 'the same text, again and again. '.repeat(60)

async function serve(t: TestContext, options: UpgradeOptions = {}): Promise<number> {
  const echo = upgrade(async (conn) => {
    for await (const message of conn) await conn.send(message)
  }, options)
  return listen(t, createServer(echo))
}

describe('upgrade() and compression', () => {
  const answered = async (
    t: TestContext,
    options: UpgradeOptions,
    offer: string,
  ): Promise<string | undefined> => {
    const headers = { 'Sec-WebSocket-Extensions': offer }
    const { head } = await rawHandshake(await serve(t, options), { t, headers })
    assert.equal(head.status, 101)
    return head.headers['sec-websocket-extensions']
  }
  const plain = 'permessage-deflate; client_max_window_bits'

  test('it is off unless asked for', async (t) => {
    for (const options of [{}, { compress: false }])
      assert.equal(await answered(t, options, plain), undefined)
    assert.equal(
      await answered(t, { compress: true }, plain),
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    )
    assert.equal(await answered(t, { compress: TAKEOVER }, plain), 'permessage-deflate')
  })

  test('the first offer that can be taken is, quoted or not; others are declined', async (t) => {
    const options = { compress: { ...TAKEOVER, clientMaxWindowBits: 10 } }
    const cases: [offer: string, answer: string | undefined][] = [
      ['permessage-deflate', undefined],
      ['permessage-deflate; client_max_window_bits="12"', 'permessage-deflate; client_max_window_bits=10'],
      [
        'permessage-deflate; foo, permessage-deflate; client_max_window_bits',
        'permessage-deflate; client_max_window_bits=10',
      ],
      ['permessage-deflate; server_max_window_bits=7; client_max_window_bits', undefined],
      ['permessage-deflate; client_max_window_bits; client_max_window_bits', undefined],
      ['permessage-deflate; __proto__=1; client_max_window_bits', undefined],
      ['x-webkit-deflate-frame', undefined],
    ]
    for (const [offer, answer] of cases) assert.equal(await answered(t, options, offer), answer, offer)
  })

  test('connections beyond maxContexts are told to do without', async (t) => {
    const port = await serve(t, { compress: { ...TAKEOVER, maxContexts: 1 } })
    const url = `ws://127.0.0.1:${port}`
    const first = await dial(url)
    const headers = { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
    const { head, peer } = await rawHandshake(port, { t, headers })
    assert.equal(
      head.headers['sec-websocket-extensions'],
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    )
    peer.write(clientFrame(1, hex('f248cdc9c90700'), { rsv: 4 }))
    assert.equal(String((await peer.readFrame()).payload), 'Hello')
    for (let i = 0; i < 3; i++) {
      await first.send(TEXT)
      assert.equal((await first.read())?.text(), TEXT)
    }
    await first.close()
    const second = await rawHandshake(port, { t, headers })
    assert.equal(second.head.headers['sec-websocket-extensions'], 'permessage-deflate')
  })
})

describe('dial() and compression', () => {
  const offered = async (t: TestContext, options: DialOptions): Promise<string | undefined> => {
    const { request, dialled, peer } = await dialRaw(await rawServer(t), options)
    peer.writeText(acceptedBy(request))
    const conn = await dialled
    conn.terminate()
    return headersOf(request).get('sec-websocket-extensions')
  }

  test('it is offered unless told otherwise', async (t) => {
    const plain = 'permessage-deflate; client_max_window_bits'
    assert.equal(await offered(t, {}), plain)
    assert.equal(await offered(t, { compress: true }), plain)
    assert.equal(await offered(t, { compress: TAKEOVER }), plain)
    assert.equal(await offered(t, { compress: false }), undefined)
    assert.equal(
      await offered(t, {
        compress: { serverNoContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 8 },
      }),
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=8',
    )
    const own: Extension = { name: 'x-own', rsv: 0x40, offer: () => [[]], start: () => ({}) }
    assert.equal(await offered(t, { extensions: [own] }), 'x-own')
  })

  const wrong = [
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=',
    'permessage-deflate; server_max_window_bits=""',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=1000000000000000000000',
    'permessage-deflate; client_max_window_bits=0',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; server_no_context_takeover=x',
    'permessage-deflate; unknown',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate, permessage-deflate',
    'permessage-deflate; server_max_window_bits=\xb2',
  ]
  for (const answer of wrong)
    test(`an answer that cannot be is an error of dial(), and nothing else: ${answer}`, async (t) => {
      const { request, dialled, peer } = await dialRaw(await rawServer(t))
      peer.writeText(acceptedBy(request, `Sec-WebSocket-Extensions: ${answer}\r\n`))
      assert.equal((await refused(dialled)).code, 'WS_ERR_HANDSHAKE')
    })

  test('an answer that does not give what was asked for says so', async (t) => {
    const { request, dialled, peer } = await dialRaw(await rawServer(t), {
      compress: { serverMaxWindowBits: 9 },
    })
    peer.writeText(acceptedBy(request, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'))
    const { cause } = await refused(dialled)
    assert.match(String(cause), /server_max_window_bits is 15, 9 was asked for/)
  })

  test('both ends echo, over every option', async (t) => {
    for (const compress of [
      true,
      TAKEOVER,
      { serverMaxWindowBits: 9 },
      { level: 9, memLevel: 1, threshold: 0 },
    ]) {
      const conn = await dial(`ws://127.0.0.1:${await serve(t, { compress })}`, { compress })
      assert.deepEqual(conn.extensions, ['permessage-deflate'])
      for (let i = 0; i < 3; i++) {
        await conn.send(TEXT)
        assert.equal((await conn.read())?.text(), TEXT)
      }
      assert.ok(conn.stats.bytesIn < TEXT.length)
      assert.equal((await conn.close()).clean, true)
    }
  })

  test('dial.retrying() compresses on every connection', async (t) => {
    const port = await serve(t, { compress: TAKEOVER })
    let turns = 0
    for await (const conn of dial.retrying(`ws://127.0.0.1:${port}`, {
      initialDelay: 1,
      compress: TAKEOVER,
    })) {
      await conn.send(TEXT)
      assert.equal((await conn.read())?.text(), TEXT)
      assert.ok(conn.stats.bytesOut < TEXT.length / 2)
      await conn.close()
      if (++turns === 3) break
    }
  })
})

describe('Conn.over() and compression', () => {
  test('both sides with the same options need no handshake', async (t) => {
    const compress = { ...TAKEOVER, threshold: 0 }
    const server = createTcpServer((socket) => {
      const conn = Conn.over(socket, {
        role: 'server',
        compress,
        events: { message: (own, message) => own.send(message) },
      })
      t.after(() => conn.terminate())
    })
    const client = Conn.over(connect(await listen(t, server), '127.0.0.1'), { role: 'client', compress })
    for (let i = 0; i < 3; i++) {
      await client.send(TEXT)
      assert.equal((await client.read())?.text(), TEXT)
    }
    assert.ok(client.stats.bytesOut < 200)
    await client.close()
  })

  test('it is off unless asked for', () => {
    const conn = Conn.over(new PassThrough(), { role: 'server' })
    assert.deepEqual(conn.extensions, [])
    conn.terminate()
  })
})
