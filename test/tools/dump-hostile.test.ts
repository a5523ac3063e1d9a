import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { encodeFrame, Frame, Opcode } from '../../src/frame/index.js'
import { upgrade } from '../../src/index.js'
import { deflate } from '../../src/tools/check/deflate.js'
import { followBytes } from '../../src/tools/dump/follow.js'
import { parseHex } from '../../src/tools/dump/hex.js'
import { main } from '../../src/tools/main.js'
import { readAll } from '../../src/tools/read-all.js'
import { readRecording, readWhole } from '../../src/tools/recording/read.js'
import { textLines } from '../../src/tools/text-lines.js'
import { listen } from '../support/index.js'
import { buffersInUse } from '../support/measure.js'
import { runMain } from './run-main.js'
import { folderFor, written } from './wire-program.js'

const SETTINGS = { from: undefined, extensions: 'permessage-deflate', maxFrame: 16 << 20 } as const

/** The most memory outside of the heap while events go by, garbage aside where it is more than `limit`. */
function mostBytes(events: Iterable<unknown>, limit: number): { count: number; most: number } {
  const before = process.memoryUsage().arrayBuffers
  let [count, most] = [0, 0]
  for (const _ of events) {
    count++
    if (count % 16 === 0) most = Math.max(most, buffersInUse(before + limit) - before)
  }
  return { count, most }
}

describe('fastws dump with input that means no good', () => {
  test('holds no more than a few messages, however far they inflate', () => {
    const payload = deflate(Buffer.alloc(4 << 20), Buffer.alloc(0), 15)
    const bomb = encodeFrame(new Frame({ opcode: Opcode.Binary, rsv1: true, payload }))
    const bytes = Buffer.concat(Array.from({ length: 400 }, () => bomb))
    const limit = 1000 << 20
    const request = Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
    for (const [extensions, start] of [
      ['permessage-deflate', Buffer.alloc(0)],
      ['permessage-deflate; client_no_context_takeover', request],
    ] as const) {
      const segments = [{ direction: undefined, bytes: Buffer.concat([start, bytes]) }]
      const { count, most } = mostBytes(followBytes(segments, { ...SETTINGS, extensions }), limit)
      assert.ok(count >= 400)
      assert.ok(most <= limit, `${most >> 20} MiB of ${(4 * 400) >> 0}`)
    }
  })

  test('takes a file of nothing but empty frames apart', () => {
    let count = 0
    for (const event of followBytes([{ direction: 'received', bytes: Buffer.alloc(2 << 20) }], SETTINGS)) {
      assert.equal(event.type, 'frame')
      count++
    }
    assert.equal(count, 1 << 20)
  })

  test('takes the first of very many events from a recording without the rest', () => {
    const line = `${JSON.stringify({ type: 'end', sent: 1, received: 1 })}\n`
    const events = readRecording(`${line.repeat(1000)}broken\n`)
    for (let i = 0; i < 1000; i++) assert.equal(events.next().done, false)
    assert.throws(() => events.next(), /line 1001: /)
  })

  test('holds no more events at once than it is allowed to', () => {
    const lines = `${JSON.stringify({ type: 'stop', offset: 0 })}\n`.repeat(3)
    assert.equal(readWhole(lines, undefined, 3).length, 3)
    assert.throws(() => readWhole(lines, undefined, 2), /more than 2 events/)
  })

  test('says what is wrong with a recording before it shows anything of it', async (t) => {
    const path = join(folderFor(t), 'session.jsonl')
    writeFileSync(path, `${JSON.stringify({ type: 'end', sent: 1, received: 1 })}\n{"type":"end"}\n`)
    const { code, stdout, stderr } = await runMain('dump', path)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /this is no recording: line 2: its sent is no number/)
  })

  test('refuses a HAR whose numbers are objects that are no numbers', async (t) => {
    const path = join(folderFor(t), 'a.har')
    const odd = { toString: 1, valueOf: 1 }
    const entry = { _webSocketMessages: [], response: { status: odd }, startedDateTime: odd }
    writeFileSync(path, JSON.stringify({ log: { entries: [entry] } }))
    const { code, stdout } = await runMain('dump', path)
    assert.deepEqual([code, stdout], [0, '* GET / HTTP/1.1 -> HTTP/1.1 unknown\n'])
  })

  test('reads no file without end', async (t) => {
    const url = `ws://127.0.0.1:${await listen(t, createServer(upgrade(() => undefined)))}`
    for (const args of [
      ['dump', '/dev/zero'],
      ['replay', '/dev/zero', url],
      ['send', url, '--file', '/dev/zero'],
    ]) {
      const { code, stderr } = await runMain(...args)
      assert.equal(code, 2)
      assert.match(stderr, /more than 268435456 bytes/)
    }
  })

  test('takes comments out in time that grows with the line', () => {
    const [from] = [process.cpuUsage()]
    const line = `81 00 ${'#'.repeat(1 << 20)}\r#`
    assert.equal(parseHex(line)[0]?.bytes.toString('hex'), '8100')
    assert.ok(process.cpuUsage(from).user < 5e6)
  })

  test('takes lines that end as those of Windows do, with comments', () => {
    const text = '# a frame\r\n81 00 # empty\r\n\r\n> 82 00 // too\r\n'
    assert.deepEqual(
      parseHex(text).map(({ direction, bytes }) => [direction, bytes.toString('hex')]),
      [
        [undefined, '8100'],
        ['sent', '8200'],
      ],
    )
  })

  test('says that its stdin broke', async () => {
    const stdin = new PassThrough()
    stdin.destroy(new Error('EISDIR: illegal operation on a directory, read'))
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    assert.equal(await main(['dump'], { stdin, stdout, stderr }), 2)
    assert.match(written(stderr), /^fastws dump: stdin: EISDIR/)
  })
})

test('textLines gives the lines of a text, however they end', () => {
  for (const [text, lines] of [
    ['', ['']],
    ['\n', ['', '']],
    ['a\r\nb\nc', ['a', 'b', 'c']],
    ['\r\n\r', ['', '\r']],
  ] as const)
    assert.deepEqual([...textLines(text)], lines)
})

test('readAll takes text and bytes', async () => {
  const chunks = async function* () {
    yield 'a'
    yield Buffer.from('b')
  }
  assert.equal((await readAll(chunks())).toString(), 'ab')
})
