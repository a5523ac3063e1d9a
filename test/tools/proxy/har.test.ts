import assert from 'node:assert/strict'
import fs, { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Frame, Opcode } from '../../../src/frame/index.js'
import { HarRecorder } from '../../../src/tools/proxy/har.js'
import type { WireEvent } from '../../../src/tools/recording/events.js'
import { folderFor } from '../wire-program.js'

const STARTED = new Date('2024-05-01T10:00:00.000Z')

function recorder(t: TestContext) {
  const path = join(folderFor(t), 'a.har')
  const notes: string[] = []
  const note = (text: string): void => void notes.push(text.replace(path, 'a.har'))
  const har = new HarRecorder({ path, started: STARTED, target: 'ws://localhost', note })
  const entries = () => JSON.parse(readFileSync(path, 'utf8')).log.entries
  return { har, notes, entries }
}

const handshake = (conn: number, line = 'GET /a?b=c HTTP/1.1', at: number | undefined = 5): WireEvent => ({
  type: 'handshake',
  conn,
  at,
  request: { line, fields: [['Host', 'x']] },
  response: { line: 'HTTP/1.1 101 Switching Protocols', fields: [] },
  faults: [],
})

const text = (conn: number, data: string, at: number | undefined = 7): WireEvent => ({
  type: 'frame',
  conn,
  at,
  direction: 'sent',
  offset: 0,
  frame: new Frame({ opcode: Opcode.Text, payload: data }),
  faults: [],
  message: { isText: true, data: Buffer.from(data) },
})

const end = (conn: number): WireEvent => ({
  type: 'end',
  conn,
  at: 9,
  direction: 'sent',
  how: 'end',
  sent: 1,
  received: 1,
})

describe('HarRecorder', () => {
  test('keeps the connections apart, and says how long each one took', async (t) => {
    const { har, notes, entries } = recorder(t)
    for (const event of [handshake(1), handshake(2), text(2, 'two'), text(1, 'one'), end(1)]) har.take(event)
    assert.equal(await har.close(), true)
    assert.deepEqual(
      entries().map(({ time, _webSocketMessages: messages }: Record<string, unknown>) => [time, messages]),
      [
        [4, [{ type: 'send', time: (STARTED.getTime() + 7) / 1000, opcode: 1, data: 'one' }]],
        [2, [{ type: 'send', time: (STARTED.getTime() + 7) / 1000, opcode: 1, data: 'two' }]],
      ],
    )
    assert.deepEqual(notes, [])
  })

  test('takes events without a time for such of the beginning', async (t) => {
    const { har, entries } = recorder(t)
    har.take({ ...handshake(1), at: undefined })
    har.take({ ...text(1, 'x'), at: undefined })
    assert.equal(await har.close(), true)
    const [entry] = entries()
    assert.deepEqual([entry.startedDateTime, entry.time], [STARTED.toISOString(), 0])
    assert.equal(entry._webSocketMessages[0].time, STARTED.getTime() / 1000)
  })

  test('writes requests down whose path makes no URL', async (t) => {
    const { har, entries } = recorder(t)
    har.take(handshake(1, 'GET :x:y HTTP/1.1'))
    har.take(handshake(2, 'GET'))
    assert.equal(await har.close(), true)
    assert.deepEqual(
      entries().map(({ request }: { request: Record<string, unknown> }) => [
        request.url,
        request.queryString,
      ]),
      [
        ['ws://localhost:x:y', []],
        ['ws://localhost/', []],
      ],
    )
  })

  test('passes over what is no WebSocket', async (t) => {
    const { har, notes, entries } = recorder(t)
    har.take({ type: 'stop', conn: 1, at: 1, direction: 'sent', offset: 0, reason: 'asks for no WebSocket' })
    har.take(end(1))
    assert.equal(await har.close(), true)
    assert.deepEqual([entries(), notes], [[], []])
  })

  test('says which messages it cannot hold, as their connection had no request', async (t) => {
    const { har, notes, entries } = recorder(t)
    har.take({ ...handshake(1), request: undefined } as WireEvent)
    har.take(text(1, 'one'))
    har.take({ ...text(1, ''), frame: new Frame({ opcode: Opcode.Ping }), message: undefined } as WireEvent)
    assert.equal(await har.close(), false)
    assert.deepEqual(entries(), [])
    assert.deepEqual(notes, ['a.har: 1 messages are not in it: they were too long, or broken'])
  })

  test('stays a HAR when nothing can be set aside, and says so once', async (t) => {
    const { har, notes, entries } = recorder(t)
    const full = t.mock.method(fs, 'writeSync', () => {
      throw new Error('ENOSPC: no space left on device, write')
    })
    syncBuiltinESMExports()
    t.after(() => {
      full.mock.restore()
      syncBuiltinESMExports()
    })
    for (const event of [handshake(1), handshake(2), text(1, 'one'), end(1), text(2, 'two')]) har.take(event)
    assert.deepEqual(notes, ['a.har: nothing is recorded any more: ENOSPC: no space left on device, write'])
    assert.equal(await har.close(), false)
    assert.equal(notes.length, 1)
    assert.deepEqual(entries(), [])
  })

  test('writes what it sets aside to no file that somebody has put there', async (t) => {
    const folder = folderFor(t)
    const [path, other] = [join(folder, 'a.har'), join(folder, 'other')]
    writeFileSync(other, 'as it was')
    symlinkSync(other, `${path}.part`)
    writeFileSync(path, 'an older one', { mode: 0o644 })
    const har = new HarRecorder({ path, started: STARTED, target: 'ws://localhost', note: () => undefined })
    for (const event of [handshake(1), text(1, 'one'), end(1)]) har.take(event)
    assert.equal(readFileSync(other, 'utf8'), 'as it was')
    assert.equal(await har.close(), true)
    assert.equal(existsSync(`${path}.part`), false)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.match(readFileSync(path, 'utf8'), /"data":"one"/)
  })
})
