import assert from 'node:assert/strict'
import type net from 'node:net'
import { describe, test } from 'node:test'
import { MAX_BODY_BYTES } from '../../src/client/http-body.js'
import { MAX_HEAD_BYTES } from '../../src/client/http-response.js'
import { type DialOptions, dial } from '../../src/dial.js'
import type { Extension } from '../../src/protocol/extension.js'
import { acceptKey, deferred, type RawPeer, rawServer, refusedPort, turn } from '../support/index.js'
import { type Dialled, dialRaw, gone, headersOf, refused } from './dialing.js'

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\n'

interface Answers {
  /** The right `Sec-WebSocket-Accept` for the key that came. */
  readonly accept: string
}

/** A whole answer with a right handshake and more lines. */
const accepted = ({ accept }: Answers, ...more: string[]): string =>
  [
    `${SWITCH}Upgrade: websocket`,
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    ...more,
    '\r\n',
  ].join('\r\n')

const answersOf = ({ request }: Dialled): Answers => ({
  accept: acceptKey(headersOf(request).get('sec-websocket-key') ?? ''),
})

const deflate: Extension = { name: 'x-deflate', offer: () => [[]], start: () => ({}) }

interface Case {
  readonly name: string
  readonly answer: (answers: Answers) => string
  readonly message: RegExp
  readonly code?: string
  readonly status?: number
  readonly body?: string
  readonly options?: DialOptions
  /** What the server does after its answer; nothing by default, so that dial() must decide by itself. */
  readonly ending?: 'end' | 'reset'
}

const cases: Case[] = [
  { name: 'another protocol', answer: () => 'SSH-2.0-x\r\n', message: /status line/ },
  { name: 'a WebSocket frame instead of an answer', answer: () => '\x81\x05Hello', message: /status line/ },
  { name: 'a wrong status line', answer: () => 'HTTP/1.1 OK 101\r\n', message: /status line/ },
  { name: 'a huge head', answer: () => `${SWITCH}X: ${'x'.repeat(MAX_HEAD_BYTES)}`, message: /head longer/ },
  { name: 'too many headers', answer: () => `${SWITCH}${'x: y\r\n'.repeat(1000)}`, message: /more than 128/ },
  { name: 'a folded header', answer: () => `${SWITCH}X: y\r\n z\r\n`, message: /without a name/ },
  { name: 'a header with NUL in it', answer: () => `${SWITCH}X: \0\r\n`, message: /control character/ },
  {
    name: 'interim responses without end',
    answer: () => 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100),
    message: /interim/,
  },
  { name: 'no Upgrade', answer: () => `${SWITCH}\r\n`, message: /Upgrade: websocket/, status: 101 },
  {
    name: 'no Connection',
    answer: () => `${SWITCH}Upgrade: websocket\r\n\r\n`,
    message: /Connection: Upgrade/,
    status: 101,
  },
  {
    name: 'the accept of another key',
    answer: () => accepted({ accept: acceptKey('dGhlIHNhbXBsZSBub25jZQ==') }),
    message: /does not answer the key/,
    status: 101,
  },
  {
    name: 'two accepts, both right',
    answer: (answers) => accepted(answers, `Sec-WebSocket-Accept: ${answers.accept}`),
    message: /one header Sec-WebSocket-Accept \(there are 2\)/,
    status: 101,
  },
  {
    name: 'a subprotocol that was not asked for',
    answer: (answers) => accepted(answers, 'Sec-WebSocket-Protocol: chat'),
    message: /subprotocol that was not asked for/,
    status: 101,
    options: { protocols: 'superchat' },
  },
  {
    name: 'a subprotocol of non-ASCII bytes',
    answer: (answers) => accepted(answers, 'Sec-WebSocket-Protocol: \x80\xff'),
    message: /subprotocol that was not asked for/,
    status: 101,
  },
  {
    name: 'two subprotocols',
    answer: (answers) => accepted(answers, 'Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: b'),
    message: /2 subprotocols/,
    status: 101,
    options: { protocols: ['a', 'b'] },
  },
  {
    name: 'an extension that was not offered',
    answer: (answers) => accepted(answers, 'Sec-WebSocket-Extensions: x-other'),
    message: /extension that was not offered/,
    status: 101,
    options: { extensions: [deflate] },
  },
  {
    name: 'an extension of non-ASCII bytes',
    answer: (answers) => accepted(answers, 'Sec-WebSocket-Extensions: x-deflate; \xe4=\x80'),
    message: /cannot be read/,
    status: 101,
    options: { extensions: [deflate] },
  },
  {
    name: '200 with a body',
    answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello, and more',
    message: /^Cannot open a WebSocket: server answered 200 OK$/,
    status: 200,
    body: 'Hello',
  },
  {
    name: '404 with a chunked body',
    answer: () =>
      'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\n4\r\nsuch\r\n0\r\n\r\n',
    message: /server answered 404 Not Found$/,
    status: 404,
    body: 'no such',
  },
  {
    name: '503 whose body ends with the connection',
    answer: () => 'HTTP/1.0 503\r\n\r\nbusy',
    message: /server answered 503$/,
    status: 503,
    body: 'busy',
    ending: 'end',
  },
  {
    name: '500 with a body that breaks off',
    answer: () => 'HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nhalf',
    message: /server answered 500 Oh$/,
    status: 500,
    body: 'half',
    ending: 'end',
  },
  {
    name: 'a redirect, which is not followed unless asked',
    answer: () => 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n',
    message: /server answered 302 Found$/,
    status: 302,
  },
  {
    name: 'the end before an answer',
    answer: () => '',
    message: /connection ended/,
    code: 'WS_ERR_EOF',
    ending: 'end',
  },
  {
    name: 'the end in the middle of the answer',
    answer: () => `${SWITCH}Upgrade: webso`,
    message: /connection ended/,
    code: 'WS_ERR_EOF',
    ending: 'end',
  },
  { name: 'a reset', answer: () => '', message: /ECONNRESET/, code: 'WS_ERR_SOCKET', ending: 'reset' },
]

/** A reset as a broken server sends it; `destroy()` would end politely when all has been read. */
function reset({ socket }: RawPeer): void {
  if ('resetAndDestroy' in socket && typeof socket.resetAndDestroy === 'function') socket.resetAndDestroy()
}

describe('dial refuses', () => {
  for (const one of cases)
    test(one.name, async (t) => {
      const given = await dialRaw(await rawServer(t), one.options)
      given.peer.writeText(one.answer(answersOf(given)))
      if (one.ending === 'end') given.peer.socket.end()
      if (one.ending === 'reset') reset(given.peer)
      const error = await refused(given.dialled)
      assert.match(error.message, one.message)
      assert.equal(error.code, one.code ?? 'WS_ERR_HANDSHAKE')
      assert.equal(error.status, one.status)
      assert.equal(error.body.toString(), one.body ?? '')
      if (one.ending !== 'end') await gone(given.peer)
      assert.equal(given.clock.pending, 0)
    })

  test('a body without end, after 64 KiB of it', async (t) => {
    const { peer, dialled } = await dialRaw(await rawServer(t))
    peer.writeText('HTTP/1.1 403 Forbidden\r\nX-Why: \xe4\r\n\r\n')
    const flood = (): void => {
      if (!peer.socket.destroyed) peer.socket.write(Buffer.alloc(10_000, 'x'), flood)
    }
    flood()
    const error = await refused(dialled)
    assert.equal(error.status, 403)
    assert.equal(error.headers['x-why'], '\xe4')
    assert.equal(error.body.length, MAX_BODY_BYTES)
    await gone(peer)
  })

  test('a body that takes too long, with what came of it', async (t) => {
    const { promise: shown, resolve: show } = deferred()
    const { peer, dialled, clock } = await dialRaw(await rawServer(t), { onResponse: () => show() })
    peer.writeText('HTTP/1.1 403 Forbidden\r\n\r\nslow')
    await shown
    await turn()
    clock.advance(2_000)
    const error = await refused(dialled)
    assert.equal(error.status, 403)
    assert.equal(error.body.toString(), 'slow')
    assert.equal(clock.pending, 0)
    await gone(peer)
  })

  test('a body that a reset breaks off, with what came of it', async (t) => {
    const { promise: shown, resolve: show } = deferred()
    const { peer, dialled } = await dialRaw(await rawServer(t), { onResponse: () => show() })
    peer.writeText('HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nhalf')
    await shown
    await turn()
    reset(peer)
    const error = await refused(dialled)
    assert.equal(error.status, 500)
    assert.equal(error.body.toString(), 'half')
  })

  test('a port where nobody listens, and says why', async (t) => {
    const error = await refused(dial(`ws://127.0.0.1:${await refusedPort(t)}`))
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.match(error.message, /connecting to 127\.0\.0\.1:\d+ failed: connect ECONNREFUSED/)
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  })

  test('a host that cannot be found, and says why', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND' })
    const lookup: net.LookupFunction = (_host, _options, callback) => callback(cause, [])
    const error = await refused(dial('ws://nowhere/', { connect: { lookup } }))
    assert.equal(error.code, 'WS_ERR_SOCKET')
    assert.match(error.message, /connecting to nowhere:80 failed: getaddrinfo ENOTFOUND/)
    assert.equal(error.cause, cause)
  })
})

describe('dial accepts', () => {
  const answers: [string, (answers: Answers) => string][] = [
    ['an answer in one piece', (answers) => accepted(answers)],
    [
      'interim responses before the answer',
      (answers) => `HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n${accepted(answers)}`,
    ],
    ['headers with bytes above 0x7f', (answers) => accepted(answers, 'X-Name: J\xfcrgen \x80\xff')],
  ]
  for (const [name, answer] of answers)
    test(name, async (t) => {
      const given = await dialRaw(await rawServer(t))
      given.peer.writeText(answer(answersOf(given)))
      const conn = await given.dialled
      assert.equal(conn.protocol, '')
      conn.terminate()
      await gone(given.peer)
    })

  test('an answer that comes byte by byte, and loses no byte behind it', async (t) => {
    const given = await dialRaw(await rawServer(t))
    for (const byte of Buffer.from(`${accepted(answersOf(given))}\x81\x05Hello`, 'latin1')) {
      given.peer.write(Buffer.of(byte))
      await turn()
    }
    const conn = await given.dialled
    assert.equal((await conn.read())?.text(), 'Hello')
    conn.terminate()
  })

  test('frames in the same packet as the answer', async (t) => {
    const given = await dialRaw(await rawServer(t))
    given.peer.writeText(`${accepted(answersOf(given))}\x81\x05Hello\x81\x05World`)
    const conn = await given.dialled
    assert.equal((await conn.read())?.text(), 'Hello')
    assert.equal((await conn.read())?.text(), 'World')
    conn.terminate()
  })
})

test('a second response behind the first is no WebSocket data: the connection fails', async (t) => {
  const given = await dialRaw(await rawServer(t))
  given.peer.writeText(`${accepted(answersOf(given))}HTTP/1.1 200 OK\r\n\r\n`)
  const conn = await given.dialled
  const frame = await given.peer.readFrame()
  assert.equal(frame.opcode, 8)
  assert.equal(frame.payload.readUInt16BE(), 1002)
  given.peer.socket.end()
  assert.equal((await conn.closed).code, 1002)
})
