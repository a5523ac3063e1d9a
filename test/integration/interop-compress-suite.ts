import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import { upgrade } from '../../src/upgrade.js'
import { GUARD, listen, Random } from '../support/index.js'
import { nodeLibrary, Queue } from './interop.js'

export const rows = (count: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, i) => ({ id: i, name: `name ${i % 17}`, ok: i % 3 === 0 })),
  )

/** Like each other, so that the context shows; longer than the smaller windows; some cannot be compressed. */
export const messages: readonly (string | Buffer)[] = [
  'Hello',
  rows(40),
  rows(40),
  '',
  new Random(7).bytes(3000),
  rows(41),
  new Random(7).bytes(3000),
  'ä€𤭢'.repeat(2000),
  rows(3000),
  'Hello',
]

export const same = (one: string | Buffer, other: string | Buffer): boolean =>
  typeof one === 'string' || typeof other === 'string' ? one === other : one.equals(other)

/** Node's own client, undici's: it offers `client_max_window_bits` and compresses nothing itself. */
export const compressWithNode = (): unknown =>
  describe("compression: upgrade() and Node's WebSocket", GUARD, () => {
    const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false }
    for (const params of [{}, takeover, { ...takeover, serverMaxWindowBits: 9 }])
      test(`we ask for ${JSON.stringify(params)}`, async (t) => {
        const conns = new Queue<Conn>()
        const serve = async (conn: Conn): Promise<void> => {
          conns.push(conn)
          await conn.closed
        }
        const server = createServer(upgrade(serve, { compress: { ...params, threshold: 0 } }))
        const theirs = await nodeLibrary.connect(`ws://127.0.0.1:${await listen(t, server)}`, [])
        const ours = await conns.next()
        assert.deepEqual(ours.extensions, ['permessage-deflate'])
        for (const message of messages) {
          theirs.send(message)
          void ours.send(message)
        }
        for (const message of messages) {
          const mine = await ours.read()
          assert.ok(mine !== null && same(mine.isText ? mine.text() : mine.data, message), 'to us')
          assert.ok(same(await theirs.next(), message), 'to them')
        }
        await ours.close()
      })
  })
