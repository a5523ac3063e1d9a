import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WebSocketError } from '../../src/errors.js'
import { Frame, type FrameInit } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import { clientFrame } from '../support/index.js'
import { active, brief, onLine, settle } from './support.js'

const isState = (error: unknown): boolean => error instanceof WebSocketError && error.code === 'WS_ERR_STATE'
const frame = (opcode: number, payload: string | Uint8Array = '', more: FrameInit = {}): Frame =>
  new Frame({ opcode, payload, ...more })

describe('writeFrame', () => {
  test('sends frames as they are, masked as this side has to', async () => {
    for (const role of ['server', 'client'] as const) {
      const { conn, line } = onLine({ role })
      await conn.writeFrame(frame(1, 'a', { fin: false, masked: true, maskKey: 7 }))
      await conn.writeFrame(frame(0, 'b', { fin: false }))
      await conn.writeFrame(frame(9, 'p'))
      await conn.writeFrame(frame(0, 'c'))
      await conn.writeFrame(frame(2, Buffer.alloc(70_000, 'd')))
      await settle()
      const frames = await line.frames()
      assert.deepEqual(frames.map(brief), [
        'text… a',
        'more… b',
        'ping p',
        'more c',
        `binary ${'d'.repeat(70_000)}`,
      ])
      assert.ok(frames.every((sent) => sent.masked === (role === 'client')))
      assert.equal(conn.stats.messagesOut, 2)
      assert.equal(conn.stats.framesOut, 5)
    }
  })

  test('leaves the caller its frame at once', async () => {
    const { conn, line } = onLine()
    const writer = conn.writer()
    const mine = frame(1, Buffer.from('mine'))
    void conn.writeFrame(mine)
    mine.payload.fill(0)
    mine.reset()
    void writer.end()
    await settle()
    assert.deepEqual((await line.frames()).map(brief), ['binary', 'text mine'])
  })

  test('passes frames on as they came', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(1, 'a', { fin: false }), clientFrame(9, 'p'), clientFrame(0, 'b'))
    for (let i = 0; i < 3; i++) {
      using came = (await conn.nextFrame())!
      await conn.writeFrame(came)
    }
    await settle()
    // The ping was answered, and passed on.
    assert.deepEqual((await line.frames()).map(brief), ['pong p', 'text… a', 'ping p', 'more b'])
  })

  const violations: readonly [string, Frame, RegExp][] = [
    ['a reserved bit', frame(1, '', { rsv2: true }), /frame .*Reserved bits/],
    ['a reserved opcode', frame(3), /frame .*Opcode 0x3/],
    ['a fragmented control frame', frame(9, '', { fin: false }), /frame .*fragmented/],
    ['a long control frame', frame(10, Buffer.alloc(126)), /frame .*126 bytes/],
  ]
  for (const [name, wrong, message] of violations)
    test(`refuses ${name}`, async () => {
      const { conn, line } = onLine()
      assert.throws(() => conn.writeFrame(wrong), { name: 'RangeError', code: 'WS_ERR_ARGUMENT', message })
      await conn.send('next')
      await settle()
      assert.deepEqual((await line.frames()).map(brief), ['text next'])
    })

  test('refuses frames that do not fit what is under way', async () => {
    const { conn } = onLine()
    assert.throws(() => conn.writeFrame(frame(0)), isState)
    void conn.writeFrame(frame(1, '', { fin: false }))
    assert.throws(() => conn.writeFrame(frame(2)), isState)
    assert.throws(() => conn.writeFrame(frame(8)), isState)
  })

  test('refuses text that is no UTF-8, in one frame and over several', async () => {
    const wrong = { name: 'RangeError', code: 'WS_ERR_ARGUMENT', message: /frame/ }
    const { conn, line } = onLine()
    assert.throws(() => conn.writeFrame(frame(1, Buffer.of(0xff))), wrong)
    assert.throws(() => conn.writeFrame(frame(1, Buffer.of(0xe2))), wrong)
    await conn.writeFrame(frame(1, Buffer.of(0xe2), { fin: false }))
    assert.throws(() => conn.writeFrame(frame(0, Buffer.of(0x82))), wrong)
    await conn.writeFrame(frame(0, Buffer.of(0xac)))
    await conn.writeFrame(frame(2, Buffer.of(0xff)))
    await settle()
    assert.equal((await line.frames()).length, 3)
    await onLine({ validateText: false }).conn.writeFrame(frame(1, Buffer.of(0xff)))
  })

  test('leaves text with the bit of an extension alone', async () => {
    const { conn, line } = onLine({ active: [active({}, 0x40)] })
    await conn.writeFrame(frame(1, Buffer.of(0xff), { rsv1: true }))
    await settle()
    const [sent] = await line.frames()
    assert.deepEqual([sent?.rsv, sent?.payload], [4, Buffer.of(0xff)])
  })

  test('with check: false sends any frame exactly as it is', async () => {
    const { conn, line } = onLine()
    await conn.writeFrame(frame(3, 'x', { fin: false, rsv1: true, masked: true, maskKey: 1 }), {
      check: false,
    })
    await settle()
    const [sent] = await line.frames()
    assert.deepEqual([sent?.opcode, sent?.fin, sent?.rsv, sent?.masked], [3, false, 4, true])
    line.stuck = true
    void conn.send('first')
    await settle()
    void conn.writeFrame(frame(8, ''), { check: false })
    void conn.send('last')
    line.unstick()
    assert.deepEqual((await line.frames()).map(brief), ['text first', 'close', 'text last'])
  })

  test('refuses what is no frame', () => {
    const { conn } = onLine()
    assert.throws(() => conn.writeFrame({} as never), {
      name: 'TypeError',
      code: 'WS_ERR_ARGUMENT',
      message: /frame/,
    })
    const released = new Frame()
    releaseFrame(released)
    assert.throws(() => conn.writeFrame(released), { code: 'WS_ERR_RELEASED' })
  })
})
