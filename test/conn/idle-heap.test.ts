import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { Application } from '../../src/conn/application.js'
import { type Conn, startConn } from '../../src/conn/conn.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import type { Transport } from '../../src/node/transport.js'
import { FakeClock } from '../support/index.js'
import { gc } from '../support/measure.js'

const COUNT = 2000

/** Whatever else the process does meanwhile, the compiler above all, takes memory as well: the least of some rounds counts. */
const ROUNDS = 5

/** One for all connections: what is measured is what a connection holds besides. */
const nowhere: Transport = {
  open: () => undefined,
  write: () => true,
  writeAll: () => true,
  keeps: 'until it has left',
  pending: 0,
  pause: () => undefined,
  resume: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
  remoteAddress: undefined,
  remotePort: undefined,
  localAddress: undefined,
  localPort: undefined,
}

const options = resolveConnOptions({ clock: new FakeClock() })
const request = { url: '/', rawHeaders: ['Host', 'localhost', 'Upgrade', 'websocket'] } as IncomingMessage

/** Bytes of heap that each of many idle connections holds. */
function heapOf(application: Application<unknown>, use: (conn: Conn) => void): number {
  const open = (): Conn => {
    const conn = startConn<unknown>(nowhere, { role: 'server', options, application, request })
    use(conn)
    return conn
  }
  const kept = Array.from({ length: COUNT / 2 }, open) // V8 learns how large the objects become
  const round = (): number => {
    gc()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < COUNT; i++) kept.push(open())
    gc()
    return (process.memoryUsage().heapUsed - before) / COUNT
  }
  const bytes = Math.min(...Array.from({ length: ROUNDS }, round))
  for (const conn of kept) conn.terminate()
  return bytes
}

test('an idle connection that serves events holds little', () => {
  const bytes = heapOf(
    new Application({ message: (conn, message) => void conn.send(message) }),
    () => undefined,
  )
  assert.ok(bytes < 2000, `${bytes} bytes`)
})

test('an idle connection that somebody reads holds little more', () => {
  const bytes = heapOf(new Application(), (conn) => void conn.read().catch(() => undefined))
  assert.ok(bytes < 2700, `${bytes} bytes`)
})
