import { Opcode } from '../frame/opcode.js'
import { releaseFrame } from '../frame/pool.js'
import type { Decoding } from './decoding.js'
import type { Inbox } from './inbox.js'
import {
  type FrameWaiter,
  insideMessage,
  type MessageWaiter,
  type Readers,
  type StreamWaiter,
  type Waiter,
} from './readers.js'

/** What the serving needs from the connection around it. */
export interface ServingHost {
  /** What readers are told at an end that is not peaceful. */
  error(): Error | undefined
}

/** Serves the readers in line from the inbox: each gets what it asked for, whole. */
export class Serving {
  readonly #inbox: Inbox
  readonly #decoding: Decoding
  readonly #readers: Readers
  readonly #host: ServingHost
  /** No more frames will come: what readers get when the inbox is empty. */
  #ended: { readonly isPeaceful: boolean } | undefined
  /** A message is being read part by part: everybody else waits for its end. */
  isStreaming = false

  constructor(inbox: Inbox, decoding: Decoding, readers: Readers, host: ServingHost) {
    this.#inbox = inbox
    this.#decoding = decoding
    this.#readers = readers
    this.#host = host
  }

  /** There will be no more frames. */
  end(isPeaceful: boolean): void {
    this.#ended = { isPeaceful }
  }

  /** Serves the first reader in line, if what is here goes for it; false when it does not, or an extension takes its time. */
  serveFirst(): boolean {
    const first = this.#readers.first
    if (first === undefined) return false
    switch (first.wants) {
      case 'message':
        return this.#isFree() && this.#serveMessage(first)
      case 'frame':
        return this.#isFree() && this.#serveFrame(first)
      case 'part':
        return this.#servePart(first)
      case 'stream':
        return this.#isFree() && this.#serveStream(first)
    }
  }

  /** Nobody reads a message part by part; or the end has cut it off, and there is nothing left to wait for. */
  #isFree(): boolean {
    if (!this.isStreaming) return true
    return (
      this.#ended !== undefined && !this.#inbox.holdsData && this.#decoding.isEmpty && !this.#decoding.isBusy
    )
  }

  #serveMessage(waiter: MessageWaiter): boolean {
    if (!this.#decoding.hasMessage && this.#inbox.beginsInside) return this.#refuse(waiter)
    const message = this.#decoding.nextMessage()
    if (message === undefined)
      return !this.#decoding.isBusy && this.#serveEnd(waiter, () => waiter.resolve(null))
    this.#readers.shift()
    waiter.resolve(message)
    return true
  }

  #serveFrame(waiter: FrameWaiter): boolean {
    const decoded = this.#decoding.takeAsFrame()
    const frame = decoded ?? this.#inbox.shift()
    if (frame === undefined) return this.#serveEnd(waiter, () => waiter.resolve(null))
    this.#readers.shift()
    if (decoded === undefined) this.#decoding.follow(frame)
    waiter.resolve(frame)
    return true
  }

  #servePart(waiter: FrameWaiter): boolean {
    const frame = this.#decoding.nextPart()
    if (frame === undefined) return !this.#decoding.isBusy && this.#serveEnd(waiter)
    const { fin, length } = frame
    if (length === 0 && !fin) {
      releaseFrame(frame)
      return true
    }
    this.isStreaming = !fin
    this.#readers.shift()
    waiter.resolve(frame) // which releases it
    if (fin) this.#readers.endParts()
    return true
  }

  #serveStream(waiter: StreamWaiter): boolean {
    const frame = this.#decoding.keepAsPart() ?? this.#inbox.peekData()
    if (frame === undefined) return this.#serveEnd(waiter, () => waiter.resolve(false, false))
    if (frame.opcode === Opcode.Continuation) return this.#refuse(waiter)
    this.#readers.shift()
    this.isStreaming = true
    waiter.resolve(true, frame.opcode === Opcode.Text)
    return true
  }

  /** Without `finish` the end is never a peaceful one: a message that was cut off must not look whole. */
  #serveEnd(waiter: Waiter, finish?: () => void): boolean {
    if (this.#ended === undefined || this.#readers.first !== waiter) return false
    this.#readers.shift()
    if (this.#ended.isPeaceful && finish !== undefined) finish()
    else waiter.reject(this.#host.error())
    // Who wants whole messages has had them: the part of one that is left is nobody's, unless somebody else waits for it.
    if (waiter.wants === 'message' && this.#readers.first === undefined) this.#inbox.clear()
    return true
  }

  /** Half of a message cannot be read as one. */
  #refuse(waiter: Waiter): boolean {
    this.#readers.shift()
    waiter.reject(insideMessage())
    return true
  }
}
