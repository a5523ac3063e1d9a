/** Frames that wait are packed into blocks of at least this size. */
const BLOCK_SIZE = 16 << 10

/** Blocks that have served: where every write waits for a moment, as with TLS, they would be most of the garbage. */
const spare: Buffer[] = []
const MOST_SPARE = 32

const newBlock = (size: number): Buffer =>
  (size <= BLOCK_SIZE ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(size, BLOCK_SIZE))

const EMPTY = Buffer.alloc(0)

/**
 * Data frames that wait until the transport takes more, in order: those of this connection packed into blocks, and
 * memory that was made elsewhere as it is. Every piece ends where a frame ends.
 */
export class Waiting {
  #queue: Buffer[] = []
  #block: Buffer = EMPTY
  #used = 0
  /** Where the part of the block begins that belongs at the end of the queue; -1 when there is none. */
  #from = -1

  /** The memory in which `reserve()` gave room. */
  into: Buffer = EMPTY
  /** How much waits. */
  bytes = 0

  /** Gives room in `into` for a frame of `size` bytes; returns where it begins. */
  reserve(size: number): number {
    if (this.#used + size > this.#block.length) this.#setBlock(newBlock(size))
    if (this.#from < 0) this.#from = this.#used
    const at = this.#used
    this.#used = at + size
    this.bytes += size
    this.into = this.#block
    return at
  }

  /** Keeps memory that nobody writes to, without copying it. */
  push(bytes: Buffer): void {
    this.#seal()
    this.#queue.push(bytes)
    this.bytes += bytes.length
  }

  /** Takes out what goes into one write: the first piece, and small ones behind it. */
  take(): Buffer {
    this.#seal()
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

  /** Nobody looks any more at what was taken: when nothing waits, the block can serve somebody else. */
  recycle(): void {
    if (this.bytes > 0 || this.#block.length !== BLOCK_SIZE) return
    if (spare.length < MOST_SPARE) spare.push(this.#block)
    this.#setBlock(EMPTY)
    this.into = EMPTY
  }

  #setBlock(block: Buffer): void {
    this.#seal()
    this.#block = block
    this.#used = 0
  }

  #seal(): void {
    if (this.#from >= 0) this.#queue.push(this.#block.subarray(this.#from, this.#used))
    this.#from = -1
  }
}
