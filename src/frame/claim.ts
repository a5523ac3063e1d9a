/**
 * A claimed length is believed up to here, and up to so many times what has arrived of it: so nearly all of a large
 * payload is read or copied to where it stays, and memory stays in proportion to what the peer has sent.
 */
const BELIEVED_LENGTH = 64 << 10
const BELIEVED_TIMES = 16

/**
 * Memory for `size` bytes of a payload or more: up to its whole `length`, as far as the bytes `received` so far let it
 * be believed. The system does not give what it promises before it is written to.
 */
export function claim(size: number, received: number, length: number): Buffer {
  const believed = Math.max(size, BELIEVED_LENGTH, received * BELIEVED_TIMES)
  // Twice as much if that is all of it: growing once more for what little would be left costs a copy of everything.
  return Buffer.allocUnsafeSlow(length <= 2 * believed ? length : believed)
}
