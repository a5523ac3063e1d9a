import { acquireFrame, Frame, releaseFrame } from '../../src/frame/index.js'
import { runWhenStarted, type Twins } from './pairs.js'

// The pool gives frames out again only when some rest in it.
for (const frame of Array.from({ length: 200 }, () => new Frame())) releaseFrame(frame)

const payload = Buffer.alloc(64)

export const twins: readonly Twins[] = [
  {
    name: 'acquire and release, or make a new frame',
    fast: () => {
      const frame = acquireFrame()
      frame.payload = payload
      const { length } = frame
      releaseFrame(frame)
      return length
    },
    naive: () => {
      const frame = new Frame()
      frame.payload = payload
      return frame.length
    },
  },
]

runWhenStarted(import.meta.filename, twins)
