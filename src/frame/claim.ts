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

/**
 * A large payload begins so far into its memory. That of the system begins 16 bytes into a page, and what a kernel copies
 * to it begins a header, up to 14 bytes, into another one: where the target lies just behind its source, all but the
 * page, a copy takes three times as long on processors of AMD (seen with `perf` on loopback).
 */
const MARGIN = 64

const spares: Buffer[] = []
let spareBytes = 0

/** What payloads have to themselves, and may come back. */
const claimed = new WeakSet<ArrayBufferLike>()

/**
 * Memory for `size` bytes of a payload or more: up to its whole `length`, as far as the bytes `received` so far let it
 * be believed. The system does not give what it promises before it is written to.
 */
export function claim(size: number, received: number, length: number): Buffer {
  const spare = takeSpare(length)
  if (spare !== undefined) return spare
  const believed = Math.max(size, BELIEVED_LENGTH, received * BELIEVED_TIMES)
  // Twice as much if that is all of it: growing once more for what little would be left costs a copy of everything.
  return allocate(length <= 2 * believed ? length : believed)
}

/** Takes memory back, if `claim()` gave it and it is worth it: from now on it is somebody else's. */
export function giveBack(memory: Buffer): void {
  const { buffer } = memory
  const size = buffer.byteLength - MARGIN
  if (size < SPARE_FROM || size > SPARE_UP_TO || !claimed.has(buffer)) return
  // Who has waited longest has been of no use.
  while (spareBytes + size > SPARE_IN_ALL) spareBytes -= spares.shift()!.length
  spareBytes += size
  spares.push(memory.length === size ? memory : Buffer.from(buffer, MARGIN))
}

function allocate(size: number): Buffer {
  if (size < SPARE_FROM) return Buffer.allocUnsafeSlow(size)
  const memory = Buffer.allocUnsafeSlow(MARGIN + size).subarray(MARGIN)
  claimed.add(memory.buffer)
  return memory
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
