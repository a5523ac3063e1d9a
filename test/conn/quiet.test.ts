import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { Frame } from '../../src/frame/frame.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import { onLine, settle, watchUnhandled } from './support.js'

describe('reads that nobody looks at', () => {
  test('do not end the process when the connection does, before or after', async (t) => {
    const check = watchUnhandled(t)
    const { conn, line } = onLine()
    const readAll = (): unknown[] => [
      conn.read(),
      conn.nextFrame(),
      conn.readFrame(new Frame()),
      conn.reader(),
    ]
    readAll()
    line.destroy()
    await conn.closed
    readAll()
    await settle()
    check()
  })

  test('of a part neither', async (t) => {
    const check = watchUnhandled(t)
    const { conn, line } = onLine()
    line.receive(Buffer.from('0185000000006162636465', 'hex'))
    const reader = await conn.reader()
    assert.equal(String(await reader?.read()), 'abcde')
    void reader?.read()
    line.destroy()
    await conn.closed
    await settle()
    check()
  })

  test('still reject for those who look later', async () => {
    const { conn, line } = onLine()
    const early = conn.read()
    line.destroy()
    await conn.closed
    await settle()
    await assert.rejects(early, { name: 'CloseError', code: 1006 })
  })

  test('tell of a wrong call all the same', async () => {
    const quiet = new URL('../../src/conn/quiet.js', import.meta.url)
    const script = `const { readPromise } = await import('${quiet}')
      void readPromise((_resolve, reject) => reject(new TypeError('a wrong call')))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [[code], told] = await Promise.all([once(child, 'close'), text(child.stderr)])
    assert.equal(code, 1)
    assert.match(told, /TypeError: a wrong call/)
  })
})

test('readFrame() into a frame that was given back meanwhile rejects, and loses nothing else', async () => {
  const { conn, line } = onLine()
  const frame = acquireFrame()
  const reading = conn.readFrame(frame)
  releaseFrame(frame)
  line.receive(Buffer.from('8181000000006181810000000062', 'hex'))
  await assert.rejects(reading, { code: 'WS_ERR_RELEASED' })
  assert.equal((await conn.read())?.text(), 'b')
})
