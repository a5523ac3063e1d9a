/** What the larger messages are made of: always the same bytes, made when they are first asked for. */

/** A small generator of numbers that look random (xorshift); all the same in every run. */
export function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Keeps what was made for the largest size so far, and gives the beginning of it. */
function growing(make: (size: number) => Buffer): (size: number) => Buffer {
  let made: Buffer = Buffer.alloc(0)
  return (size) => {
    if (made.length < size) made = make(size)
    return made.subarray(0, size)
  }
}

/** ASCII text; a piece that is lost, doubled or moved does not go unnoticed. */
export const letters = growing((size) => {
  const bytes = Buffer.allocUnsafe(size)
  let line = 0
  for (let at = 0; at < size; line++) at += bytes.write(`line ${line}: the quick brown fox jumps over the lazy dog\n`, at)
  return bytes
})

/** Bytes of every value, in no order. */
export const incompressible = growing((size) => {
  const next = numbers(0x9e3779b9)
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4)
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(next(), at)
  return bytes
})
