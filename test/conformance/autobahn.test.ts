import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { GUARD, turn } from '../support/index.js'
import { type EchoCase, echoCases } from './autobahn-cases.js'
import { Bench, connBytes, peerBytes, ROLES } from './bench.js'

/** The ways to write an echo, besides events. */
const ECHOES: Readonly<Record<string, (conn: Conn) => Promise<void>>> = {
  loop: async (conn) => {
    for await (const message of conn) await conn.send(message)
  },
  stream: async (conn) => {
    for (let reader = await conn.reader(); reader !== null; reader = await conn.reader()) {
      const parts: Buffer[] = []
      for await (const part of reader) parts.push(part)
      await conn.send(Buffer.concat(parts), { text: reader.isText })
    }
  },
}

const isInTime = (echo: string, { atOnce }: EchoCase): boolean =>
  atOnce === undefined || (atOnce === 'one frame' && echo === 'loop')

/** Runs one case against an echo on a link of its own. */
async function runEcho(bench: Bench, one: EchoCase, echo: ((conn: Conn) => Promise<void>) | undefined) {
  const { conn, peer } = await bench.link({
    events: echo === undefined ? { message: (to, message) => void to.send(message) } : undefined,
  })
  const echoed = echo?.(conn).catch((error: unknown) => error)
  const bytes = peerBytes(bench.role, one.given)
  const chop = one.chop || bytes.length
  for (let at = 0; at < bytes.length; at += chop) {
    peer.write(bytes.subarray(at, at + chop))
    if (chop < bytes.length) await turn()
  }
  const goesOn = one.end === undefined
  const last = goesOn ? { opcode: 10, payload: 'end' } : { opcode: 8, payload: one.end?.close ?? '' }
  const replies = connBytes(bench.role, one.out)
  assert.deepEqual(await peer.read(replies.length), replies)
  if (goesOn) peer.write(peerBytes(bench.role, [{ opcode: 9, payload: 'end' }]))
  const expected = connBytes(bench.role, [last])
  assert.deepEqual(await peer.read(expected.length), expected)
  peer.socket.end()
  assert.equal((await peer.readToEnd()).length, 0)
  const { code, clean } = await conn.closed
  assert.deepEqual({ code, clean }, goesOn ? { code: 1006, clean: false } : pick(one.end?.report))
  await echoed
  const { answered, expected: witnessed } = await bench.askWitness()
  assert.deepEqual(answered, witnessed, 'another connection on the same server')
}

const pick = (report: { code: number; clean: boolean } | undefined) => ({
  code: report?.code,
  clean: report?.clean,
})

for (const role of ROLES) {
  describe(`Conn as ${role}, echoing events`, () => {
    for (const one of echoCases)
      test(one.id, GUARD, async (t) => {
        await runEcho(await Bench.open(t, role), one, undefined)
      })
  })
  for (const [name, echo] of Object.entries(ECHOES))
    describe(`Conn as ${role}, echoing in a ${name}`, () => {
      for (const one of echoCases.filter((one) => isInTime(name, one)))
        test(one.id, GUARD, async (t) => {
          await runEcho(await Bench.open(t, role), one, echo)
        })
    })
}
