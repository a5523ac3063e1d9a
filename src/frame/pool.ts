import { checkFrame, Frame, onDispose, retire, revive } from './frame.js'

/** Frames kept for reuse at most. */
const POOL_SIZE = 1024

/**
 * A released frame rests until this many others were released after it, so that a use after release meets a frame
 * that says so instead of one that already belongs to someone else.
 */
const REST = 64

// A ring: released frames go in at the tail and come out at the head.
const ring = new Array<Frame | undefined>(POOL_SIZE)
let head = 0
let count = 0

/** Takes an empty frame out of the pool. Give it back with `releaseFrame()` or `using`. */
export function acquireFrame(): Frame {
  if (count <= REST) return new Frame()
  const frame = ring[head]!
  ring[head] = undefined
  head = (head + 1) % POOL_SIZE
  count--
  revive(frame)
  return frame
}

/**
 * Gives a frame back. From then on any use of it throws `WS_ERR_RELEASED`, a second release too; its payload is let go.
 */
export function releaseFrame(frame: Frame): void {
  checkFrame(frame)
  retire(frame)
  if (count === POOL_SIZE) return
  ring[(head + count) % POOL_SIZE] = frame
  count++
}

onDispose(releaseFrame)
