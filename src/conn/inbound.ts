// Hot: run benchmarks/e2e before and after any edit.
import { decodeClosePayload } from '../frame/close.js'
import { FrameDecoder } from '../frame/decoder.js'
import { Frame, headOf } from '../frame/frame.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import type { Role } from '../frame/rules.js'
import { Session } from '../protocol/session.js'
import { Arrivals } from './arrivals.js'
import { type Codecs, controlPayload } from './codecs.js'
import { Delivery } from './delivery.js'
import type { DeliverySource, InboundHost } from './delivery-host.js'
import type { Events } from './events.js'
import type { Message } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { type Paced, paceFor } from './pace.js'
import { isData, isPlainMessage, keepFrame, takeFrame } from './plain-message.js'
import { pullPlain, readPlain, takePlain } from './plain-run.js'
import { keepRest, parkRest, settleRest } from './rest.js'
import { beginTurn, endTurn } from './staging.js'
import { appendTo } from './together.js'

/**
 * The frame at hand; its payload is lent by a decoder. One serves all connections: nothing looks at it any more once
 * somebody else's code has been called.
 */
const current = new Frame()

/** The decoder's side of a connection: bytes in; control frames answered, data frames handed to the delivery. */
export class Inbound extends Arrivals implements DeliverySource, Paced {
  readonly #host: InboundHost
  readonly #options: ResolvedConnOptions
  readonly session: Session
  readonly decoder: FrameDecoder
  readonly #codecs: Codecs | undefined
  readonly delivery: Delivery

  /** What `room()` gave for the next bytes. */
  #room: Buffer | undefined
  /** We have sent Close: data must not keep the peer's Close from being seen. */
  #closing = false
  /** Data was dropped: whatever follows it is, too, for half a message is none. */
  #drops = false
  /** Nothing that comes in is looked at any more. */
  #discards = false

  constructor(
    role: Role,
    options: ResolvedConnOptions,
    host: InboundHost,
    codecs: Codecs | undefined,
    allowedRsv: number,
    events: Events | undefined,
  ) {
    super()
    this.#host = host
    this.#options = options
    this.session = new Session(options)
    this.decoder = new FrameDecoder({ role, maxFrame: options.maxFrame, allowedRsv }, this.session)
    this.#codecs = codecs
    this.delivery = new Delivery(host, this, options, codecs, events)
    this.pace = paceFor(options, this, host)
  }

  /** Takes bytes from the transport; the memory is the caller's again on return. What is sent meanwhile is written then. */
  receive(memory: Buffer, start: number, end: number): void {
    const isOutermost = beginTurn()
    try {
      this.#receive(memory, start, end)
    } finally {
      if (isOutermost) endTurn()
    }
  }

  #receive(memory: Buffer, start: number, end: number): void {
    this.bytesIn += end - start
    const isDirect = memory === this.#room
    this.#room = undefined
    if (this.#discards) return void (this.abandoned = 0)
    this.delivery.expects = undefined
    if (isDirect) this.arrived = end
    else appendTo(this.decoder, memory, start, end)
    // Brought in by what was sent in answer to a frame: whoever has that frame in hand goes on with these.
    if (!this.isDecoding) this.#pump()
    if (isDirect) return
    if (this.isStopped && this.delivery.expects === 'copies') parkRest(this.decoder, memory, end)
    else keepRest(this.decoder)
  }

  /** Where the next bytes had best be put. */
  room(): Buffer | undefined {
    if (this.#discards || this.arrived > 0) return undefined
    return (this.#room = this.decoder.room())
  }

  /** Bytes were read straight into the payload they belong to. */
  #commit(): void {
    const count = this.arrived
    this.arrived = 0
    if (this.decoder.commit(count, current)) this.#onFrame(current)
  }

  /** We have sent Close: data that nobody makes room for is dropped from now on (RFC 6455 §5.5.1). */
  onCloseSent(): void {
    this.#closing = true
    this.refill()
  }

  /** From now on bytes are counted and thrown away; the peer is let go on, so that its FIN is seen. */
  discard(): void {
    this.#discards = true
    this.abandoned = this.#room?.buffer.byteLength ?? 0
    this.#room = undefined
    this.arrived = 0
    this.decoder.drop()
    this.pace?.stop()
    this.#start()
  }

  takeRest(): void {
    this.delivery.expects = undefined
    this.refill()
  }

  /** More is wanted: decoding goes on, if it was stopped. */
  refill(): void {
    if (this.isStopped && !this.isDecoding) this.#pump()
  }

  /** The turn is over, or frames are to be read. */
  settle(): void {
    settleRest(this.decoder)
  }

  /** The peer has waited for as long as it had to. */
  release(): void {
    if (this.isExcused) this.#host.excuse()
    this.refill()
  }

  /** The next message, straight out of what was left undecoded; undefined when that begins with anything else. */
  pull(): Message | undefined {
    if (!this.#mayPull()) return undefined
    const plain = this.#mayRun() ? pullPlain(this.decoder, this.#options, this) : undefined
    if (plain !== undefined) return plain
    if (!this.#pullInto(current, isPlainMessage)) return undefined
    return takeFrame(current, this.session.isAscii, this.decoder.ownsPayload)
  }

  /** The next data frame in the same way: it lies where it was left, in memory that nobody writes to again. */
  pullFrame(): Frame | undefined {
    if (!this.#mayPull()) return undefined
    this.settle()
    const frame = acquireFrame()
    if (this.#mayRun() && readPlain(this.decoder, frame, this.#options, this) !== undefined) return frame
    if (this.#pullInto(frame, isData)) return frame
    releaseFrame(frame)
    return undefined
  }

  #mayPull(): boolean {
    if (!this.isStopped || this.isDecoding || this.#drops || this.arrived > 0) return false
    return this.pace?.holds !== true
  }

  /** Decodes up to the next frame of a kind; false when another one was taken in instead, or none is whole. */
  #pullInto(frame: Frame, isWanted: (head: number) => boolean): boolean {
    this.isDecoding = true
    try {
      return this.#decodeUpTo(frame, isWanted)
    } catch (error) {
      this.#host.fail(error)
      return false
    } finally {
      this.isDecoding = false
    }
  }

  #decodeUpTo(frame: Frame, isWanted: (head: number) => boolean): boolean {
    while (!this.#discards && this.delivery.isEmpty && this.pace?.holds !== true) {
      if (!this.decoder.read(frame)) {
        this.#start()
        return false
      }
      const head = headOf(frame)
      if (isWanted(head)) {
        this.#onWhole(frame, head)
        this.countData(head)
        return true
      }
      this.#onFrame(frame)
    }
    return false
  }

  #flows(): boolean {
    return !this.#discards && ((this.delivery.wantsMore && this.pace?.holds !== true) || this.#closing)
  }

  #pump(): void {
    this.isDecoding = true
    try {
      this.#decodeAll()
    } catch (error) {
      this.#host.fail(error)
    }
    this.isDecoding = false
  }

  #decodeAll(): void {
    do {
      while (this.#flows()) {
        if (this.arrived > 0) this.#commit()
        else if (!this.#mayRun() || !takePlain(this.decoder, this.delivery, this.#options, this)) {
          if (!this.decoder.read(current)) return this.#start()
          this.#onFrame(current)
        }
      }
      this.#stop()
    } while (this.isStopped && this.#flows()) // who was told of the stop has closed
  }

  /** Whether plain messages need not be looked at as frames. */
  #mayRun(): boolean {
    if (this.session.isInside || this.#closing) return false
    return this.pace?.countsData !== true && this.watch === undefined
  }

  #onFrame(frame: Frame): void {
    const head = headOf(frame)
    this.#onWhole(frame, head)
    if (this.#discards) return // somebody who was shown it has ended the connection
    if (isControl(head)) this.#onControl(frame, head)
    else this.#onData(frame, head)
  }

  #onWhole(frame: Frame, head: number): void {
    this.session.frameEnd(head)
    this.framesIn++
    if (this.watch !== undefined) this.watch.received(frame)
  }

  #stop(): void {
    const isExpected = this.delivery.expects !== undefined
    if (this.#discards || (isExpected && this.decoder.isDry)) return this.#start()
    this.isStopped = true
    if (isExpected) return this.delivery.refillSoon()
    const before = this.pausedBy
    this.pausedBy = this.delivery.wantsMore ? 'rate' : 'reader'
    if (before === undefined) this.#host.pause()
    if (before === this.pausedBy) return
    if (before === 'reader') this.#host.excuse()
    if (this.pausedBy === 'rate') this.pace?.onPause()
  }

  #start(): void {
    this.isStopped = false
    const { pausedBy, whenTaken } = this
    this.pausedBy = this.whenTaken = undefined
    if (pausedBy === 'reader') this.#host.excuse()
    if (pausedBy !== undefined) this.#host.resume()
    whenTaken?.()
  }

  #onData(frame: Frame, head: number): void {
    if (this.#closing && this.delivery.isFull) this.#drops = true
    if (this.#drops) return
    this.countData(head)
    const owned = this.decoder.ownsPayload
    if (isPlainMessage(head) && this.delivery.wantsMessage)
      this.delivery.handOver(frame, this.session.isAscii, owned)
    else this.delivery.pushData(keepFrame(frame, owned))
  }

  #onControl(frame: Frame, head: number): void {
    const shown = this.delivery.showsControl ? keepFrame(frame, this.decoder.ownsPayload) : undefined
    const payload = controlPayload(this.#codecs, frame, this.decoder.ownsPayload, this.#host)
    const opcode = head & 0x0f
    if (opcode === Opcode.Close) {
      decodeClosePayload(payload) // a malformed one fails the connection
      this.decoder.drop()
      this.#discards = true // after a good one nothing else counts (§5.5.1)
    }
    this.countControl(opcode)
    this.pace ??= paceFor(this.#options, this, this.#host)
    // Answered first, shown afterwards.
    if (opcode === Opcode.Ping) this.#host.onPing(payload)
    if (opcode === Opcode.Pong) this.#host.onPong(payload)
    if (shown !== undefined) this.delivery.push(shown)
    if (opcode === Opcode.Close) this.#host.onClose(payload)
  }
}
