import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  agreeAsClient,
  agreeAsServer,
  type DeflateOffer,
  deflate,
  Inflater,
  lastBytes,
  offerHeader,
} from '../../src/tools/check/deflate.js'
import type { Head } from '../../src/tools/check/http-head.js'

const head = (extensions?: string): Head => ({
  line: '',
  fields: extensions === undefined ? [] : [['Sec-WebSocket-Extensions', extensions]],
})

const NOTHING: DeflateOffer = [{ noTakeover: false, windowBits: 0 }]
const STRICT: DeflateOffer = [{ noTakeover: true, windowBits: 9 }]
const full = { takeover: true, windowBits: 15 }

test('offerHeader asks for what is wanted', () => {
  assert.equal(offerHeader(NOTHING), 'permessage-deflate; client_max_window_bits')
  assert.equal(
    offerHeader([...STRICT, ...NOTHING]),
    'permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits, permessage-deflate; client_max_window_bits',
  )
})

describe('agreeAsClient', () => {
  const answers: readonly (readonly [string | undefined, DeflateOffer, ReturnType<typeof agreeAsClient>])[] =
    [
      [undefined, NOTHING, undefined],
      ['x-other', NOTHING, undefined],
      ['permessage-deflate', NOTHING, { ours: full, theirs: full }],
      [
        'permessage-deflate; client_no_context_takeover; client_max_window_bits="10"',
        NOTHING,
        { ours: { takeover: false, windowBits: 10 }, theirs: full },
      ],
      [
        'permessage-deflate; server_no_context_takeover; server_max_window_bits=8',
        STRICT,
        { ours: full, theirs: { takeover: false, windowBits: 8 } },
      ],
      [
        'permessage-deflate; server_no_context_takeover',
        [...STRICT, ...NOTHING],
        { ours: full, theirs: { takeover: false, windowBits: 15 } },
      ],
    ]
  for (const [answer, offer, expected] of answers)
    test(`understands '${answer}'`, () => assert.deepEqual(agreeAsClient(head(answer), offer), expected))

  for (const [answer, offer, fault] of [
    ['permessage-deflate, permessage-deflate', NOTHING, /twice/],
    ['permessage-deflate', STRICT, /none of the offers/],
    [
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=10',
      STRICT,
      /none of the offers/,
    ],
    ['permessage-deflate; other', NOTHING, /does not exist/],
    ['permessage-deflate; server_no_context_takeover=1', NOTHING, /a value/],
    ['permessage-deflate; server_max_window_bits', NOTHING, /answers server_max_window_bits/],
    ['permessage-deflate; client_max_window_bits=16', NOTHING, /answers client_max_window_bits=16/],
    ['permessage-deflate; client_no_context_takeover; client_no_context_takeover', NOTHING, /twice/],
  ] as const)
    test(`finds fault with '${answer}'`, () =>
      assert.match(String(agreeAsClient(head(answer), offer)), fault))
})

describe('agreeAsServer', () => {
  const offers: readonly (readonly [string, DeflateOffer, string | undefined])[] = [
    ['permessage-deflate', NOTHING, 'permessage-deflate'],
    ['x-other', NOTHING, undefined],
    ['permessage-deflate', STRICT, undefined],
    ['permessage-deflate', [...STRICT, ...NOTHING], 'permessage-deflate'],
    [
      'permessage-deflate; client_max_window_bits',
      STRICT,
      'permessage-deflate; client_no_context_takeover; client_max_window_bits=9',
    ],
    [
      'permessage-deflate; client_max_window_bits=12; server_no_context_takeover; server_max_window_bits=10',
      [{ noTakeover: false, windowBits: 15 }],
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12',
    ],
  ]
  for (const [request, offer, expected] of offers)
    test(`answers '${request}' with '${expected}'`, () => {
      assert.equal(agreeAsServer(head(request), offer)?.header, expected)
    })

  for (const params of [
    'server_max_window_bits=16',
    'server_max_window_bits=7',
    'server_max_window_bits',
    'client_max_window_bits=16',
    'client_max_window_bits=',
    'server_no_context_takeover=1',
    'client_no_context_takeover; client_no_context_takeover',
    'server_max_window_bits=10; server_max_window_bits=11',
    'x',
  ])
    test(`declines '${params}', and takes an offer beside it`, () => {
      assert.equal(agreeAsServer(head(`permessage-deflate; ${params}`), NOTHING), undefined)
      const beside = `permessage-deflate; ${params}, permessage-deflate`
      assert.equal(agreeAsServer(head(beside), NOTHING)?.header, 'permessage-deflate')
    })
})

describe('Inflater', () => {
  const data = Buffer.from('to be or not to be, that is the question. '.repeat(50))
  const nothing = Buffer.alloc(0)

  for (const windowBits of [8, 9, 12, 15])
    test(`inflates with a window of ${windowBits} bits, and takes the context over`, () => {
      const inflater = new Inflater({ takeover: true, windowBits })
      const reach = 1 << windowBits
      for (let i = 0; i < 3; i++) {
        const before = i === 0 ? nothing : lastBytes([data], reach)
        assert.deepEqual(inflater.inflate(deflate(data, before, windowBits)), data)
      }
    })

  test('inflates an empty message', () => {
    assert.equal(new Inflater(full).inflate(deflate(nothing, nothing, 15)).length, 0)
  })

  test('refuses what looks back to a context that was not to be taken over', () => {
    const inflater = new Inflater({ takeover: false, windowBits: 15 })
    inflater.inflate(deflate(data, nothing, 15))
    assert.throws(() => inflater.inflate(deflate(data, data, 15)), { code: 'Z_DATA_ERROR' })
  })

  test('refuses what looks back further than was agreed', () => {
    const far = Buffer.concat([data.subarray(0, 500), Buffer.alloc(8000, 7), data.subarray(0, 500)])
    assert.throws(() => new Inflater({ takeover: true, windowBits: 9 }).inflate(deflate(far, nothing, 15)), {
      code: 'Z_DATA_ERROR',
    })
  })
})

test('lastBytes gives the end of some pieces', () => {
  const pieces = ['abc', 'de', 'f'].map((text) => Buffer.from(text))
  assert.equal(lastBytes(pieces, 4).toString(), 'cdef')
  assert.equal(lastBytes(pieces, 1).toString(), 'f')
  assert.equal(lastBytes([], 4).length, 0)
})
