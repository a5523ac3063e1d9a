import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { dial } from '../../src/dial.js'
import { HandshakeError } from '../../src/errors.js'
import { GUARD, hex, rawAnswer, rawServer } from '../support/index.js'
import { peakWhile } from '../support/measure.js'
import { type Attack, attack, endOf, READERS, ROLES, verdict } from './attack.js'

const MIB = 1 << 20
const TOO_BIG = '1009 WS_ERR_MAX_MESSAGE, told 1009'
const compress = true

const readers = Object.entries(READERS)

/** Zeros, compressed as far as they go: about a kilobyte for every megabyte. */
function bomb(megabytes: number): Buffer {
  const one = zlib.deflateRawSync(Buffer.alloc(MIB), { level: 9, finishFlush: zlib.constants.Z_FULL_FLUSH })
  return Buffer.concat(Array.from({ length: megabytes }, () => one)).subarray(0, -4)
}

/** A fragment of a compressed message: it needs no other. */
const deflated = (size: number): Buffer =>
  zlib.deflateRawSync(Buffer.alloc(size, 'fastws'), { finishFlush: zlib.constants.Z_FULL_FLUSH })

describe('compression', GUARD, () => {
  for (const role of ROLES) {
    test(`CVE-2026-1526 (undici 6.24): a frame of 1 MB that would become 1 GB is stopped at maxMessage by a ${role}`, async (t) => {
      const attacked = await attack(t, role, { compress, maxFrame: 2 * MIB })
      const payload = bomb(1024)
      assert.ok(payload.length > MIB)
      const { peak, result } = await peakWhile(() => {
        attacked.peer.write(attacked.frame(2, payload, { rsv: 4 }))
        return endOf(attacked, READERS['read()']!)
      })
      assert.equal(verdict(result), TOO_BIG)
      assert.ok(peak < 12 * MIB, `${peak} bytes`)
    })

    test(`CVE-2018-1000518 (websockets 5.0): maxMessage counts inflated bytes at a ${role}, to the byte`, async (t) => {
      const attacked = await attack(t, role, { compress, maxMessage: 10_000 })
      const packed = (size: number): Buffer =>
        attacked.frame(2, zlib.deflateRawSync(Buffer.alloc(size)), { rsv: 4 })
      attacked.peer.write(packed(10_000))
      assert.equal((await attacked.conn.read())?.length, 10_000)
      attacked.peer.write(packed(10_001))
      assert.equal(verdict(await endOf(attacked, READERS['read()']!)), TOO_BIG)
    })

    for (const [reader, read] of readers)
      test(`CVE-2026-54490 (websocket-driver 0.7.5): compression is no way around maxMessage of a ${role}, in ${reader}`, async (t) => {
        const attacked = await attack(t, role, { compress, maxMessage: 64 * 1024 })
        const { frame, peer } = attacked
        const payload = bomb(4)
        const half = payload.length >> 1
        // The limit is kept over fragments, control frames between them and what other messages were.
        peer.write(frame(2, zlib.deflateRawSync(Buffer.alloc(60_000)), { rsv: 4 }))
        peer.write(frame(2, payload.subarray(0, half), { rsv: 4, fin: false }))
        peer.write(frame(9, 'still there?'))
        peer.write(frame(0, payload.subarray(half)))
        assert.equal(verdict(await endOf(attacked, read)), TOO_BIG)
      })

    for (const [reader, read] of readers)
      for (const [size, count] of [
        [60_000, 20],
        [100, 700],
      ] as const)
        test(`CVE-2026-54490 (websocket-driver 0.7.5): ${count} fragments of ${size} bytes are no way around maxMessage of a ${role}, in ${reader}`, async (t) => {
          const limit = 64 * 1024
          const attacked = await attack(t, role, { compress, maxMessage: limit })
          const piece = deflated(size)
          const frames = (fragments: number, last: number): Buffer[] => [
            ...Array.from({ length: fragments }, (_, i) =>
              attacked.frame(i === 0 ? 2 : 0, piece, { rsv: i === 0 ? 4 : 0, fin: false }),
            ),
            attacked.frame(0, deflated(last).subarray(0, -4)),
          ]
          const fitting = Math.floor(limit / size)
          const whole = frames(fitting, limit - fitting * size)
          attacked.peer.write(Buffer.concat([...whole, ...whole, ...frames(count, 1)]))
          assert.equal(verdict(await endOf(attacked, read)), TOO_BIG)
        })

    test(`websockets 16.1: fragmented compressed messages that are wrong end a ${role} with 1002 or 1007`, async (t) => {
      const whole = zlib.deflateRawSync('hello hello hello', { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      const payload = whole.subarray(0, -4)
      const cases: [string, number, (frame: Attack['frame']) => Buffer[]][] = [
        [
          'the bit on a continuation',
          1002,
          (frame) => [
            frame(1, payload.subarray(0, 3), { rsv: 4, fin: false }),
            frame(0, payload.subarray(3), { rsv: 4 }),
          ],
        ],
        [
          'the bit only on a continuation',
          1002,
          (frame) => [frame(1, 'plain', { fin: false }), frame(0, 'plain', { rsv: 4 })],
        ],
        [
          'a new message inside',
          1002,
          (frame) => [
            frame(1, payload.subarray(0, 3), { rsv: 4, fin: false }),
            frame(1, payload, { rsv: 4 }),
          ],
        ],
        ['the bit on a control frame', 1002, (frame) => [frame(9, payload, { rsv: 4 })]],
        ['a continuation of nothing', 1002, (frame) => [frame(0, payload, { rsv: 4 })]],
        [
          'no deflate stream in the second fragment',
          1007,
          (frame) => [
            frame(1, payload.subarray(0, 3), { rsv: 4, fin: false }),
            frame(0, Buffer.alloc(40, 0xff)),
          ],
        ],
        [
          'a stored block whose length is wrong',
          1007,
          (frame) => [frame(1, hex('00 05'), { rsv: 4, fin: false }), frame(0, hex('00 05 00 41'))],
        ],
      ]
      for (const [what, code, frames] of cases) {
        const attacked = await attack(t, role, { compress })
        attacked.peer.write(Buffer.concat(frames(attacked.frame)))
        assert.equal((await endOf(attacked, READERS['read()']!)).code, code, what)
      }
    })
  }

  for (const params of [
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=0',
    'server_max_window_bits=-1',
    'server_max_window_bits=015',
    'server_max_window_bits=1e1',
    'server_max_window_bits=99999999999999999999',
    'server_max_window_bits',
    'server_max_window_bits=',
    'server_max_window_bits="15',
    'server_max_window_bits=15; server_max_window_bits=15',
    'client_max_window_bits=7',
    'client_max_window_bits=abc',
    'server_no_context_takeover=1',
    'unheard_of=1',
    '__proto__=15',
  ])
    test(`CVE-2026-2229 (undici 6.24): the answer ${params} is an error of dial() and nothing else`, async (t) => {
      const server = await rawServer(t)
      const dialled = dial(`ws://127.0.0.1:${server.port}`, { compress })
      const headers = { 'Sec-WebSocket-Extensions': `permessage-deflate; ${params}` }
      // A frame right behind it must not reach an inflater that could not be made.
      const refused = assert.rejects(dialled, (error) => error instanceof HandshakeError)
      await rawAnswer(await server.accept(), { headers, trailing: hex('c1 07 f248cdc9c90700') })
      await refused
    })
})
