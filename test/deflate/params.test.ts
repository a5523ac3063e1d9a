import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  agreementOf,
  answerOffer,
  checkAnswer,
  makeOffer,
  type ParamSettings,
} from '../../src/deflate/params.js'
import { formatExtensions, parseExtensions } from '../../src/handshake/extensions.js'
import type { ExtensionParams } from '../../src/protocol/extension.js'
import { runSeed } from '../frame/helpers.js'
import { fc } from '../support/fast-check.js'

const NAME = 'permessage-deflate'

/** Parameters as they stand in a header. */
const read = (text: string): ExtensionParams => {
  const entries = parseExtensions(text === '' ? NAME : `${NAME}; ${text}`)
  assert.equal(entries?.length, 1)
  return entries![0]!.params
}

const write = (params: ExtensionParams | undefined): string | undefined =>
  params &&
  formatExtensions([{ name: NAME, params }])
    .slice(NAME.length)
    .replace(/^; /, '')

const settings = (given: Partial<ParamSettings> = {}): ParamSettings => ({
  serverNoContextTakeover: undefined,
  clientNoContextTakeover: undefined,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  ...given,
})

/** A server that asks for nothing. */
const lenient = settings({ serverNoContextTakeover: false, clientNoContextTakeover: false })

describe('makeOffer', () => {
  const cases: [Partial<ParamSettings>, string][] = [
    [{}, 'client_max_window_bits'],
    [{ serverNoContextTakeover: false, clientNoContextTakeover: false }, 'client_max_window_bits'],
    [{ serverNoContextTakeover: true }, 'server_no_context_takeover; client_max_window_bits'],
    [{ clientNoContextTakeover: true }, 'client_no_context_takeover; client_max_window_bits'],
    [{ serverMaxWindowBits: 8 }, 'server_max_window_bits=8; client_max_window_bits'],
    [{ clientMaxWindowBits: 9 }, 'client_max_window_bits=9'],
    [
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 10,
        clientMaxWindowBits: 14,
      },
      'server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=14',
    ],
  ]
  for (const [given, expected] of cases)
    test(`says ${expected}`, () => assert.equal(write(makeOffer(settings(given))), expected))
})

describe('answerOffer', () => {
  const cases: [offer: string, given: Partial<ParamSettings>, expected: string][] = [
    // By default a server keeps no context.
    ['', {}, 'server_no_context_takeover; client_no_context_takeover'],
    ['', lenient, ''],
    ['client_max_window_bits', lenient, ''],
    ['server_no_context_takeover', lenient, 'server_no_context_takeover'],
    ['client_no_context_takeover', lenient, 'client_no_context_takeover'],
    ['server_max_window_bits=15', lenient, 'server_max_window_bits=15'],
    ['server_max_window_bits=10', lenient, 'server_max_window_bits=10'],
    ['server_max_window_bits="10"', lenient, 'server_max_window_bits=10'],
    ['server_max_window_bits=8', lenient, 'server_max_window_bits=8'],
    ['server_max_window_bits=12', { ...lenient, serverMaxWindowBits: 9 }, 'server_max_window_bits=9'],
    ['', { ...lenient, serverMaxWindowBits: 9 }, 'server_max_window_bits=9'],
    ['client_max_window_bits', { ...lenient, clientMaxWindowBits: 9 }, 'client_max_window_bits=9'],
    ['client_max_window_bits=12', { ...lenient, clientMaxWindowBits: 9 }, 'client_max_window_bits=9'],
    ['client_max_window_bits=8', { ...lenient, clientMaxWindowBits: 9 }, 'client_max_window_bits=8'],
    ['client_max_window_bits=8', lenient, 'client_max_window_bits=8'],
    ['client_max_window_bits=15', lenient, ''],
  ]
  for (const [offer, given, expected] of cases)
    test(`answers '${offer}' with '${expected}'`, () =>
      assert.equal(write(answerOffer(read(offer), settings(given))), expected))

  test('declines a client that cannot keep to the window it is to have', () => {
    assert.equal(answerOffer(read(''), { ...lenient, clientMaxWindowBits: 14 }), undefined)
  })
})

/** What neither an offer nor an answer may hold (§7.1). */
const BAD = [
  'foo',
  'foo=1',
  'Server_No_Context_Takeover',
  'server_no_context_takeover; server_no_context_takeover',
  'client_no_context_takeover; client_no_context_takeover',
  'client_max_window_bits; client_max_window_bits=10',
  'server_max_window_bits=10; server_max_window_bits=10',
  'server_no_context_takeover=1',
  'client_no_context_takeover=true',
  'server_max_window_bits',
  'server_max_window_bits=7',
  'server_max_window_bits=16',
  'server_max_window_bits=08',
  'server_max_window_bits=+9',
  'server_max_window_bits=9.0',
  'server_max_window_bits=1e1',
  'server_max_window_bits=0xa',
  'server_max_window_bits=99999999999999999999',
  'client_max_window_bits=7',
  'client_max_window_bits=16',
  'client_max_window_bits=010',
  'client_max_window_bits=NaN',
  '__proto__=1',
  'constructor',
]

describe('parameters that cannot be', () => {
  for (const text of BAD) {
    test(`are declined by a server: ${text}`, () => {
      assert.equal(answerOffer(read(text), lenient), undefined)
    })
    test(`are refused by a client: ${text}`, () => {
      assert.equal(typeof checkAnswer(read(text), settings()), 'string')
    })
  }
})

describe('checkAnswer', () => {
  const refused: [answer: string, given: Partial<ParamSettings>, why: RegExp][] = [
    ['', { serverNoContextTakeover: true }, /server_no_context_takeover was asked for/],
    ['', { serverMaxWindowBits: 10 }, /server_max_window_bits is 15, 10 was asked for/],
    [
      'server_max_window_bits=11',
      { serverMaxWindowBits: 10 },
      /server_max_window_bits is 11, 10 was asked for/,
    ],
    [
      'client_max_window_bits=11',
      { clientMaxWindowBits: 10 },
      /client_max_window_bits is 11, 10 was offered/,
    ],
    ['client_max_window_bits', {}, /client_max_window_bits has no value/],
  ]
  for (const [answer, given, why] of refused)
    test(`refuses '${answer}' after ${JSON.stringify(given)}`, () => {
      assert.match(checkAnswer(read(answer), settings(given)) as string, why)
    })

  const taken: [
    answer: string,
    given: Partial<ParamSettings>,
    server: [number, boolean],
    client: [number, boolean],
  ][] = [
    ['', {}, [15, true], [15, true]],
    ['server_no_context_takeover', {}, [15, false], [15, true]],
    ['client_no_context_takeover', {}, [15, true], [15, false]],
    ['', { clientNoContextTakeover: true }, [15, true], [15, false]],
    ['', { clientMaxWindowBits: 9 }, [15, true], [9, true]],
    ['client_max_window_bits=8', { clientMaxWindowBits: 9 }, [15, true], [8, true]],
    ['client_max_window_bits="12"', {}, [15, true], [12, true]],
    ['server_max_window_bits=9', { serverMaxWindowBits: 10 }, [9, true], [15, true]],
    ['server_max_window_bits=8', {}, [8, true], [15, true]],
  ]
  for (const [answer, given, server, client] of taken)
    test(`takes '${answer}' after ${JSON.stringify(given)}`, () => {
      const found = checkAnswer(read(answer), settings(given))
      assert.ok(typeof found === 'object')
      assert.deepEqual([found.server.windowBits, found.server.takesOver], server)
      assert.deepEqual([found.client.windowBits, found.client.takesOver], client)
    })
})

describe('what is negotiated', () => {
  const bits = fc.integer({ min: 8, max: 15 })
  const flag = fc.option(fc.boolean(), { nil: undefined })
  const anySettings: fc.Arbitrary<ParamSettings> = fc.record({
    serverNoContextTakeover: flag,
    clientNoContextTakeover: flag,
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits,
  })

  test('is the same on both sides, and within what each of them wants, whatever they want', () => {
    fc.assert(
      fc.property(anySettings, anySettings, (client, server) => {
        const answer = answerOffer(read(write(makeOffer(client))!), server)
        assert.ok(answer !== undefined)
        const ours = agreementOf(answer)
        const theirs = checkAnswer(read(write(answer)!), client)
        assert.ok(typeof ours === 'object' && typeof theirs === 'object')
        assert.deepEqual(theirs, ours)
        assert.equal(ours.server.windowBits, Math.min(client.serverMaxWindowBits, server.serverMaxWindowBits))
        assert.equal(ours.client.windowBits, Math.min(client.clientMaxWindowBits, server.clientMaxWindowBits))
        assert.equal(
          ours.server.takesOver,
          client.serverNoContextTakeover !== true && server.serverNoContextTakeover === false,
        )
        assert.equal(
          ours.client.takesOver,
          client.clientNoContextTakeover !== true && server.clientNoContextTakeover === false,
        )
      }),
      { seed: runSeed() },
    )
  })

  const name = fc.oneof(
    fc.constantFrom(
      'server_no_context_takeover',
      'client_no_context_takeover',
      'server_max_window_bits',
      'client_max_window_bits',
      '__proto__',
    ),
    fc.string(),
  )
  const value = fc.option(fc.oneof(fc.integer({ min: 0, max: 20 }).map(String), fc.string()), {
    nil: undefined,
  })
  const anyParams = fc.array(fc.tuple(name, value), { maxLength: 5 })

  test('is never an exception, whatever was offered or answered', () => {
    fc.assert(
      fc.property(anyParams, anySettings, (params, given) => {
        const answer = answerOffer(params, given)
        if (answer !== undefined) assert.equal(typeof agreementOf(answer), 'object')
        const found = checkAnswer(params, given)
        if (typeof found !== 'string') {
          assert.ok(found.server.windowBits <= given.serverMaxWindowBits)
          assert.ok(found.client.windowBits <= given.clientMaxWindowBits)
        }
      }),
      { seed: runSeed() },
    )
  })
})
