import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { dial } from '../../src/dial.js'
import { listen, rawAnswer, rawServer, readHead } from '../support/index.js'
import { gone, refused } from './dialing.js'

/** As fast as can be: these tests are about connections, not about waiting. */
const AT_ONCE = { initialDelay: 0 }

describe('dial.retrying', () => {
  test('opens connection after connection, past refusals and lost ones', async (t) => {
    const http = createServer()
    const port = await listen(t, http)
    let asked = 0
    const sockets = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request, socket, head) => {
      asked++
      if (asked === 1) socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
      else if (asked === 3) socket.destroy()
      else sockets.handleUpgrade(request, socket, head, (peer) => peer.send(`turn ${asked}`))
    })
    const seen: (string | undefined)[] = []
    for await (const conn of dial.retrying(`ws://127.0.0.1:${port}`, AT_ONCE)) {
      seen.push((await conn.read())?.text())
      if (seen.length === 1) conn.terminate()
      if (seen.length === 2) await conn.close()
      if (seen.length === 3) break
    }
    assert.deepEqual(seen, ['turn 2', 'turn 4', 'turn 5'])
  })

  test('closes the connection with 1000 when the loop is left', async (t) => {
    const server = await rawServer(t)
    const loop = (async () => {
      for await (const conn of dial.retrying(`ws://127.0.0.1:${server.port}`, AT_ONCE)) {
        assert.equal(conn.protocol, '')
        break
      }
    })()
    const peer = await server.accept()
    await rawAnswer(peer)
    const frame = await peer.readFrame()
    assert.deepEqual([frame.opcode, frame.payload.readUInt16BE()], [8, 1000])
    peer.write('8802 03e8')
    peer.socket.end()
    await loop
  })

  test('ends with an error that will not go away', async (t) => {
    const server = await rawServer(t)
    const conns = dial.retrying(`ws://127.0.0.1:${server.port}`, AT_ONCE)
    const next = conns.next()
    next.catch(() => undefined)
    const peer = await server.accept()
    await readHead(peer)
    peer.writeText('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    assert.equal((await refused(next)).status, 403)
    await gone(peer)
  })

  test('gives up a dial when its signal is aborted', async (t) => {
    const server = await rawServer(t)
    const controller = new AbortController()
    const next = dial.retrying(`ws://127.0.0.1:${server.port}`, { signal: controller.signal }).next()
    next.catch(() => undefined)
    const peer = await server.accept()
    await readHead(peer)
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(next, (thrown) => thrown === reason)
    await gone(peer)
  })
})
