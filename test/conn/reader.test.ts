import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import type { MessageReader } from '../../src/conn/reader.js'
import { CloseError } from '../../src/errors.js'
import { clientFrame, closePayload, isPending } from '../support/index.js'
import { onLine, settle } from './support.js'

const text = (payload: string, fin = true): Buffer => clientFrame(1, payload, { fin })
const more = (payload: string, fin = true): Buffer => clientFrame(0, payload, { fin })

async function all(reader: MessageReader | null): Promise<string[]> {
  const parts: string[] = []
  for await (const part of reader!) parts.push(part.toString())
  return parts
}

describe('MessageReader', () => {
  test('gives every part as soon as it is here, and null at the end', async () => {
    const { conn, line } = onLine()
    line.receive(clientFrame(2, 'a', { fin: false }))
    const reader = (await conn.reader())!
    assert.equal(reader.isText, false)
    assert.equal((await reader.read())?.toString(), 'a')
    const next = reader.read()
    assert.equal(await isPending(next), true)
    line.receive(more('b'))
    assert.equal((await next)?.toString(), 'b')
    assert.equal(await reader.read(), null)
    assert.equal(await reader.read(), null)
  })

  test('knows text, and gives empty messages no part', async () => {
    const { conn, line } = onLine()
    line.receive(text(''), text('', false), more('', false), more(''), text('x'))
    for (const parts of [[], [], ['x']]) {
      const reader = (await conn.reader())!
      assert.equal(reader.isText, true)
      assert.deepEqual(await all(reader), parts)
    }
  })

  test('makes everybody else wait for the end of its message', async () => {
    const { conn, line } = onLine()
    const streaming = conn.reader()
    const whole = conn.read()
    const shown = conn.nextFrame()
    const other = conn.reader()
    line.receive(text('a', false), clientFrame(9, 'p'), more('b'), text('m'), text('f'), text('o'))
    const reader = (await streaming)!
    assert.equal(await isPending(whole), true)
    assert.deepEqual(await all(reader), ['a', 'b'])
    assert.equal((await whole)?.text(), 'm')
    assert.equal((await shown)?.text(), 'f')
    assert.deepEqual(await all(await other), ['o'])
  })

  test('serves concurrent reads in call order and takes nothing of the next message', async () => {
    const { conn, line } = onLine()
    line.receive(text('', false))
    const reader = (await conn.reader())!
    const reads = [reader.read(), reader.read(), reader.read(), reader.read()]
    const next = conn.read()
    line.receive(more('1', false), more('', false), more('2'), text('next'))
    const parts = (await Promise.all(reads)).map((part) => part?.toString() ?? null)
    assert.deepEqual(parts, ['1', '2', null, null])
    assert.equal((await next)?.text(), 'next')
  })

  test('that has ended does not end the next one', async () => {
    const { conn, line } = onLine()
    line.receive(text('1'), text('2', false))
    const first = (await conn.reader())!
    const ends = first.read()
    const second = (await conn.reader())!
    await ends
    assert.equal(await first.read(), null)
    assert.equal((await second.read())?.toString(), '2')
    const waits = conn.read()
    line.receive(more('3'), text('4'))
    assert.equal((await second.read())?.toString(), '3')
    assert.equal((await waits)?.text(), '4')
  })

  test('gives parts that stay what they are', async () => {
    const { conn, line } = onLine()
    line.receive(text('first', false), more('second'))
    const reader = (await conn.reader())!
    const parts = [await reader.read(), await reader.read()]
    line.receive(text('XXXXX'), text('YYYYYY'))
    await conn.read()
    assert.deepEqual(parts.map(String), ['first', 'second'])
  })

  test('cancel() reads the rest away', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false))
    const reader = (await conn.reader())!
    const given = reader.cancel()
    const next = conn.read()
    line.receive(more('b', false), more('c'), text('next'))
    await given
    assert.equal((await next)?.text(), 'next')
  })

  test('that is left in the middle of a loop gives the rest up', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false))
    for await (const part of (await conn.reader())!) {
      assert.equal(part.toString(), 'a')
      break
    }
    const next = conn.read()
    line.receive(more('b'), text('next'))
    assert.equal((await next)?.text(), 'next')
  })

  test('is a web stream', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false), more('b'), text('c', false))
    const chunks: string[] = []
    for await (const chunk of (await conn.reader())!.readable) chunks.push(Buffer.from(chunk).toString())
    assert.deepEqual(chunks, ['a', 'b'])
    const cancelled = (await conn.reader())!.readable.cancel()
    const next = conn.read()
    line.receive(more('d'), text('next'))
    await cancelled
    assert.equal((await next)?.text(), 'next')
  })

  test('has a web stream that takes no part before somebody wants one', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false), more('b', false), more('c'))
    const reader = (await conn.reader())!
    assert.equal(reader.readable.locked, false)
    await settle()
    assert.deepEqual(await all(reader), ['a', 'b', 'c'])
  })

  test('loses nothing in a pipeline', async () => {
    const { conn, line } = onLine()
    line.receive(text('a', false), more('b', false), more('c'))
    const parts: string[] = []
    const sink = new Writable({
      write: (part, _encoding, done) => {
        parts.push(part.toString())
        done()
      },
    })
    await pipeline((await conn.reader())!, sink)
    assert.deepEqual(parts, ['a', 'b', 'c'])
  })

  test('gets the error when its message is cut off, after a peaceful end too', async () => {
    for (const code of [1000, 4000]) {
      const { conn, line } = onLine()
      line.receive(text('half', false))
      const reader = (await conn.reader())!
      line.receive(clientFrame(8, closePayload(code)))
      assert.equal((await reader.read())?.toString(), 'half')
      await assert.rejects(
        reader.read(),
        (error: CloseError) => error instanceof CloseError && error.code === code,
      )
      await assert.rejects(all(reader), CloseError)
    }
  })

  test('whose message is cut off keeps nobody behind it waiting for ever', async () => {
    for (const code of [1000, 4000]) {
      const { conn, line } = onLine()
      line.receive(text('half', false))
      const reader = (await conn.reader())!
      const behind = [conn.read(), conn.nextFrame(), conn.reader()]
      line.receive(clientFrame(8, closePayload(code)))
      await settle()
      assert.equal(await isPending(behind[0]!), true, 'a part of the message is left')
      assert.equal((await reader.read())?.toString(), 'half')
      for (const one of [...behind, conn.read()])
        if (code === 1000) assert.equal(await one, null)
        else await assert.rejects(one, CloseError)
      await assert.rejects(reader.read(), CloseError)
    }
  })

  test('lets the peer go on part by part, however long the message', async () => {
    const { conn, line } = onLine({ maxInboxBytes: 4, maxMessage: 1000 })
    line.receive(text('0000', false), more('1111', false), more('2222', false))
    assert.equal(line.paused, true)
    const reader = (await conn.reader())!
    assert.equal((await reader.read())?.toString(), '0000')
    assert.equal((await reader.read())?.toString(), '1111')
    assert.equal((await reader.read())?.toString(), '2222')
    assert.equal(line.paused, false)
    line.receive(more('3333'))
    assert.deepEqual(await all(reader), ['3333'])
  })

  test('read() with wrong options throws, naming the argument', async () => {
    const { conn, line } = onLine()
    line.receive(text('a'))
    const reader = (await conn.reader())!
    assert.throws(() => reader.read(1 as never), { code: 'WS_ERR_ARGUMENT', message: /options/ })
    await settle()
    assert.equal((await reader.read())?.toString(), 'a')
  })
})
