/** At least this many bytes of what is expected lie in one piece, so that one comparison does for most reads. */
const IN_ONE_PIECE = 128 << 10

/** An endless row of equal replies, to compare with what comes in. */
export class Replies {
  /** Bytes of one reply. */
  readonly size: number
  readonly #row: Buffer

  constructor(reply: Buffer) {
    this.size = reply.length
    this.#row = Buffer.concat(Array(Math.ceil(IN_ONE_PIECE / reply.length) + 1).fill(reply))
  }

  /** Throws unless `bytes[0, length)` goes on with the row where `phase` bytes of a reply have come in before. */
  check(bytes: Buffer, length: number, phase: number): void {
    for (let at = 0, from = phase % this.size; at < length; from = 0) {
      const count = Math.min(length - at, this.#row.length - from)
      if (this.#row.compare(bytes, at, at + count, from, from + count) !== 0)
        throw new Error(`A reply is wrong, near byte ${phase} of ${this.size}`)
      at += count
    }
  }
}
