import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeClosePayload, Frame, Opcode } from '../../src/frame/index.js'
import { annotateLine, annotateLong, dump, frameRecord, preview } from '../../src/tools/annotate.js'
import { hello, helloRecord } from './hello.js'

describe('annotateLine', () => {
  test('tells time, direction, opcode, bits, key, length and payload', () => {
    assert.equal(
      annotateLine({ frame: hello, direction: 'sent', at: 12.34 }),
      '     12.3 ms > text fin masked 37fa213d 5 bytes "Hello"',
    )
  })

  test('leaves out what is not known or not set', () => {
    const frame = new Frame({ fin: false, rsv2: true, rsv3: true, opcode: 0xb })
    assert.equal(annotateLine({ frame }), 'reserved 0xb rsv2 rsv3 0 bytes')
  })

  test('tells code and reason of Close, and shows half a code in hex', () => {
    const close = (payload: string | Buffer) => new Frame({ opcode: Opcode.Close, payload })
    assert.equal(
      annotateLine({ frame: close(encodeClosePayload(1000, 'by\u001be')), direction: 'received' }),
      '< close fin 6 bytes 1000 "by\\u001be"',
    )
    assert.equal(annotateLine({ frame: close(encodeClosePayload(4000)) }), 'close fin 2 bytes 4000')
    assert.equal(annotateLine({ frame: close(Buffer.from([3])) }), 'close fin 1 byte 03')
  })

  test('tells a header that lies', () => {
    const frame = new Frame({ opcode: Opcode.Binary, payload: Buffer.from([1, 255]) })
    frame.lengthSize = 64
    frame.length = 7
    assert.equal(annotateLine({ frame }), 'binary fin 7 bytes (told in 64 bits) (but 2 follow) 01ff')
  })

  test('shows payloads as text or in hex as it is asked to', () => {
    const frame = new Frame({ opcode: Opcode.Binary, payload: 'hi' })
    assert.equal(annotateLine({ frame }), 'binary fin 2 bytes 6869')
    assert.equal(annotateLine({ frame }, { as: 'text' }), 'binary fin 2 bytes "hi"')
    assert.equal(annotateLine({ frame: hello }, { as: 'hex', shown: 2 }).slice(-5), '4865…')
    const rest = new Frame({ opcode: Opcode.Continuation, payload: 'hi' })
    assert.equal(annotateLine({ frame: rest, isText: true }), 'continuation fin 2 bytes "hi"')
  })

  test('shows the payload of a ping as text where it is plain ASCII', () => {
    const ping = (payload: string | Buffer) =>
      annotateLine({ frame: new Frame({ opcode: Opcode.Ping, payload }) })
    assert.equal(ping('are you there?'), 'ping fin 14 bytes "are you there?"')
    assert.equal(ping(Buffer.from([0, 65])), 'ping fin 2 bytes 0041')
  })

  test('shows what was compressed, too', () => {
    const frame = new Frame({
      opcode: Opcode.Text,
      rsv1: true,
      payload: Buffer.from('f248cdc9c90700', 'hex'),
    })
    assert.equal(
      annotateLine({ frame, inflated: Buffer.from('Hello') }),
      'text fin rsv1 7 bytes f248cdc9c90700 inflated 5 bytes "Hello"',
    )
  })
})

describe('preview', () => {
  test('escapes whatever a terminal might obey', () => {
    assert.equal(preview(Buffer.from('a\u009b\u202e\n"'), true, 64), '"a\\u{9b}\\u{202e}\\n\\""')
  })

  test('never cuts a character in two', () => {
    assert.equal(preview(Buffer.from('aé…🙂b'), true, 7), '"aé…"…')
  })

  test('shows in hex what is not UTF-8', () => {
    assert.equal(preview(Buffer.from([0x61, 0xff]), true, 64), '61ff')
    assert.equal(preview(Buffer.from([0x61, 0xc3]), true, 64), '61c3')
  })
})

test('annotateLong shows the bytes of the wire', () => {
  assert.deepEqual(annotateLong({ frame: hello }), [
    'text fin masked 37fa213d 5 bytes "Hello"',
    '    81                            fin=1 rsv=000 opcode=1',
    '    85                            mask=1 length=5',
    '    37 fa 21 3d                   masking key',
    '    000000  48 65 6c 6c 6f                                   Hello',
  ])
  const frame = new Frame({ opcode: Opcode.Binary, rsv1: true, payload: Buffer.alloc(300, 1) })
  const long = annotateLong({ frame, inflated: Buffer.from('x') }, { shown: 16 })
  assert.equal(long[2], '    7e 01 2c                      mask=0 length=300')
  assert.deepEqual(long.slice(-3), [
    '    … 284 bytes more',
    '    inflated to 1 byte:',
    '    000000  78                                               x',
  ])
})

test('dump shows rows of 16 bytes', () => {
  const rows = dump(Buffer.from('0123456789abcdef\u0000'), 100)
  assert.deepEqual(rows, [
    '    000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef',
    '    000010  00                                               .',
  ])
})

describe('frameRecord', () => {
  test('has every field, whatever the frame', () => {
    assert.deepEqual(frameRecord({ frame: hello, direction: 'sent', at: 1.26 }), { ...helloRecord, at: 1.3 })
  })

  test('tells Close, compressed messages and bytes that are no text', () => {
    const close = new Frame({ opcode: Opcode.Close, payload: encodeClosePayload(1001, 'gone') })
    const { code, reason, encoding, at, direction } = frameRecord({ frame: close })
    assert.deepEqual([code, reason, encoding, at, direction], [1001, 'gone', 'hex', null, null])
    const frame = new Frame({ opcode: Opcode.Text, rsv1: true, payload: 'ab' })
    const compressed = frameRecord({ frame, inflated: Buffer.from('long') })
    assert.deepEqual([compressed.encoding, compressed.payload], ['hex', '6162'])
    assert.deepEqual(compressed.inflated, { encoding: 'utf8', payload: 'long' })
    const broken = new Frame({ opcode: Opcode.Text, payload: Buffer.from([0xff]) })
    assert.equal(frameRecord({ frame: broken }).payload, 'ff')
  })
})
