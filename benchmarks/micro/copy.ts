import { copyBytes } from '../../src/frame/copy.js'
import { runWhenStarted, type Twins } from './pairs.js'

function twinsOf(length: number): Twins {
  const from = Buffer.allocUnsafeSlow(length + 8).fill(1)
  const to = Buffer.allocUnsafeSlow(length + 8)
  return {
    name: `copy ${length} B`,
    fast: () => {
      copyBytes(from, 0, length, to, 4)
      return to[4]!
    },
    naive: () => from.copy(to, 4, 0, length),
  }
}

export const twins = [4, 16, 32, 64, 128, 256, 1024].map(twinsOf)

runWhenStarted(import.meta.filename, twins)
