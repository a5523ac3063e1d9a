import { isUtf8 } from '../../src/frame/index.js'
import { runWhenStarted, type Twins } from './pairs.js'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The platform's own: it also makes the string, and throws. */
function naiveIsUtf8(bytes: Buffer): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

function twinsOf(name: string, text: string): Twins {
  const bytes = Buffer.from(text)
  return {
    name: `isUtf8 ${bytes.length} B, ${name}`,
    fast: () => (isUtf8(bytes) ? 1 : 0),
    naive: () => (naiveIsUtf8(bytes) ? 1 : 0),
  }
}

export const twins = [
  ...[16, 48, 64, 1024].map((length) => twinsOf('ASCII', 'x'.repeat(length))),
  ...[8, 512].map((length) => twinsOf('Cyrillic', 'ж'.repeat(length))),
]

runWhenStarted(import.meta.filename, twins)
