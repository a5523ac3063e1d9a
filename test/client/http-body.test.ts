import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BodyReader, MAX_BODY_BYTES } from '../../src/client/http-body.js'
import type { HandshakeResponse } from '../../src/handshake/client.js'
import { seeded } from '../support/index.js'

const respond = (rawHeaders: string[], status = 404): HandshakeResponse => ({
  version: '1.1',
  status,
  reason: '',
  headers: {},
  rawHeaders,
})

function read(rawHeaders: string[], ...pieces: (string | Buffer)[]): [body: string, done: boolean] {
  const reader = new BodyReader(respond(rawHeaders))
  for (const piece of pieces) reader.append(Buffer.from(piece as string, 'latin1'))
  return [reader.body.toString('latin1'), reader.done]
}

const LENGTH = ['Content-Length', '5']
const CHUNKED = ['Transfer-Encoding', 'chunked']

describe('BodyReader', () => {
  test('reads as much as Content-Length says', () => {
    assert.deepEqual(read(LENGTH, 'He', 'llo and more'), ['Hello', true])
    assert.deepEqual(read(LENGTH, 'Hell'), ['Hell', false])
    assert.deepEqual(read(['Content-Length', '0']), ['', true])
  })

  test('reads to the end of the connection without Content-Length', () => {
    assert.deepEqual(read([], 'Hel', 'lo'), ['Hello', false])
  })

  test('reads chunks', () => {
    assert.deepEqual(read(CHUNKED, '3\r\nHel\r\nA;x=y\r\nlo, world!\r\n0\r\n\r\n'), ['Hello, world!', true])
    assert.deepEqual(read(CHUNKED, '3\r\nHe'), ['He', false])
    assert.deepEqual(read(['transfer-encoding', 'gzip, Chunked', ...LENGTH], '1\r\na\r\n0\r\n'), ['a', true])
  })

  const broken: [string, string[], string, string][] = [
    ['a length that is no number', ['Content-Length', '5 '], 'Hello', ''],
    ['a negative length', ['Content-Length', '-5'], 'Hello', ''],
    ['a length beyond all numbers', ['Content-Length', '9'.repeat(400)], 'Hello', ''],
    ['a chunk size that is no number', CHUNKED, '5\r\nHello\r\nxyz\r\nmore', 'Hello'],
    ['a chunk size beyond all numbers', CHUNKED, `${'f'.repeat(200)}\r\nHello`, ''],
    ['a chunk line that never ends', CHUNKED, '1'.repeat(1000), ''],
    ['a chunk that is longer than it says', CHUNKED, '3\r\nHello\r\n0\r\n\r\n', 'Hel'],
  ]
  for (const [name, headers, body, expected] of broken)
    test(`stops at ${name}`, () => assert.deepEqual(read(headers, body), [expected, true]))

  test('expects nothing with 101, 204 and 304', () => {
    for (const status of [101, 204, 304]) assert.equal(new BodyReader(respond(LENGTH, status)).done, true)
  })

  test('keeps the first 64 KiB', () => {
    const long = Buffer.alloc(MAX_BODY_BYTES - 1, 'x')
    const [body, done] = read([], long)
    assert.equal(body.length, MAX_BODY_BYTES - 1)
    assert.equal(done, false)
    const [cut, full] = read([], long, 'yz')
    assert.equal(cut.length, MAX_BODY_BYTES)
    assert.equal(cut.at(-1), 'y')
    assert.equal(full, true)
  })

  test('takes a copy: the bytes it read may change', () => {
    const reader = new BodyReader(respond([]))
    const chunk = Buffer.from('Hello')
    reader.append(chunk)
    chunk.fill(0)
    assert.equal(reader.body.toString(), 'Hello')
  })

  test('reads the same however the bytes are cut', () =>
    seeded((random) => {
      const sizes = Array.from({ length: random.int(0, 5) }, () => random.int(1, 40))
      const chunks = sizes.map((size) => `${size.toString(16)}\r\n${'c'.repeat(size)}\r\n`)
      const wire = Buffer.from(`${chunks.join('')}${random.pick(['0\r\n\r\n', 'zz', '', '\r\n'])}tail`)
      const headers = random.pick([CHUNKED, LENGTH, []])
      assert.deepEqual(read(headers, ...random.split(wire)), read(headers, wire))
    }, 200))
})
