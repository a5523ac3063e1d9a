import { createInflateRaw } from 'node:zlib'
import type { Inflater } from '../deflate/engine.js'
import { ProtocolError, WebSocketError } from '../errors.js'
import { OWN_CHUNK, SHARED_CHUNK } from './deflater.js'
import { KeptZlib } from './kept-zlib.js'
import { isZlibFast, SCRATCH } from './zlib-fast.js'

/** Up to here input is inflated at once, as long as what comes out of it has room in the scratch memory. */
export const INFLATE_AT_ONCE = 32 << 10

/**
 * Blocks marked as final in one frame. One is what a sender has who cannot flush otherwise (RFC 7692 §7.2.3.4); each
 * one costs a new beginning here, and may be as short as two bytes.
 */
const MAX_FINAL_BLOCKS = 64

/** What a sender takes off the end of a message (§7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

type Check = (length: number) => void

/** A decompressor on Node's zlib. */
export class ZlibInflater implements Inflater {
  readonly #windowBits: number
  readonly #chunkSize: number
  #zlib: KeptZlib
  #finalBlocks = 0

  constructor(windowBits: number, isShared: boolean) {
    this.#windowBits = windowBits
    this.#chunkSize = isShared ? SHARED_CHUNK : OWN_CHUNK
    this.#zlib = this.#newZlib()
  }

  inflate(
    bytes: Buffer,
    start: number,
    end: number,
    isLast: boolean,
    check: Check,
  ): Buffer | Promise<Buffer> {
    this.#finalBlocks = 0
    if (this.#zlib.isFast && end - start <= INFLATE_AT_ONCE)
      return this.#now(bytes, start, end, isLast, check)
    const input = bytes.subarray(start, end)
    return this.#later(isLast ? [input, TAIL] : [input], [], isLast, check)
  }

  reset(): void {
    this.#zlib.reset()
  }

  close(): void {
    this.#zlib.close()
  }

  #newZlib(): KeptZlib {
    const options = { windowBits: this.#windowBits, chunkSize: this.#chunkSize }
    return new KeptZlib(createInflateRaw(options), isZlibFast())
  }

  #now(bytes: Buffer, start: number, end: number, isLast: boolean, check: Check): Buffer | Promise<Buffer> {
    const zlib = this.#zlib
    let made = 0
    let input = bytes
    let at = start
    let stop = end
    for (;;) {
      zlib.step(input, at, stop, SCRATCH, made)
      if (zlib.isBroken) throw garbage()
      made += zlib.made
      check(made)
      at = stop - zlib.left
      if (made === SCRATCH.length) {
        const rest = [input.subarray(at, stop)]
        if (isLast && input !== TAIL) rest.push(TAIL)
        return this.#later(rest, [Buffer.from(SCRATCH)], isLast, check)
      }
      if (zlib.left > 0) {
        this.#onFinalBlock()
        zlib.reset()
        if (input === TAIL) break // a final block ended the message: there is nothing to be ended
      } else if (isLast && input !== TAIL) {
        input = TAIL
        at = 0
        stop = TAIL.length
      } else break
    }
    return SCRATCH.subarray(0, made)
  }

  /** What is too much to be done at once, or all of it where there is no other way. */
  async #later(rest: Buffer[], chunks: Buffer[], isLast: boolean, check: Check): Promise<Buffer> {
    let made = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const take = (chunk: Buffer): void => {
      made += chunk.length
      check(made)
      chunks.push(chunk)
    }
    let pieces = rest.filter((piece) => piece.length > 0)
    for (let left = await this.#run(pieces, take); left > 0; left = await this.#run(pieces, take)) {
      this.#onFinalBlock()
      this.#zlib.close()
      this.#zlib = this.#newZlib()
      if (isLast && left <= TAIL.length) break
      pieces = lastOf(pieces, left)
    }
    return Buffer.concat(chunks, made)
  }

  async #run(pieces: readonly Buffer[], take: (chunk: Buffer) => void): Promise<number> {
    try {
      return await this.#zlib.run(pieces, take)
    } catch (error) {
      throw isFromZlib(error) ? garbage(error) : error
    }
  }

  #onFinalBlock(): void {
    this.#finalBlocks++
    if (this.#finalBlocks > MAX_FINAL_BLOCKS)
      throw new ProtocolError(
        'WS_ERR_INFLATE',
        1007,
        `Cannot inflate a frame with more than ${MAX_FINAL_BLOCKS} final blocks`,
      )
  }
}

/** The last bytes of pieces, without copying. */
function lastOf(pieces: readonly Buffer[], count: number): Buffer[] {
  const last: Buffer[] = []
  let left = count
  for (let i = pieces.length - 1; left > 0; i--) {
    const piece = pieces[i]!
    last.unshift(piece.subarray(Math.max(0, piece.length - left)))
    left -= piece.length
  }
  return last
}

const isFromZlib = (error: unknown): boolean =>
  !(error instanceof WebSocketError) &&
  String((error as NodeJS.ErrnoException | undefined)?.code).startsWith('Z_')

const garbage = (cause?: unknown): ProtocolError =>
  new ProtocolError(
    'WS_ERR_INFLATE',
    1007,
    'Cannot inflate a message: it is no deflate stream (RFC 7692 §7.2.2)',
    cause === undefined ? undefined : { cause },
  )
