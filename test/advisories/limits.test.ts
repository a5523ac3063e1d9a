import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import type { Message } from '../../src/conn/message.js'
import { upgrade } from '../../src/upgrade.js'
import { clientFrame, GUARD, listen, rawHandshake, turn } from '../support/index.js'
import { peakWhile } from '../support/measure.js'
import { attack, closeCode, endOf, READERS, ROLES, verdict } from './attack.js'

const MIB = 1 << 20
const TOO_BIG = '1009 WS_ERR_MAX_MESSAGE, told 1009'
const TOO_BIG_FRAME = '1009 WS_ERR_MAX_FRAME, told 1009'
const TOO_MANY = '1008 WS_ERR_MAX_FRAGMENTS, told 1008'
const NO_LENGTH = '1002 WS_ERR_LENGTH, told 1002'

const readers = Object.entries(READERS)

/** Frames that go on with a message and never end it. */
const flood = (frame: typeof clientFrame, payload: string, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => frame(i === 0 ? 2 : 0, payload, { fin: false })))

describe('limits', GUARD, () => {
  for (const role of ROLES) {
    test(`CVE-2016-10542 (ws 1.1.1): a ${role} takes a message of 1 MiB and not a byte more`, async (t) => {
      const honest = await attack(t, role)
      honest.peer.write(honest.frame(2, Buffer.alloc(MIB)))
      assert.equal((await honest.conn.read())?.length, MIB)

      const dishonest = await attack(t, role)
      dishonest.peer.write(dishonest.frame(2, '', { length: MIB + 1 }))
      const report = await endOf(dishonest, READERS['read()']!)
      assert.equal(verdict(report), TOO_BIG_FRAME)
      assert.match(report.cause!.message, /1048577.*maxFrame is 1048576/)
    })

    test(`CVE-2016-10544 (uWebSockets): what a frame claims costs a ${role} little before it has come`, async (t) => {
      const options = { maxMessage: 64 * MIB, maxFrame: 64 * MIB }
      const attacks = await Promise.all(Array.from({ length: 20 }, () => attack(t, role, options)))
      const { peak } = await peakWhile(async () => {
        for (const { peer, frame } of attacks) {
          peer.write(frame(2, 'a few bytes', { length: 64 * MIB }))
          peer.write(Buffer.alloc(1000))
        }
        while (attacks.some(({ conn }) => conn.stats.bytesIn < 1000)) await turn()
      })
      assert.ok(peak < 20 * 128 * 1024, `${peak} bytes`)
    })

    for (const [reader, read] of readers) {
      test(`CVE-2026-48779 (ws 8.21.0): a ${role} counts fragments of a byte, in ${reader}`, async (t) => {
        const attacked = await attack(t, role)
        attacked.peer.write(flood(attacked.frame, 'x', 2000))
        assert.equal(verdict(await endOf(attacked, read)), TOO_MANY)
      })

      test(`a2f4e7c0 (ws after 8.21.0): a ${role} counts empty fragments, in ${reader}`, async (t) => {
        const attacked = await attack(t, role)
        attacked.peer.write(flood(attacked.frame, '', 2000))
        assert.equal(verdict(await endOf(attacked, read)), TOO_MANY)
      })

      test(`CVE-2026-12151 (undici 6.27): a ${role} keeps to one maxFragments, in ${reader}`, async (t) => {
        const attacked = await attack(t, role, { maxFragments: 3 })
        const { frame } = attacked
        const within = [frame(2, 'a', { fin: false }), frame(9), frame(0, '', { fin: false }), frame(0, 'b')]
        attacked.peer.write(Buffer.concat([...within, ...within, flood(frame, '', 4)]))
        const report = await endOf(attacked, read)
        assert.equal(verdict(report), TOO_MANY)
        assert.equal(attacked.conn.stats.messagesIn >= 2, true)
      })

      test(`CVE-2026-9675 (undici 8.5): a ${role} adds up the frames of a message, in ${reader}`, async (t) => {
        const attacked = await attack(t, role, { maxMessage: 1000, maxFrame: 400 })
        const { frame } = attacked
        const begun = [
          frame(2, Buffer.alloc(400), { fin: false }),
          frame(0, Buffer.alloc(400), { fin: false }),
        ]
        // The last one only claims to be there: the sum is looked at before anything of it is kept.
        attacked.peer.write(Buffer.concat([...begun, frame(0, '', { fin: false, length: 201 })]))
        const report = await endOf(attacked, read)
        assert.equal(verdict(report), TOO_BIG)
        assert.match(report.cause!.message, /1001 bytes.*maxMessage is 1000/)
      })
    }

    test(`CVE-2026-48779 (ws 8.21.0): fragments of a byte that nobody reads stop the peer of a ${role}`, async (t) => {
      const { conn, peer, frame } = await attack(t, role, { maxFragments: Infinity })
      const piece = flood(frame, 'x', 20_000)
      const { peak } = await peakWhile(async () => {
        for (let i = 0; i < 200 && !peer.socket.writableNeedDrain; i++) peer.write(piece)
        while (conn.stats.framesIn < 16) await turn()
      })
      assert.equal(conn.stats.framesIn, 16)
      assert.ok(peak < 16 * MIB, `${peak} bytes`) // nearly all of it the attacker's own
    })

    test(`CVE-2026-48779 (ws 8.21.0): a frame in chunks of a byte costs a ${role} its length`, async (t) => {
      const { conn, peer, frame } = await attack(t, role)
      const bytes = frame(2, Buffer.alloc(20_000, 7))
      const { peak } = await peakWhile(async () => {
        const reading = conn.read()
        for (const byte of bytes) {
          peer.write(Buffer.of(byte))
          if (conn.stats.bytesIn % 64 === 0) await turn()
        }
        assert.deepEqual((await reading)?.data, Buffer.alloc(20_000, 7))
      })
      assert.ok(peak < MIB, `${peak} bytes`)
    })

    for (const [length, expected] of [
      [2n ** 53n - 1n, TOO_BIG_FRAME],
      [2n ** 53n, TOO_BIG_FRAME],
      [2n ** 53n + 1n, TOO_BIG_FRAME],
      [2n ** 62n, TOO_BIG_FRAME],
      [2n ** 63n - 1n, TOO_BIG_FRAME],
      [2n ** 63n, NO_LENGTH],
      [2n ** 64n - 1n, NO_LENGTH],
      [2n ** 32n, TOO_BIG_FRAME],
      [2n ** 32n + 1n, TOO_BIG_FRAME],
      [2n ** 31n, TOO_BIG_FRAME],
    ] as const)
      test(`CVE-2026-1528 (undici 6.24): a length of ${length} ends a ${role} in order`, async (t) => {
        const attacked = await attack(t, role)
        attacked.peer.write(attacked.frame(2, 'x', { length, lengthBits: 64 }))
        assert.equal(verdict(await endOf(attacked, READERS['read()']!)), expected)
        assert.equal(await closeCode(attacked.peer), expected === NO_LENGTH ? 1002 : 1009)
      })

    for (const [maxMessage, rest] of [
      [1000, 2n ** 53n - 1n],
      [1000, 2n ** 53n - 2n],
      [Number.MAX_SAFE_INTEGER, 2n ** 53n - 1n],
    ] as const)
      test(`CVE-2020-27813 (gorilla 1.4.1): ${rest} bytes on top of others pass no maxMessage of ${maxMessage} at a ${role}`, async (t) => {
        const attacked = await attack(t, role, { maxMessage, maxFrame: Infinity })
        const { frame, peer } = attacked
        peer.write(frame(2, 'some', { fin: false }))
        peer.write(frame(0, 'more', { fin: false, length: rest, lengthBits: 64 }))
        assert.equal(verdict(await endOf(attacked, READERS['read()']!)), TOO_BIG)
      })

    test(`CVE-2026-54466 (websocket-driver 0.7.5): a ${role} knows no frames of the drafts`, async (t) => {
      for (const draft of ['00 68656c6c6f ff', 'ff00', `80 ${'ff'.repeat(9)} 00 00 00 00 00`]) {
        const attacked = await attack(t, role)
        attacked.peer.write(draft)
        const report = await endOf(attacked, READERS['read()']!)
        assert.equal(report.code, 1002, draft)
      }
    })
  }

  test('CVE-2026-54466 (websocket-driver 0.7.5): handshakes of the drafts are refused', async (t) => {
    const port = await listen(t, createServer(upgrade(() => assert.fail('it was opened'))))
    const hixie = { 'Sec-WebSocket-Key1': '4 @1  46546xW%0l 1 5', 'Sec-WebSocket-Key2': '12998 5 Y3 1  .P00' }
    const noKey = { 'Sec-WebSocket-Key': undefined, 'Sec-WebSocket-Version': undefined }
    const drafts = [
      { headers: { ...noKey, Upgrade: 'WebSocket' } },
      { headers: { ...noKey, ...hixie, Upgrade: 'WebSocket' }, trailing: Buffer.from('^n:ds[4U') },
      ...['0', '7', '8', '12', '14', '013', '13, 8'].map((version) => ({
        headers: { 'Sec-WebSocket-Version': version },
      })),
    ]
    for (const draft of drafts) {
      const { head } = await rawHandshake(port, { t, ...draft })
      assert.ok(head.status === 400 || head.status === 426, `${head.status}`)
      if (head.status === 426) assert.equal(head.headers['sec-websocket-version'], '13')
    }
  })

  test('CVE-2026-12151 (undici 6.27): event functions keep to the same limits', async (t) => {
    const messages: Message[] = []
    const ws = upgrade({ message: (_conn, message) => void messages.push(message) }, { maxFragments: 3 })
    const port = await listen(t, createServer(ws))
    for (const payload of ['', 'x']) {
      const { peer } = await rawHandshake(port, { t })
      peer.write(flood(clientFrame, payload, 4))
      assert.equal(await closeCode(peer), 1008)
    }
    assert.deepEqual(messages, [])
  })
})
