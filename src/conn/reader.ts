import { bytesOf, endOf, type Frame, startOf } from '../frame/frame.js'
import { releaseFrame } from '../frame/pool.js'
import type { Delivery } from './delivery.js'
import { type ReadOptions, signalOf } from './readers.js'

/**
 * One incoming message, read part by part: every frame of it gives its payload as soon as it is here. Other readers
 * wait until it has been read to its end, or given up.
 *
 * @example
 * const reader = await conn.reader()
 * if (reader !== null) for await (const part of reader) file.write(part)
 */
export class MessageReader implements AsyncIterable<Buffer> {
  /** Whether the message came as text. A character may be cut between two parts. */
  readonly isText: boolean
  readonly #delivery: Delivery
  #ended = false

  /** @internal */
  constructor(delivery: Delivery, isText: boolean) {
    this.#delivery = delivery
    this.isText = isText
  }

  /** The next part, which is yours to keep; null at the end of the message. */
  async read(options?: ReadOptions): Promise<Buffer | null> {
    const signal = signalOf(options)
    signal?.throwIfAborted()
    while (!this.#ended) {
      const frame = await this.#nextFrame(signal)
      if (frame === null) this.#end()
      else {
        const part = this.#take(frame)
        if (part.length > 0) return part
      }
    }
    return null
  }

  /** Gives the rest of the message up: it is read and thrown away. */
  async cancel(): Promise<void> {
    while ((await this.read()) !== null);
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    try {
      for (let part = await this.read(); part !== null; part = await this.read()) yield part
    } finally {
      // Nobody waits for the rest of a message that was given up.
      if (!this.#ended) this.cancel().catch(() => undefined)
    }
  }

  /** The reader as a web stream. */
  get readable(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const part = await this.read()
        if (part === null) controller.close()
        else controller.enqueue(part)
      },
      cancel: () => this.cancel(),
    })
  }

  #nextFrame(signal: AbortSignal | undefined): Promise<Frame | null> {
    return new Promise((resolve, reject) => {
      this.#delivery.wait({ wants: 'part', resolve, reject }, signal)
    })
  }

  #take(frame: Frame): Buffer {
    const part = Buffer.from(bytesOf(frame).subarray(startOf(frame), endOf(frame)))
    if (frame.fin) this.#end()
    releaseFrame(frame)
    return part
  }

  #end(): void {
    this.#ended = true
    this.#delivery.endStream()
  }
}
