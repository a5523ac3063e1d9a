import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  MAX_HEAD_BYTES,
  MAX_HEAD_LINES,
  MAX_INTERIM,
  ResponseReader,
} from '../../src/client/http-response.js'
import { type Breach, HandshakeError } from '../../src/errors.js'
import type { HandshakeResponse } from '../../src/handshake/client.js'
import { fc } from '../support/fast-check.js'
import { seeded } from '../support/index.js'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

const OK = 'HTTP/1.1 200 OK\r\n'

interface Read {
  readonly response?: HandshakeResponse | undefined
  readonly rest?: string
  readonly error?: string
  readonly breach?: Breach
}

/** What comes out of pieces; what lies behind the head counts as rest, whichever piece it is in. */
function readPieces(pieces: readonly Buffer[]): Read {
  const reader = new ResponseReader()
  try {
    for (const [i, piece] of pieces.entries()) {
      const response = reader.append(piece)
      if (response === undefined) continue
      return { response, rest: Buffer.concat([reader.rest, ...pieces.slice(i + 1)]).toString('latin1') }
    }
    return {}
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error))
    return { error: error.message, ...(error.breach && { breach: error.breach }) }
  }
}

const read = (text: string): Read => readPieces([bytes(text)])

describe('ResponseReader', () => {
  test('reads status, headers and what is behind them', () => {
    const { response, rest } = read(
      'HTTP/1.1 101 Switching Protocols\r\nA: 1\r\nb:\t2 \t\r\nc:\r\n\r\n\x81\x00',
    )
    assert.equal(response?.version, '1.1')
    assert.equal(response?.status, 101)
    assert.equal(response?.reason, 'Switching Protocols')
    assert.deepEqual(response?.rawHeaders, ['A', '1', 'b', '2', 'c', ''])
    assert.deepEqual({ ...response?.headers }, { a: '1', b: '2', c: '' })
    assert.equal(rest, '\x81\x00')
  })

  test('waits for the empty line', () => {
    assert.deepEqual(read(`${OK}A: 1\r\n`), {})
    assert.deepEqual(read(''), {})
  })

  test('takes a status line without a reason, and HTTP/1.0', () => {
    assert.equal(read('HTTP/1.1 204\r\n\r\n').response?.reason, '')
    assert.equal(read('HTTP/1.1 204 \r\n\r\n').response?.status, 204)
    assert.equal(read('HTTP/1.0 200 Connection established\r\n\r\n').response?.version, '1.0')
  })

  test('joins repeated headers as Node does', () => {
    const { response } = read(
      `${OK}X: 1\r\nx: 2\r\nSet-Cookie: a\r\nset-cookie: b\r\nLocation: /1\r\nLocation: /2\r\n__proto__: z\r\n\r\n`,
    )
    assert.deepEqual(Object.entries(response?.headers ?? {}), [
      ['x', '1, 2'],
      ['set-cookie', ['a', 'b']],
      ['location', '/1'],
      ['__proto__', 'z'],
    ])
  })

  test('takes bytes above 0x7f for latin1, and keeps them out of the reason', () => {
    const { response } = read('HTTP/1.1 404 Nicht dr\xfcben\x80\r\nX: \x80\xe4\xff\r\n\r\n')
    assert.equal(response?.headers.x, '\x80\xe4\xff')
    assert.equal(response?.reason, 'Nicht dr?ben?')
  })

  test('shortens a reason that goes on and on', () => {
    assert.equal(read(`HTTP/1.1 404 ${'n'.repeat(5000)}\r\n\r\n`).response?.reason.length, 64)
  })

  test('passes over interim responses, up to a limit', () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
    const { response } = read(`${interim.repeat(MAX_INTERIM)}${OK}A: 1\r\n\r\n`)
    assert.equal(response?.status, 200)
    assert.deepEqual(response?.rawHeaders, ['A', '1'])
    const { error = '', breach } = read(interim.repeat(MAX_INTERIM + 1))
    assert.match(error, /interim/)
    assert.deepEqual(breach, { option: 'interim answers', limit: 8, value: 9 })
  })

  test('takes a head of the longest length, and none that is longer', () => {
    const fill = (total: number): string => `${OK}X: ${'x'.repeat(total - OK.length - 7)}\r\n\r\n`
    assert.equal(fill(MAX_HEAD_BYTES).length, MAX_HEAD_BYTES)
    assert.equal(read(fill(MAX_HEAD_BYTES)).response?.status, 200)
    const { error = '', breach } = read(fill(MAX_HEAD_BYTES + 1))
    assert.match(error, /longer than 16384 bytes/)
    assert.deepEqual(breach, { option: 'head bytes', limit: 16_384, value: 16_385 })
  })

  test('takes so many headers, and not one more', () => {
    assert.equal(read(`${OK}${'a:\r\n'.repeat(MAX_HEAD_LINES)}\r\n`).response?.status, 200)
    const { error = '', breach } = read(`${OK}${'a:\r\n'.repeat(MAX_HEAD_LINES + 1)}\r\n`)
    assert.match(error, /more than 128 headers/)
    assert.deepEqual(breach, { option: 'header lines', limit: 128, value: 129 })
  })
})

const NOT_HTTP = /does not start with an HTTP\/1\.1 status line/

const wrong: [name: string, text: string, message: RegExp][] = [
  ['another protocol, at its first byte', 'SSH-2.0-OpenSSH', NOT_HTTP],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', NOT_HTTP],
  ['a WebSocket frame', '\x81\x05Hello', NOT_HTTP],
  ['small letters', 'http/1.1 200 OK\r\n\r\n', NOT_HTTP],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', NOT_HTTP],
  ['HTTP/2', 'HTTP/2 200\r\n\r\n', NOT_HTTP],
  ['HTTP/1.10', 'HTTP/1.10 200 OK\r\n\r\n', NOT_HTTP],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', NOT_HTTP],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', NOT_HTTP],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', NOT_HTTP],
  ['a status with a sign', 'HTTP/1.1 +20 OK\r\n\r\n', NOT_HTTP],
  ['a status out of range', 'HTTP/1.1 600 OK\r\n\r\n', NOT_HTTP],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', NOT_HTTP],
  ['a tab behind the status', 'HTTP/1.1 200\tOK\r\n\r\n', NOT_HTTP],
  ['a control character in the reason', 'HTTP/1.1 200 O\x1bK\r\n\r\n', NOT_HTTP],
  ['a line break in front', '\r\nHTTP/1.1 200 OK\r\n\r\n', NOT_HTTP],
  ['bare LF', 'HTTP/1.1 200 OK\n\n', /does not end with CR LF/],
  ['bare LF behind a header', `${OK}A: 1\n\r\n`, /does not end with CR LF/],
  ['bare CR in a header', `${OK}A: 1\rB: 2\r\n\r\n`, /control character/],
  ['NUL in a header', `${OK}A: \x00\r\n\r\n`, /control character/],
  ['DEL in a header', `${OK}A: \x7f\r\n\r\n`, /control character/],
  ['a folded line', `${OK}A: 1\r\n 2\r\n\r\n`, /without a name/],
  ['a header without a colon', `${OK}A\r\n\r\n`, /without a name/],
  ['a header without a name', `${OK}: 1\r\n\r\n`, /without a name/],
  ['a space before the colon', `${OK}A : 1\r\n\r\n`, /without a name/],
  ['a name that is no ASCII', `${OK}\xe4: 1\r\n\r\n`, /without a name/],
  ['a first line that never ends', `HTTP/1.1 200 ${'x'.repeat(MAX_HEAD_BYTES)}`, /longer than/],
]

describe('ResponseReader refuses', () => {
  for (const [name, text, message] of wrong) test(name, () => assert.match(read(text).error ?? '', message))
})

/** Answers that are nearly right: random bytes alone would hardly get past the first one. */
const pieces = fc.constantFrom(
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 404',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 ',
  'Upgrade: websocket',
  'Set-Cookie: a=b',
  ' folded',
  ':',
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\x00',
  '\xff\xe4',
)
const answers = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
  fc.array(pieces, { maxLength: 20 }).map((parts) => bytes(parts.join(''))),
  fc
    .array(pieces, { maxLength: 12 })
    .map((parts) => bytes(`HTTP/1.1 200 OK\r\n${parts.join('\r\n')}\r\n\r\n`)),
)

test('ResponseReader throws nothing but HandshakeError, and reads the same however the bytes are cut', () => {
  fc.assert(
    fc.property(answers, fc.array(fc.nat({ max: 300 }), { maxLength: 10 }), (answer, cuts) => {
      const whole = readPieces([answer])
      const at = [0, ...cuts.map((cut) => Math.min(cut, answer.length)).sort((a, b) => a - b), answer.length]
      const cut = at.slice(1).map((end, i) => answer.subarray(at[i], end))
      assert.deepEqual(readPieces(cut), whole)
      assert.deepEqual(readPieces([...answer].map((byte) => Buffer.of(byte))), whole)
    }),
  )
})

test('ResponseReader reads a head that is too long the same however it is cut', () =>
  seeded((random) => {
    const name = 'x'.repeat(random.int(1, 200))
    const answer = bytes(`${OK}${`${name}: ${name}\r\n`.repeat(random.int(30, 130))}\r\ntail`)
    assert.deepEqual(readPieces(random.split(answer)), readPieces([answer]))
  }, 30))
