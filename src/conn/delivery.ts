// Hot: run benchmarks/e2e before and after any edit.
import type { Frame } from '../frame/frame.js'
import { assemble } from './assemble.js'
import type { Codecs } from './codecs.js'
import { Decoding, type DecodingHost } from './decoding.js'
import type { Events } from './events.js'
import { Handling } from './handling.js'
import { Inbox } from './inbox.js'
import { lendMessage, type Message, ownMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { keepMessage } from './plain-message.js'
import { goesToEvents, Readers, type ReadersHost, type Waiter } from './readers.js'
import { Serving } from './serving.js'
import { expectMore } from './staging.js'

/** What the delivery needs from the connection around it. */
export interface DeliveryHost {
  /** What readers are told at an end that is not peaceful. */
  error(): Error | undefined
  /** What came in cannot be read. */
  fail(error: unknown): void
  /** The application's own function threw. */
  handlerFailed(error: unknown): void
}

/** Where frames come from. */
export interface DeliverySource {
  /** More is wanted: decoding may go on, if it was stopped. */
  refill(): void
  /** The next message, straight out of what was left undecoded, if that begins with a whole one. */
  pull(): Message | undefined
  /** The same for the next data frame. */
  pullFrame(): Frame | undefined
  /** Whether anything was left undecoded. */
  readonly isStopped: boolean
}

let refillNow: (delivery: Delivery) => void

/**
 * Where frames go once they are decoded: to the event functions, to whoever is reading, or into the inbox until somebody
 * does. Readers are served in call order, each gets a whole frame or message.
 */
export class Delivery implements DecodingHost, ReadersHost {
  readonly #host: DeliveryHost
  readonly #source: DeliverySource
  readonly #options: ResolvedConnOptions
  readonly #codecs: Codecs | undefined
  readonly #inbox: Inbox
  readonly #readers = new Readers(this)
  readonly #decoding: Decoding

  /** Where messages go: to event functions, then nobody can read, or to readers. */
  readonly #handling: Handling | undefined
  readonly #serving: Serving
  #abandoned = false
  #refillsSoon = false
  #expectsReader = false

  constructor(
    host: DeliveryHost,
    source: DeliverySource,
    options: ResolvedConnOptions,
    codecs: Codecs | undefined,
    events: Events | undefined,
  ) {
    this.#host = host
    this.#source = source
    this.#options = options
    this.#codecs = codecs
    this.#handling = events && new Handling(events, host, () => this.#serve())
    this.#inbox = new Inbox(options)
    this.#decoding = new Decoding(this.#inbox, codecs, options, this)
    this.#serving = new Serving(this.#inbox, this.#decoding, this.#readers, host)
  }

  /** Whether anybody is waiting for the peer. */
  get isAwaited(): boolean {
    return this.#handling === undefined ? this.#readers.first !== undefined : !this.#isBusy
  }

  /** How many frames or messages were given to somebody who waited for them. */
  get served(): number {
    return this.#readers.served + (this.#handling?.handled ?? 0)
  }

  get isFull(): boolean {
    return this.#inbox.isFull
  }

  get isEmpty(): boolean {
    return this.#inbox.isEmpty
  }

  /** Whether more frames are wanted: there is room, or somebody waits for the rest of what is here. */
  get wantsMore(): boolean {
    if (this.#expectsReader) return false
    if (!this.#inbox.isFull) return true
    if (this.#isBusy || this.#inbox.wholeMessages > 0) return false
    return this.#handling !== undefined || this.#readers.first?.wants === 'message'
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
    if (this.#codecs !== undefined || this.#isBusy || this.#serving.isStreaming || !this.#inbox.isEmpty)
      return false
    if (this.#handling !== undefined) {
      const make = owned ? ownMessage : lendMessage
      this.#handling.handleNow(make(isText, ascii, bytes, start, end))
      return true
    }
    const first = this.#readers.first
    if (first?.wants !== 'message') return false
    this.#readers.shift()
    first.resolve(keepMessage(isText, ascii, bytes, start, end, owned))
    this.#expectsReader = this.#readers.first === undefined
    return true
  }

  /**
   * The reader that was just given a message will be back for the next one in this same turn, most likely: what it takes
   * then straight out of the undecoded bytes need not go through the inbox, which is cheaper.
   */
  get expectsReader(): boolean {
    return this.#expectsReader
  }

  /** It did not come, or what it comes for is not here. */
  forgetReader(): void {
    this.#expectsReader = false
  }

  /** When this turn is over, the inbox is filled whether anybody reads on or not: control frames have to be answered. */
  refillSoon(): void {
    expectMore()
    if (this.#refillsSoon || !this.#source.isStopped) return
    this.#refillsSoon = true
    // Not nextTick at once: it may come before the promise jobs of this turn, in which readers come back.
    queueMicrotask(() => process.nextTick(refillNow, this))
  }

  /** Takes a data frame, which owns its payload: straight to whoever waits for it, if it need not wait itself. */
  pushData(frame: Frame): void {
    const first = this.#readers.first
    if (first?.wants !== 'frame' || !this.#isDirect || !this.#inbox.isEmpty) return this.push(frame)
    this.#readers.shift()
    first.resolve(frame)
    this.#expectsReader = this.#readers.first === undefined
  }

  /** Takes a frame of any kind, which owns its payload. */
  push(frame: Frame): void {
    this.#inbox.push(frame)
    this.#serve()
  }

  /** Nothing stands between what is decoded and who reads it. */
  get #isDirect(): boolean {
    return this.#codecs === undefined && this.#handling === undefined && !this.#serving.isStreaming
  }

  /** Whether control frames, which have been answered, are of interest to anybody who reads frame by frame. */
  get showsControl(): boolean {
    if (this.#handling !== undefined || this.#serving.isStreaming) return false
    const first = this.#readers.first
    return (first === undefined || first.wants === 'frame') && this.#inbox.keepsControl
  }

  /** There will be no more frames: readers get what is left, then null after a peaceful end, else the error. */
  end(isPeaceful: boolean): void {
    this.#serving.end(isPeaceful)
    this.#serve()
  }

  /** Nobody will read any more. */
  abandon(): void {
    this.#abandoned = true
    this.#handling?.abandon()
    this.#inbox.clear()
    this.#serve()
  }

  /** Calls back when every message that came in has been handled. */
  afterwards(callback: () => void): void {
    if (this.#handling === undefined) callback()
    else this.#handling.afterwards(callback, this.#decoding.isBusy)
  }

  /** The next message, if it is here already and nobody waits in front. */
  takeNow(): Message | undefined {
    if (!this.#isDirect || this.#readers.first !== undefined) return undefined
    if (this.#inbox.isEmpty) return this.#source.pull()
    if (this.#inbox.wholeMessages === 0 || this.#inbox.beginsInside) return undefined
    this.refillSoon()
    return assemble(this.#inbox.shiftMessage(), undefined, this.#options) as Message
  }

  /** The same for the next frame. */
  takeFrameNow(): Frame | undefined {
    if (!this.#isDirect || this.#readers.first !== undefined) return undefined
    const pulled = this.#inbox.isEmpty ? this.#source.pullFrame() : undefined
    if (pulled !== undefined || this.#inbox.isEmpty) return pulled
    this.refillSoon()
    return this.#inbox.shift()
  }

  /** Waits in line. */
  wait(waiter: Waiter, signal: AbortSignal | undefined): void {
    if (this.#handling !== undefined) return waiter.reject(goesToEvents())
    this.#expectsReader = false
    this.#readers.add(waiter, signal)
    if (this.#hasNothing) this.#refill()
    else this.#serve()
  }

  /** Nobody can be served, nor told of the end: the nearly always case of who reads as fast as the peer sends. */
  get #hasNothing(): boolean {
    return this.#inbox.isEmpty && this.#decoding.isEmpty && !this.#serving.hasEnded
  }

  /** Something takes its time: the next message waits for it. */
  get #isBusy(): boolean {
    return this.#handling?.isBusy === true || this.#decoding.isBusy
  }

  /** An extension is done with what took its time. */
  onDecoded(failure: { readonly error: unknown } | undefined): void {
    if (failure !== undefined) this.#host.fail(failure.error)
    else this.#serve()
  }

  /** Behind a reader that was cancelled may stand one that can be served with what is here. */
  onCancelled(): void {
    this.#serve()
  }

  /** Serves events or readers as far as what is here goes. */
  #serve(): void {
    while (
      !this.#isBusy &&
      (this.#handling === undefined ? this.#serving.serveFirst() : this.#serveEvents(this.#handling))
    );
    this.#refill()
    if (!this.#decoding.isBusy) this.#handling?.settle()
  }

  #refill(): void {
    if (this.wantsMore) this.#source.refill()
  }

  #serveEvents(handling: Handling): boolean {
    const message = this.#abandoned ? undefined : this.#decoding.nextMessage()
    if (message === undefined) return false
    handling.handle(message)
    return true
  }

  static {
    refillNow = (delivery) => {
      delivery.#refillsSoon = false
      delivery.#expectsReader = false
      delivery.#refill()
    }
  }
}
