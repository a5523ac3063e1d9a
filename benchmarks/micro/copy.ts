import { copyBytes } from '../../src/frame/copy.js'
import { runWhenStarted, type Twins } from './pairs.js'

/** Within memory of which views are kept, or of its own; from a word's border to `at`. */
function twinsOf(where: string, size: number, at: number, length: number): Twins {
  const from = Buffer.allocUnsafeSlow(size).fill(1)
  const to = Buffer.allocUnsafeSlow(size)
  return {
    name: `copy ${length} B ${where}`,
    fast: () => {
      copyBytes(from, 4, length + 4, to, at)
      return to[at]!
    },
    naive: () => from.copy(to, at, 4, length + 4),
  }
}

export const twins = [
  ...[4, 16, 31, 32, 128, 1024].map((length) => twinsOf('of few', length + 8, 4, length)),
  ...[16, 32, 64, 128, 255, 1024].map((length) => twinsOf('alike', 8192, 4, length)),
  ...[16, 32, 64, 128, 1024].map((length) => twinsOf('shifted', 8192, 6, length)),
]

runWhenStarted(import.meta.filename, twins)
