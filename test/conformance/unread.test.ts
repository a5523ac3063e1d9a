import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { closePayload, GUARD } from '../support/index.js'
import { Bench, connBytes, peerBytes, ROLES } from './bench.js'
import { binary, close, ping, pong } from './rules/rule.js'

/** Ways to read some messages and then no more. */
const WAYS: Readonly<Record<string, (conn: Conn, count: number) => Promise<void>>> = {
  'read()': async (conn, count) => {
    for (let i = 0; i < count; i++) assert.notEqual(await conn.read(), null)
  },
  'a loop': async (conn, count) => {
    let read = 0
    if (count === 0) return
    for await (const _ of conn) if (++read === count) return
  },
  'many read() at once': async (conn, count) => {
    await Promise.all(Array.from({ length: count }, () => conn.read()))
  },
  'nextFrame()': async (conn, count) => {
    for (let i = 0; i < count; i++) (await conn.nextFrame())?.[Symbol.dispose]()
  },
}

/** Messages of one packet: fewer than the inbox has room for, as many, more, and so many that the peer is stopped. */
const COUNTS = [0, 1, 2, 15, 16, 17, 33, 1000]

for (const role of ROLES)
  describe(`Conn as ${role} answers control frames when nobody reads any more (RFC 6455 §5.5)`, () => {
    for (const [name, read] of Object.entries(WAYS))
      test(`behind messages taken with ${name}`, GUARD, async (t) => {
        const bench = await Bench.open(t, role)
        for (const count of COUNTS)
          for (const size of [0, 10, 300]) {
            const { conn, peer } = await bench.link()
            const pings = ['in the same packet', 'alone'].map((payload) => ({
              asked: peerBytes(role, [ping(payload)]),
              answer: connBytes(role, [pong(payload)]),
            }))
            const messages = Array.from({ length: count }, () => binary(Buffer.alloc(size)))
            peer.write(Buffer.concat([peerBytes(role, messages), pings[0]!.asked]))
            await read(conn, count)
            assert.deepEqual(await peer.read(pings[0]!.answer.length), pings[0]!.answer)
            peer.write(pings[1]!.asked)
            assert.deepEqual(await peer.read(pings[1]!.answer.length), pings[1]!.answer)
            peer.write(peerBytes(role, [close(closePayload(1000))]))
            const answer = connBytes(role, [close(closePayload(1000))])
            assert.deepEqual(await peer.read(answer.length), answer)
            peer.socket.end()
            assert.equal((await conn.closed).clean, true)
          }
      })
  })
