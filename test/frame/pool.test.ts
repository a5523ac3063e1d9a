import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyIntoFrame, Frame, setFrame } from '../../src/frame/frame.js'
import { acquireFrame, releaseFrame } from '../../src/frame/pool.js'
import { isCollected, misuse, released } from './helpers.js'

/** More than the pool holds. */
const MANY = 3000

test('acquireFrame gives each frame to one holder only', () => {
  const held = Array.from({ length: MANY }, acquireFrame)
  assert.equal(new Set(held).size, MANY)
  for (const frame of held) releaseFrame(frame)
  const again = Array.from({ length: MANY }, acquireFrame)
  assert.equal(new Set(again).size, MANY)
  for (const frame of again) releaseFrame(frame)
})

test('acquireFrame uses released frames again, as many as the pool holds', () => {
  const before = new Set(Array.from({ length: MANY }, acquireFrame))
  for (const frame of before) releaseFrame(frame)
  const after = Array.from({ length: MANY }, acquireFrame)
  const reused = after.filter((frame) => before.has(frame)).length
  assert.ok(reused > 800 && reused <= 1024, `${reused} of ${MANY} were used again`)
  for (const frame of after) releaseFrame(frame)
})

test('acquireFrame gives an empty frame, whatever the last holder did to it', () => {
  for (let i = 0; i < MANY; i++) {
    const frame = acquireFrame()
    assert.equal(String(frame), 'binary fin 0 bytes')
    assert.deepEqual([frame.maskKey, frame.lengthSize], [0, 7])
    setFrame(frame, 0xff, true, 0xffff_ffff)
    frame.payload = 'old payload'
    frame.length = 70_000
    frame.lengthSize = 64
    releaseFrame(frame)
  }
})

test('a released frame rests while 64 others are released, so that a late use is noticed', () => {
  const [late] = Array.from({ length: MANY }, acquireFrame) as [Frame] // nothing is left in the pool
  releaseFrame(late)
  for (let i = 0; i < 64; i++) {
    const frame = acquireFrame()
    assert.notEqual(frame, late)
    releaseFrame(frame)
    assert.throws(() => late.payload, released)
    assert.throws(() => releaseFrame(late), released)
  }
})

test('releaseFrame throws the second time, and the frame stays in the pool once', () => {
  const [frame] = Array.from({ length: MANY }, acquireFrame) as [Frame] // nothing is left in the pool
  releaseFrame(frame)
  assert.throws(() => releaseFrame(frame), released)
  for (let i = 0; i < 100; i++) releaseFrame(new Frame()) // it has rested long enough then
  const all = Array.from({ length: MANY }, acquireFrame)
  assert.equal(all.filter((other) => other === frame).length, 1)
})

test('releaseFrame throws for what is no frame', () => {
  for (const wrong of [undefined, null, {}, 'frame'])
    assert.throws(() => releaseFrame(wrong as Frame), misuse(TypeError, 'frame'))
})

test('releaseFrame takes a frame that was made by hand', () => {
  const frame = new Frame({ payload: 'mine' })
  releaseFrame(frame)
  assert.throws(() => frame.text(), released)
})

test('using gives a frame back at the end of its block, when it is left by an error too', () => {
  let inside = acquireFrame()
  {
    using frame = inside
    assert.equal(frame.isReleased, false)
  }
  assert.equal(inside.isReleased, true)
  assert.throws(() => {
    using frame = acquireFrame()
    inside = frame
    throw new Error('on purpose')
  }, /on purpose/)
  assert.equal(inside.isReleased, true)
})

test('using throws for a frame that was released inside its block', () => {
  assert.throws(() => {
    using frame = acquireFrame()
    releaseFrame(frame)
  }, released)
})

test('a payload view handed out before release is never overwritten by a later life of any frame', () => {
  const views: Buffer[] = []
  for (let life = 0; life < MANY; life++) {
    const frame = acquireFrame()
    const payload = Buffer.from(`life ${life}`)
    copyIntoFrame(frame, payload, 0, payload.length)
    views.push(frame.payload)
    releaseFrame(frame)
  }
  for (const [life, view] of views.entries()) assert.equal(view.toString(), `life ${life}`)
})

test('the pool keeps no payload alive, and no more frames than it may', async () => {
  const refs: WeakRef<object>[] = []
  const frames: WeakRef<object>[] = []
  fill()
  for (const ref of refs) assert.equal(await isCollected(ref), true)
  const kept = frames.filter((ref) => ref.deref() !== undefined).length
  assert.ok(kept <= 1024, `${kept} frames of ${MANY} are kept`)

  function fill(): void {
    const held = Array.from({ length: MANY }, acquireFrame)
    for (const [i, frame] of held.entries()) {
      frames.push(new WeakRef(frame))
      const payload = Buffer.alloc(64)
      if (i % 100 === 0) refs.push(new WeakRef(payload))
      frame.payload = payload
      releaseFrame(frame)
    }
  }
})
