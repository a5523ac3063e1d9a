import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { closePayload, GUARD, hex, turn } from '../support/index.js'
import { Bench, connBytes, type Link, peerBytes, ROLES, type Sent } from './bench.js'
import { begin, more, text } from './rules/rule.js'
import { utf8Cases } from './utf8-cases.js'
import { fails, runCase } from './wire-case.js'

const validCases = utf8Cases.filter((one) => one.failsAt === undefined)
const invalidCases = utf8Cases.filter((one) => one.failsAt !== undefined)

/** A message in frames of a byte, the first of them and the last one empty. */
const inFragments = (bytes: Buffer): Sent[] => [
  begin(''),
  ...[...bytes].map((byte) => more(Buffer.of(byte))),
  more('', true),
]

/** Waits until everything that was written has been looked at. */
async function sawAll(conn: Conn, written: number): Promise<void> {
  while (conn.stats.bytesIn < written) await turn()
}

async function alive(bench: Bench, { peer }: Link): Promise<void> {
  peer.write(peerBytes(bench.role, [{ opcode: 9 }]))
  const pong = connBytes(bench.role, [{ opcode: 10 }])
  assert.deepEqual(await peer.read(pong.length), pong, 'still open')
}

async function failed(bench: Bench, { conn, peer }: Link): Promise<void> {
  const expected = connBytes(bench.role, [{ opcode: 8, payload: closePayload(1007) }])
  assert.deepEqual(await peer.readToEnd(), expected)
  peer.socket.end()
  assert.equal((await conn.closed).code, 1007)
}

for (const role of ROLES) {
  describe(`Conn as ${role} reads valid text`, () => {
    for (const { name, bytes } of validCases)
      test(name, GUARD, async (t) => {
        const bench = await Bench.open(t, role)
        const { conn, peer } = await bench.link()
        const expected = Buffer.from(bytes, 'hex').toString()
        peer.write(peerBytes(role, [text(hex(bytes)), ...inFragments(hex(bytes))]))
        assert.equal((await conn.read())?.text(), expected, 'in one frame')
        assert.equal((await conn.read())?.text(), expected, 'in frames of a byte')
        for (const byte of peerBytes(role, [text(hex(bytes))])) {
          peer.write(Buffer.of(byte))
          await turn()
        }
        assert.equal((await conn.read())?.text(), expected, 'in one frame, cut into bytes')
        conn.terminate()
      })
  })

  describe(`Conn as ${role} fails text with 1007 at the first impossible byte`, () => {
    for (const { name, bytes, failsAt = 0 } of invalidCases) {
      const payload = hex(bytes)

      test(`in one frame, ${name}`, GUARD, async (t) => {
        const bench = await Bench.open(t, role)
        const one = { name, given: [text(payload)], end: fails(1007, 'WS_ERR_UTF8') }
        await runCase(bench, one, 'at once')
      })

      test(`in frames of a byte, ${name}`, GUARD, async (t) => {
        const bench = await Bench.open(t, role)
        const link = await bench.link()
        const frames = inFragments(payload)
        link.peer.write(peerBytes(role, frames.slice(0, failsAt + 1)))
        await alive(bench, link)
        link.peer.write(peerBytes(role, frames.slice(failsAt + 1, failsAt + 2)))
        await failed(bench, link)
      })

      test(`in one frame, cut there, ${name}`, GUARD, async (t) => {
        const bench = await Bench.open(t, role)
        const link = await bench.link()
        const frame = peerBytes(role, [text(payload)])
        const good = frame.length - payload.length + Math.min(failsAt, payload.length - 1)
        for (const byte of frame.subarray(0, good)) {
          link.peer.write(Buffer.of(byte))
          await turn()
        }
        await sawAll(link.conn, good)
        assert.equal(link.conn.isOpen, true)
        link.peer.write(frame.subarray(good, good + 1))
        await failed(bench, link)
      })
    }
  })

  test(`Conn as ${role} finds what is wrong behind any number of letters`, GUARD, async (t) => {
    const bench = await Bench.open(t, role)
    for (const before of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1000, 70_000])
      for (const wrong of ['ff', 'eda080', 'c0af', 'c3']) {
        const payload = Buffer.concat([Buffer.alloc(before, 'a'), hex(wrong)])
        const name = `${wrong} behind ${before} letters`
        const one = { name, given: [text(payload)], end: fails(1007, 'WS_ERR_UTF8') }
        await runCase(bench, one, 'at once')
      }
  })

  test(`Conn as ${role} takes anything as text when that is not to be checked`, GUARD, async (t) => {
    const bench = await Bench.open(t, role)
    const { conn, peer } = await bench.link({ options: { validateText: false } })
    peer.write(peerBytes(role, [text(hex('ff'))]))
    const message = await conn.read()
    assert.deepEqual([message?.isText, message?.data], [true, hex('ff')])
    conn.terminate()
  })
}
