import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { encodeFrame } from '../../src/frame/encoder.js'
import { Frame } from '../../src/frame/frame.js'
import { upgrade } from '../../src/upgrade.js'
import { deferred, listen, type RawPeer, type ReadFrame, rawHandshake } from '../support/index.js'

/** What must never be seen on the wire: everything that is allocated without being cleared is full of it. */
const SECRET = 0xa5

/** Fills the memory that is about to be used again, in sizes of all kinds. */
function leaveSecrets(): void {
  for (let size = 8; size <= 1 << 20; size *= 2) Buffer.allocUnsafeSlow(size).fill(SECRET)
  for (let i = 0; i < 64; i++) Buffer.allocUnsafe(500).fill(SECRET)
}

async function served(t: TestContext): Promise<{ conn: Conn; peer: RawPeer }> {
  const opened = deferred<Conn>()
  const ws = upgrade(async (conn) => {
    opened.resolve(conn)
    await conn.closed
  })
  const port = await listen(t, createServer(ws))
  const { peer } = await rawHandshake(port, { t })
  return { conn: await opened.promise, peer }
}

const inWords = ({ opcode, payload }: ReadFrame): string => `${opcode} ${payload.toString('hex')}`

/** What a program that keeps to no types may pass where bytes or text are wanted. */
const NO_BYTES: readonly unknown[] = [
  0,
  125,
  5000,
  -1,
  1.5,
  Infinity,
  NaN,
  10n,
  true,
  null,
  Symbol('s'),
  () => 8,
  {},
  { length: 100 },
  { byteLength: 100, byteOffset: 0, buffer: 100 },
  [1, 2, 3],
  new Date(),
]

/** Any way of sending, called as a program without types may call it. */
const WAYS: Readonly<Record<string, (conn: Conn, data: never) => unknown>> = {
  'send()': (conn, data) => conn.send(data),
  'ping()': (conn, data) => conn.ping(data),
  'pong()': (conn, data) => conn.pong(data),
  'writeFrame()': (conn, data) => conn.writeFrame(new Frame({ opcode: 2, payload: data })),
  'encodeFrame()': (_conn, data) => encodeFrame(new Frame({ opcode: 2, payload: data })),
}

const bytes = Uint8Array.from({ length: 48 }, (_, i) => i + 1)

/** Every kind of view, none of which begins where its memory does. */
const VIEWS = [
  new Uint8Array(bytes.buffer, 8, 16),
  new Int8Array(bytes.buffer, 8, 16),
  new Uint8ClampedArray(bytes.buffer, 8, 16),
  new Uint16Array(bytes.buffer, 8, 8),
  new Int16Array(bytes.buffer, 8, 8),
  new Uint32Array(bytes.buffer, 8, 4),
  new Int32Array(bytes.buffer, 8, 4),
  new Float32Array(bytes.buffer, 8, 4),
  new Float64Array(bytes.buffer, 8, 2),
  new BigInt64Array(bytes.buffer, 8, 2),
  new BigUint64Array(bytes.buffer, 8, 2),
  new DataView(bytes.buffer, 8, 16),
  Buffer.from(bytes.buffer, 8, 16),
]

const VIEWED = Buffer.from(bytes.buffer, 8, 16).toString('hex')

describe('uninitialised memory', () => {
  test('CVE-2016-10518 (ws 1.0.1): ping(number) and the like send nothing at all', async (t) => {
    const { conn, peer } = await served(t)
    leaveSecrets()
    // undefined and null are no payload for a frame, and an iterable is a stream for nobody here.
    for (const [way, call] of Object.entries(WAYS))
      for (const data of NO_BYTES)
        if (!(data === null && way.includes('Frame')))
          assert.throws(() => call(conn, data as never), { name: 'TypeError', code: 'WS_ERR_ARGUMENT' }, way)
    await conn.send('the first')
    assert.equal(inWords(await peer.readFrame()), `1 ${Buffer.from('the first').toString('hex')}`)
  })

  test('CVE-2016-10518 (ws 1.0.1): control frames of every length hold what was given and nothing else', async (t) => {
    const { conn, peer } = await served(t)
    leaveSecrets()
    for (let length = 0; length <= 125; length++) {
      void conn.ping(Buffer.alloc(length, length))
      void conn.pong(Buffer.alloc(length, length))
      assert.equal(inWords(await peer.readFrame()), `9 ${Buffer.alloc(length, length).toString('hex')}`)
      assert.equal(inWords(await peer.readFrame()), `10 ${Buffer.alloc(length, length).toString('hex')}`)
    }
  })

  test('CVE-2026-45736 (ws 8.20.1): close(code, TypedArray) is refused, whatever the type', async (t) => {
    const { conn, peer } = await served(t)
    leaveSecrets()
    const reasons = [...VIEWS, new ArrayBuffer(20), new Float64Array(15), ...NO_BYTES]
    for (const reason of reasons)
      assert.throws(() => conn.close(1000, reason as never), { name: 'TypeError', code: 'WS_ERR_ARGUMENT' })
    assert.equal(conn.isOpen, true)
    void conn.close(4000, 'bye')
    assert.equal(inWords(await peer.readFrame()), '8 0fa0627965')
  })

  test('CVE-2026-45736 (ws 8.20.1): views of every type are sent as the bytes they cover', async (t) => {
    const { conn, peer } = await served(t)
    leaveSecrets()
    for (const view of VIEWS) {
      void conn.send(view)
      void conn.ping(view)
      assert.deepEqual(
        [inWords(await peer.readFrame()), inWords(await peer.readFrame())].sort(),
        [`2 ${VIEWED}`, `9 ${VIEWED}`],
        view.constructor.name,
      )
    }
    for (const whole of [new ArrayBuffer(9), new SharedArrayBuffer(9)]) {
      void conn.send(whole)
      assert.equal(inWords(await peer.readFrame()), `2 ${'00'.repeat(9)}`)
    }
  })
})
