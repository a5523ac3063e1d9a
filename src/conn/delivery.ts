// Hot: run benchmarks/e2e before and after any edit.
import { WebSocketError } from '../errors.js'
import type { Frame } from '../frame/frame.js'
import { FIN } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import { assemble } from './assemble.js'
import type { Codecs } from './codecs.js'
import { Decoding } from './decoding.js'
import { type Events, isPromiseLike } from './events.js'
import { Inbox } from './inbox.js'
import { keepBytes, keptIn } from './memory.js'
import { lendMessage, type Message, ownMessage, reclaimMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { type FrameWaiter, type MessageWaiter, Readers, type StreamWaiter, type Waiter } from './readers.js'

/** What the delivery needs from the connection around it. */
export interface DeliveryHost {
  /** More is wanted: decoding may go on, if it was stopped. */
  refill(): void
  /** What came in cannot be read. */
  fail(error: unknown): void
  /** The application's own function threw. */
  handlerFailed(error: unknown): void
}

/**
 * Where frames go once they are decoded: to the event functions, to whoever is reading, or into the inbox until somebody
 * does. Readers are served in call order, each gets a whole frame or message.
 */
export class Delivery {
  readonly #host: DeliveryHost
  readonly #options: ResolvedConnOptions
  readonly #codecs: Codecs | undefined
  readonly #events: Events | undefined
  readonly #inbox: Inbox
  readonly #readers = new Readers()

  readonly #decoding: Decoding

  /** A message is being handled: the next one waits. */
  #handling = false
  /** A message is being read part by part: everybody else waits for its end. */
  #streaming = false
  /** `takeNow()` is looking for a message, and what it found. */
  #pulling = false
  #pulled: Message | undefined
  /** No more frames will come: what readers get when the inbox is empty. */
  #ended: { readonly error: Error | undefined } | undefined

  constructor(
    host: DeliveryHost,
    options: ResolvedConnOptions,
    codecs: Codecs | undefined,
    events: Events | undefined,
  ) {
    this.#host = host
    this.#options = options
    this.#codecs = codecs
    this.#events = events
    this.#inbox = new Inbox(options)
    this.#decoding = new Decoding(this.#inbox, codecs, options, (failure) => this.#onDecoded(failure))
  }

  get bytes(): number {
    return this.#inbox.bytes
  }

  /** Whether anybody is waiting for the peer. */
  get isAwaited(): boolean {
    return this.#events === undefined ? this.#readers.first !== undefined : !this.#isBusy
  }

  get isFull(): boolean {
    return this.#inbox.isFull
  }

  /** Whether more frames are wanted: there is room, or somebody waits for the rest of what is here. */
  get wantsMore(): boolean {
    if (this.#pulled !== undefined) return false
    if (!this.#inbox.isFull) return true
    if (this.#isBusy || this.#inbox.wholeMessages > 0) return false
    return this.#events !== undefined || this.#readers.first?.wants === 'message'
  }

  /** Whether so much was read that the peer should be let go on. */
  get isLow(): boolean {
    return this.#inbox.isLow
  }

  /** Gives an unfragmented message straight to whoever waits for it; false when it has to wait itself. */
  handOver(
    isText: boolean,
    ascii: boolean,
    bytes: Buffer,
    start: number,
    end: number,
    owned: boolean,
  ): boolean {
    if (this.#codecs !== undefined || this.#isBusy || this.#streaming || !this.#inbox.isEmpty) return false
    if (this.#events !== undefined) {
      this.#dispatchLent(lendMessage(isText, ascii, bytes, start, end))
      return true
    }
    const first = this.#readers.first
    if (first === undefined ? !this.#pulling || this.#pulled !== undefined : first.wants !== 'message')
      return false
    const message = owned
      ? ownMessage(isText, ascii, bytes, start, end)
      : copyMessage(isText, ascii, bytes, start, end)
    if (first === undefined) this.#pulled = message
    else {
      this.#readers.shift()
      ;(first as MessageWaiter).resolve(message)
    }
    return true
  }

  /** Takes a data frame, which owns its payload. */
  push(frame: Frame): void {
    this.#inbox.push(frame)
    this.#serve()
  }

  /** Whether control frames, which have been answered, are of interest to anybody who reads frame by frame. */
  get showsControl(): boolean {
    if (this.#events !== undefined || this.#streaming) return false
    const first = this.#readers.first
    return (first === undefined || first.wants === 'frame') && this.#inbox.keepsControl
  }

  /** There will be no more frames: readers get what is left, then null, or the error. */
  end(error: Error | undefined): void {
    this.#ended = { error }
    this.#serve()
  }

  /** Nobody will read any more. */
  abandon(): void {
    this.#inbox.clear()
  }

  /** The next message, if it is here already and nobody waits in front. */
  takeNow(): Message | undefined {
    if (this.#isBusy || this.#streaming || this.#codecs !== undefined || this.#readers.first !== undefined)
      return undefined
    if (this.#inbox.wholeMessages > 0) return this.#takeFromInbox()
    if (!this.#inbox.isEmpty) return undefined
    this.#pulling = true
    this.#host.refill()
    this.#pulling = false
    const message = this.#pulled
    this.#pulled = undefined
    return message
  }

  /** Waits in line. */
  wait(waiter: Waiter, signal: AbortSignal | undefined): void {
    this.#readers.add(waiter, signal)
    this.#serve()
  }

  /** The message that was read part by part has ended, or was given up. */
  endStream(): void {
    this.#streaming = false
    this.#serve()
  }

  /** Something takes its time: the next message waits for it. */
  get #isBusy(): boolean {
    return this.#handling || this.#decoding.isBusy
  }

  #onDecoded(failure: { readonly error: unknown } | undefined): void {
    if (failure !== undefined) this.#host.fail(failure.error)
    else this.#serve()
  }

  #takeFromInbox(): Message | undefined {
    if (this.#inbox.beginsInside) return undefined
    // The peer is let go on once the inbox is empty: then messages are taken straight from what was left undecoded.
    return assemble(this.#inbox.shiftMessage(), undefined, this.#options) as Message
  }

  #dispatchLent(message: Message): void {
    const result = this.#call(message)
    if (result === undefined || !isPromiseLike(result)) return reclaimMessage(message)
    message.keep()
    this.#hold(result)
  }

  #call(message: Message): unknown {
    try {
      return this.#events!.message(message)
    } catch (error) {
      this.#host.handlerFailed(error)
      return undefined
    }
  }

  /** The next message waits until the handler is done with this one. */
  #hold(handled: PromiseLike<unknown>): void {
    this.#handling = true
    handled.then(
      () => this.#release(),
      (error: unknown) => {
        this.#host.handlerFailed(error)
        this.#release()
      },
    )
  }

  #release(): void {
    this.#handling = false
    this.#serve()
  }

  /** Serves events or readers as far as what is here goes. */
  #serve(): void {
    while (!this.#isBusy && (this.#events === undefined ? this.#serveReader() : this.#serveEvents()));
    this.#refill()
  }

  #refill(): void {
    if (this.#inbox.isLow || this.wantsMore) this.#host.refill()
  }

  #serveEvents(): boolean {
    const message = this.#decoding.nextMessage()
    if (message === undefined) return false
    const result = this.#call(message)
    if (result !== undefined && isPromiseLike(result)) this.#hold(result)
    return true
  }

  #serveReader(): boolean {
    const first = this.#readers.first
    if (first === undefined) return false
    switch (first.wants) {
      case 'message':
        return !this.#streaming && this.#serveMessage(first)
      case 'frame':
        return !this.#streaming && this.#serveFrame(first)
      case 'part':
        return this.#servePart(first)
      case 'stream':
        return !this.#streaming && this.#serveStream(first)
    }
  }

  #serveMessage(waiter: MessageWaiter): boolean {
    if (!this.#decoding.hasMessage && this.#inbox.beginsInside) return this.#refuse(waiter)
    const message = this.#decoding.nextMessage()
    if (message === undefined) return !this.#isBusy && this.#serveEnd(waiter, () => waiter.resolve(null))
    this.#readers.shift()
    waiter.resolve(message)
    return true
  }

  #serveFrame(waiter: FrameWaiter): boolean {
    const frame = this.#inbox.shift()
    if (frame === undefined) return this.#serveEnd(waiter, () => waiter.resolve(null))
    this.#readers.shift()
    this.#decoding.follow(frame)
    waiter.resolve(frame)
    return true
  }

  #servePart(waiter: FrameWaiter): boolean {
    const frame = this.#decoding.nextPart()
    if (frame === undefined) return !this.#isBusy && this.#serveEnd(waiter, () => waiter.resolve(null))
    this.#readers.shift()
    waiter.resolve(frame)
    return true
  }

  #serveStream(waiter: StreamWaiter): boolean {
    const frame = this.#inbox.peekData()
    if (frame === undefined) return this.#serveEnd(waiter, () => waiter.resolve(false, false))
    if (frame.opcode === Opcode.Continuation) return this.#refuse(waiter)
    this.#readers.shift()
    this.#streaming = true
    waiter.resolve(true, frame.opcode === Opcode.Text)
    return true
  }

  #serveEnd(waiter: Waiter, finish: () => void): boolean {
    if (this.#ended === undefined || this.#readers.first !== waiter) return false
    this.#readers.shift()
    if (this.#ended.error === undefined) finish()
    else waiter.reject(this.#ended.error)
    return true
  }

  /** Half of a message cannot be read as one. */
  #refuse(waiter: Waiter): boolean {
    this.#readers.shift()
    waiter.reject(
      new WebSocketError(
        'WS_ERR_STATE',
        'Cannot read a message: its first frames were taken with nextFrame() or readFrame(); take the rest that way',
      ),
    )
    return true
  }
}

function copyMessage(isText: boolean, ascii: boolean, bytes: Buffer, start: number, end: number): Message {
  const at = keepBytes(bytes, start, end)
  return ownMessage(isText, ascii, keptIn(), at, at + end - start)
}

/** FIN with a data opcode and nothing else: a message of one frame, as it stands. */
export const isPlainMessage = (head: number): boolean =>
  head === (FIN | Opcode.Text) || head === (FIN | Opcode.Binary)
