import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conn } from '../../src/conn/conn.js'
import { brief, crossed, onLine, settle } from './support.js'

test('what others have staged is left alone when writing it out brings bytes in', async () => {
  const [near, far] = crossed()
  let rounds = 0
  const answer = (conn: Conn): void => {
    if (rounds++ < 8) void conn.send('y'.repeat(300))
  }
  const events = { message: answer }
  const server = Conn.over(near, { role: 'server', events }) as Conn
  const client = Conn.over(far, { role: 'client', events }) as Conn
  await settle() // both streams flow
  const { conn, line } = onLine()
  void server.send('begin')
  void conn.send('x'.repeat(500))
  const others = onLine()
  void others.conn.send('z'.repeat(500))
  await settle()
  assert.deepEqual((await line.frames()).map(brief), [`text ${'x'.repeat(500)}`])
  assert.deepEqual((await others.line.frames()).map(brief), [`text ${'z'.repeat(500)}`])
  assert.equal(rounds, 9)
  for (const one of [server, client]) one.terminate()
})
