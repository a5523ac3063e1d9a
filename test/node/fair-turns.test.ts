import assert from 'node:assert/strict'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { describe, type TestContext, test } from 'node:test'
import { beginRead, type Resting, rest, Share } from '../../src/node/fair-turns.js'
import { upgrade } from '../../src/upgrade.js'
import { clientFrame, deferred, GUARD, listen, rawHandshake, tls, turn } from '../support/index.js'

const isOff = process.env.FASTWS_PORTABLE === '1'

const KIB = 1 << 10

/** Less than a read takes at most: it never comes back full. */
const BATCH = 60 * KIB

/** Somebody who reads, and how often he was told to keep to a share. */
class Someone implements Resting {
  told = 0
  share(): void {
    this.told++
  }
  wake(): void {}
}

const nobody = new Someone()
/** Whatever was timed is over: somebody light is read. */
const over = (): void => beginRead(nobody, undefined, 0)

/** Turns in which only large messages are read, so many that whoever was light before does not count any more. */
async function withoutLight(): Promise<void> {
  for (let i = 0; i < 70; i++) {
    new Share().begin(true)
    await turn()
  }
}

describe('who takes long', () => {
  let now = 1e6
  /** Time goes by as it is told to: what else the machine does takes none. */
  const stopClock = (t: TestContext): void => {
    over()
    now += 10_000
    t.mock.method(performance, 'now', () => now)
  }

  /** Reads that each take so many milliseconds. */
  function reads(reader: Resting, length: number, ...milliseconds: number[]): void {
    for (const time of milliseconds) {
      beginRead(reader, undefined, length)
      now += time
    }
    over()
  }

  test('twice in a short time is told to keep to a share, though no read was full', (t) => {
    stopClock(t)
    const reader = new Someone()
    reads(reader, BATCH, 2)
    assert.equal(reader.told, 0)
    reads(reader, 5 * KIB, 2)
    assert.equal(reader.told, 1)
  })

  test('once, or with little, or after a pause of a second, is not', async (t) => {
    stopClock(t)
    const [once, little, later] = [new Someone(), new Someone(), new Someone()]
    reads(once, BATCH, 2, 0, 1)
    reads(little, 1000, 2, 2, 2)
    reads(later, BATCH, 2)
    for (let i = 0; i < 3; i++) {
      await turn()
      now += 1001
      reads(later, BATCH, 2)
      reads(nobody, 1000, 0)
    }
    assert.deepEqual([once.told, little.told, later.told], [0, 0, 0])
  })

  test('among others is found all the same', (t) => {
    stopClock(t)
    const readers = Array.from({ length: 10 }, () => new Someone())
    for (let i = 0; i < 2; i++) for (const reader of readers) reads(reader, BATCH, 1.5)
    assert.deepEqual(
      readers.map(({ told }) => told),
      readers.map(() => 1),
    )
  })

  test('among so many that a turn takes longer than that is found as well', async (t) => {
    stopClock(t)
    const readers = Array.from({ length: 50 }, () => new Someone())
    for (let i = 0; i < 2; i++) {
      for (const reader of readers) reads(reader, BATCH, 100)
      await turn()
    }
    assert.ok(readers.every(({ told }) => told === 1))
  })

  test('is not charged with the time in which nothing came', async (t) => {
    stopClock(t)
    const reader = new Someone()
    for (let i = 0; i < 3; i++) {
      beginRead(reader, undefined, BATCH)
      await turn()
      now += 2
    }
    over()
    assert.equal(reader.told, 0)
  })
})

describe('Share', () => {
  test('reads less at a time the longer its bytes take, and more again when they do not', () => {
    const share = new Share()
    const sizes: number[] = []
    const take = (milliseconds: number): void => {
      share.took(milliseconds)
      sizes.push(share.memory.length / KIB)
    }
    for (const milliseconds of [5, 5, 0.06, 5, 5, 5, 5, 0.04, 0.01]) take(milliseconds)
    assert.deepEqual(sizes, [32, 16, 16, 8, 4, 2, 2, 4, 8])
    for (let i = 0; i < 6; i++) take(0.01)
    assert.equal(share.memory.length, 64 * KIB)
  })

  test('is used up in a turn, and there again in the next', async () => {
    const share = new Share()
    assert.equal(share.begin(true), false, 'nobody knows yet how long it takes')
    share.took(10)
    assert.equal(share.begin(true), true)
    over()
    await turn()
    assert.equal(share.spent, 0)
    share.took(0)
    share.spent = 0
    assert.equal(share.begin(true), false)
  })

  test('is larger for reads that are not full, behind which the others have their turn anyway', () => {
    const share = new Share()
    for (const [isFull, time, size] of [
      [false, 0.3, 64],
      [false, 0.6, 32],
      [false, 0.3, 32],
      [true, 0.2, 16],
    ] as const) {
      assert.equal(share.begin(isFull) && !isFull, false)
      share.took(time)
      assert.equal(share.memory.length, size * KIB)
    }
    over()
  })

  test('is larger while nobody light is read, and not any more when somebody is', async (t) => {
    t.mock.method(performance, 'now', () => 0)
    const [share, calm] = [new Share(), new Share()]
    /** Whether a read that takes 0.4 ms is to be the last of this turn. */
    const isLast = (): boolean => {
      share.begin(true)
      share.took(0.4)
      share.spent = 0
      return share.begin(true)
    }
    const small = (one: Share | undefined): void => beginRead(nobody, one, 100)
    const light: Record<string, () => void> = {
      'who has no share': () => small(undefined),
      'whose bytes take no time': () => {
        beginRead(nobody, undefined, BATCH)
        beginRead(nobody, share, BATCH)
      },
      'who has one from before': () => {
        for (let i = 0; i < 20; i++) small(calm)
      },
    }
    for (const [who, speak] of Object.entries(light)) {
      speak()
      assert.equal(isLast(), true)
      await withoutLight()
      assert.equal(isLast(), false, who)
      // Little now and then is the end of much.
      for (let i = 0; i < 20; i++) {
        if (i % 10 === 0) calm.begin(false)
        small(calm)
      }
      assert.equal(isLast(), false, who)
      speak()
      assert.equal(isLast(), true, who)
    }
    over()
  })

  test('rest() wakes who waits when the turn is over', async () => {
    const woken: string[] = []
    for (const name of ['one', 'two']) rest({ wake: () => void woken.push(name), share: () => undefined })
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

/** A server whose handlers take their time, and a peer that sends it a lot beside one that does not. */
async function besideMuch(t: TestContext, way: 'events' | 'for await', secure: boolean) {
  let handled = 0
  let awaited = deferred()
  let goal = Infinity
  const handle = (): void => {
    work(20) // as a handler of some weight
    if (++handled >= goal) awaited.resolve()
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
  return {
    /** Sends so many messages at once, and has the honest one talk until they are handled; how many were, each time. */
    async send(count: number): Promise<number[]> {
      goal = handled + count
      awaited = deferred()
      flood.write(Buffer.concat(Array<Buffer>(count).fill(clientFrame(1, 'x'.repeat(100)))))
      const between: number[] = []
      while (handled < goal) {
        const before = handled
        honest.write(clientFrame(1, 'honest'))
        await honest.readFrame()
        between.push(handled - before)
      }
      await awaited.promise
      return between
    },
  }
}

describe('a peer that sends much', GUARD, () => {
  const COUNT = 20_000
  for (const way of ['events', 'for await'] as const) {
    for (const secure of [false, true])
      test(`without a pause keeps the others waiting for a moment only, by ${way}${secure ? ', over TLS' : ''}`, async (t) => {
        const { send } = await besideMuch(t, way, secure)
        const between = await send(COUNT)
        t.diagnostic(`${between.length} answers, at most ${Math.max(...between)} messages in between`)
        // At first nobody knows how long its messages take: two full reads go through.
        assert.ok(between.length > 12, `the honest one had ${between.length} answers`)
        assert.ok(Math.max(...between) < COUNT / 5, `once it waited for ${Math.max(...between)} messages`)
      })

    test(`in batches that are no full reads does so, too, by ${way}`, async (t) => {
      const { send } = await besideMuch(t, way, false)
      const batch = 500
      const waits: number[] = []
      for (let i = 0; i < 30; i++) waits.push(Math.max(...(await send(batch))))
      t.diagnostic(`messages that the honest one waited for at most, in each batch: ${waits.join(' ')}`)
      const usual = waits.slice(-9).sort((a, b) => a - b)[4]
      // How much net.Socket reads at a time is not ours to say.
      assert.ok(usual! < (isOff ? batch + 1 : batch / 2), `it waited for ${waits.join(', ')}`)
    })
  }
})
