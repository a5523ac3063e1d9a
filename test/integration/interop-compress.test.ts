import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { type PerMessageDeflateOptions, WebSocket, WebSocketServer } from 'ws'
import type { CompressOptions } from '../../src/conn/compress-options.js'
import type { Conn } from '../../src/conn/conn.js'
import { dial } from '../../src/dial.js'
import { upgrade } from '../../src/upgrade.js'
import { GUARD, listen, once } from '../support/index.js'
import { Queue } from './interop.js'
import { messages, rows, same } from './interop-compress-suite.js'

/** What both libraries call by the same names. */
type Params = Pick<
  CompressOptions,
  'serverNoContextTakeover' | 'clientNoContextTakeover' | 'serverMaxWindowBits' | 'clientMaxWindowBits'
>

const BITS = [undefined, 8, 9, 12, 15]
const FLAGS = [false, true]

/** Every combination of the four parameters. */
const combinations: readonly Params[] = FLAGS.flatMap((serverNoContextTakeover) =>
  FLAGS.flatMap((clientNoContextTakeover) =>
    BITS.flatMap((serverMaxWindowBits) =>
      BITS.map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        clientNoContextTakeover,
        ...(serverMaxWindowBits && { serverMaxWindowBits }),
        ...(clientMaxWindowBits && { clientMaxWindowBits }),
      })),
    ),
  ),
)

const nameOf = (params: Params): string =>
  JSON.stringify(params).replaceAll(/NoContextTakeover|MaxWindowBits|"/g, '')

interface Ends {
  readonly ours: Conn
  readonly theirs: WebSocket
}

const received = (socket: WebSocket): Queue<string | Buffer> => {
  const queue = new Queue<string | Buffer>()
  socket.on('message', (data: Buffer, isBinary) => queue.push(isBinary ? data : data.toString()))
  return queue
}

async function exchange({ ours, theirs }: Ends): Promise<void> {
  const inbox = received(theirs)
  for (const message of messages) {
    theirs.send(message)
    void ours.send(message)
  }
  for (const message of messages) {
    const mine = await ours.read()
    assert.ok(mine !== null)
    assert.ok(same(mine.isText ? mine.text() : mine.data, message), 'to us')
    assert.ok(same(await inbox.next(), message), 'to them')
  }
  // In fragments, with a ping between, and the last one empty.
  theirs.send(rows(50), { fin: false })
  theirs.ping()
  theirs.send('', { fin: true })
  assert.equal((await ours.read())?.text(), rows(50))
  const writer = ours.writer('text')
  for (const part of [rows(30), '', rows(30)]) void writer.write(part)
  await writer.end()
  assert.equal(await inbox.next(), rows(30) + rows(30))
  assert.equal((await ours.close()).clean, true)
}

const theirOptions = (params: Params): PerMessageDeflateOptions => ({ ...params, threshold: 0 })
const ourOptions = (params: Params): CompressOptions => ({ ...params, threshold: 0 })

async function toUs(t: TestContext, ours: Params, theirs: Params): Promise<Ends & { header: string }> {
  const conns = new Queue<Conn>()
  const serve = async (conn: Conn): Promise<void> => {
    conns.push(conn)
    await conn.closed
  }
  const server = createServer(upgrade(serve, { compress: ourOptions(ours) }))
  const socket = new WebSocket(`ws://127.0.0.1:${await listen(t, server)}`, {
    perMessageDeflate: theirOptions(theirs),
  })
  await once(socket, 'open')
  return { ours: await conns.next(), theirs: socket, header: socket.extensions }
}

async function toThem(t: TestContext, ours: Params, theirs: Params): Promise<Ends & { header: string }> {
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: theirOptions(theirs) })
  const accepted = once<WebSocket>(server, 'connection')
  const url = `ws://127.0.0.1:${await listen(t, http)}`
  const conn = await dial(url, { compress: ourOptions(ours) })
  const socket = await accepted
  return { ours: conn, theirs: socket, header: socket.extensions }
}

const WE_ALLOW_ALL: Params = { serverNoContextTakeover: false, clientNoContextTakeover: false }

for (const [name, connect] of [
  ['upgrade() and the client of ws', toUs],
  ['dial() and the server of ws', toThem],
] as const)
  describe(`compression: ${name}`, GUARD, () => {
    for (const params of combinations) {
      test(`we ask for ${nameOf(params)}`, async (t) => {
        const ends = await connect(t, params, {})
        assert.equal(ends.header, 'permessage-deflate')
        assert.deepEqual(ends.ours.extensions, ['permessage-deflate'])
        await exchange(ends)
      })
      test(`they ask for ${nameOf(params)}`, async (t) => {
        const ends = await connect(t, WE_ALLOW_ALL, params)
        assert.equal(ends.header, 'permessage-deflate')
        assert.deepEqual(ends.ours.extensions, ['permessage-deflate'])
        await exchange(ends)
      })
    }

    test('as both are by default', async (t) => {
      await exchange(await connect(t, {}, {}))
    })
  })
