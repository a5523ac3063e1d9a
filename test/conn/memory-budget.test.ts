import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import zlib from 'node:zlib'
import { Application } from '../../src/conn/application.js'
import { type Conn, startConn } from '../../src/conn/conn.js'
import type { EventHandler } from '../../src/conn/events.js'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { type Holder, MemoryBudget } from '../../src/conn/memory-budget.js'
import type { Message } from '../../src/conn/message.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { ProtocolError } from '../../src/errors.js'
import { Frame, heldBy } from '../../src/frame/frame.js'
import { releaseFrame } from '../../src/frame/pool.js'
import type { ActiveExtension } from '../../src/protocol/extension.js'
import { clientFrame, deferred, FakeClock } from '../support/index.js'
import { isCollected } from '../support/measure.js'
import { active, Line, settle } from './support.js'

class Fake implements Holder {
  counted = 0
  error: Error | undefined
  held: number

  constructor(held: number) {
    this.held = held
  }

  get memory(): number {
    return this.held
  }
  readonly ending = this

  get isEnding(): boolean {
    return this.error !== undefined
  }
  fail(error: Error): void {
    this.error = error
  }
}

function budgetOf(limit: number, ...held: number[]) {
  const clock = new FakeClock()
  const budget = new MemoryBudget(limit, timekeeperOf(clock))
  const holders = held.map((bytes) => new Fake(bytes))
  for (const holder of holders) {
    budget.add(holder)
    budget.look(holder)
  }
  return {
    clock,
    budget,
    holders,
    failed: () => holders.filter(({ error }) => error).map(({ held }) => held),
  }
}

describe('MemoryBudget', () => {
  test('adds up what all hold, and forgets who leaves', () => {
    const { budget, holders, clock } = budgetOf(100, 10, 20, 30)
    assert.equal(budget.used, 60)
    holders[1]!.held = 0
    budget.delete(holders[1]!)
    budget.delete(holders[1]!)
    budget.look(holders[1]!)
    assert.equal(budget.used, 40)
    for (const holder of holders) {
      holder.held = 0
      budget.delete(holder)
    }
    assert.deepEqual([budget.used, clock.pending], [0, 0])
  })

  test('may be used up to the limit', () => {
    const { budget, failed } = budgetOf(100, 50, 50)
    assert.deepEqual([budget.used, failed()], [100, []])
  })

  test('above it ends whoever holds the most, and no more than it takes', () => {
    const { budget, failed, holders } = budgetOf(100, 30, 40, 10, 21)
    assert.deepEqual([failed(), budget.used], [[40], 101])
    const { error } = holders[1]!
    assert.ok(error instanceof ProtocolError)
    assert.deepEqual([error.code, error.closeCode], ['WS_ERR_MAX_MEMORY', 1013])
    assert.deepEqual(error.breach, { option: 'maxMemory', limit: 100, value: 101 })
    assert.match(error.message, /40 bytes .* 101 are held for all, maxMemory is 100/)
  })

  test('counts those that are on their way out, and ends nobody else for what they still hold', () => {
    const { budget, failed, holders, clock } = budgetOf(100, 30, 40, 10, 21)
    assert.deepEqual([failed(), budget.used], [[40], 101])
    for (const holder of holders) budget.look(holder)
    clock.advance(1000)
    assert.deepEqual([failed(), budget.used, budget.hasRoom], [[40], 101, false])
    holders[0]!.held = 69
    budget.look(holders[0]!)
    assert.deepEqual([failed(), budget.used], [[40], 140])
    holders[0]!.held = 70
    budget.look(holders[0]!)
    assert.deepEqual(failed(), [70, 40])
    holders[0]!.held = holders[1]!.held = 0
    clock.advance(1000)
    assert.deepEqual([budget.used, budget.hasRoom], [31, true])
  })

  test('knows of those that something else has ended', () => {
    const { budget, failed, holders } = budgetOf(100, 60, 10)
    holders[0]!.error = new Error()
    holders[1]!.held = 50
    budget.look(holders[1]!)
    assert.deepEqual([failed(), budget.used], [[60], 110])
    holders[1]!.held = 101
    budget.look(holders[1]!)
    assert.deepEqual(failed(), [60, 101])
  })

  test('counts what may still be read of those that are gone, until it was', () => {
    const { budget, holders, clock } = budgetOf(100, 60, 10)
    for (const holder of holders) budget.delete(holder)
    assert.deepEqual([budget.used, clock.pending], [70, 1])
    holders[0]!.held = 20
    clock.advance(1000)
    assert.deepEqual([budget.used, clock.pending], [30, 1])
    for (const holder of holders) holder.held = 0
    clock.advance(1000)
    assert.deepEqual([budget.used, clock.pending], [0, 0])
  })

  test('does not keep those that are gone', async () => {
    const { budget, clock } = budgetOf(100)
    const leave = (): WeakRef<Fake> => {
      const holder = new Fake(10)
      budget.add(holder)
      budget.look(holder)
      budget.delete(holder)
      return new WeakRef(holder)
    }
    const left = leave()
    assert.equal(budget.used, 10)
    assert.ok(await isCollected(left))
    clock.advance(1000)
    assert.deepEqual([budget.used, clock.pending], [0, 0])
  })

  test('looks first whether somebody has let go meanwhile', () => {
    const { budget, failed, holders } = budgetOf(100, 60, 10)
    holders[0]!.held = 5
    holders[1]!.held = 50
    budget.look(holders[1]!)
    assert.deepEqual([failed(), budget.used], [[], 55])
  })

  test('has no room for more connections from 7/8 on', () => {
    const { budget, holders, clock } = budgetOf(800, 699)
    assert.equal(budget.hasRoom, true)
    holders[0]!.held = 700
    budget.look(holders[0]!)
    assert.equal(budget.hasRoom, false)
    holders[0]!.held = 100 // nobody tells
    assert.equal(budget.hasRoom, false)
    clock.advance(100)
    assert.equal(budget.hasRoom, true)
  })

  test('counts everything anew each second', () => {
    const { budget, holders, clock, failed } = budgetOf(100, 10, 20)
    holders[0]!.held = 70
    clock.advance(1000)
    assert.equal(budget.used, 90)
    holders[1]!.held = 40
    clock.advance(1000)
    assert.deepEqual([failed(), budget.used], [[70], 110])
  })
})

describe('maxMemory', () => {
  const MAX = 10_000
  /** What a frame of 4 KiB and more takes besides its payload. */
  const BESIDES = heldBy(new Frame({ payload: Buffer.alloc(5000) })) - 5000

  interface Setting extends ConnOptions {
    readonly max?: number
    readonly events?: EventHandler
    readonly active?: readonly ActiveExtension[]
  }

  function lines(count: number, { max = MAX, events, active, ...options }: Setting = {}) {
    const clock = new FakeClock()
    const budget = new MemoryBudget(max, timekeeperOf(clock))
    const application = new Application<unknown>(events, undefined, budget)
    const resolved = resolveConnOptions({ clock, keepalive: false, ...options })
    const all = Array.from({ length: count }, () => {
      const line = new Line()
      const extensions = [...(active ?? []), ...(startLocalExtensions(resolved.extensions, 'server') ?? [])]
      const setup = { role: 'server', options: resolved, application, extensions } as const
      const conn = startConn<unknown>(line, setup) as Conn
      return { line, conn }
    })
    const codes = () => all.map(({ conn }) => conn.closeInfo?.code)
    return { budget, all, codes, clock }
  }

  test('counts what waits for a reader', async () => {
    const { budget, all, codes } = lines(2)
    for (const { line } of all) line.receive(clientFrame(2, Buffer.alloc(5000 - BESIDES)))
    assert.deepEqual([budget.used, codes()], [MAX, [undefined, undefined]])
    all[1]!.line.receive(clientFrame(2, Buffer.alloc(1)))
    assert.deepEqual(codes(), [undefined, 1013])
    assert.equal(all[1]!.conn.closeInfo?.breach?.option, 'maxMemory')
  })

  test('counts what has come of a frame', () => {
    const { budget, all, codes } = lines(2, { maxFrame: 1e6, maxMessage: 1e6 })
    const frame = clientFrame(2, Buffer.alloc(50_000))
    all[0]!.line.receive(frame.subarray(0, 9990))
    assert.equal(budget.used, 9990)
    all[1]!.line.receive(frame.subarray(0, 10))
    assert.deepEqual(codes(), [undefined, undefined])
    all[1]!.line.receive(frame.subarray(10, 11))
    assert.deepEqual(codes(), [1013, undefined])
  })

  test('counts what waits to go out, and refuses who goes on', async () => {
    const { budget, all, codes, clock } = lines(2, { highWaterMark: 100, max: 1e6 })
    for (const { line } of all) line.stuck = true
    const [first, second] = all.map(({ conn }) => conn)
    void first!.send(Buffer.alloc(600_000))
    await settle()
    void first!.send(Buffer.alloc(101))
    assert.ok(budget.used > 600_000)
    void second!.send(Buffer.alloc(300_000))
    await settle()
    void second!.send(Buffer.alloc(101))
    assert.deepEqual(codes(), [undefined, undefined])
    await assert.rejects(first!.send(Buffer.alloc(200_000)), { code: 1013 })
    assert.deepEqual(codes(), [1013, undefined])
    // The write under way can only leave, or be dropped with the connection.
    assert.ok(budget.used > 900_000 && budget.used < 1e6, `${budget.used}`)
    void second!.send(Buffer.alloc(300_000))
    clock.advance(1000)
    assert.deepEqual(codes(), [1013, undefined])
    first!.terminate()
    await first!.closed
    assert.ok(budget.used < 700_000, `${budget.used}`)
  })

  test('counts the memory that little lies in', async () => {
    const { budget, all } = lines(1, { highWaterMark: 100, max: 1e6 })
    const [{ line, conn }] = all as [(typeof all)[0]]
    line.stuck = true
    void conn.send(Buffer.alloc(50))
    await settle()
    void conn.send(Buffer.alloc(101))
    assert.ok(budget.used > 60_000, `${budget.used}`)
    line.unstick()
    await settle()
    line.receive(clientFrame(2, Buffer.alloc(1)))
    assert.ok(budget.used < 1000, `${budget.used}`)
  })

  test('counts frames, however little is in them', () => {
    const { budget, all } = lines(1)
    const [{ line, conn }] = all as [(typeof all)[0]]
    void conn.read().catch(() => undefined)
    for (let i = 0; i < 60; i++) line.receive(clientFrame(i === 0 ? 2 : 0, '', { fin: false }))
    assert.equal(budget.used, 60 * heldBy(new Frame()))
    line.receive(clientFrame(0, 'a'))
    line.receive(clientFrame(2, ''))
    assert.equal(budget.used, heldBy(new Frame()))
  })

  test('counts control frames that nobody has looked at, too', async () => {
    const { budget, all } = lines(1)
    const [{ line, conn }] = all as [(typeof all)[0]]
    line.receive(Buffer.concat(Array.from({ length: 50 }, () => clientFrame(9, ''))))
    assert.equal(budget.used, 50 * heldBy(new Frame()))
    for (let i = 0; i < 49; i++) releaseFrame((await conn.nextFrame())!)
    line.receive(clientFrame(9, ''))
    assert.equal(budget.used, 2 * heldBy(new Frame()))
  })

  test('lets go of what nobody can read any more, as soon as a connection ends', () => {
    const { budget, all, codes, clock } = lines(10, { max: 500_000, maxFrame: 1e6, maxMessage: 1e6 })
    const frame = clientFrame(2, Buffer.alloc(1e6))
    for (const { line } of all) line.receive(frame.subarray(0, 900_000))
    assert.deepEqual(new Set(codes()), new Set([1013]))
    for (const { line } of all) line.receive(Buffer.alloc(100_000))
    clock.advance(1000)
    assert.equal(budget.used, 0)
    assert.ok(all.every(({ line }) => !line.destroyed))
  })

  test('counts what may still be read after the end, and ends nobody else for it', async () => {
    const { budget, all, codes, clock } = lines(3)
    const [first, second] = all as [(typeof all)[0], (typeof all)[0]]
    first.line.receive(clientFrame(2, Buffer.alloc(6000)), clientFrame(2, Buffer.alloc(500), { fin: false }))
    first.conn.terminate()
    await first.conn.closed
    const left = budget.used
    assert.ok(left > 6500 && left < 8000, `${left}`)
    second.line.receive(clientFrame(2, Buffer.alloc(9000)))
    assert.deepEqual(codes(), [1006, undefined, undefined])
    assert.equal(budget.used, left + 9000 + BESIDES)
    assert.equal(budget.hasRoom, false)
    assert.equal((await first.conn.read())?.length, 6000)
    await assert.rejects(first.conn.read(), { code: 1006 })
    clock.advance(1000)
    assert.equal(budget.used, 9000 + BESIDES)
  })

  test('drops half a message at the end, where only whole ones are handled', async () => {
    const lengths: number[] = []
    const done = deferred<void>()
    const message = (_: Conn, { length }: Message): Promise<void> => {
      lengths.push(length)
      return done.promise
    }
    const { budget, all, clock } = lines(1, { events: { message } })
    const [{ line, conn }] = all as [(typeof all)[0]]
    line.receive(clientFrame(2, 'a'), clientFrame(2, Buffer.alloc(3000)))
    line.receive(clientFrame(2, Buffer.alloc(5000), { fin: false }), clientFrame(0, 'b', { fin: false }))
    line.fin()
    clock.advance(1000)
    assert.ok(budget.used > 3000 && budget.used < 4000, `${budget.used}`)
    line.destroy()
    await conn.closed
    done.resolve()
    await settle()
    clock.advance(1000)
    assert.deepEqual([budget.used, lengths], [0, [1, 3000]])
  })

  /** A message in 14 fragments that are 70,000 bytes each once they are inflated. */
  const bomb = (): Buffer => {
    const part = zlib.deflateRawSync(Buffer.alloc(70_000), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    const frames = Array.from({ length: 14 }, (_, i) =>
      clientFrame(i === 0 ? 2 : 0, part, { fin: i === 13, rsv: i === 0 ? 4 : 0 }),
    )
    return Buffer.concat(frames)
  }

  test('counts what has been inflated of a message, and the message until it is taken', async () => {
    const { budget, all } = lines(1, { max: 1e7, compress: true })
    const [{ line, conn }] = all as [(typeof all)[0]]
    const controller = new AbortController()
    const read = conn.read({ signal: controller.signal })
    line.receive(bomb())
    controller.abort()
    await assert.rejects(read)
    const seen = new Set<number>()
    while (conn.stats.plainBytesIn < 980_000) {
      seen.add(budget.used)
      await settle()
    }
    assert.ok([...seen].filter((used) => used > 200_000 && used < 950_000).length > 2, [...seen].join())
    await settle()
    line.receive(clientFrame(9, '')) // somebody has to look
    assert.ok(budget.used >= 980_000 && budget.used < 985_000, `${budget.used}`)
    assert.equal((await conn.read())?.length, 980_000)
  })

  test('ends whoever has too much inflated, in the midst of it', async () => {
    const { all, codes, budget, clock } = lines(1, { max: 300_000, compress: true })
    const [{ line, conn }] = all as [(typeof all)[0]]
    const read = conn.read()
    line.receive(bomb())
    while (codes()[0] === undefined) await settle()
    assert.deepEqual(codes(), [1013])
    assert.equal((await read)?.length, 980_000)
    clock.advance(1000)
    assert.equal(budget.used, 0)
  })

  test('drops what was inflated for somebody who has left', async () => {
    const { all, budget, clock } = lines(1, {
      max: 1e7,
      compress: true,
      events: { message: () => undefined },
    })
    const [{ line, conn }] = all as [(typeof all)[0]]
    line.receive(bomb())
    while (budget.used < 300_000) await settle()
    conn.terminate()
    await conn.closed
    while (budget.used > 0) {
      await settle()
      clock.advance(1000)
    }
  })

  test('counts what extensions keep', async () => {
    const options = { compress: { threshold: 0, serverNoContextTakeover: false } }
    const { conn, clock, budget } = compressing(options)
    const before = budget.used
    await conn.send('x'.repeat(100))
    clock.advance(1000)
    assert.ok(budget.used - before >= 256 << 10, `${budget.used}`)
  })

  test('asks nobody twice to go, though others send while it goes', async () => {
    const clock = new FakeClock()
    const budget = new MemoryBudget(1e6, timekeeperOf(clock))
    const application = new Application<unknown>(undefined, undefined, budget)
    const options = resolveConnOptions({ clock, keepalive: false, highWaterMark: 100 })
    const start = (encode: (frame: Frame) => void) => {
      const line = new Line()
      line.stuck = true
      const setup = { role: 'server', options, application, extensions: [active({ encode })] } as const
      return startConn<unknown>(line, setup)
    }
    const second = start(() => undefined)
    const first = start((frame) => {
      if (frame.isClose) void second.send(Buffer.alloc(300_000))
    })
    void first.send(Buffer.alloc(900_000))
    await settle()
    void first.send(Buffer.alloc(200_000))
    assert.deepEqual([first.closeInfo?.code, second.closeInfo?.code], [1013, undefined])
  })

  test('is given back when connections end', async () => {
    const { budget, all, clock } = lines(3)
    for (const { line } of all) line.receive(clientFrame(2, Buffer.alloc(1000)))
    assert.ok(budget.used > 3000)
    for (const { conn } of all) conn.terminate()
    await Promise.all(all.map(({ conn }) => conn.closed))
    for (const { conn } of all) await conn.read()
    clock.advance(1000)
    assert.deepEqual([budget.used, clock.pending], [0, 0])
  })
})

/** A server's connection that compresses with a context of its own. */
function compressing(options: ConnOptions) {
  const clock = new FakeClock()
  const budget = new MemoryBudget(1e9, timekeeperOf(clock))
  const resolved = resolveConnOptions({ clock, ...options })
  const conn = startConn<unknown>(new Line(), {
    role: 'server',
    options: resolved,
    application: new Application<unknown>(undefined, undefined, budget),
    extensions: startLocalExtensions(resolved.extensions, 'server'),
  })
  return { budget, conn, clock }
}
