import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pair } from '../../src/conn/pair.js'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { CloseError } from '../../src/errors.js'
import { FakeClock, isPending } from '../support/index.js'
import { settle } from './support.js'

describe('pair', () => {
  test('connects two ends that hear each other', async () => {
    const { client, server } = pair({ protocol: 'chat' })
    await client.send('to the server')
    await server.send(Buffer.from('to the client'))
    assert.equal((await server.read())?.text(), 'to the server')
    assert.deepEqual((await client.read())?.data, Buffer.from('to the client'))
    assert.deepEqual(
      [client.protocol, server.protocol, client.remoteAddress, client.localPort],
      ['chat', 'chat', undefined, undefined],
    )
    assert.ok((await client.ping()) >= 0)
  })

  test('masks what the client sends only', async () => {
    const { client, server } = pair()
    void client.send('x')
    void server.send('y')
    using up = await server.nextFrame()
    using down = await client.nextFrame()
    assert.deepEqual([up?.masked, down?.masked], [true, false])
  })

  for (const who of ['client', 'server'] as const)
    test(`closes clean on both ends (${who} first)`, async () => {
      const ends = pair()
      const other = who === 'client' ? ends.server : ends.client
      void ends[who].send('last')
      const mine = await ends[who].close(4000, 'bye')
      const theirs = await other.closed
      assert.deepEqual([mine.code, mine.initiator, mine.clean], [4000, 'local', true])
      assert.deepEqual([theirs.code, theirs.initiator, theirs.clean], [4000, 'remote', true])
      assert.equal((await other.read())?.text(), 'last')
      await assert.rejects(other.read(), CloseError)
    })

  test('closes clean when both close at once', async () => {
    const { client, server } = pair()
    const reports = await Promise.all([client.close(4000), server.close(4001)])
    assert.deepEqual(
      reports.map((report) => [report.code, report.clean]),
      [
        [4001, true],
        [4000, true],
      ],
    )
  })

  test('stops a sender that offers more than the other end reads', async () => {
    const { client, server } = pair({ highWaterMark: 1000, maxInboxBytes: 1000 })
    let sent = 0
    for (; sent < 1000; sent++) if (await isPending(client.send('x'.repeat(1000)))) break
    assert.ok(sent < 300, `${sent} went out`)
    assert.ok(server.stats.bytesIn < 200_000)
    const waits = client.drained()
    for (let i = 0; i <= sent; i++) await server.read()
    await waits
  })

  test('lets a slow reader see a Close that came behind what it reads', async () => {
    const { client, server } = pair({ maxInboxFrames: 1 })
    for (let i = 0; i < 5; i++) void client.send(`${i}`)
    void client.close(1000)
    for (let i = 0; i < 5; i++) {
      await settle()
      assert.equal((await server.read())?.text(), `${i}`)
    }
    assert.equal(await server.read(), null)
    assert.equal((await client.closed).clean, true)
  })

  test('tells the other end of a drop, however much waits', async () => {
    for (const stuck of [false, true]) {
      const { client, server } = pair({ maxInboxFrames: 1, closeTimeout: 0 })
      void client.send('a')
      for (let i = 0; stuck && i < 10; i++) void client.send('x'.repeat(60_000))
      await settle()
      await settle()
      server.terminate()
      const [theirs, mine] = await Promise.all([client.closed, server.closed])
      assert.deepEqual([theirs.code, theirs.initiator, mine.code], [1006, 'remote', 1006])
    }
  })

  test('leaves nothing behind after many openings', async () => {
    const clock = new FakeClock()
    for (let i = 0; i < 30; i++) {
      const { client, server } = pair({ clock })
      void client.send('x')
      if (i % 2 === 0) await server.read()
      if (i % 3 === 0) client.terminate()
      else await client.close()
      await Promise.all([client.closed, server.closed])
    }
    assert.equal(timekeeperOf(clock).size, 0)
    assert.equal(clock.pending, 0)
  })
})
