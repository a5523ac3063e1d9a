import { constants, type DeflateRaw, type InflateRaw } from 'node:zlib'
import { WebSocketError } from '../errors.js'
import { takeTurn } from './zlib-turns.js'

type ZlibStream = DeflateRaw | InflateRaw

/** What stands behind a zlib stream of Node. It is not documented, and looked for before it is used. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void
}

interface Insides {
  readonly _handle?: Handle | null
  /** What is left after a write: room in the output, bytes of the input. */
  readonly _writeState?: Uint32Array
}

/** Work that is done in the thread pool. */
interface Job {
  readonly take: (chunk: Buffer) => void
  readonly resolve: (left: number) => void
  readonly reject: (error: Error) => void
}

/**
 * A zlib stream that is kept for many messages. Small input is written through its handle at once, which takes about a
 * microsecond; large input goes through the stream as documented, and so to the thread pool.
 */
export class KeptZlib {
  readonly #stream: ZlibStream
  readonly #handle: Handle | null | undefined
  readonly #state: Uint32Array | undefined
  #job: Job | undefined
  #listens = false
  #failed = false
  /** After `step()`: bytes that came out of it, and bytes of the input that were left. */
  made = 0
  left = 0

  constructor(stream: ZlibStream, usesHandle: boolean) {
    this.#stream = stream
    // A broken stream tells so a turn later; by then nobody may listen any more.
    stream.on('error', (error) => this.#fail(error))
    if (!usesHandle) return
    const { _handle, _writeState } = stream as unknown as Insides
    this.#handle = _handle
    this.#state = _writeState
  }

  /** Whether `step()` works. */
  get isFast(): boolean {
    return typeof this.#handle?.writeSync === 'function' && this.#state !== undefined
  }

  /** Whether it has failed or was closed. */
  get isBroken(): boolean {
    return this.#failed || this.#stream.destroyed
  }

  /** Writes `bytes[start, end)` at once, and flushes; the output goes to `into`, from `at` on. */
  step(bytes: Buffer, start: number, end: number, into: Buffer, at: number): void {
    // A handle that was closed and is written to ends the process.
    if (this.isBroken) throw closed()
    const room = into.length - at
    this.#handle!.writeSync(constants.Z_SYNC_FLUSH, bytes, start, end - start, into, at, room)
    this.made = room - this.#state![0]!
    this.left = this.#state![1]!
  }

  /**
   * Writes pieces in the thread pool, and flushes; `take` gets the output, and stops it by throwing. Resolves with how
   * many bytes were left because the stream has ended: then it can only be closed.
   */
  run(pieces: readonly Buffer[], take: (chunk: Buffer) => void): Promise<number> {
    return takeTurn(
      () =>
        new Promise((resolve, reject) => {
          this.#job = { take, resolve, reject }
          if (this.isBroken) return this.#fail(closed())
          this.#start(pieces)
        }),
    )
  }

  reset(): void {
    this.#stream.reset()
  }

  close(): void {
    this.#stream.destroy()
    this.#fail(closed())
  }

  #start(pieces: readonly Buffer[]): void {
    const stream = this.#stream
    const total = pieces.reduce((sum, piece) => sum + piece.length, stream.bytesWritten)
    if (!this.#listens) stream.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#listens = true
    const onEnd = (): void => this.#finish()?.resolve(total - stream.bytesWritten)
    stream.once('end', onEnd)
    for (const piece of pieces) stream.write(piece)
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off('end', onEnd)
      this.#finish()?.resolve(0)
    })
  }

  #take(chunk: Buffer): void {
    try {
      this.#job?.take(chunk)
    } catch (error) {
      this.#stream.destroy()
      this.#fail(error as Error)
    }
  }

  #fail(error: Error): void {
    this.#failed = true
    this.#finish()?.reject(error)
  }

  #finish(): Job | undefined {
    const job = this.#job
    this.#job = undefined
    return job
  }
}

const closed = (): WebSocketError =>
  new WebSocketError(
    'WS_ERR_TERMINATED',
    'The connection ended while a message was being compressed or inflated',
  )
