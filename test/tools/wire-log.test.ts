import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Frame } from '../../src/frame/index.js'
import { bytesInWords, eventInWords, peerInWords } from '../../src/tools/check/describe.js'
import { logLine, WireLog } from '../../src/tools/wire-log.js'
import { closePayload } from '../support/index.js'

describe('WireLog', () => {
  test('keeps frames and notes in their order, with the time', () => {
    const log = new WireLog()
    log.frame('sent', new Frame({ opcode: 1, payload: 'hello' }))
    log.note('something happened')
    const [first, second] = log.entries
    assert.deepEqual([first?.direction, first?.text], ['sent', 'text fin 5 bytes "hello"'])
    assert.deepEqual([second?.direction, second?.text], ['note', 'something happened'])
    assert.ok((second?.at ?? -1) >= (first?.at ?? 0))
  })

  test('tells what is in a frame: close codes, and lengths in another form or of another payload', () => {
    const log = new WireLog()
    const told = new Frame({ opcode: 2, payload: 'hello' })
    told.lengthSize = 16
    const lying = new Frame({ opcode: 1, payload: 'hello' })
    lying.length = 100
    log.frame('received', new Frame({ opcode: 8, payload: closePayload(1007, 'no text') }))
    log.frame('sent', told)
    log.frame('sent', lying)
    assert.deepEqual(
      log.entries.map(({ text }) => text),
      [
        'close fin 9 bytes 1007 "no text"',
        'binary fin 5 bytes (told in 16 bits) 68656c6c6f',
        'text fin 100 bytes (but 5 follow) "hello"',
      ],
    )
  })

  test('leaves out most of a flood, says how much, and never leaves out Close', () => {
    const log = new WireLog()
    for (let i = 0; i < 1000; i++) log.frame('received', new Frame({ opcode: 10, payload: `${i}` }))
    log.frame('sent', new Frame({ opcode: 9 }))
    log.frame('received', new Frame({ opcode: 8 }))
    const texts = log.entries.map(({ text }) => text)
    assert.equal(texts.length, 63)
    assert.deepEqual(texts.slice(-3), [
      'ping fin 0 bytes',
      'close fin 0 bytes',
      '940 more frames that are not shown',
    ])
  })

  test('has an end, even for notes', () => {
    const log = new WireLog()
    for (let i = 0; i < 10_000; i++) log.note(`${i}`)
    assert.equal(log.entries.length, 401)
  })
})

test('logLine shows when, which way, and what', () => {
  assert.equal(logLine({ at: 1.5, direction: 'received', text: 'x' }), '      1.5 ms < x')
})

test('bytesInWords shows plain ASCII as it is, and other bytes in hex', () => {
  assert.equal(bytesInWords(Buffer.alloc(0)), 'without payload')
  assert.equal(bytesInWords(Buffer.from('a')), "of 1 byte 'a'")
  assert.equal(bytesInWords(Buffer.from([0, 255])), 'of 2 bytes 00ff')
  assert.equal(bytesInWords(Buffer.alloc(30, 'b')), "of 30 bytes 'bbbbbbbbbbbbbbbbbbbbbbbb…'")
})

test('eventInWords and peerInWords tell what came', () => {
  const close = (payload: string) => ({ kind: 'close', payload: Buffer.from(payload, 'hex') }) as const
  assert.equal(eventInWords(close('')), 'Close without payload')
  assert.equal(eventInWords(close('03e8')), 'Close 1000')
  assert.equal(peerInWords(close('03f06e6f')), 'sent Close 1008: "no"')
  assert.equal(eventInWords({ kind: 'fence' }), 'a sign of life')
  assert.equal(eventInWords({ kind: 'end', how: 'ended TCP' }), 'the end of TCP')
  assert.equal(eventInWords({ kind: 'wrong', what: 'did it' }), 'did it')
  assert.equal(peerInWords({ kind: 'end', how: 'broke TCP' }), 'broke TCP')
  assert.equal(peerInWords({ kind: 'wrong', what: 'did it' }), 'did it')
})
