import { constants, createDeflateRaw } from 'node:zlib'
import type { Deflater, DeflaterSettings } from '../deflate/engine.js'
import { WebSocketError } from '../errors.js'
import { KeptZlib } from './kept-zlib.js'
import { isZlibFast, SCRATCH } from './zlib-fast.js'

/**
 * Up to here input is compressed at once, in some hundred microseconds at most; what is longer goes to the thread pool,
 * so that it does not keep other connections waiting. What comes out of so much always has room in the scratch memory.
 */
export const DEFLATE_AT_ONCE = 32 << 10

/** Buffers of a stream in the thread pool. */
export const OWN_CHUNK = 16 << 10
export const SHARED_CHUNK = 64 << 10

/** A compressor on Node's zlib. */
export class ZlibDeflater implements Deflater {
  readonly #zlib: KeptZlib

  constructor(settings: DeflaterSettings, isShared: boolean) {
    const { windowBits, level, memLevel } = settings
    const options = {
      level,
      memLevel,
      chunkSize: isShared ? SHARED_CHUNK : OWN_CHUNK,
      // zlib cannot make a raw stream with a window of 2^8: Node has it use 2^9 without a word. Where it only looks for
      // runs of one byte, nothing ever refers further back than that byte, and any window will do.
      windowBits: Math.max(windowBits, 9),
      strategy: windowBits < 9 ? constants.Z_RLE : constants.Z_DEFAULT_STRATEGY,
    }
    this.#zlib = new KeptZlib(createDeflateRaw(options), isZlibFast())
  }

  deflate(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    const zlib = this.#zlib
    if (!zlib.isFast || end - start > DEFLATE_AT_ONCE) return this.#later(bytes.subarray(start, end))
    zlib.step(bytes, start, end, SCRATCH, 0)
    if (zlib.isBroken) throw failed()
    return SCRATCH.subarray(0, zlib.made)
  }

  async #later(bytes: Buffer): Promise<Buffer> {
    const chunks: Buffer[] = []
    await this.#zlib.run([bytes], (chunk) => chunks.push(chunk))
    return Buffer.concat(chunks)
  }

  reset(): void {
    this.#zlib.reset()
  }

  close(): void {
    this.#zlib.close()
  }
}

const failed = (): WebSocketError => new WebSocketError('WS_ERR_EXTENSION', 'Cannot compress: zlib failed')
