import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import type { Conn } from '../../src/conn/conn.js'
import type { ConnOptions } from '../../src/conn/options.js'
import { dial } from '../../src/dial.js'
import { upgrade } from '../../src/upgrade.js'
import { GUARD, listen } from '../support/index.js'
import { type Foreign, type Library, Queue } from './interop.js'

const LARGEST = 16 << 20
const OPTIONS: ConnOptions = { maxMessage: LARGEST, maxFrame: LARGEST, maxOutboxBytes: 4 * LARGEST }

/** Both ends of one connection, ours and the other library's. */
interface Ends {
  readonly ours: Conn
  readonly theirs: Foreign
}

/** Connects; both sides name the subprotocols that they speak, each in an order of its own. */
type Connect = (protocols?: readonly string[]) => Promise<Ends>
/** Starts a server, once for a test. */
type Start = (t: TestContext, protocols?: readonly string[]) => Promise<Connect>

/** Our server, their client. */
const toUs =
  (library: Library): Start =>
  async (t, protocols = []) => {
    const conns = new Queue<Conn>()
    const serve = async (conn: Conn): Promise<void> => {
      conns.push(conn)
      await conn.closed
    }
    const server = createServer(upgrade(serve, { ...OPTIONS, protocols }))
    const url = `ws://127.0.0.1:${await listen(t, server)}`
    return async (wanted = []) => {
      const theirs = await library.connect(url, [...wanted])
      t.after(() => theirs.destroy())
      return { ours: await conns.next(), theirs }
    }
  }

/** Their server, our client. */
const toThem =
  (serve: NonNullable<Library['serve']>): Start =>
  async (t, protocols = []) => {
    const server = await serve(t, protocols)
    return async (wanted = []) => {
      const ours = await dial(server.url, { ...OPTIONS, protocols: wanted })
      t.after(() => ours.terminate())
      return { ours, theirs: await server.accept() }
    }
  }

/** Bytes that look different at every place, and for every seed. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed + 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** Text of exactly so many bytes, with characters of one to four. */
function textOf(length: number): string {
  const unit = 'aé€𤭢'
  const rest = length % Buffer.byteLength(unit)
  return unit.repeat((length - rest) / Buffer.byteLength(unit)) + 'x'.repeat(rest)
}

const SIZES = [0, 1, 2, 125, 126, 127, 4096, 65535, 65536, 65537, 1 << 20, LARGEST]

/** Compares without printing 16 MiB. */
function assertSame(actual: string | Buffer | undefined, expected: string | Buffer, way: string): void {
  const same =
    typeof expected === 'string' ? actual === expected : Buffer.isBuffer(actual) && expected.equals(actual)
  assert.ok(same, `${way}: ${actual?.length} instead of ${expected.length} ${typeof expected}, or others`)
}

async function readOurs(ours: Conn): Promise<string | Buffer | undefined> {
  const message = await ours.read()
  return message?.isText ? message.text() : message?.data
}

function messageTests(start: Start): void {
  test('messages of 0 bytes to 16 MiB are the same on the other side', async (t) => {
    const { ours, theirs } = await (await start(t))()
    for (const message of SIZES.flatMap((size) => [textOf(size), pattern(size, size)])) {
      theirs.send(message)
      assertSame(await readOurs(ours), message, 'to us')
      void ours.send(message)
      assertSame(await theirs.next(), message, 'to them')
    }
  })

  test('a thousand messages sent at once arrive in order', async (t) => {
    const { ours, theirs } = await (await start(t))()
    const all = Array.from({ length: 1000 }, (_, i) => (i % 2 ? `text ${i}` : pattern(i, i)))
    for (const one of all) theirs.send(one)
    for (const one of all) assertSame(await readOurs(ours), one, 'to us')
    for (const one of all) void ours.send(one)
    for (const one of all) assertSame(await theirs.next(), one, 'to them')
  })

  test('a message that we send in parts arrives whole, with pings between the parts', async (t) => {
    const { ours, theirs } = await (await start(t))()
    const parts = [pattern(1, 1), pattern(70_000, 2), Buffer.alloc(0), pattern(300, 3)]
    const writer = ours.writer()
    for (const part of parts) {
      void writer.write(part)
      assert.ok((await ours.ping()) >= 0)
    }
    await writer.end()
    assertSame(await theirs.next(), Buffer.concat(parts), 'to them')
    const text = ours.writer('text')
    for (const part of ['ä', '', '€', '\ud852', '\udf62']) void text.write(part)
    await text.end()
    assert.equal(await theirs.next(), 'ä€𤭢')
  })

  test('they answer our pings', async (t) => {
    const { ours, theirs } = await (await start(t))()
    const payloads = ['', 'p', 'x'.repeat(125)]
    for (const payload of payloads) assert.ok((await ours.ping(payload)) >= 0)
    if (theirs.frames !== undefined) assert.deepEqual(theirs.frames.pings, payloads)
  })

  test('they and we agree on a subprotocol, or on none', async (t) => {
    const connect = await start(t, ['v2.example', 'v1.example'])
    const one = await connect(['v1.example', 'v2.example'])
    assert.deepEqual([one.ours.protocol, one.theirs.protocol], ['v2.example', 'v2.example'])
    const none = await connect()
    assert.deepEqual([none.ours.protocol, none.theirs.protocol], ['', ''])
  })
}

/** What only libraries that show the frames can do. */
function frameTests(start: Start): void {
  test('we answer their pings, in the middle of a message too', async (t) => {
    const { ours, theirs } = await (await start(t))()
    await theirs.frames!.ping('p')
    const writer = ours.writer()
    await writer.write(pattern(5, 5))
    await theirs.frames!.ping('x'.repeat(125))
    await writer.end()
    assertSame(await theirs.next(), pattern(5, 5), 'to them')
  })

  test('a message that they send in parts arrives whole, with pings behind it', async (t) => {
    const { ours, theirs } = await (await start(t))()
    const parts = [pattern(3, 1), Buffer.alloc(0), pattern(100_000, 2), pattern(1, 3)]
    theirs.frames!.sendParts(parts, false)
    const pinged = theirs.frames!.ping('behind')
    assertSame(await readOurs(ours), Buffer.concat(parts), 'to us')
    await pinged
    const whole = Buffer.from(`ä${'€'.repeat(20_000)}b`)
    const cut = [whole.subarray(0, 1), whole.subarray(1, 4), whole.subarray(4, 4), whole.subarray(4)]
    theirs.frames!.sendParts(cut, true)
    assertSame(await readOurs(ours), whole.toString(), 'to us')
  })
}

/** Close codes on both sides of every edge of what may travel. */
const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
const REASONS = ['', 'bye', 'x'.repeat(123), `${'é'.repeat(61)}x`, '𤭢'.repeat(30)]
/** Every code once, and every reason. */
const STATUSES = CODES.map((code, i) => ({ code, reason: REASONS[i % REASONS.length] as string }))

function closeTests(start: Start, library: Library): void {
  for (const status of STATUSES) {
    const title = `${status.code}, ${Buffer.byteLength(status.reason)} bytes`

    test(`our Close arrives there and is answered: ${title}`, async (t) => {
      const { ours, theirs } = await (await start(t))()
      const { initiator, clean, sent, received, code } = await ours.close(status.code, status.reason)
      const reason = status.reason || library.noReason(status.code)
      assert.deepEqual(await theirs.closed, { code: status.code, reason })
      assert.deepEqual({ initiator, clean, sent }, { initiator: 'local', clean: true, sent: status })
      const answer = library.answer(status.code)
      assert.deepEqual([received?.code, code], [answer, answer])
    })

    if (library.mayClose(status.code))
      test(`their Close arrives here and is answered: ${title}`, async (t) => {
        const { ours, theirs } = await (await start(t))()
        theirs.close(status.code, status.reason)
        const { initiator, clean, received, cause } = await ours.closed
        assert.deepEqual(
          { initiator, clean, received, cause },
          { initiator: 'remote', clean: true, received: status, cause: undefined },
        )
        assert.equal((await theirs.closed).code, status.code)
      })
  }

  test('what was sent before Close arrives before it', async (t) => {
    const connect = await start(t)
    const first = await connect()
    void first.ours.send('last words')
    void first.ours.close(1000)
    assert.equal(await first.theirs.next(), 'last words')
    assert.equal((await first.theirs.closed).code, 1000)
    const second = await connect()
    second.theirs.send('last words')
    second.theirs.close(1000)
    assert.equal(await readOurs(second.ours), 'last words')
    assert.equal(await second.ours.read(), null)
  })
}

/** All tests with a library, in both directions where it has a server. */
export function interopWith(library: Library): void {
  const suite = (name: string, start: Start): unknown =>
    describe(name, GUARD, () => {
      messageTests(start)
      if (library.serve !== undefined) frameTests(start)
      closeTests(start, library)
    })
  suite(`upgrade() serves the client of ${library.name}`, toUs(library))
  if (library.serve !== undefined)
    suite(`dial() talks to the server of ${library.name}`, toThem(library.serve))
}
