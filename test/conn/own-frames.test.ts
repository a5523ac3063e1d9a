import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pair } from '../../src/conn/pair.js'
import { Frame } from '../../src/frame/frame.js'
import { Opcode } from '../../src/frame/opcode.js'
import type { Extension } from '../../src/protocol/extension.js'
import { active, onLine } from './support.js'

const hook = (encode: (frame: Frame) => void | Promise<void>): Extension => ({
  name: 'hook',
  start: () => ({ encode }),
})

test('writeFrame passes a copy of the frame through local extensions, which may change it', async () => {
  const seen: string[] = []
  const { client, server } = pair({
    extensions: [
      hook((frame) => {
        seen.push(String(frame.opcode))
        if (frame.isText) frame.payload = Buffer.from('changed')
      }),
    ],
  })
  const own = new Frame({ opcode: Opcode.Text, payload: 'mine' })
  await client.writeFrame(own)
  await client.writeFrame(new Frame({ opcode: Opcode.Ping }))
  assert.equal((await server.read())?.text(), 'changed')
  assert.equal(own.text(), 'mine')
  assert.deepEqual(seen.slice(0, 2), ['1', '9'])
})

test('writeFrame goes past extensions that were negotiated', async () => {
  const { conn, line } = onLine({ active: [active({ encode: () => assert.fail('was asked') })] })
  await conn.writeFrame(new Frame({ opcode: Opcode.Text, payload: 'a' }))
  assert.deepEqual(
    (await line.frames()).map((frame) => frame.payload.toString()),
    ['a'],
  )
})

test('writeFrame is not held back; an extension that fails later ends the connection', async () => {
  const { client, server } = pair({ extensions: [hook(() => Promise.reject(new Error('late')))] })
  await client.writeFrame(new Frame({ payload: 'a' }))
  assert.equal((await server.read())?.text(), 'a')
  assert.equal((await client.closed).cause?.message, 'An extension failed: late')
})
