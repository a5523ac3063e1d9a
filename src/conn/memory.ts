// Hot: every message that waits for a reader is copied here once.

/** Small messages share slabs of this size: one that is kept holds no more than a slab. */
const SLAB_SIZE = 8 << 10
const SHARE_UP_TO = 2 << 10

/** Up to here a loop is cheaper than a call into native code. */
const COPY_BY_LOOP = 48

let slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
let used = 0
let kept = slab

/** The memory that `keepBytes()` last copied to. */
export const keptIn = (): Buffer => kept

/** Copies `bytes[start, end)` to memory that nobody writes to again; returns where in `keptIn()` they begin. */
export function keepBytes(bytes: Buffer, start: number, end: number): number {
  const length = end - start
  if (length > SHARE_UP_TO) {
    kept = Buffer.allocUnsafeSlow(length)
    bytes.copy(kept, 0, start, end)
    return 0
  }
  if (used + length > SLAB_SIZE) {
    slab = Buffer.allocUnsafeSlow(SLAB_SIZE)
    used = 0
  }
  const at = used
  used += length
  kept = slab
  if (length > COPY_BY_LOOP) bytes.copy(slab, at, start, end)
  else for (let i = start, to = at; i < end; i++, to++) slab[to] = bytes[i]!
  return at
}
