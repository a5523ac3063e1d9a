import { encodeFrame, encodeFrameInto, Frame, Opcode } from '../../src/frame/index.js'
import { BINARY, frameBytes, textOf } from '../e2e/wire.js'
import { runWhenStarted, type Twins } from './pairs.js'

const KEY = 0x9d3b_51c6
const memory = Buffer.allocUnsafeSlow(8 << 10)

/** The naive twin is what the benchmarks themselves make their frames with. */
function twinsOf(size: number, masked: boolean): Twins[] {
  const payload = textOf(size)
  const frame = new Frame({ opcode: Opcode.Binary, payload, masked, maskKey: masked ? KEY : 0 })
  const naive = (): number => frameBytes(payload, { opcode: BINARY, ...(masked && { key: KEY }) }).length
  const what = `${size} B${masked ? ', masked' : ''}`
  return [
    { name: `encodeFrameInto ${what}`, fast: () => encodeFrameInto(frame, memory, 0), naive },
    { name: `encodeFrame ${what}`, fast: () => encodeFrame(frame).length, naive },
  ]
}

export const twins = [
  ...twinsOf(16, false),
  ...twinsOf(64, false),
  ...twinsOf(64, true),
  ...twinsOf(4096, true),
]

runWhenStarted(import.meta.filename, twins)
