import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { timekeeperOf } from '../../src/conn/timekeeper.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import { CountingClock, FrameCount, openScene, until } from '../support/scene.js'

describe('openScene().aftermath()', () => {
  test('is content when nothing is left', async (t) => {
    const scene = await openScene(t)
    const { conn } = await scene.connect()
    conn.terminate()
    await scene.aftermath({ reports: ['1006 local WS_ERR_TERMINATED'] })
  })

  test('tells a report that was not expected', async (t) => {
    const scene = await openScene(t)
    const { conn } = await scene.connect()
    conn.terminate()
    await assert.rejects(scene.aftermath({ reports: ['1000 remote clean'] }), { name: 'AssertionError' })
  })

  test('tells an error that was not expected', async (t) => {
    const scene = await openScene(t, () => {
      throw new Error('no')
    })
    await scene.connect()
    await assert.rejects(scene.aftermath({ reports: ['1011 local WS_ERR_HANDLER'] }), {
      name: 'AssertionError',
    })
  })

  test('tells a frame that is left', async (t) => {
    const scene = await openScene(t)
    const frame = acquireFrame()
    await assert.rejects(scene.aftermath(), /pooled frames are left/)
    releaseFrame(frame)
    await scene.aftermath()
  })

  test('tells a deadline and a timer that are left', async () => {
    const clock = new CountingClock()
    const timed = { due: Infinity, place: -1, onDue: () => undefined }
    timekeeperOf(clock).add(timed)
    assert.deepEqual([timekeeperOf(clock).size, clock.pending], [1, 1])
    timekeeperOf(clock).delete(timed)
    assert.deepEqual([timekeeperOf(clock).size, clock.pending], [0, 0])
    clock.setTimer(() => undefined, 1)
    await until(() => clock.pending === 0)
  })
})

test('FrameCount counts the frames that are out, however many', () => {
  const count = new FrameCount()
  const frames = Array.from({ length: 100 }, acquireFrame)
  assert.equal(count.out, 100)
  for (const frame of frames) releaseFrame(frame)
  assert.equal(count.out, 0)
})
