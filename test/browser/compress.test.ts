import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import type { CompressOptions } from '../../src/conn/compress-options.js'
import type { Conn } from '../../src/conn/conn.js'
import type { CloseReport } from '../../src/errors.js'
import { type Upgrade, upgrade } from '../../src/upgrade.js'
import { deferred, hex, inflateByHand, listen, Random } from '../support/index.js'
import { browserForAll, withBrowser } from './browser.js'
import { type Ended, openAt, visitAll } from './page.js'

/** What a server can choose in the negotiation. */
interface Choice {
  readonly serverNoContextTakeover: boolean
  readonly clientNoContextTakeover: boolean
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
}

const FLAGS = [false, true]
const BITS = [8, 9, 10, 11, 12, 13, 14, 15]

const choices: readonly Choice[] = FLAGS.flatMap((serverNoContextTakeover) =>
  FLAGS.flatMap((clientNoContextTakeover) =>
    BITS.flatMap((serverMaxWindowBits) =>
      BITS.map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        clientNoContextTakeover,
        serverMaxWindowBits,
        clientMaxWindowBits,
      })),
    ),
  ),
)

const rows = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => ({ id: i, name: `name ${i % 17}` })))

const noise = new Random(7).bytes(3000)

/** Empty ones, all three forms of the length, and repeated ones: what was said before shortens them, where it may. */
const messages: readonly (string | Buffer)[] = [
  'Hello',
  '',
  rows(40),
  rows(40),
  noise,
  Buffer.alloc(0),
  noise,
  'ä€𤭢'.repeat(300),
  rows(2500),
  Buffer.from(rows(40)),
  'Hello',
]

/** What the server's answer says, in the order in which it says it. */
function answerOf(choice: Choice): string {
  const parts = ['permessage-deflate']
  if (choice.serverNoContextTakeover) parts.push('server_no_context_takeover')
  if (choice.clientNoContextTakeover) parts.push('client_no_context_takeover')
  if (choice.serverMaxWindowBits < 15) parts.push(`server_max_window_bits=${choice.serverMaxWindowBits}`)
  if (choice.clientMaxWindowBits < 15) parts.push(`client_max_window_bits=${choice.clientMaxWindowBits}`)
  return parts.join('; ')
}

/** One of the servers that are started together, and what came of its connection. */
interface Served {
  readonly name: string
  readonly path: string
  readonly door: Upgrade
  readonly outcome: Promise<Outcome>
}

interface Outcome {
  readonly extensions: readonly string[]
  readonly bytesIn: number
  readonly report: CloseReport
}

const isSame = (one: string | Buffer, other: string | Buffer): boolean =>
  typeof one === 'string' || typeof other === 'string' ? one === other : one.equals(other)

/** Sends every message; what comes back has to be the same, in kind and content. */
async function exchange(conn: Conn): Promise<void> {
  for (const message of messages) void conn.send(message)
  for (const [i, message] of messages.entries()) {
    const echoed = await conn.read()
    assert.ok(echoed !== null, `message ${i} comes back`)
    assert.ok(isSame(echoed.isText ? echoed.text() : echoed.data, message), `message ${i} comes back whole`)
  }
}

const closeCodeOf = (index: number): number => 4000 + index

function serve(choice: Choice, index: number, fragmentSize?: number): Served {
  const outcome = deferred<Outcome>()
  const path = `/${index}`
  const handle = async (conn: Conn): Promise<void> => {
    await exchange(conn)
    const { bytesIn } = conn.stats
    const report = await conn.close(closeCodeOf(index), `done with ${index}`)
    outcome.resolve({ extensions: conn.extensions, bytesIn, report })
  }
  const compress: CompressOptions = { ...choice, threshold: 0 }
  const options = { path, compress, ...(fragmentSize !== undefined && { fragmentSize }) }
  const door = upgrade((conn) => handle(conn).catch(outcome.reject), options)
  const name = `${answerOf(choice)}${fragmentSize === undefined ? '' : `, frames of ${fragmentSize}`}`
  return { name, path, door, outcome: outcome.promise }
}

/** One HTTP server for all of them. */
async function start(t: TestContext, all: readonly Served[]): Promise<string> {
  const doors = new Map(all.map(({ path, door }) => [path, door]))
  const server = createServer((_request, response) => response.end())
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    doors.get(request.url ?? '')?.(request, socket, head),
  )
  return `127.0.0.1:${await listen(t, server)}`
}

describe('compression: upgrade() and Chromium', withBrowser, () => {
  const newVisitor = browserForAll()

  async function visitEach(
    t: TestContext,
    all: readonly Served[],
  ): Promise<readonly { served: Served; ended: Ended; outcome: Outcome }[]> {
    const host = await start(t, all)
    const visitor = await newVisitor()
    t.after(() => visitor.close())
    const page = await visitor.newPage()
    await openAt(page, `http://${host}/`)
    const urls = all.map(({ path }) => ({ url: `ws://${host}${path}` }))
    const [ends, outcomes] = await Promise.all([
      visitAll(page, urls, 6),
      Promise.all(all.map(({ outcome }) => outcome)),
    ])
    return all.map((served, i) => ({ served, ended: ends[i] as Ended, outcome: outcomes[i] as Outcome }))
  }

  test(`every message comes back with each of the ${choices.length} answers that a server can give`, async (t) => {
    // Every other one in fragments: both kinds meet every value of every parameter.
    const inFragments = (choice: Choice): boolean =>
      (Object.values(choice).reduce<number>((sum, value) => sum + Number(value), 0) & 1) === 1
    const all = choices.map((choice, i) => serve(choice, i, inFragments(choice) ? 1000 : undefined))
    const results = await visitEach(t, all)
    for (const [i, { served, ended, outcome }] of results.entries()) {
      assert.equal(ended.extensions, answerOf(choices[i] as Choice), served.name)
      assert.deepEqual(outcome.extensions, ['permessage-deflate'], served.name)
      assert.deepEqual(
        [ended.code, ended.reason, ended.wasClean],
        [closeCodeOf(i), `done with ${i}`, true],
        served.name,
      )
      assert.deepEqual(
        [outcome.report.clean, outcome.report.received?.code],
        [true, closeCodeOf(i)],
        served.name,
      )
      assert.deepEqual(
        ended.kinds,
        messages.map((message) => (typeof message === 'string' ? 'string' : 'ArrayBuffer')),
        served.name,
      )
    }
    const whole = messages.reduce((sum, message) => sum + Buffer.byteLength(message), 0)
    const bytesInWith = (clientNoContextTakeover: boolean): number =>
      (
        results.find(
          (_, i) =>
            choices[i]?.clientMaxWindowBits === 15 &&
            choices[i]?.clientNoContextTakeover === clientNoContextTakeover,
        ) as { outcome: Outcome }
      ).outcome.bytesIn
    assert.ok(bytesInWith(true) < whole / 2, 'the browser compresses')
    assert.ok(
      bytesInWith(false) < bytesInWith(true) - noise.length,
      'and refers to earlier messages, where it may',
    )
  })

  test('the browser keeps to the window that it was told', async (t) => {
    const reach = new Map<number, number>()
    const all = BITS.map((bits, i) => {
      const outcome = deferred<Outcome>()
      const handle = async (conn: Conn): Promise<void> => {
        await conn.send(rows(2500))
        reach.set(bits, await reachOf(conn))
        const report = await conn.close(closeCodeOf(i))
        outcome.resolve({ extensions: conn.extensions, bytesIn: 0, report })
      }
      const options = { compress: { clientMaxWindowBits: bits, threshold: 0 }, path: `/${i}` }
      const door = upgrade((conn) => handle(conn).catch(outcome.reject), options)
      return { name: `${bits} bits`, path: `/${i}`, door, outcome: outcome.promise }
    })
    await visitEach(t, all)
    for (const bits of BITS) {
      const far = reach.get(bits) as number
      assert.ok(far <= 2 ** bits, `${bits} bits: it refers ${far} bytes back`)
      if (bits > 9) assert.ok(far > 2 ** (bits - 1), `${bits} bits: it makes use of them, ${far}`)
    }
  })
})

/** How far back the next message refers, as it is on the wire. */
async function reachOf(conn: Conn): Promise<number> {
  const parts: Buffer[] = []
  for (;;) {
    const frame = await conn.nextFrame()
    assert.ok(frame !== null)
    assert.equal(frame.rsv1, parts.length === 0, 'the first frame of a compressed message says so')
    parts.push(frame.copyPayload())
    const { fin } = frame
    frame[Symbol.dispose]()
    // The empty block that ends each message does not travel (RFC 7692 §7.2.1).
    if (fin) return inflateByHand(Buffer.concat([...parts, hex('0000ffff')])).reach
  }
}
