import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Opcode } from '../../../src/frame/index.js'
import type { WireEvent } from '../../../src/tools/recording/events.js'
import { linesOf, recordOf } from '../../../src/tools/recording/lines.js'
import { RecordingError, readRecording } from '../../../src/tools/recording/read.js'

const readAll = (text: string): WireEvent[] => [...readRecording(text)]

const records = (...all: object[]): string => all.map((one) => JSON.stringify(one)).join('\n')

const frame = { type: 'frame', opcode: Opcode.Text, fin: true, encoding: 'utf8', payload: 'hi' }

const BEGIN = '2024-05-01T10:00:00.000Z'
const SECONDS = Date.parse(BEGIN) / 1000

/** A HAR with these WebSockets. */
const har = (...entries: object[]): string =>
  JSON.stringify({ log: { entries: entries.map((one) => ({ _webSocketMessages: [], ...one })) } })

describe('readRecording of lines', () => {
  test('takes connection 1, the client, and no time where a record names none', () => {
    const [event] = readAll(records(frame))
    assert.ok(event?.type === 'frame')
    assert.deepEqual([event.conn, event.at, event.direction, event.offset], [1, undefined, 'sent', undefined])
    assert.deepEqual([event.frame.masked, event.frame.lengthSize], [false, 7])
    assert.equal(event.message?.data.toString(), 'hi')
  })

  test('takes heads as far as they are there', () => {
    const [event] = readAll(
      records({
        type: 'handshake',
        request: { headers: [['Host'], 'x', ['A', 'b']] },
        response: { line: 7 },
      }),
    )
    assert.ok(event?.type === 'handshake')
    assert.deepEqual(event.request, {
      line: '',
      fields: [
        ['Host', ''],
        ['A', 'b'],
      ],
    })
    assert.deepEqual(event.response, { line: '', fields: [] })
  })

  test('keeps a continuation of nothing, which makes no message', () => {
    const [event] = readAll(records({ ...frame, opcode: Opcode.Continuation }))
    assert.ok(event?.type === 'frame')
    assert.deepEqual([event.message, event.isText], [undefined, undefined])
  })

  test('keeps the way a length was told, and leaves out ways there are not', () => {
    const sizes = [7, 16, 64, 32, 'x'].map((lengthSize) => {
      const [event] = readAll(records({ ...frame, lengthSize }))
      return event?.type === 'frame' ? event.frame.lengthSize : undefined
    })
    assert.deepEqual(sizes, [7, 16, 64, 7, 7])
  })

  test('keeps who ended a connection, and how', () => {
    const end = { type: 'end', conn: 2, at: 1, sent: 3, received: 4 }
    const events = readAll(
      records({ ...end, direction: 'received', how: 'ECONNRESET' }, { ...end, direction: null, how: 'end' }),
    )
    const options = { isLong: false, showsConn: true, shown: undefined }
    assert.deepEqual(
      events.flatMap((event) => linesOf(event, options)),
      [
        '#2       1.0 ms * the server broke the connection: ECONNRESET (3 bytes sent, 4 received)',
        '#2       1.0 ms * the proxy ended the connection (3 bytes sent, 4 received)',
      ],
    )
    assert.deepEqual(readAll(records(...events.map(recordOf))), events)
  })

  for (const [what, record, message] of [
    ['an opcode that is none', { ...frame, opcode: 16 }, /^line 2: Cannot use opcode 16/],
    ['no opcode', { ...frame, opcode: undefined }, /^line 2: Cannot use opcode NaN/],
    ['a mask that is none', { ...frame, mask: 'zz' }, /^line 2: Cannot use maskKey NaN/],
    ['a length that is none', { ...frame, length: -1 }, /^line 2: .*length -1/],
    ['a stop nowhere', { type: 'stop', direction: 'sent', reason: 'x' }, /^line 2: its offset is no number$/],
    ['an end without bytes', { type: 'end', how: 'end', sent: 1 }, /^line 2: its received is no number$/],
    ['a list', [], /^line 2: this is no record$/],
  ] as const)
    test(`says where it has found ${what}`, () => {
      assert.throws(
        () => readAll(records(frame, record)),
        (error) => error instanceof RecordingError && message.test(error.message),
      )
    })
})

describe('readRecording of a HAR', () => {
  test('takes entries as far as they are there', () => {
    const events = readAll(
      har(
        { request: { url: 'no url', headers: 'x' } },
        { startedDateTime: BEGIN, request: { url: 'ws://h/a?b=c', headers: [{ name: 'A', value: 1 }] } },
      ),
    )
    assert.deepEqual(
      events.map((event) => event.type === 'handshake' && [event.at, event.request, event.response]),
      [
        [undefined, { line: 'GET / HTTP/1.1', fields: [] }, undefined],
        [0, { line: 'GET /a?b=c HTTP/1.1', fields: [['A', '']] }, undefined],
      ],
    )
  })

  test('puts what happened on several connections in order', () => {
    const message = (time: unknown, data: string) => ({ type: 'receive', opcode: Opcode.Text, time, data })
    const events = readAll(
      har(
        { startedDateTime: BEGIN, _webSocketMessages: [message(SECONDS + 3, 'last')] },
        {
          startedDateTime: new Date(Date.parse(BEGIN) + 1000).toISOString(),
          _webSocketMessages: [message(SECONDS + 2, 'first'), message(null, 'no time')],
        },
      ),
    )
    assert.deepEqual(
      events.map((event) => [
        event.conn,
        event.at,
        event.type === 'frame' ? event.message?.data.toString() : event.type,
      ]),
      [
        [1, 0, 'handshake'],
        [2, undefined, 'no time'],
        [2, 1000, 'handshake'],
        [2, 2000, 'first'],
        [1, 3000, 'last'],
      ],
    )
  })

  test('knows no time where no entry tells one', () => {
    const messages = [{ type: 'send', opcode: Opcode.Binary, time: SECONDS, data: 'AQID' }]
    const [, event] = readAll(har({ request: {}, response: { status: 101 }, _webSocketMessages: messages }))
    assert.ok(event?.type === 'frame')
    assert.deepEqual([event.at, event.message?.data.toString('hex')], [undefined, '010203'])
  })

  test('says which message is none', () => {
    const good = { type: 'send', opcode: Opcode.Text, time: SECONDS, data: 'x' }
    assert.throws(() => readAll(har({}, { _webSocketMessages: [good, { ...good, opcode: 99 }] })), {
      name: 'RecordingError',
      message: /^message 2 of WebSocket 2: Cannot use opcode 99/,
    })
  })
})
