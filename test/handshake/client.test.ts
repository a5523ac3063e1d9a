import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HandshakeError } from '../../src/errors.js'
import {
  acceptResponse,
  type ClientAgreement,
  type ClientOffer,
  formatRequest,
  fromMutableHeaders,
  type HandshakeResponse,
  type OfferedExtension,
  offerExtensions,
  offerHeaders,
  toMutableHeaders,
} from '../../src/handshake/client.js'
import type { Extension, ExtensionParams } from '../../src/protocol/extension.js'

// Key and answer of RFC 6455 §1.3.
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

const offerOf = (more: Partial<ClientOffer> = {}): ClientOffer => ({
  host: 'example.com',
  key: KEY,
  origin: undefined,
  authorization: undefined,
  protocols: [],
  extensions: [],
  headers: [],
  ...more,
})

interface Log {
  readonly events: string[]
}

/** An extension that offers one set of parameters and writes down what happens to it. */
function negotiable(name: string, rsv: number, log: Log = { events: [] }): Extension {
  return {
    name,
    rsv,
    offer: () => [[]],
    start: (params: ExtensionParams) => {
      log.events.push(`start ${name} ${JSON.stringify(params)}`)
      return { close: () => void log.events.push(`close ${name}`) }
    },
  }
}

const local = (name: string): Extension => ({ name, start: () => ({}) })

describe('offerHeaders', () => {
  test('gives the headers of RFC 6455 §4.1 and nothing more', () => {
    assert.equal(
      formatRequest('GET', '/chat?room=1', offerHeaders(offerOf())),
      [
        'GET /chat?room=1 HTTP/1.1',
        'Host: example.com',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${KEY}`,
        'Sec-WebSocket-Version: 13',
        '\r\n',
      ].join('\r\n'),
    )
  })

  test('adds what was asked for', () => {
    const lines = offerHeaders(
      offerOf({
        origin: 'https://example.com',
        authorization: 'Basic YTpi',
        protocols: ['chat', 'superchat'],
        extensions: offerExtensions([
          { ...negotiable('x-one', 0), offer: () => [[['bits', '10']], [['small', undefined]]] },
          local('log'),
          negotiable('x-two', 0),
        ]),
        headers: [
          ['X-Twice', '1'],
          ['X-Twice', '2'],
        ],
      }),
    )
    assert.deepEqual(lines.slice(5), [
      ['Origin', 'https://example.com'],
      ['Sec-WebSocket-Protocol', 'chat, superchat'],
      ['Sec-WebSocket-Extensions', 'x-one; bits=10, x-one; small, x-two'],
      ['Authorization', 'Basic YTpi'],
      ['X-Twice', '1'],
      ['X-Twice', '2'],
    ])
  })

  test('lets the application replace Host and Authorization, in its own writing', () => {
    const lines = offerHeaders(
      offerOf({
        authorization: 'Basic YTpi',
        headers: [
          ['host', 'other'],
          ['authorization', 'Bearer x'],
        ],
      }),
    )
    assert.deepEqual(lines[0], ['host', 'other'])
    assert.deepEqual(lines.at(-1), ['authorization', 'Bearer x'])
    assert.equal(lines.length, 6)
  })

  for (const name of ['Host', 'Origin', 'Authorization'])
    test(`refuses ${name} twice`, () => {
      const headers = [
        [name, 'a'],
        [name.toUpperCase(), 'b'],
      ] as const
      assert.throws(() => offerHeaders(offerOf({ headers })), {
        name: 'RangeError',
        code: 'WS_ERR_ARGUMENT',
        message: new RegExp(name, 'i'),
      })
    })

  test('refuses an extension whose parameters would break the header', () => {
    const extension: Extension = { ...negotiable('x', 0), offer: () => [[['a', 'b\r\nX: y']]] }
    assert.throws(() => offerHeaders(offerOf({ extensions: offerExtensions([extension]) })), RangeError)
  })
})

describe('fromMutableHeaders', () => {
  const before = offerHeaders(offerOf({ headers: [['X-Old', '1']] }))
  const change = (edit: (headers: Record<string, string | string[]>) => void) => {
    const headers = toMutableHeaders(before)
    edit(headers)
    return fromMutableHeaders(headers, before)
  }

  test('gives the same lines when nothing was changed', () => {
    assert.deepEqual(change(() => undefined).sort(), [...before].sort())
  })

  test('takes what was added, changed and deleted', () => {
    const lines = change((headers) => {
      headers.Cookie = ['a=1', 'b=2']
      headers.host = 'elsewhere'
      delete headers['x-old']
    })
    assert.deepEqual(lines.slice(-3), [
      ['Host', 'elsewhere'],
      ['Cookie', 'a=1'],
      ['Cookie', 'b=2'],
    ])
    assert.equal(
      lines.some(([name]) => name === 'X-Old'),
      false,
    )
  })

  const wrong: [string, (headers: Record<string, string | string[]>) => void][] = [
    [
      'a changed key',
      (headers) => void Object.assign(headers, { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }),
    ],
    ['a deleted Upgrade', (headers) => void delete headers.upgrade],
    ['a second Connection', (headers) => void Object.assign(headers, { Connection: 'close' })],
    ['an added subprotocol', (headers) => void Object.assign(headers, { 'sec-websocket-protocol': 'chat' })],
    ['a body', (headers) => void Object.assign(headers, { 'content-length': '5' })],
    ['a line break', (headers) => void Object.assign(headers, { 'x-new': 'a\r\nSet-Cookie: b' })],
    ['a line break in a name', (headers) => void Object.assign(headers, { 'x-new: 1\r\nx': 'a' })],
    ['two hosts', (headers) => void Object.assign(headers, { host: ['a', 'b'] })],
  ]
  for (const [name, edit] of wrong)
    test(`refuses ${name}`, () =>
      assert.throws(() => change(edit), { name: 'RangeError', code: 'WS_ERR_ARGUMENT' }))
})

type RawHeaders = readonly (readonly [string, string])[]

const GOOD: RawHeaders = [
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Accept', ACCEPT],
]

const respond = (headers: RawHeaders, more: Partial<HandshakeResponse> = {}): HandshakeResponse => ({
  version: '1.1',
  status: 101,
  reason: 'Switching Protocols',
  headers: { 'x-seen': 'yes' },
  rawHeaders: headers.flat(),
  ...more,
})

const without = (name: string): RawHeaders => GOOD.filter(([one]) => one !== name)

const judge = (headers: RawHeaders, offer: Partial<ClientOffer> = {}): ClientAgreement =>
  acceptResponse(respond(headers), offerOf(offer))

describe('acceptResponse', () => {
  const good: [string, RawHeaders][] = [
    ['the answer of RFC 6455 §1.3', GOOD],
    ['Upgrade in capitals', [...without('Upgrade'), ['UPGRADE', 'WebSocket']]],
    ['Connection as a list', [...without('Connection'), ['Connection', 'keep-alive, uPGRADE']]],
    ['Connection in two lines', [['Connection', 'keep-alive'], ...GOOD]],
    ['headers it knows nothing of', [...GOOD, ['Content-Length', '0'], ['X-\u00e4', '\u00ff']]],
  ]
  for (const [name, headers] of good)
    test(`takes ${name}`, () => assert.deepEqual(judge(headers), { protocol: '', extensions: [] }))

  const wrong: [name: string, headers: RawHeaders, message: string][] = [
    ['no Upgrade', without('Upgrade'), '101 without one header Upgrade: websocket (there are 0)'],
    [
      'two Upgrades',
      [...GOOD, ['Upgrade', 'websocket']],
      '101 without one header Upgrade: websocket (there are 2)',
    ],
    [
      'another Upgrade',
      [...without('Upgrade'), ['Upgrade', 'h2c']],
      '101 without one header Upgrade: websocket (there is 1)',
    ],
    [
      'a list in Upgrade',
      [...without('Upgrade'), ['Upgrade', 'websocket, h2c']],
      '101 without one header Upgrade: websocket (there is 1)',
    ],
    ['no Connection', without('Connection'), '101 without a header Connection: Upgrade (there are 0)'],
    [
      'another Connection',
      [...without('Connection'), ['Connection', 'upgraded']],
      '101 without a header Connection: Upgrade (there is 1)',
    ],
    [
      'no accept',
      without('Sec-WebSocket-Accept'),
      '101 must have one header Sec-WebSocket-Accept (there are 0)',
    ],
    [
      'two accepts',
      [...GOOD, ['sec-websocket-accept', ACCEPT]],
      '101 must have one header Sec-WebSocket-Accept (there are 2)',
    ],
    [
      'a wrong accept',
      [...without('Sec-WebSocket-Accept'), ['Sec-WebSocket-Accept', KEY]],
      'Sec-WebSocket-Accept does not answer the key that was sent',
    ],
    [
      'an accept in small letters',
      [...without('Sec-WebSocket-Accept'), ['Sec-WebSocket-Accept', ACCEPT.toLowerCase()]],
      'Sec-WebSocket-Accept does not answer the key that was sent',
    ],
    [
      'a subprotocol',
      [...GOOD, ['Sec-WebSocket-Protocol', 'chat']],
      'server chose a subprotocol that was not asked for',
    ],
    [
      'an extension',
      [...GOOD, ['Sec-WebSocket-Extensions', 'permessage-deflate']],
      'server chose an extension that was not offered',
    ],
  ]
  for (const [name, headers, message] of wrong)
    test(`refuses ${name}`, () =>
      assert.throws(
        () => judge(headers),
        (error) => {
          assert.ok(error instanceof HandshakeError)
          assert.equal(error.code, 'WS_ERR_HANDSHAKE')
          assert.equal(error.message, `Cannot open a WebSocket: ${message}`)
          assert.equal(error.status, 101)
          assert.deepEqual(error.headers, { 'x-seen': 'yes' })
          return true
        },
      ))

  test('refuses any other status, and says which', () => {
    for (const [status, reason, shown] of [
      [200, 'OK', '200 OK'],
      [404, 'Not Found', '404 Not Found'],
      [500, '', '500'],
    ] as const)
      assert.throws(() => acceptResponse(respond(GOOD, { status, reason }), offerOf()), {
        status,
        message: `Cannot open a WebSocket: server answered ${shown}`,
      })
  })

  test('refuses 101 in HTTP/1.0', () => {
    assert.throws(() => acceptResponse(respond(GOOD, { version: '1.0' }), offerOf()), /HTTP\/1\.0/)
  })
})

describe('acceptResponse and subprotocols', () => {
  const protocols = ['chat', 'superchat']
  const choose = (...values: string[]): string =>
    judge([...GOOD, ...values.map((value) => ['Sec-WebSocket-Protocol', value] as const)], { protocols })
      .protocol

  test('takes one that was asked for, or none', () => {
    assert.equal(choose('superchat'), 'superchat')
    assert.equal(choose(), '')
  })

  for (const values of [['other'], ['Chat'], [''], ['chat, superchat'], ['chat', 'chat'], ['ch\u00e4t']])
    test(`refuses ${JSON.stringify(values)}`, () => assert.throws(() => choose(...values), HandshakeError))
})

describe('acceptResponse and extensions', () => {
  const choose = (extensions: OfferedExtension[], ...values: string[]): readonly string[] =>
    judge([...GOOD, ...values.map((value) => ['Sec-WebSocket-Extensions', value] as const)], {
      extensions,
    }).extensions.map(({ name, rsv, params }) => `${name} ${rsv} ${JSON.stringify(params)}`)

  test('starts those that were chosen, with the parameters of the answer', () => {
    const offered = offerExtensions([negotiable('x-one', 0x40), negotiable('x-two', 0x20)])
    assert.deepEqual(choose(offered, 'x-two; bits=10; small'), ['x-two 32 [["bits","10"],["small",null]]'])
    assert.deepEqual(choose(offered), [])
  })

  test('keeps the order of the answer, which may come in several lines', () => {
    const offered = offerExtensions([negotiable('x-one', 0x40), negotiable('x-two', 0x20)])
    assert.deepEqual(choose(offered, 'x-two', 'x-one'), ['x-two 32 []', 'x-one 64 []'])
  })

  test('starts local extensions always, in their places', () => {
    const offered = offerExtensions([local('log'), negotiable('x-one', 0x40), local('count')])
    assert.deepEqual(choose(offered), ['log 0 []', 'count 0 []'])
    assert.deepEqual(choose(offered, 'x-one'), ['log 0 []', 'x-one 64 []', 'count 0 []'])
  })

  test('leaves out an extension that only servers have', () => {
    const serverOnly: Extension = { name: 'x', accept: () => [], start: () => ({}) }
    assert.deepEqual(choose(offerExtensions([serverOnly])), [])
    assert.throws(() => choose(offerExtensions([serverOnly]), 'x'), HandshakeError)
  })

  const refused: [string, string[]][] = [
    ['one that was not offered', ['x-three']],
    ['a local one', ['log']],
    ['one that offered nothing', ['x-shy']],
    ['the same one twice', ['x-one, x-one']],
    ['the same one in two lines', ['x-one', 'x-one']],
    ['two for one reserved bit', ['x-one, x-rival']],
    ['an empty header', ['']],
    ['a header that cannot be read', ['x-one; =']],
    ['bytes that are no ASCII', ['x-one; \u00e4=\u00ff']],
  ]
  for (const [name, values] of refused)
    test(`refuses ${name}`, () => {
      const log: Log = { events: [] }
      const shy: Extension = { ...negotiable('x-shy', 0, log), offer: () => [] }
      const all = [negotiable('x-one', 0x40, log), negotiable('x-rival', 0x60, log), local('log'), shy]
      assert.throws(() => choose(offerExtensions(all), ...values), { code: 'WS_ERR_HANDSHAKE', status: 101 })
      assert.deepEqual(log.events, [])
    })

  test('ends those it started when one cannot take its parameters', () => {
    const log: Log = { events: [] }
    const cause = new Error('window too large')
    const picky: Extension = {
      ...negotiable('x-picky', 0),
      start: () => {
        throw cause
      },
    }
    const offered = offerExtensions([negotiable('x-one', 0x40, log), picky])
    assert.throws(() => choose(offered, 'x-one, x-picky'), { code: 'WS_ERR_HANDSHAKE', cause })
    assert.deepEqual(log.events, ['start x-one []', 'close x-one'])
  })
})
