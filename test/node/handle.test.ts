import assert from 'node:assert/strict'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { handleOf, parts } from '../../src/node/handle.js'
import { HandleTransport } from '../../src/node/handle-transport.js'
import { deferred, listen, once } from '../support/index.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

test('handleOf gives the handle of an open TCP connection, unless it is switched off', async (t) => {
  const server = net.createServer((socket) => socket.resume())
  const socket = net.connect(await listen(t, server), '127.0.0.1')
  t.after(() => socket.destroy())
  assert.equal(handleOf(socket), undefined) // not open yet
  await once(socket, 'connect')
  assert.equal(handleOf(socket) !== undefined, !isOff)
  socket.destroy()
  assert.equal(handleOf(socket), undefined)
})

test('handleOf gives nothing while bytes are on their way', async (t) => {
  const server = net.createServer((socket) => socket.end('x'))
  const socket = net.connect(await listen(t, server), '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'readable')
  assert.equal(socket.readableLength, 1)
  assert.equal(handleOf(socket), undefined)
})

test('handleOf gives nothing for other streams, or sockets that do more than a socket', () => {
  class Socket extends net.Socket {}
  assert.equal(handleOf(new Duplex()), undefined)
  assert.equal(handleOf(new Socket()), undefined)
})

test('handleOf gives nothing for a handle that is not as known', () => {
  class TCP {
    getAsyncId(): number {
      return 1
    }
    close(): void {}
    readStart(): number {
      return 0
    }
  }
  const socket = new net.Socket({ handle: new TCP() } as ConstructorParameters<typeof net.Socket>[0])
  assert.equal(handleOf(socket), undefined)
})

test('parts are known in every Node that is tested, unless they are switched off', () => {
  assert.equal(parts !== undefined, !isOff)
})

// libuv tries again at once what the kernel took in part: nothing waits then, and the request is under way all the same.
test('HandleTransport.write leaves a request alone that is under way though nothing waits', async (t) => {
  const accepted = deferred<net.Socket>()
  const server = net.createServer((socket) => accepted.resolve(socket))
  const peer = net.connect(await listen(t, server), '127.0.0.1').pause()
  t.after(() => peer.destroy())
  const socket = await accepted.promise
  t.after(() => socket.destroy())
  const handle = handleOf(socket)
  if (handle === undefined) return assert.ok(isOff)
  const transport = new HandleTransport(socket, handle)
  Object.defineProperty(handle, 'writeQueueSize', { value: 0 })
  assert.equal(transport.write(Buffer.alloc(20_000_000)), false)
  assert.equal(transport.write(Buffer.from('behind')), false)
  assert.equal(transport.writeAll([Buffer.from('and'), Buffer.from('more')]), false)
  transport.destroy()
})
