import { mask } from '../../src/frame/index.js'
import { runWhenStarted, type Twins } from './pairs.js'

/** RFC 6455 §5.3, byte by byte. */
function naiveMask(bytes: Buffer, start: number, end: number, key: number): number {
  const keyBytes = [key >>> 24, (key >>> 16) & 0xff, (key >>> 8) & 0xff, key & 0xff]
  for (let i = start; i < end; i++) bytes[i] = bytes[i]! ^ keyBytes[(i - start) % 4]!
  return end
}

const KEY = 0x9d3b_51c6

function twinsOf(length: number, start: number): Twins {
  const bytes = Buffer.allocUnsafeSlow(length + start)
  return {
    name: `mask ${length} B${start === 0 ? '' : `, ${start} off a word`}`,
    fast: () => mask(bytes, start, start + length, KEY),
    naive: () => naiveMask(bytes, start, start + length, KEY),
  }
}

export const twins = [
  ...[4, 16, 64, 256, 4096, 65_536].map((length) => twinsOf(length, 0)),
  twinsOf(64, 1),
  twinsOf(4096, 3),
]

runWhenStarted(import.meta.filename, twins)
