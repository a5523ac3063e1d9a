// Hot: run benchmarks/e2e before and after any edit.
import { type Events, isPromiseLike } from './events.js'
import { type Message, reclaimMessage } from './message.js'
import { RESOLVED } from './quiet.js'

/** What the handling needs from the connection around it. */
export interface HandlingHost {
  /** The application's own function threw. */
  handlerFailed(error: unknown): void
  /** What took its time is done. */
  onIdle(): void
}

/** Gives messages to the application's function, one at a time: when it returns a promise, the next one waits. */
export class Handling {
  readonly #events: Events
  readonly #host: HandlingHost
  #busy = false
  #abandoned = false
  /** What is to happen when all messages have been handled. */
  #afterwards: (() => void)[] | undefined
  /** How many messages were handled so far. */
  handled = 0

  constructor(events: Events, host: HandlingHost) {
    this.#events = events
    this.#host = host
  }

  get isBusy(): boolean {
    return this.#busy
  }

  /**
   * Whatever the function calls, the next message waits until it is done with this one. Memory that is only lent is
   * taken back behind that, or kept while the function takes its time.
   */
  handle(message: Message): void {
    this.#busy = true
    this.handled++
    try {
      const result = this.#events.message(message)
      // What `send()` gives when there is room for more needs no waiting for.
      if (result !== RESOLVED && isPromiseLike(result)) return this.#wait(result, message)
    } catch (error) {
      this.#host.handlerFailed(error)
    }
    this.#busy = false
    reclaimMessage(message)
  }

  /** The same for a message that just came in. */
  handleNow(message: Message): void {
    this.handle(message)
    if (this.#afterwards !== undefined) this.settle()
  }

  /** Nobody waits for what is still being handled. */
  abandon(): void {
    this.#abandoned = true
    this.settle()
  }

  /** Calls back when every message that came in has been handled. */
  afterwards(callback: () => void, isDecoding: boolean): void {
    this.#afterwards ??= []
    this.#afterwards.push(callback)
    if (!isDecoding) this.settle()
  }

  /** Nothing more is here: whoever waited for that is called, unless a message is still being handled. */
  settle(): void {
    while (this.#afterwards !== undefined && (this.#abandoned || !this.#busy)) {
      const [callback, ...rest] = this.#afterwards
      this.#afterwards = rest.length > 0 ? rest : undefined
      callback?.()
    }
  }

  #wait(handled: PromiseLike<unknown>, message: Message): void {
    message.keep()
    handled.then(
      () => this.#release(),
      (error: unknown) => {
        this.#host.handlerFailed(error)
        this.#release()
      },
    )
  }

  #release(): void {
    this.#busy = false
    this.#host.onIdle()
  }
}
