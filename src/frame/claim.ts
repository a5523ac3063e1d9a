/**
 * A claimed length is believed up to here, and up to so many times what has arrived of it: so nearly all of a large
 * payload is read or copied to where it stays, and memory stays in proportion to what the peer has sent.
 */
const BELIEVED_LENGTH = 64 << 10
const BELIEVED_TIMES = 16

/** Memory that was given back waits for the next payload of like size, where making anew costs more: so much in all. */
const SPARE_FROM = 64 << 10
const SPARE_UP_TO = 1 << 20
const SPARE_IN_ALL = 2 << 20

const spares: Buffer[] = []
let spareBytes = 0

/**
 * Memory for `size` bytes of a payload or more: up to its whole `length`, as far as the bytes `received` so far let it
 * be believed. The system does not give what it promises before it is written to.
 */
export function claim(size: number, received: number, length: number): Buffer {
  const spare = takeSpare(length)
  if (spare !== undefined) return spare
  const believed = Math.max(size, BELIEVED_LENGTH, received * BELIEVED_TIMES)
  // Twice as much if that is all of it: growing once more for what little would be left costs a copy of everything.
  return Buffer.allocUnsafeSlow(length <= 2 * believed ? length : believed)
}

/**
 * Takes memory of a payload back that nobody else has a share in: from now on it is somebody else's. What begins where
 * its memory begins, and is most of it, is no part of a chunk or a slab.
 */
export function giveBack(memory: Buffer): void {
  const size = memory.buffer.byteLength
  if (size < SPARE_FROM || size > SPARE_UP_TO) return
  if (memory.byteOffset !== 0 || memory.length < size / 2) return
  // Who has waited longest has been of no use.
  while (spareBytes + size > SPARE_IN_ALL) spareBytes -= spares.shift()!.length
  spareBytes += size
  spares.push(memory.length === size ? memory : Buffer.from(memory.buffer))
}

/** Spare memory for exactly so much, unless most of it would lie idle. */
function takeSpare(length: number): Buffer | undefined {
  for (let i = spares.length - 1; i >= 0; i--) {
    const spare = spares[i]!
    if (spare.length < length || spare.length > 2 * length) continue
    spares.splice(i, 1)
    spareBytes -= spare.length
    return spare.length === length ? spare : spare.subarray(0, length)
  }
  return undefined
}
