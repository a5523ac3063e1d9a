import assert from 'node:assert/strict'
import net from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { StreamTransport } from '../../src/node/stream-transport.js'
import type { TransportEvents } from '../../src/node/transport.js'
import { deferred, listen, once } from '../support/index.js'

/** Events of a transport, as they come. */
function watched() {
  const over = deferred<Error | undefined>()
  const ended = deferred<void>()
  const drained = deferred<void>()
  const chunks: Buffer[] = []
  const events: TransportEvents = {
    bytes: (memory, start, end) => void chunks.push(Buffer.from(memory.subarray(start, end))),
    room: () => undefined,
    ended: () => ended.resolve(),
    drained: () => drained.resolve(),
    closed: (error) => over.resolve(error),
  }
  return { events, over: over.promise, ended: ended.promise, drained: drained.promise, chunks }
}

const silent = (): Duplex => new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })

describe('StreamTransport', () => {
  test('tells of a stream that was destroyed before it was opened', async () => {
    const stream = silent()
    stream.destroy()
    await once(stream, 'close')
    const { events, over } = watched()
    new StreamTransport(stream).open(events)
    assert.equal(await over, undefined)
  })

  test('tells of a stream that had ended before it was opened', async () => {
    const stream = new Duplex({ read: () => undefined, write: () => undefined, allowHalfOpen: true })
    stream.push(null)
    stream.resume()
    await once(stream, 'end')
    const { events, ended } = watched()
    new StreamTransport(stream).open(events)
    await ended
    stream.destroy()
  })

  test('stays paused when it was paused before it was opened', async () => {
    const stream = new PassThrough()
    const transport = new StreamTransport(stream)
    const { events, chunks } = watched()
    transport.pause()
    transport.open(events)
    stream.write('x')
    assert.equal(stream.isPaused(), true)
    transport.resume()
    await once(stream, 'data')
    assert.deepEqual(chunks.map(String), ['x'])
    stream.destroy()
  })

  test('takes chunks that are strings, and copies those that may be somebody else’s', async () => {
    const stream = silent()
    const { events, chunks } = watched()
    new StreamTransport(stream).open(events)
    stream.setEncoding('utf8')
    stream.push('grüße')
    await once(stream, 'data')
    assert.deepEqual(chunks.map(String), ['grüße'])
    stream.destroy()
  })

  test('ends with the error of a stream that throws when written to', async () => {
    const stream = silent()
    stream.write = () => {
      throw new Error('no more')
    }
    const { events, over } = watched()
    const transport = new StreamTransport(stream)
    transport.open(events)
    assert.equal(transport.write(Buffer.from('x')), true)
    assert.equal((await over)?.message, 'no more')
    assert.equal(transport.write(Buffer.from('y')), true)
  })

  test('tells when what a slow stream has taken has left', async () => {
    const done = deferred<() => void>()
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, next) => done.resolve(next),
    })
    const { events, drained } = watched()
    const transport = new StreamTransport(stream)
    transport.open(events)
    assert.equal(transport.write(Buffer.from('abc')), false)
    assert.equal(transport.pending, 3)
    ;(await done.promise)()
    await drained
    assert.equal(transport.pending, 0)
    transport.end()
    transport.end()
    assert.equal(transport.write(Buffer.from('late')), true)
    stream.destroy()
  })

  test('has addresses over TCP, and none elsewhere', async (t) => {
    const accepted = deferred<net.Socket>()
    const port = await listen(t, net.createServer(accepted.resolve))
    const client = net.connect(port, '127.0.0.1')
    t.after(() => client.destroy())
    const transport = new StreamTransport(await accepted.promise)
    transport.open(watched().events)
    t.after(() => transport.destroy())
    assert.deepEqual(
      [transport.localAddress, transport.localPort, transport.remoteAddress, transport.remotePort],
      ['127.0.0.1', port, '127.0.0.1', client.localPort],
    )
    const none = new StreamTransport(silent())
    assert.equal(none.localAddress ?? none.localPort ?? none.remoteAddress ?? none.remotePort, undefined)
  })
})
