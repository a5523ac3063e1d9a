import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type Handle, handleOf } from '../../src/node/handle.js'
import { HandleTransport } from '../../src/node/handle-transport.js'
import { deferred, listen } from '../support/index.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

/** What the kernel may answer, in the numbers of this system. */
const { errno } = (await import('node:os')).constants

/** A connection whose handle answers as told, and what becomes of it. Undefined where there are no handles. */
async function faulty(t: TestContext, answers: Partial<Record<keyof Handle, () => number>>) {
  const accepted = deferred<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket))
  const peer = net.connect(await listen(t, server), '127.0.0.1').resume()
  t.after(() => peer.destroy())
  const socket = await accepted.promise
  t.after(() => socket.destroy())
  const handle = handleOf(socket)
  if (handle === undefined) return undefined
  const transport = new HandleTransport(socket, handle)
  for (const [name, answer] of Object.entries(answers)) Object.defineProperty(handle, name, { value: answer })
  const ended = deferred()
  const closed = deferred<Error | undefined>()
  const open = (): void =>
    transport.open({
      bytes: () => undefined,
      room: () => undefined,
      ended: () => ended.resolve(),
      drained: () => undefined,
      closed: (error) => closed.resolve(error),
    })
  return { transport, peer, open, ended: ended.promise, closed: closed.promise }
}

const named = (error: Error | undefined) => {
  const { code, syscall, message } = (error ?? {}) as NodeJS.ErrnoException
  return [code, syscall, message]
}

describe('HandleTransport', () => {
  for (const [what, answer] of [
    ['has left at once', 1],
    ['is not needed any more', -errno.ENOTCONN],
  ] as const)
    test(`is over when its FIN ${what}, and the peer's has come`, async (t) => {
      const one = await faulty(t, { shutdown: () => answer })
      if (one === undefined) return assert.ok(isOff)
      one.open()
      one.peer.end()
      await one.ended
      one.transport.end()
      assert.equal(one.transport.isOver, true)
      assert.equal(await one.closed, undefined)
      one.transport.end()
      one.transport.pause()
      assert.equal(one.transport.pending, 0)
      assert.equal(one.transport.write(Buffer.from('late')), true)
      assert.equal(one.transport.writeAll([Buffer.from('late')]), true)
    })

  for (const [step, call] of [
    ['shutdown', (transport: HandleTransport) => transport.end()],
    ['write', (transport: HandleTransport) => transport.write(Buffer.from('x'))],
  ] as const)
    test(`is lost when ${step} fails, and says how`, async (t) => {
      const fails = (): number => -errno.EPIPE
      const one = await faulty(t, { shutdown: fails, writeBuffer: fails })
      if (one === undefined) return assert.ok(isOff)
      one.open()
      call(one.transport)
      assert.deepEqual(named(await one.closed), ['EPIPE', step, `${step} EPIPE`])
    })

  test('is lost when a FIN that was under way fails', async (t) => {
    const one = await faulty(t, { shutdown: () => 0 })
    if (one === undefined) return assert.ok(isOff)
    one.open()
    one.transport.end()
    one.transport.onEnded(-errno.ECONNRESET)
    assert.deepEqual(named(await one.closed), ['ECONNRESET', 'shutdown', 'shutdown ECONNRESET'])
    one.transport.onEnded(0)
    one.transport.onWritten(0)
  })

  test('is lost when it cannot be read', async (t) => {
    const one = await faulty(t, { readStart: () => -errno.EBADF })
    if (one === undefined) return assert.ok(isOff)
    one.transport.pause()
    one.open()
    one.transport.handle.reading = false
    one.transport.resume()
    assert.deepEqual(named(await one.closed), ['EBADF', 'read', 'read EBADF'])
  })
})
