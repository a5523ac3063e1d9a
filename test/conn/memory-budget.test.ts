import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Application } from '../../src/conn/application.js'
import { type Conn, startConn } from '../../src/conn/conn.js'
import { startLocalExtensions } from '../../src/conn/local-extensions.js'
import { type Holder, MemoryBudget } from '../../src/conn/memory-budget.js'
import { type ConnOptions, resolveConnOptions } from '../../src/conn/options.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { ProtocolError } from '../../src/errors.js'
import type { Frame } from '../../src/frame/frame.js'
import { clientFrame, FakeClock } from '../support/index.js'
import { active, Line, settle } from './support.js'

class Fake implements Holder {
  counted = 0
  error: Error | undefined
  held: number

  constructor(held: number) {
    this.held = held
  }

  get memory(): number {
    return this.error === undefined ? this.held : 0
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
    budget.delete(holders[1]!)
    budget.delete(holders[1]!)
    budget.look(holders[1]!)
    assert.equal(budget.used, 40)
    for (const holder of holders) budget.delete(holder)
    assert.deepEqual([budget.used, clock.pending], [0, 0])
  })

  test('may be used up to the limit', () => {
    const { budget, failed } = budgetOf(100, 50, 50)
    assert.deepEqual([budget.used, failed()], [100, []])
  })

  test('above it ends whoever holds the most, and no more than it takes', () => {
    const { budget, failed, holders } = budgetOf(100, 30, 40, 10, 21)
    assert.deepEqual([failed(), budget.used], [[40], 61])
    const { error } = holders[1]!
    assert.ok(error instanceof ProtocolError)
    assert.deepEqual([error.code, error.closeCode], ['WS_ERR_MAX_MEMORY', 1013])
    assert.deepEqual(error.breach, { option: 'maxMemory', limit: 100, value: 101 })
    assert.match(error.message, /40 bytes .* 101 are held for all, maxMemory is 100/)
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
    assert.deepEqual([failed(), budget.used], [[70], 40])
  })
})

describe('maxMemory', () => {
  const MAX = 10_000

  function lines(count: number, options: ConnOptions = {}) {
    const clock = new FakeClock()
    const budget = new MemoryBudget(MAX, timekeeperOf(clock))
    const application = new Application<unknown>(undefined, undefined, budget)
    const resolved = resolveConnOptions({ clock, keepalive: false, ...options })
    const all = Array.from({ length: count }, () => {
      const line = new Line()
      const conn = startConn<unknown>(line, { role: 'server', options: resolved, application }) as Conn
      return { line, conn }
    })
    const codes = () => all.map(({ conn }) => conn.closeInfo?.code)
    return { budget, all, codes, clock }
  }

  test('counts what waits for a reader', async () => {
    const { budget, all, codes } = lines(2)
    for (const { line } of all) line.receive(clientFrame(2, Buffer.alloc(5000)))
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
    const { budget, all, codes } = lines(2, { highWaterMark: 100 })
    for (const { line } of all) line.stuck = true
    const [first, second] = all.map(({ conn }) => conn)
    void first!.send(Buffer.alloc(6000))
    await settle()
    void first!.send(Buffer.alloc(101))
    assert.ok(budget.used > 6000)
    void second!.send(Buffer.alloc(3000))
    await settle()
    void second!.send(Buffer.alloc(101))
    assert.deepEqual(codes(), [undefined, undefined])
    await assert.rejects(first!.send(Buffer.alloc(2000)), { code: 1013 })
    assert.deepEqual(codes(), [1013, undefined])
    assert.ok(budget.used < 4000)
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
    const budget = new MemoryBudget(MAX, timekeeperOf(clock))
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
      if (frame.isClose) void second.send(Buffer.alloc(3000))
    })
    void first.send(Buffer.alloc(9000))
    await settle()
    void first.send(Buffer.alloc(2000))
    assert.deepEqual([first.closeInfo?.code, second.closeInfo?.code], [1013, undefined])
  })

  test('is given back when connections end', async () => {
    const { budget, all, clock } = lines(3)
    for (const { line } of all) line.receive(clientFrame(2, Buffer.alloc(1000)))
    assert.equal(budget.used, 3000)
    for (const { conn } of all) conn.terminate()
    await Promise.all(all.map(({ conn }) => conn.closed))
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
