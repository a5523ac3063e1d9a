import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ContextBudget } from '../../src/deflate/budget.js'
import type { Engines } from '../../src/deflate/engine.js'
import { EnginePool, Pools } from '../../src/deflate/pool.js'

class Engine {
  resets = 0
  closed = false
  reset(): void {
    this.resets++
  }
  close(): void {
    this.closed = true
  }
}

describe('EnginePool', () => {
  test('makes an engine when one is needed, and lends it again, reset', () => {
    let made = 0
    const pool = new EnginePool(() => {
      made++
      return new Engine()
    })
    pool.join()
    assert.equal(made, 0)
    const engine = pool.acquire()
    assert.notEqual(pool.acquire(), engine)
    pool.release(engine)
    assert.deepEqual([pool.idle, engine.resets, pool.acquire() === engine, made], [1, 1, true, 2])
  })

  test('keeps few that are idle, and closes the rest', () => {
    const pool = new EnginePool(() => new Engine())
    pool.join()
    const engines = Array.from({ length: 10 }, () => pool.acquire())
    for (const engine of engines) pool.release(engine)
    assert.equal(pool.idle, 4)
    assert.equal(engines.filter(({ closed }) => closed).length, 6)
  })

  test('closes all when nobody is left who might use them', () => {
    const pool = new EnginePool(() => new Engine())
    pool.join()
    pool.join()
    const [idle, out] = [pool.acquire(), pool.acquire()]
    pool.release(idle)
    pool.leave()
    assert.equal(idle.closed, false)
    pool.leave()
    assert.equal(idle.closed, true)
    pool.release(out) // what was out comes back too late
    assert.deepEqual([out.closed, pool.idle], [true, 0])
  })
})

test('Pools have one pool for each set of parameters, and make engines of one connection apart', () => {
  const asked: unknown[] = []
  const engines: Engines = {
    deflater: (settings, isShared) => {
      asked.push([settings.windowBits, isShared])
      return Object.assign(new Engine(), { deflate: () => Buffer.alloc(0) })
    },
    inflater: (windowBits, isShared) => {
      asked.push([windowBits, isShared])
      return Object.assign(new Engine(), { inflate: () => Buffer.alloc(0) })
    },
  }
  const pools = new Pools(engines)
  const settings = { windowBits: 15, level: 3, memLevel: 8 }
  assert.equal(pools.deflaters(settings), pools.deflaters({ ...settings }))
  for (const other of [{ windowBits: 14 }, { level: 4 }, { memLevel: 7 }])
    assert.notEqual(pools.deflaters(settings), pools.deflaters({ ...settings, ...other }))
  assert.equal(pools.inflaters(9), pools.inflaters(9))
  assert.notEqual(pools.inflaters(9), pools.inflaters(10))
  assert.deepEqual(asked, [])
  pools.deflaters(settings).acquire()
  pools.inflaters(9).acquire()
  pools.newDeflater(settings)
  pools.newInflater(10)
  assert.deepEqual(asked, [
    [15, true],
    [9, true],
    [15, false],
    [10, false],
  ])
})

test('ContextBudget counts what is taken, and what had to be', () => {
  const budget = new ContextBudget(2)
  assert.equal(budget.take(), true)
  budget.reserve()
  assert.deepEqual([budget.hasRoom, budget.take()], [false, false])
  budget.reserve()
  budget.give()
  assert.equal(budget.hasRoom, false)
  budget.give()
  assert.equal(budget.take(), true)
})
