import assert from 'node:assert/strict'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { describe, test } from 'node:test'
import { beginRead, rest, Share } from '../../src/node/fair-turns.js'
import { upgrade } from '../../src/upgrade.js'
import { clientFrame, deferred, GUARD, listen, rawHandshake, tls, turn } from '../support/index.js'

const KIB = 1 << 10

describe('Share', () => {
  test('reads less at a time the longer its bytes take, and more again when they do not', () => {
    const share = new Share()
    const sizes: number[] = []
    const take = (milliseconds: number): void => {
      share.took(milliseconds)
      sizes.push(share.memory.length / KIB)
    }
    for (const milliseconds of [5, 5, 0.05, 5, 5, 5, 5, 0.01, 0.01]) take(milliseconds)
    assert.deepEqual(sizes, [32, 16, 16, 8, 4, 2, 2, 4, 8])
    for (let i = 0; i < 6; i++) take(0.01)
    assert.equal(share.memory.length, 64 * KIB)
  })

  test('is used up in a turn, and there again in the next', async () => {
    const share = new Share()
    assert.equal(share.begin(), false, 'nobody knows yet how long it takes')
    share.took(10)
    assert.equal(share.begin(), true)
    beginRead(undefined)
    await turn()
    assert.equal(share.spent, 0)
    share.took(0)
    share.spent = 0
    assert.equal(share.begin(), false)
  })

  test('is larger where nobody else was read for a while, and not any more when somebody is', () => {
    const share = new Share()
    const others = new Share()
    /** Whether a read that takes 0.2 ms is to be the last of this turn. */
    const isLast = (): boolean => {
      beginRead(share)
      share.took(0.2)
      share.spent = 0
      return share.begin()
    }
    for (const one of [undefined, others]) {
      assert.equal(isLast(), true)
      for (let i = 0; i < 64; i++) beginRead(share)
      assert.equal(isLast(), false)
      beginRead(one)
      assert.equal(isLast(), true)
    }
    beginRead(undefined)
  })

  test('rest() wakes who waits when the turn is over', async () => {
    const woken: string[] = []
    rest({ wake: () => void woken.push('one') })
    rest({ wake: () => void woken.push('two') })
    assert.deepEqual(woken, [])
    await turn()
    assert.deepEqual(woken, ['one', 'two'])
  })
})

/** Keeps the processor busy for so many microseconds. */
function work(microseconds: number): void {
  const end = performance.now() + microseconds / 1000
  while (performance.now() < end);
}

describe('a peer that sends without a pause', GUARD, () => {
  const COUNT = 20_000
  for (const secure of [false, true])
    for (const way of ['events', 'for await'] as const)
      test(`keeps the others waiting for a moment only, by ${way}${secure ? ', over TLS' : ''}`, async (t) => {
        let handled = 0
        const all = deferred()
        const handle = (): void => {
          work(20) // as a handler of some weight
          if (++handled === COUNT) all.resolve()
        }
        const busy = upgrade(
          way === 'events'
            ? { message: handle }
            : async (conn) => {
                for await (const _message of conn) handle()
              },
          { path: '/busy' },
        )
        const server = secure ? createHttps({ key: tls.key, cert: tls.cert }) : createHttp()
        busy.attach(server)
        upgrade({ message: (conn, message) => conn.send(message) }, { path: '/' }).attach(server)
        const port = await listen(t, server)
        const options = { t, ...(secure ? { tls: { ca: tls.ca } } : {}) }
        const honest = (await rawHandshake(port, options)).peer
        const flood = (await rawHandshake(port, { ...options, path: '/busy' })).peer
        flood.write(Buffer.concat(Array<Buffer>(COUNT).fill(clientFrame(1, 'x'.repeat(100)))))
        const between: number[] = []
        while (handled < COUNT) {
          const before = handled
          honest.write(clientFrame(1, 'honest'))
          await honest.readFrame()
          between.push(handled - before)
        }
        await all.promise
        t.diagnostic(`${between.length} answers, at most ${Math.max(...between)} messages in between`)
        // At first nobody knows how long its messages take: two full reads go through.
        assert.ok(between.length > 12, `the honest one had ${between.length} answers`)
        assert.ok(Math.max(...between) < COUNT / 5, `once it waited for ${Math.max(...between)} messages`)
      })
})
