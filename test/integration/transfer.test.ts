import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { Opcode } from '../../src/frame/opcode.js'
import { type ConnHandler, type UpgradeOptions, upgrade } from '../../src/upgrade.js'
import { clientFrame, deferred, GUARD, listen, rawHandshake } from '../support/index.js'

const BINARY = Opcode.Binary

/** What an application does to hand bytes to a worker without a copy. True where Node let it; Node 20 copies instead. */
function transfer(bytes: Buffer): boolean {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch (error) {
    assert.equal((error as Error).name, 'DataCloneError')
  }
  return bytes.buffer.byteLength === 0
}

const filled = (size: number, value: number): Buffer => Buffer.alloc(size, value)

/** Serves one connection. */
async function serve<T>(t: TestContext, handle: (conn: Conn) => Promise<T>, options: UpgradeOptions = {}) {
  const result = deferred<T>()
  const handler: ConnHandler = (conn) => handle(conn).then(result.resolve, result.reject)
  const ws = upgrade(handler, options)
  const port = await listen(t, createServer(ws))
  t.after(() => ws.close({ timeout: 1 }))
  const { peer } = await rawHandshake(port, { t })
  return { peer, result: result.promise }
}

/** Messages of such a size in one write, filled with 1, 2, 3 … */
const messages = (size: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => clientFrame(BINARY, filled(size, i + 1))))

describe('what one message is transferred with, others keep', GUARD, () => {
  const ways = {
    messages: async (conn: Conn) => (await conn.read())!.data,
    frames: async (conn: Conn) => (await conn.nextFrame())!.payload,
  }
  for (const [what, read] of Object.entries(ways))
    for (const size of [0, 5, 700, 2000, 12_000])
      test(`${what} of ${size} bytes`, async (t) => {
        const readAll = async (conn: Conn): Promise<Buffer[]> => {
          const bytes = [await read(conn), await read(conn), await read(conn)]
          // The first came out of the bytes as they were read, the second out of what of them was kept.
          for (const one of bytes.slice(0, 2)) transfer(one)
          while (bytes.length < 8) bytes.push(await read(conn))
          return bytes.slice(2)
        }
        const { peer, result } = await serve(t, readAll, { maxInboxFrames: 2 })
        peer.write(messages(size, 8))
        const others = [3, 4, 5, 6, 7, 8].map((value) => filled(size, value))
        assert.deepEqual(await result, others)
      })

  test('a large message has memory of its own, and takes it along', async (t) => {
    const { peer, result } = await serve(t, async (conn) => {
      const isGone = transfer((await conn.read())!.data)
      return { isGone, next: (await conn.read())!.data }
    })
    peer.write(messages(100_000, 2))
    assert.deepEqual(await result, { isGone: true, next: filled(100_000, 2) })
  })
})
