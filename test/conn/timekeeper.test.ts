import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../src/conn/clock.js'
import { type Timed, Timekeeper, timekeeperOf } from '../../src/conn/timekeeper.js'
import { FakeClock } from '../support/index.js'

/** Something due at one time, once. */
function timed(due: number): Timed & { rung: number[] } {
  const rung: number[] = []
  return {
    due,
    place: -1,
    rung,
    onDue(now) {
      rung.push(now)
      this.due = Infinity
    },
  }
}

describe('Timekeeper', () => {
  test('rings what is due, at its time', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    const early = timed(40)
    const late = timed(2500)
    keeper.add(late)
    keeper.add(early)
    clock.advance(39)
    assert.deepEqual(early.rung, [])
    clock.advance(1)
    assert.deepEqual(early.rung, [40])
    clock.advance(3000)
    assert.deepEqual(late.rung, [2500])
  })

  test('rings earlier when a deadline moves', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    const one = timed(Infinity)
    keeper.add(one)
    clock.advance(500)
    one.due = 600
    keeper.moved(one)
    clock.advance(100)
    assert.deepEqual(one.rung, [600])
  })

  test('keeps one timer for all, and none when nobody is left', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    const many = Array.from({ length: 50 }, (_, i) => timed(i * 100))
    for (const one of many) keeper.add(one)
    assert.equal(clock.pending, 1)
    assert.equal(keeper.size, 50)
    clock.advance(10_000)
    assert.ok(many.every((one) => one.rung.length === 1))
    assert.equal(clock.pending, 1)
    for (const one of many) keeper.delete(one)
    assert.equal(keeper.size, 0)
    assert.equal(clock.pending, 0)
  })

  test('does not tick for nothing when something is added', () => {
    const clock = new FakeClock()
    clock.advance(100_000)
    let timers = 0
    const keeper = new Timekeeper({
      now: () => clock.now(),
      clearTimer: (timer) => clock.clearTimer(timer),
      setTimer: (callback, delay) => {
        timers++
        assert.ok(delay >= 500, `${delay} ms`)
        return clock.setTimer(callback, delay)
      },
    })
    for (let i = 0; i < 100; i++) keeper.add(timed(200_000))
    assert.equal(timers, 1)
  })

  test('knows the time to a second, exactly after sync()', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    keeper.add(timed(Infinity))
    clock.advance(5500)
    assert.equal(keeper.now, 5000)
    assert.equal(keeper.sync(), 5500)
    assert.equal(keeper.now, 5500)
  })

  test('judges nobody on the first tick after the process was stuck', () => {
    let now = 0
    const timers: (() => void)[] = []
    const keeper = new Timekeeper({
      now: () => now,
      setTimer: (callback) => timers.push(callback),
      clearTimer: () => undefined,
    })
    const one = timed(100)
    keeper.add(one)
    now = 5000 // the timer could not run
    timers.shift()?.()
    assert.deepEqual(one.rung, [])
    now = 5010
    timers.shift()?.()
    assert.deepEqual(one.rung, [5010])
  })

  test('goes on when somebody who is rung throws', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    const bad: Timed = {
      due: 10,
      place: -1,
      onDue() {
        this.due = Infinity
        throw new Error('bad')
      },
    }
    const good = timed(20)
    keeper.add(bad)
    keeper.add(good)
    assert.throws(() => clock.advance(10), /bad/)
    clock.advance(20)
    assert.deepEqual(good.rung, [20])
  })

  test('takes what is added and deleted while it rings', () => {
    const clock = new FakeClock()
    const keeper = new Timekeeper(clock)
    const added = timed(50)
    const deleted = timed(10)
    keeper.add({
      due: 10,
      place: -1,
      onDue() {
        this.due = Infinity
        keeper.add(added)
        keeper.delete(deleted)
      },
    })
    keeper.add(deleted)
    clock.advance(100)
    assert.deepEqual(added.rung, [50])
    assert.deepEqual(deleted.rung, [])
  })
})

test('timekeeperOf gives one for each clock', () => {
  const clock = new FakeClock()
  assert.equal(timekeeperOf(clock), timekeeperOf(clock))
  assert.notEqual(timekeeperOf(clock), timekeeperOf(new FakeClock()))
})

test('systemClock goes on, and its timers do not keep the process alive', () => {
  const before = systemClock.now()
  const timer = systemClock.setTimer(() => undefined, 60_000) as NodeJS.Timeout
  assert.equal(timer.hasRef(), false)
  systemClock.clearTimer(timer)
  assert.ok(systemClock.now() >= before)
})
