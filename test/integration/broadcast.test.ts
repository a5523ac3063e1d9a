import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { broadcast, type Conn, type ConnOptions, dial, prepare, type Upgrade, upgrade } from 'fastws'
import { type ClientOptions, WebSocket } from 'ws'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { resolveConnOptions } from '../../src/conn/options.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import { onLine, settle } from '../conn/support.js'
import { GUARD, listen, type Random, seeded } from '../support/index.js'

/** Messages build on those before them, for everybody who lets them. */
const TAKEOVER = { threshold: 20, serverNoContextTakeover: false }

interface Listener {
  /** Texts that have come, in order. */
  readonly heard: string[]
  readonly closed: Promise<unknown>
}

async function serving(t: TestContext, options: ConnOptions): Promise<{ server: Upgrade; url: string }> {
  // Close goes behind what the thread pool has to compress, and ws inflates all of it before it answers.
  const server = upgrade({ open: () => undefined }, { closeTimeout: 0, ...options })
  const port = await listen(t, createServer(server))
  t.after(() => server.close({ timeout: 100 }))
  return { server, url: `ws://127.0.0.1:${port}` }
}

/** A client of the ws package. */
async function listenWithWs(
  t: TestContext,
  url: string,
  perMessageDeflate: ClientOptions['perMessageDeflate'],
) {
  const socket = new WebSocket(url, { perMessageDeflate })
  t.after(() => socket.terminate())
  const heard: string[] = []
  socket.on('message', (data) => heard.push(String(data)))
  const closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)))
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
  return { heard, closed }
}

async function listenWithDial(t: TestContext, url: string, options: ConnOptions): Promise<Listener> {
  const conn = await dial(url, options)
  t.after(() => conn.terminate())
  const heard: string[] = []
  const closed = (async () => {
    for await (const message of conn) heard.push(message.text())
    return (await conn.closed).code
  })()
  return { heard, closed }
}

/** Text that compresses well, of any length; what was sent before helps. */
const words = (random: Random): string =>
  `${random.int(0, 9)} potatoes, `.repeat(random.pick([1, 3, 30, 300, 5000])) + random.int(0, 1e9)

/** Says something to all of them, or to one, again and again; gives what each was told. */
async function talk(random: Random, conns: readonly Conn[]): Promise<string[][]> {
  const said: string[][] = conns.map(() => [])
  for (let i = 0; i < 60; i++) {
    const text = words(random)
    const isForAll = random.chance(3)
    const who = isForAll ? [...conns.keys()] : [random.int(0, conns.length - 1)]
    for (const one of who) said[one]!.push(text)
    if (isForAll) assert.equal(broadcast(conns, text).sent, conns.length)
    else void conns[who[0]!]!.send(text)
    if (random.chance(5)) await settle()
  }
  return said
}

describe('broadcast to peers with all kinds of compression', GUARD, () => {
  for (const options of [
    {},
    { fragmentSize: 100 },
    { compress: { serverNoContextTakeover: true, threshold: 0 } },
  ])
    test(`reaches all of them in order, among other messages: ${JSON.stringify(options)}`, (t) =>
      seeded(async (random) => {
        const { server, url } = await serving(t, { compress: TAKEOVER, ...options })
        const listeners: Listener[] = [
          await listenWithWs(t, url, false),
          await listenWithWs(t, url, true),
          await listenWithWs(t, url, { serverMaxWindowBits: 9 }),
          await listenWithWs(t, url, { serverNoContextTakeover: true }),
          await listenWithDial(t, url, {}),
          await listenWithDial(t, url, { compress: false }),
        ]
        const conns = [...server.conns]
        const said = await talk(random, conns)
        await Promise.all(conns.map((conn) => conn.close()))
        for (const [i, { heard, closed }] of listeners.entries()) {
          assert.equal(await closed, 1000)
          assert.deepEqual(heard, said[i])
        }
      }, 3))
})

test('a broadcast is compressed once for all that agreed on the same parameters', async () => {
  let compressed = 0
  const counted = (serverMaxWindowBits: number): ActiveExtension[] => {
    const { extensions } = resolveConnOptions({ compress: { serverMaxWindowBits, threshold: 0 } })
    const [deflate] = startLocalExtensions(extensions, 'server')
    const { codec } = deflate!
    const encodeAlone: typeof codec.encodeAlone = (frame, hints) => {
      compressed++
      return codec.encodeAlone?.(frame, hints)
    }
    return [{ ...deflate!, codec: { ...codec, encodeAlone } }]
  }
  const ends = [15, 15, 10, 15, 10].map((bits) => onLine({ active: counted(bits) }))
  const message = prepare('potatoes, '.repeat(3000))
  for (let i = 0; i < 3; i++) {
    await broadcast(
      ends.map(({ conn }) => conn),
      message,
    )
    await settle()
  }
  assert.equal(compressed, 2)
  const wires = ends.map(({ line }) => line.take())
  assert.ok(wires[0]!.length < 1000 && wires[0]!.length > 0, `${wires[0]!.length} bytes`)
  assert.deepEqual(wires[0], wires[1])
  assert.deepEqual(wires[2], wires[4])
})
