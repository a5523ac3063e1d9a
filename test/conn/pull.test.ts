import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CloseError } from '../../src/errors.js'
import { clientFrame, closePayload } from '../support/index.js'
import { onLine, settle } from './support.js'

const texts = (from: number, to: number): Buffer[] =>
  Array.from({ length: to - from }, (_, i) => clientFrame(1, String(from + i)))

describe('messages that are taken straight out of what was left undecoded', () => {
  test('come in order, with pings between them answered and fragments among them joined', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 2 })
    const fragments = [clientFrame(1, 'fra', { fin: false }), clientFrame(9, 'in'), clientFrame(0, 'gment')]
    line.receive(Buffer.concat([...texts(0, 40), clientFrame(9, 'x'), ...fragments, ...texts(40, 80)]))
    const got: (string | undefined)[] = []
    for (let i = 0; i < 81; i++) got.push((await conn.read())?.text())
    assert.deepEqual(got, [
      ...Array.from({ length: 40 }, (_, i) => String(i)),
      'fragment',
      ...Array.from({ length: 40 }, (_, i) => String(40 + i)),
    ])
    await settle()
    assert.equal(line.take().toString('latin1'), '\x8a\x01x\x8a\x02in')
    assert.equal(line.paused, false)
    assert.equal(conn.stats.messagesIn, 81)
  })

  test('are given before what is wrong behind them ends the connection', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    line.receive(Buffer.concat([...texts(0, 5), Buffer.from('ff80', 'hex'), Buffer.alloc(4), ...texts(5, 9)]))
    for (let i = 0; i < 5; i++) assert.equal((await conn.read())?.text(), String(i))
    await assert.rejects(conn.read(), (error: CloseError) => error.code === 1002)
  })

  test('are given before the peer closes behind them', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    line.receive(Buffer.concat([...texts(0, 5), clientFrame(8, closePayload(1000))]))
    const got: string[] = []
    for await (const message of conn) got.push(message.text())
    assert.deepEqual(got, ['0', '1', '2', '3', '4'])
  })

  test('leave the rest to be looked at when the turn is over, whether anybody reads on or not', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 4 })
    line.receive(Buffer.concat([...texts(0, 6), clientFrame(9, 'x')]))
    await settle()
    assert.equal(line.take().length, 0)
    for (let i = 0; i < 3; i++) assert.equal((await conn.read())?.text(), String(i))
    await settle()
    assert.equal(line.take().toString('latin1'), '\x8a\x01x')
  })

  test('lose nothing to readers who wait in line', async () => {
    const { conn, line } = onLine({ maxInboxFrames: 1 })
    const first = [conn.read(), conn.read()]
    line.receive(Buffer.concat(texts(0, 20)))
    const rest = Array.from({ length: 18 }, () => conn.read())
    const got = (await Promise.all([...first, ...rest])).map((message) => message?.text())
    assert.deepEqual(
      got,
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
  })
})
