import type { Frame } from '../frame/frame.js'
import { releaseFrame } from '../frame/pool.js'
import type { Delivery } from './delivery.js'
import { readPromise } from './quiet.js'
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
  read(options?: ReadOptions): Promise<Buffer | null> {
    const signal = signalOf(options)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#ended) return Promise.resolve(null)
    return readPromise((resolve, reject) => {
      const take = (frame: Frame | null): void => resolve(frame && this.#take(frame))
      this.#delivery.wait({ wants: 'part', resolve: take, reject }, signal)
    })
  }

  /** Gives the rest of the message up: it is read and thrown away. */
  async cancel(): Promise<void> {
    while ((await this.read()) !== null);
  }

  /** All parts to the end of the message. Leaving the loop gives the rest up. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    try {
      for (let part = await this.read(); part !== null; part = await this.read()) yield part
    } finally {
      // Nobody waits for the rest of a message that was given up.
      if (!this.#ended) this.cancel().catch(() => undefined)
    }
  }

  /** The reader as a web stream: it takes a part when somebody wants one, and not before. */
  get readable(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const part = await this.read()
          if (part === null) controller.close()
          else controller.enqueue(part)
        },
        cancel: () => this.cancel(),
      },
      // No queue: Node's `pipeline()` looks at this property of whatever it is given, which must not cost a part.
      { highWaterMark: 0 },
    )
  }

  /** Called at once, so that no read made from now on waits for a message that is over. */
  #take(frame: Frame): Buffer | null {
    const part = frame.copyPayload()
    this.#ended = frame.fin
    releaseFrame(frame)
    return part.length > 0 ? part : null
  }
}
