/** Frames that wait are packed into blocks of at least this size. */
const BLOCK_SIZE = 16 << 10

const EMPTY = Buffer.alloc(0)

/**
 * Data frames that wait until the transport takes more, in order: those of this connection packed into blocks, and
 * memory that was made elsewhere as it is. Every piece ends where a frame ends.
 */
export class Waiting {
  #queue: Buffer[] = []
  #block: Buffer = EMPTY
  #used = 0
  /** Where the part of the block begins that is last in the queue; -1 when something else is. */
  #from = -1

  /** The memory in which `reserve()` gave room. */
  into: Buffer = EMPTY
  /** How much waits. */
  bytes = 0

  /** Gives room in `into` for a frame of `size` bytes; returns where it begins. */
  reserve(size: number): number {
    if (this.#used + size > this.#block.length)
      this.#setBlock(Buffer.allocUnsafeSlow(Math.max(size, BLOCK_SIZE)))
    if (this.#from < 0) {
      this.#from = this.#used
      this.#queue.push(EMPTY)
    }
    const at = this.#used
    this.#used = at + size
    this.#queue[this.#queue.length - 1] = this.#block.subarray(this.#from, this.#used)
    this.bytes += size
    this.into = this.#block
    return at
  }

  /** Keeps memory that nobody writes to, without copying it. */
  push(bytes: Buffer): void {
    this.#queue.push(bytes)
    this.bytes += bytes.length
    this.#from = -1
  }

  /** Takes out what goes into one write: the first piece, and small ones behind it. */
  take(): Buffer {
    let size = this.#queue[0]!.length
    let count = 1
    for (; count < this.#queue.length; count++) {
      const { length } = this.#queue[count]!
      if (size + length > BLOCK_SIZE) break
      size += length
    }
    const bytes = count === 1 ? this.#queue.shift()! : Buffer.concat(this.#queue.splice(0, count), size)
    this.bytes -= size
    return bytes
  }

  #setBlock(block: Buffer): void {
    this.#block = block
    this.#used = 0
    this.#from = -1
  }
}
