import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BroadcastOptions, broadcast } from '../../src/conn/broadcast.js'
import type { Conn } from '../../src/conn/conn.js'
import { pair } from '../../src/conn/pair.js'
import { prepare } from '../../src/conn/prepared.js'
import { ProtocolError } from '../../src/errors.js'
import { clientFrame, isPending } from '../support/index.js'
import { brief, closing, type Line, onLine, settle, watchUnhandled } from './support.js'

interface End {
  readonly conn: Conn
  readonly line: Line
}

const crowd = (count: number): End[] =>
  Array.from({ length: count }, () => onLine({ highWaterMark: 100, maxOutboxBytes: 1000 }))

const connsOf = (ends: readonly End[]): Conn[] => ends.map(({ conn }) => conn)

const heard = async ({ line }: End): Promise<string[]> => (await line.frames()).map(brief)

/** From now on it takes nothing, and more waits than it may have. */
async function makeSlow({ conn, line }: End): Promise<void> {
  line.stuck = true
  void conn.send('under way')
  await settle()
  void conn.send('x'.repeat(101))
}

const counts = (sent: number, skipped = 0, closed = 0, gone = 0) => ({ sent, skipped, closed, gone })

describe('broadcast', () => {
  test('sends to all but one, and counts', async () => {
    const ends = crowd(4)
    const conns = new Set(connsOf(ends))
    const { sent, skipped, closed, gone } = broadcast(conns, 'news', { except: ends[1]!.conn })
    assert.deepEqual({ sent, skipped, closed, gone }, counts(3))
    assert.deepEqual(await Promise.all(ends.map(heard)), [['text news'], [], ['text news'], ['text news']])
    assert.deepEqual(await broadcast([], 'to nobody'), counts(0))
  })

  test('sends whatever prepare() takes, with its options, and what it has made', async () => {
    const [end] = crowd(1)
    const { conn, line } = end!
    line.receive(clientFrame(2, 'message'))
    const message = (await conn.read())!
    void broadcast([conn], message)
    void broadcast([conn], Buffer.from('bytes'))
    void broadcast([conn], Buffer.from('as text'), { text: true })
    void broadcast([conn], prepare('prepared'))
    assert.deepEqual(await heard(end!), ['binary message', 'binary bytes', 'text as text', 'text prepared'])
  })

  test('takes any iterable, and may change what it comes from', async () => {
    const ends = crowd(3)
    const conns = new Set(connsOf(ends))
    function* each() {
      for (const conn of conns) {
        yield conn
        conns.delete(conn)
        conns.add(conn)
        if (conns.size > 10) throw new Error('Without end')
        if (conn === ends[2]!.conn) return
      }
    }
    assert.equal(broadcast(each(), 'x').sent, 3)
  })

  test('leaves those alone that have ended or are about to, and goes on', async (t) => {
    const check = watchUnhandled(t)
    const ends = crowd(4)
    ends[0]!.conn.terminate()
    ends[1]!.conn.close().catch(() => undefined)
    ends[2]!.line.receive(clientFrame(0xb, 'a bad opcode'))
    const result = broadcast(connsOf(ends), 'x')
    assert.deepEqual(await result, counts(1, 0, 0, 3))
    assert.deepEqual(await heard(ends[3]!), ['text x'])
    check()
  })

  test("with slow: 'wait' sends to slow peers as well, and waits for them when awaited", async () => {
    const ends = crowd(3)
    await makeSlow(ends[1]!)
    const result = broadcast(connsOf(ends), 'x')
    assert.equal(result.sent, 3)
    assert.equal(await isPending(result), true)
    assert.deepEqual(await heard(ends[2]!), ['text x'])
    ends[1]!.line.unstick()
    assert.deepEqual(await result, counts(3))
    assert.equal((await heard(ends[1]!)).at(-1), 'text x')
  })

  test("with slow: 'wait' no longer waits for who is gone", async (t) => {
    const check = watchUnhandled(t)
    const ends = crowd(2)
    await makeSlow(ends[0]!)
    const result = broadcast(connsOf(ends), 'x')
    ends[0]!.conn.terminate()
    assert.deepEqual(await result, counts(2))
    check()
  })

  test("with slow: 'skip' leaves slow peers out until they are quick again", async () => {
    const ends = crowd(2)
    await makeSlow(ends[0]!)
    const result = broadcast(connsOf(ends), 'missed', { slow: 'skip' })
    assert.deepEqual(await result, counts(1, 1))
    ends[0]!.line.unstick()
    assert.deepEqual(await broadcast(connsOf(ends), 'heard', { slow: 'skip' }), counts(2))
    assert.deepEqual((await heard(ends[0]!)).slice(2), ['text heard'])
    assert.deepEqual(await heard(ends[1]!), ['text missed', 'text heard'])
  })

  test("with slow: 'close' closes slow peers with 1013 and drops what waits for them", async () => {
    const ends = crowd(2)
    await makeSlow(ends[0]!)
    assert.deepEqual(await broadcast(connsOf(ends), 'x', { slow: 'close' }), counts(1, 0, 1))
    const { code, cause } = ends[0]!.conn.closeInfo!
    assert.equal(code, 1013)
    assert.ok(cause instanceof ProtocolError)
    assert.equal(cause.code, 'WS_ERR_OUTBOX_FULL')
    assert.match(cause.message, /: 114 bytes wait to go out, highWaterMark is 100, slow is 'close'$/)
    ends[0]!.line.unstick()
    assert.deepEqual(await heard(ends[0]!), [
      'text under way',
      closing(1013, 'highWaterMark is 100, got 114'),
    ])
  })

  for (const slow of ['skip', 'close'] as const)
    test(`with slow: '${slow}' takes nobody for slow who has not been written to yet, or only once`, async () => {
      const ends = crowd(1)
      for (let i = 0; i < 5; i++)
        assert.equal(broadcast(connsOf(ends), 'x'.repeat(150), { slow }).sent, 1, 'all in one turn')
      await settle()
      ends[0]!.line.stuck = true
      assert.equal(broadcast(connsOf(ends), 'x'.repeat(900), { slow }).sent, 1)
      await settle()
      assert.equal(broadcast(connsOf(ends), 'one message is under way', { slow }).sent, 1)
    })

  test('counts as closed whose outbox is full', async () => {
    const ends = crowd(2)
    await makeSlow(ends[0]!)
    const tell = () => broadcast(connsOf(ends), 'x'.repeat(950))
    assert.equal(tell().sent, 2)
    assert.deepEqual(await tell(), counts(1, 0, 1))
    assert.equal(ends[0]!.conn.closeInfo?.code, 1013)
    assert.deepEqual(await tell(), counts(1, 0, 0, 1))
  })

  test('waits for messages under way on a connection, in call order', async () => {
    const ends = crowd(2)
    const writer = ends[0]!.conn.writer('text')
    void writer.write('begun')
    void broadcast(connsOf(ends), 'behind')
    void writer.end(', ended')
    await settle()
    assert.deepEqual(await heard(ends[0]!), ['text… begun', 'more… , ended', 'more', 'text behind'])
  })

  test('reaches clients and servers alike', async () => {
    const { client, server } = pair()
    void broadcast([client, server], 'hi')
    assert.deepEqual([(await client.read())?.text(), (await server.read())?.text()], ['hi', 'hi'])
  })

  test('refuses wrong arguments, naming them, before anything is sent', async () => {
    const ends = crowd(1)
    const conns = connsOf(ends)
    const wrong: [unknown, unknown, unknown, RegExp][] = [
      [undefined, 'x', {}, /conns/],
      [5, 'x', {}, /conns/],
      [conns[0], 'x', {}, /conns/],
      [[...conns, {}], 'x', {}, /conns/],
      [[...conns, undefined], 'x', {}, /conns/],
      [conns, 5, {}, /data/],
      [conns, undefined, {}, /data/],
      [conns, 'x', null, /options/],
      [conns, 'x', { slwo: 'skip' }, /options\.slwo/],
      [conns, 'x', { slow: 'drop' }, /options\.slow/],
      [conns, 'x', { except: {} }, /options\.except/],
      [conns, 'x', { compress: 1 }, /options\.compress/],
      [conns, prepare('x'), { compress: true }, /options\.compress/],
    ]
    for (const [to, data, options, message] of wrong)
      assert.throws(() => broadcast(to as Conn[], data as string, options as BroadcastOptions), {
        code: 'WS_ERR_ARGUMENT',
        message,
      })
    assert.deepEqual(await heard(ends[0]!), [])
  })
})
