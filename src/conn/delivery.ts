// Hot: run benchmarks/e2e before and after any edit.
import type { Frame } from '../frame/frame.js'
import { assemble } from './assemble.js'
import { Backlog } from './backlog.js'
import type { Codecs } from './codecs.js'
import type { DecodingHost } from './decoding.js'
import type { DeliveryHost, DeliverySource } from './delivery-host.js'
import type { Events } from './events.js'
import { Handling, type HandlingHost } from './handling.js'
import { type Message, offerMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { isShare, lendFrame, takeFrame } from './plain-message.js'
import { goesToEvents, type MessageWaiter, Readers, type ReadersHost, type Waiter } from './readers.js'
import { expectMore } from './staging.js'

let refillNow: (delivery: Delivery) => void

/**
 * Where frames go once they are decoded: to the event functions, to whoever is reading, or into the inbox until somebody
 * does. Readers are served in call order, each gets a whole frame or message.
 */
export class Delivery implements DecodingHost, HandlingHost, ReadersHost {
  readonly #host: DeliveryHost
  readonly #source: DeliverySource
  readonly #options: ResolvedConnOptions
  readonly #codecs: Codecs | undefined
  /** Where messages go: to event functions, then nobody can read, or to readers. */
  readonly #handling: Handling | undefined
  #readers: Readers | undefined
  #backlog: Backlog | undefined
  /** No more frames will come. */
  #ended: 'in peace' | 'on error' | undefined
  #abandoned = false
  #onRead: (() => void) | undefined
  #refillsSoon = false
  /**
   * The reader that was just served will be back in this same turn, most likely: what it takes then straight out of the
   * undecoded bytes need not go through the inbox, which is cheaper. Until it did not come. Whether that will be copied,
   * like what it was given, or hold its share of the memory.
   */
  expects: 'copies' | 'shares' | undefined

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
    this.#handling = events && new Handling(events, this)
  }

  /** Whether anybody is waiting for the peer. */
  get isAwaited(): boolean {
    return this.#handling === undefined ? this.#readers?.first !== undefined : !this.#isBusy()
  }

  /** How many frames or messages were given to somebody who waited for them. */
  get served(): number {
    return (this.#readers?.served ?? 0) + (this.#handling?.handled ?? 0)
  }

  get isFull(): boolean {
    return this.#backlog?.inbox.isFull === true
  }

  /** Bytes that are held by what waits here. */
  get memory(): number {
    return this.#backlog?.memory ?? 0
  }

  get isEmpty(): boolean {
    return this.#backlog === undefined || this.#backlog.inbox.isEmpty
  }

  /** Whether more frames are wanted: there is room, or somebody waits for the rest of what is here. */
  get wantsMore(): boolean {
    if (this.expects !== undefined) return false
    const inbox = this.#backlog?.inbox
    if (inbox?.isFull !== true) return true
    if (this.#isBusy() || inbox.wholeMessages > 0) return false
    return this.#handling !== undefined || this.#readers?.first?.wants === 'message'
  }

  /** Who handles a message at once, if it came now; undefined where it has to wait, or to be decoded by an extension. */
  get handlesNow(): Handling | undefined {
    const mustWait = this.#ended !== undefined || this.#backlog?.isInTheWay === true
    return mustWait || this.#codecs !== undefined || this.#handling?.isBusy ? undefined : this.#handling
  }

  /** Whether somebody waits for a message, and one that comes unfragmented now need not wait itself. */
  get wantsMessage(): boolean {
    if (this.#codecs?.decodesAll === true || this.#backlog?.isInTheWay === true) return false
    return this.#handling === undefined ? this.#readers?.first?.wants === 'message' : !this.#handling.isBusy
  }

  /** Gives it to whoever waits. */
  handOver(message: Frame, isAscii: boolean, owned: boolean): void {
    if (this.#handling !== undefined)
      return this.#handling.handleNow(offerMessage(lendFrame(message, isAscii, owned)))
    const first = this.#readers!.first as MessageWaiter
    this.#readers!.shift()
    first.resolve(takeFrame(message, isAscii, owned))
    this.#expect(isShare(message, isAscii) ? 'shares' : 'copies')
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
    const first = this.#readers?.first
    const mustWait = this.#codecs !== undefined || this.#backlog?.isInTheWay === true
    if (first?.wants !== 'frame' || mustWait) return this.push(frame)
    this.#readers!.shift()
    first.resolve(frame)
    this.#expect('shares')
  }

  /** Unless somebody else stands in front. */
  #expect(next: 'copies' | 'shares'): void {
    this.expects = this.#readers!.first === undefined ? next : undefined
  }

  /** Takes a frame of any kind, which owns its payload. */
  push(frame: Frame): void {
    this.#keep().inbox.push(frame)
    if (this.#handling !== undefined || this.#readers?.first !== undefined) this.#serve()
  }

  /** Whether control frames, which have been answered, are of interest to anybody who reads frame by frame. */
  get showsControl(): boolean {
    if (this.#handling !== undefined || this.#backlog?.serving.isStreaming === true) return false
    const first = this.#readers?.first
    return (first === undefined || first.wants === 'frame') && this.#backlog?.inbox.keepsControl !== false
  }

  /** There will be no more frames: readers get what is left, then null after a peaceful end, else the error. */
  end(isPeaceful: boolean): void {
    this.#ended = isPeaceful ? 'in peace' : 'on error'
    if (this.#abandoned) this.#backlog?.abandon()
    else if (this.#handling !== undefined) this.#backlog?.inbox.dropCutOff() // events are for whole messages
    this.#serve()
  }

  /** Calls back when nothing is left to be read; by then the end has been told. */
  whenRead(callback: () => void): void {
    this.#onRead = callback
    this.#checkRead()
  }

  #checkRead(): void {
    if (this.#backlog?.holdsData === true) return
    const callback = this.#onRead
    this.#onRead = undefined
    callback?.()
  }

  /** Nobody will read any more. */
  abandon(): void {
    this.#abandoned = true
    this.#handling?.abandon()
    this.#backlog?.abandon()
    this.#serve()
  }

  /** Calls back when every message that came in has been handled. */
  afterwards(callback: () => void): void {
    if (this.#handling === undefined) callback()
    else this.#handling.afterwards(callback, this.#isDecoding())
  }

  /** The next message, if it is here already and nobody waits in front. */
  takeNow(): Message | undefined {
    if (this.#codecs?.decodesAll === true || this.#handling !== undefined) return undefined
    if (this.#readers?.first !== undefined) return undefined
    const backlog = this.#backlog
    if (backlog === undefined || !backlog.isInTheWay) return this.#source.pull()
    if (backlog.serving.isStreaming || (this.#codecs !== undefined && !backlog.beginsPlain)) return undefined
    const { inbox } = backlog
    if (inbox.wholeMessages === 0 || inbox.beginsInside) return undefined
    this.refillSoon()
    return assemble(inbox.shiftMessage(), undefined, this.#options) as Message
  }

  /** The same for the next frame. */
  takeFrameNow(): Frame | undefined {
    if (this.#codecs !== undefined || this.#handling !== undefined) return undefined
    if (this.#readers?.first !== undefined || this.#backlog?.serving.isStreaming === true) return undefined
    const pulled = this.isEmpty ? this.#source.pullFrame() : undefined
    if (pulled !== undefined || this.isEmpty) return pulled
    this.refillSoon()
    return this.#backlog?.inbox.shift()
  }

  /** Waits in line. */
  wait(waiter: Waiter, signal: AbortSignal | undefined): void {
    if (this.#handling !== undefined) return waiter.reject(goesToEvents())
    this.expects = undefined
    this.#readers ??= new Readers(this)
    this.#readers.add(waiter, signal)
    if (this.#hasNothing()) this.#refill()
    else this.#serve()
  }

  /** Nobody can be served, nor told of the end: the nearly always case of who reads as fast as the peer sends. */
  #hasNothing(): boolean {
    return this.#ended === undefined && this.#backlog?.isEmpty !== false
  }

  #isBusy(): boolean {
    return this.#handling?.isBusy === true || this.#isDecoding()
  }

  #isDecoding(): boolean {
    return this.#backlog?.decoding.isBusy === true
  }

  /** The backlog, from now on there. */
  #keep(): Backlog {
    if (this.#backlog === undefined) {
      this.#readers ??= new Readers(this)
      this.#backlog = new Backlog(this.#codecs, this.#options, this.#readers, this, this.#host)
    }
    return this.#backlog
  }

  /** An extension is done with what took its time. */
  onDecoded(failure: { readonly error: unknown } | undefined): void {
    if (failure !== undefined) this.#host.fail(failure.error)
    this.#serve()
  }

  /** Behind a reader that was cancelled may stand one that can be served with what is here. */
  onCancelled(): void {
    this.#serve()
  }

  onIdle(): void {
    this.#serve()
  }

  handlerFailed(error: unknown): void {
    this.#host.handlerFailed(error)
  }

  onHolding(): void {
    this.#host.onHolding()
  }

  /** Serves events or readers as far as what is here goes. */
  #serve(): void {
    if (this.#handling === undefined) this.#serveReaders()
    else this.#serveEvents(this.#handling)
    this.#refill()
    if (!this.#isDecoding()) this.#handling?.settle()
    if (this.#onRead !== undefined) this.#checkRead()
  }

  #refill(): void {
    if (this.wantsMore) this.#source.refill()
  }

  #serveReaders(): void {
    // Where nothing waits, there is something for readers at the end only.
    if (this.#backlog === undefined && (this.#ended === undefined || this.#readers?.first === undefined))
      return
    const { serving, decoding } = this.#keep()
    if (this.#ended !== undefined) serving.end(this.#ended === 'in peace')
    while (!decoding.isBusy && serving.serveFirst());
  }

  #serveEvents(handling: Handling): void {
    while (!this.#isBusy()) {
      const message = this.#abandoned ? undefined : this.#backlog?.decoding.nextMessage()
      if (message === undefined) return
      handling.handle(this.#codecs === undefined ? offerMessage(message) : message)
    }
  }

  static {
    refillNow = (delivery) => {
      delivery.#refillsSoon = false
      delivery.expects = undefined
      delivery.#source.settle()
      delivery.#refill()
    }
  }
}
