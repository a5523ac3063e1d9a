import { closeSync, openSync, readSync } from 'node:fs'
import { UsageError } from './command.js'

/** Everything is held in memory at once. */
export const LARGEST = 256 << 20

const PIECE = 1 << 20

/** A whole file. What is no plain file does not say how long it is, and may have no end. */
export function readFileUpTo(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const gathered = new Gathered()
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE)
      const length = readSync(file, piece)
      if (length === 0) return gathered.all()
      // A pipe gives little at a time: what is kept is not to hold on to the rest.
      gathered.add(length < PIECE / 2 ? Buffer.from(piece.subarray(0, length)) : piece.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
}

/** All of a stream. */
export async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const gathered = new Gathered()
  try {
    for await (const chunk of stream)
      gathered.add(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`stdin: ${error instanceof Error ? error.message : String(error)}`)
  }
  return gathered.all()
}

class Gathered {
  readonly #chunks: Buffer[] = []
  #size = 0

  add(chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > LARGEST)
      throw new UsageError(`there are more than ${LARGEST} bytes: no more can be read`)
    this.#chunks.push(chunk)
  }

  all(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
