import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { Application } from '../../src/conn/application.js'
import { type Conn, startConn } from '../../src/conn/conn.js'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { MemoryBudget } from '../../src/conn/memory-budget.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { clientFrame, FakeClock, GUARD } from '../support/index.js'
import { gc } from '../support/measure.js'
import { active, Line, settle } from './support.js'

/** V8 learns from the first ones, and what one of them counts is learned. */
const FIRST = 30

/**
 * What a round is to hold. Beside it, whatever else comes and goes is little: compiled code that
 * V8 drops or makes, and what an earlier test has left to the collector, some 100 KB each.
 */
const ROUND_BYTES = 6_000_000

/** So many connections at least, so that what only one of them does is little, and at most. */
const [LEAST, MOST] = [10, 600]

/** The middle one of these counts. */
const ROUNDS = 5

/** Each connection holds so much at least: less would be lost in the noise. */
const WORTH = 5000

interface Peer {
  readonly line: Line
  readonly conn: Conn
}

function heldNow(): number {
  gc()
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** What each of many connections holds once something has happened to it: really, and as the budget has it. */
async function compare(options: ConnOptions, happen: (peer: Peer) => void | Promise<void>) {
  const clock = new FakeClock()
  const budget = new MemoryBudget(Infinity, timekeeperOf(clock))
  const application = new Application<unknown>(undefined, undefined, budget)
  const resolved = resolveConnOptions({ clock, keepalive: false, messageTimeout: 0, ...options })
  const decoded: (() => void)[] = []
  // It sees what was inflated, and is not done with the end of a message before all is measured.
  const stay = active({
    decode: (frame) => (frame.fin ? new Promise<void>((resolve) => decoded.push(resolve)) : undefined),
  })
  const open = (): Peer => {
    const line = new Line()
    const deflate = startLocalExtensions(resolved.extensions, 'server') ?? []
    const extensions = deflate.length === 0 ? [] : [stay, ...deflate]
    const setup = { role: 'server', options: resolved, application, extensions } as const
    return { line, conn: startConn<unknown>(line, setup) as Conn }
  }
  const kept: Peer[] = []
  const round = async (count: number) => {
    const peers = Array.from({ length: count }, open)
    kept.push(...peers)
    clock.advance(1000)
    const [held, used] = [heldNow(), budget.used]
    for (const peer of peers) await happen(peer)
    for (let turns = 0; turns < 50; turns++) await settle()
    clock.advance(1000)
    return { really: (heldNow() - held) / count, counted: (budget.used - used) / count }
  }
  const { counted } = await round(FIRST)
  const count = Math.min(Math.max(LEAST, Math.ceil(ROUND_BYTES / counted)), MOST)
  const rounds = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(count))
  for (const { conn } of kept) conn.terminate()
  for (const done of decoded) done()
  rounds.sort((a, b) => a.really - b.really)
  return rounds[(ROUNDS - 1) / 2]!
}

/** Brings bytes in as a socket does, in reads of some size. */
function receive({ line }: Peer, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += 60_000) line.receive(bytes.subarray(at, at + 60_000))
}

const repeated = (count: number, frame: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => frame(i)))

/** A message that goes on, for a reader who waits for its end. */
function begins(count: number, payload: Buffer) {
  const bytes = repeated(count, (i) => clientFrame(i === 0 ? 2 : 0, payload, { fin: false }))
  return (peer: Peer): void => {
    peer.conn.read().catch(() => undefined)
    receive(peer, bytes)
  }
}

function comes(count: number, frame: Buffer) {
  const bytes = repeated(count, () => frame)
  return (peer: Peer): void => receive(peer, bytes)
}

/** A long message of which most was read straight into its own memory, and waits for a rate. */
function fills({ line }: Peer): void {
  const bytes = clientFrame(2, Buffer.alloc(1_000_000))
  line.receive(bytes.subarray(0, 60_000))
  const room = line.events.room()!
  line.events.bytes(room, 0, bytes.copy(room, 0, 60_000))
}

/** The first write is under way, and nobody reads. */
function sends(count: number, payload: Buffer | string) {
  return async ({ line, conn }: Peer): Promise<void> => {
    line.stuck = true
    conn.send(payload).catch(() => undefined)
    await settle()
    for (let i = 1; i < count; i++) conn.send(payload).catch(() => undefined)
  }
}

const zeros = zlib.deflateRawSync(Buffer.alloc(70_000), { finishFlush: zlib.constants.Z_SYNC_FLUSH })

async function inflates({ conn, line }: Peer): Promise<void> {
  conn.read().catch(() => undefined)
  for (let i = 0; i < 10; i++)
    line.receive(clientFrame(i === 0 ? 2 : 0, zeros, { fin: i === 9, rsv: i === 0 ? 4 : 0 }))
  while (conn.stats.plainBytesIn < 9 * 70_000) await settle()
}

const kinds: [string, (peer: Peer) => void | Promise<void>, ConnOptions?][] = [
  ['empty fragments', begins(1000, Buffer.alloc(0))],
  ['fragments of one byte', begins(1000, Buffer.alloc(1))],
  ['fragments of a hundred bytes', begins(500, Buffer.alloc(100))],
  ['fragments of some thousand bytes', begins(50, Buffer.alloc(5000))],
  ['messages that nobody reads', comes(15, clientFrame(2, Buffer.alloc(1000)))],
  ['long messages that nobody reads', comes(15, clientFrame(2, Buffer.alloc(20_000)))],
  ['bytes that wait for a rate where they belong', fills, { maxByteRate: { rate: 1, burst: 70_000 } }],
  ['pings that nobody looks at', comes(64, clientFrame(9, Buffer.alloc(125)))],
  ['empty pings that nobody looks at', comes(64, clientFrame(9, ''))],
  ['fragments that were inflated', inflates, { compress: true }],
  ['a little that waits to go out', sends(10, Buffer.alloc(100))],
  ['much that waits to go out', sends(10, Buffer.alloc(100_000))],
  ['text that waits to go out', sends(10, 'x'.repeat(20_000))],
]

describe('what the memory budget counts is what is held:', GUARD, () => {
  for (const [name, happen, options = {}] of kinds)
    test(name, async () => {
      const { really, counted } = await compare(options, happen)
      const told = `${Math.round(counted)} bytes are counted, ${Math.round(really)} are held`
      assert.ok(really > WORTH && counted > really / 2 && counted < really * 2, told)
    })

  test('a connection that has failed keeps next to nothing of what cannot be read', async () => {
    const frame = clientFrame(2, Buffer.alloc(900_000))
    const { really, counted } = await compare({}, (peer) => {
      receive(peer, frame.subarray(0, 800_000))
      peer.line.fin()
    })
    assert.ok(really < 10_000 && counted === 0, `${counted} bytes are counted, ${really} are held`)
  })
})
