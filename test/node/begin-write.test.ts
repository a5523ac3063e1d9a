import assert from 'node:assert/strict'
import net from 'node:net'
import { constants } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { beginWrite, beginWriteAll } from '../../src/node/begin-write.js'
import { type Handle, handleOf, parts, type Request } from '../../src/node/handle.js'
import { deferred, listen } from '../support/index.js'
import { gc } from '../support/measure.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

/** Far more than the buffers of two sockets take. */
const MUCH = 32 << 20

/** A handle, and the peer, who has not begun to read. Undefined where there are no handles. */
async function opened(t: TestContext): Promise<{ handle: Handle; peer: net.Socket } | undefined> {
  const accepted = deferred<net.Socket>()
  const server = net.createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket))
  const peer = net.connect(await listen(t, server), '127.0.0.1').pause()
  const socket = await accepted.promise
  t.after(() => {
    socket.destroy()
    peer.destroy()
  })
  const handle = handleOf(socket)
  return handle === undefined ? undefined : { handle, peer }
}

/** What is under way has to be a request; resolves with how that ends. */
async function outcome(begun: number | Request): Promise<number> {
  assert.ok(typeof begun === 'object', `it was over at once: ${begun}`)
  const over = deferred<number>()
  begun.oncomplete = (status) => over.resolve(status)
  return over.promise
}

const shutDown = (handle: Handle): void => {
  const request = new parts!.EndRequest()
  request.oncomplete = () => undefined
  handle.shutdown(request)
}

describe('a write that is begun', () => {
  test('gives 0 when all has left', async (t) => {
    const { handle, peer } = (await opened(t)) ?? {}
    if (handle === undefined) return assert.ok(isOff)
    assert.equal(beginWrite(handle, Buffer.from('one, ')), 0)
    assert.equal(beginWriteAll(handle, [Buffer.from('two, '), Buffer.from('three')]), 0)
    shutDown(handle)
    assert.equal((await buffer(peer!)).toString(), 'one, two, three')
  })

  test('gives a request of its own when it waits, whose bytes leave as long as somebody holds them', async (t) => {
    const { handle, peer } = (await opened(t)) ?? {}
    if (handle === undefined) return assert.ok(isOff)
    const outcomes = [1, 2, 3].map((byte) => {
      const bytes = Buffer.alloc(MUCH, byte)
      const begun = byte === 2 ? beginWriteAll(handle, [bytes, bytes]) : beginWrite(handle, bytes)
      if (typeof begun === 'object') begun.held = byte === 2 ? [bytes, bytes] : bytes
      return outcome(begun)
    })
    shutDown(handle)
    gc()
    const arrived = await buffer(peer!)
    assert.deepEqual(await Promise.all(outcomes), [0, 0, 0])
    const at = [0, MUCH - 1, MUCH, 3 * MUCH - 1, 3 * MUCH, 4 * MUCH - 1]
    assert.equal(arrived.length, 4 * MUCH)
    assert.deepEqual([...at.map((i) => arrived[i])], [1, 1, 2, 2, 3, 3])
  })

  test('gives the number of an error behind the end, and whatever waited leaves', async (t) => {
    const { handle, peer } = (await opened(t)) ?? {}
    if (handle === undefined) return assert.ok(isOff)
    const bytes = Buffer.alloc(MUCH)
    const first = outcome(beginWrite(handle, bytes))
    shutDown(handle)
    assert.equal(beginWrite(handle, Buffer.from('late')), -constants.errno.EPIPE)
    assert.equal(beginWriteAll(handle, [Buffer.from('late'), Buffer.from('too')]), -constants.errno.EPIPE)
    assert.equal((await buffer(peer!)).length, bytes.length)
    assert.equal(await first, 0)
  })
})
