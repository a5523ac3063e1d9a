// Hot: run benchmarks/e2e before and after any edit. The naive twin is the ordinary decoder: test/frame/plain.test.ts.
import { FIN, MASKED, readLength16 } from './header.js'
import { Opcode } from './opcode.js'

/** What `findPlain()` has found: the first byte, and where the payload lies, its masking key in front of it. */
export let plainHead = 0
export let plainStart = 0
export let plainEnd = 0

/**
 * Whether `bytes[at, end)` begins with a whole message as a client sends nearly all of them: one masked frame, nothing
 * reserved, at most `longest` bytes. Nothing is decided about anything else.
 */
export function findPlain(bytes: Buffer, at: number, end: number, longest: number): boolean {
  const head = bytes[at]
  if (end - at < 6 || (head !== (FIN | Opcode.Text) && head !== (FIN | Opcode.Binary))) return false
  const second = bytes[at + 1]!
  let length = second - MASKED // below 0 without a mask
  let start = at + 6
  if (length > 125) {
    length = length === 126 && end - at >= 8 ? readLength16(bytes, at + 2) : 0
    if (length < 126) return false
    start = at + 8
  }
  if (length < 0 || length > longest || length > end - start) return false
  plainHead = head
  plainStart = start
  plainEnd = start + length
  return true
}
