import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import {
  planRetrying,
  type RetryingOptions,
  type RetryingPlan,
  retryConnections,
} from '../../src/client/retrying.js'
import type { Conn } from '../../src/conn/conn.js'
import { type ErrorCode, HandshakeError } from '../../src/errors.js'
import { deferred, FakeClock, isPending, turn } from '../support/index.js'

/** A connection as far as the loop knows it. */
class FakeConn {
  readonly closes: (number | undefined)[] = []
  readonly #ended = deferred()
  readonly closed = this.#ended.promise

  close(code?: number): Promise<void> {
    this.closes.push(code)
    this.#ended.resolve()
    return this.closed
  }

  lose(): void {
    this.#ended.resolve()
  }
}

const failure = (code: ErrorCode, status?: number, headers?: Record<string, string>): HandshakeError =>
  new HandshakeError(code, 'Cannot open', { status, headers })

const down = (): HandshakeError => failure('WS_ERR_SOCKET')

/** A loop over outcomes: an error fails the dial, a connection is opened. */
function start(outcomes: readonly (FakeConn | Error)[], options: RetryingOptions = {}) {
  const clock = new FakeClock()
  const plan: RetryingPlan = planRetrying('ws://h', { random: () => 1, clock, ...options }).retrying
  let dials = 0
  const open = async (): Promise<Conn> => {
    const outcome = outcomes[dials++] ?? assert.fail('dialled too often')
    if (outcome instanceof Error) throw outcome
    return outcome as unknown as Conn
  }
  return { clock, conns: retryConnections(open, plan), dials: () => dials }
}

/** Lets time pass until the next dial, and tells how long that took. */
async function untilDial(clock: FakeClock, dials: () => number): Promise<number> {
  await turn()
  const [before, since] = [dials(), clock.now()]
  assert.equal(clock.pending, 1)
  while (dials() === before) {
    clock.advance(50)
    await turn()
  }
  return clock.now() - since
}

describe('retryConnections', () => {
  test('gives a connection as soon as there is one', async () => {
    const conn = new FakeConn()
    const { conns } = start([conn])
    assert.equal((await conns.next()).value, conn)
  })

  test('waits longer after each failure, up to maxDelay', async () => {
    const conn = new FakeConn()
    const { conns, clock, dials } = start([...Array.from({ length: 7 }, down), conn], { maxDelay: 10_000 })
    const next = conns.next()
    const waits: number[] = []
    for (let i = 0; i < 7; i++) waits.push(await untilDial(clock, dials))
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000, 10_000])
    assert.equal((await next).value, conn)
    assert.equal(clock.pending, 0)
  })

  test('takes the waits it is told', async () => {
    const options = { initialDelay: 100, factor: 3, random: () => 0.5 }
    const { conns, clock, dials } = start([down(), down(), new FakeConn()], options)
    const next = conns.next()
    assert.deepEqual([await untilDial(clock, dials), await untilDial(clock, dials)], [50, 150])
    await next
  })

  test('waits anywhere between nothing and all of it', async () => {
    const waits: number[] = []
    const clock = new FakeClock()
    const setTimer = (callback: () => void, delay: number): unknown => {
      waits.push(delay)
      return clock.setTimer(callback, 0)
    }
    const noting = { now: () => clock.now(), setTimer, clearTimer: () => undefined }
    const { conns } = start([...Array.from({ length: 50 }, down), new FakeConn()], {
      clock: noting,
      random: Math.random,
      factor: 1,
    })
    const next = conns.next()
    while (await isPending(next)) clock.advance(1)
    assert.ok(waits.every((wait) => wait >= 0 && wait < 1000))
    assert.ok(new Set(waits).size > 25)
  })

  test('begins the next turn when the connection before has closed', async () => {
    const [first, second] = [new FakeConn(), new FakeConn()]
    const { conns, clock, dials } = start([first, second])
    await conns.next()
    const next = conns.next()
    assert.ok(await isPending(next))
    assert.equal(dials(), 1)
    first.lose()
    assert.equal(await untilDial(clock, dials), 1000)
    assert.equal((await next).value, second)
  })

  test('starts over after a connection that lasted, and not after a short one', async () => {
    const lasting = [4_999, 5_000, 0]
    const lost = lasting.map(() => new FakeConn())
    const { conns, clock, dials } = start([...lost, new FakeConn()], { resetAfter: 5_000 })
    const waits: number[] = []
    await conns.next()
    for (const [i, conn] of lost.entries()) {
      clock.advance(lasting[i] ?? 0)
      conn.lose()
      const next = conns.next()
      waits.push(await untilDial(clock, dials))
      await next
    }
    assert.deepEqual(waits, [1000, 1000, 2000])
  })

  test('closes the connection with 1000 when the loop is left', async () => {
    const conn = new FakeConn()
    const { conns, clock } = start([conn])
    for await (const one of conns) {
      assert.equal(one as unknown, conn)
      break
    }
    assert.deepEqual(conn.closes, [1000])
    assert.equal(clock.pending, 0)
  })

  test('closes the connection with 1000 when the body of the loop throws', async () => {
    const conn = new FakeConn()
    const loop = async (): Promise<void> => {
      for await (const _ of start([conn]).conns) throw new Error('oh')
    }
    await assert.rejects(loop, /oh/)
    assert.deepEqual(conn.closes, [1000])
  })
})

describe('retryConnections ends with the last error', () => {
  const fatal: [string, unknown][] = [
    ['a wrong argument', new TypeError('wrong')],
    ['an answer that is no WebSocket', failure('WS_ERR_HANDSHAKE', 200)],
    ['a wrong accept', failure('WS_ERR_HANDSHAKE', 101)],
    ['an answer that is no HTTP', failure('WS_ERR_HANDSHAKE')],
    ['401', failure('WS_ERR_HANDSHAKE', 401)],
    ['404', failure('WS_ERR_HANDSHAKE', 404)],
    ['a redirect', failure('WS_ERR_REDIRECT', 302)],
    ['a proxy that wants credentials', failure('WS_ERR_PROXY', 407)],
    ['a hook that threw', failure('WS_ERR_HANDLER', 101)],
  ]
  for (const [name, error] of fatal)
    test(`at once for ${name}`, async () => {
      const { conns, dials } = start([error as Error])
      await assert.rejects(conns.next(), (thrown) => thrown === error)
      assert.equal(dials(), 1)
      assert.deepEqual(await conns.next(), { value: undefined, done: true })
    })

  const passing: [string, Error][] = [
    ['a network failure', down()],
    ['an early end', failure('WS_ERR_EOF')],
    ['a timeout', failure('WS_ERR_HANDSHAKE_TIMEOUT')],
    ['a proxy that is down', failure('WS_ERR_PROXY')],
    ['a proxy that cannot reach the server', failure('WS_ERR_PROXY', 502)],
    ['408', failure('WS_ERR_HANDSHAKE', 408)],
    ['425', failure('WS_ERR_HANDSHAKE', 425)],
    ['429', failure('WS_ERR_HANDSHAKE', 429)],
    ['500', failure('WS_ERR_HANDSHAKE', 500)],
    ['503', failure('WS_ERR_HANDSHAKE', 503)],
  ]
  for (const [name, error] of passing)
    test(`not for ${name}`, async () => {
      const conn = new FakeConn()
      const { conns, clock, dials } = start([error, conn])
      const next = conns.next()
      await untilDial(clock, dials)
      assert.equal((await next).value, conn)
    })

  test('when maxAttempts dials in a row have failed', async () => {
    const last = down()
    const conn = new FakeConn()
    const { conns, clock, dials } = start([down(), conn, down(), down(), last], { maxAttempts: 3 })
    const first = conns.next()
    await untilDial(clock, dials)
    await first
    conn.lose()
    const second = conns.next()
    second.catch(() => undefined)
    for (let i = 0; i < 3; i++) await untilDial(clock, dials)
    await assert.rejects(second, (thrown) => thrown === last)
    assert.equal(dials(), 5)
  })

  test('as isFatal decides, which knows the default', async () => {
    const asked: [unknown, boolean][] = []
    const [passing, fatal] = [failure('WS_ERR_HANDSHAKE', 404), down()]
    const isFatal = (error: unknown, byDefault: boolean): boolean => {
      asked.push([error, byDefault])
      return error === fatal
    }
    const { conns, clock, dials } = start([passing, fatal], { isFatal })
    const next = conns.next()
    next.catch(() => undefined)
    await untilDial(clock, dials)
    await assert.rejects(next, (thrown) => thrown === fatal)
    assert.deepEqual(asked, [
      [passing, true],
      [fatal, false],
    ])
  })
})

describe('retryConnections waits as Retry-After says', () => {
  const waits: [string, string, number][] = [
    ['in seconds', '7', 7_000],
    ['but no shorter than the backoff', '0', 1_000],
    ['but no longer than an hour', '9'.repeat(400), 3_600_000],
    ['but not when it is no time', 'soon', 1_000],
    ['but not when it is negative', '-5', 1_000],
    ['but not when the date has passed', 'Wed, 21 Oct 2015 07:28:00 GMT', 1_000],
  ]
  for (const [name, value, expected] of waits)
    test(name, async () => {
      const error = failure('WS_ERR_HANDSHAKE', 503, { 'retry-after': value })
      const { conns, clock, dials } = start([error, new FakeConn()])
      const next = conns.next()
      await turn()
      clock.advance(expected - 1)
      await turn()
      assert.equal(dials(), 1)
      clock.advance(1)
      await next
      assert.equal(dials(), 2)
    })

  test('as a date', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    const { conns, clock, dials } = start([
      failure('WS_ERR_HANDSHAKE', 429, { 'retry-after': date }),
      new FakeConn(),
    ])
    const next = conns.next()
    const waited = await untilDial(clock, dials)
    assert.ok(waited > 50_000 && waited <= 60_050, String(waited))
    await next
  })
})

describe('retryConnections and its signal', () => {
  const reason = new Error('enough')
  const aborting = () => {
    const controller = new AbortController()
    return { signal: controller.signal, abort: () => controller.abort(reason) }
  }

  test('ends the wait between two dials', async () => {
    const { signal, abort } = aborting()
    const { conns, clock } = start([down()], { signal })
    const next = conns.next()
    await turn()
    assert.equal(clock.pending, 1)
    abort()
    await assert.rejects(next, (thrown) => thrown === reason)
    assert.equal(clock.pending, 0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('closes the connection in use with 1000 and ends the loop', async () => {
    const { signal, abort } = aborting()
    const conn = new FakeConn()
    const { conns } = start([conn], { signal })
    await conns.next()
    abort()
    assert.equal(conn.closes[0], 1000)
    await assert.rejects(conns.next(), (thrown) => thrown === reason)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('does not give out a connection that opened while it was aborted', async () => {
    const { signal, abort } = aborting()
    const conn = new FakeConn()
    const { conns } = start([conn], { signal })
    const next = conns.next()
    abort()
    await assert.rejects(next, (thrown) => thrown === reason)
    assert.deepEqual(conn.closes, [1000])
  })

  test('leaves no listener behind, however many dials there were', async () => {
    const { signal } = aborting()
    const conn = new FakeConn()
    const { conns, clock, dials } = start([down(), down(), conn], { signal })
    const next = conns.next()
    await untilDial(clock, dials)
    await untilDial(clock, dials)
    await next
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await conns.return()
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})
