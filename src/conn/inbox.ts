import type { Frame } from '../frame/frame.js'
import { headOf, heldBy } from '../frame/frame.js'
import { FIN } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { releaseFrame } from '../frame/pool.js'

/** Control frames that wait to be looked at; they have been answered already, so more are not kept. */
const MAX_CONTROL_FRAMES = 64

export interface InboxLimits {
  readonly maxInboxFrames: number
  readonly maxInboxBytes: number
}

/** Frames that came in and wait for a reader. They own their payloads. */
export class Inbox {
  readonly #limits: InboxLimits
  #frames: Frame[] = []
  /** Frames before this index are gone: shifting an array costs, moving an index does not. */
  #first = 0
  #dataFrames = 0
  #bytes = 0
  #memory = 0
  #wholeMessages = 0

  constructor(limits: InboxLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#first === this.#frames.length
  }

  /** Whether any of the frames are data. */
  get holdsData(): boolean {
    return this.#dataFrames > 0
  }

  /** Bytes that all frames here hold, those of control too. */
  get memory(): number {
    return this.#memory
  }

  /** Messages whose last frame is here. */
  get wholeMessages(): number {
    return this.#wholeMessages
  }

  /** As much as may wait: the peer has to. */
  get isFull(): boolean {
    return this.#dataFrames >= this.#limits.maxInboxFrames || this.#bytes >= this.#limits.maxInboxBytes
  }

  /** Whether one more control frame is kept for those who want to see it. */
  get keepsControl(): boolean {
    return this.#frames.length - this.#first - this.#dataFrames < MAX_CONTROL_FRAMES
  }

  push(frame: Frame): void {
    this.#frames.push(frame)
    this.#count(frame, 1)
  }

  shift(): Frame | undefined {
    if (this.isEmpty) return undefined
    const frame = this.#frames[this.#first]!
    this.#first++
    this.#compact()
    this.#count(frame, -1)
    return frame
  }

  /** The first data frame; control frames in front of it have been answered and are dropped. */
  peekData(): Frame | undefined {
    for (;;) {
      const frame = this.#frames[this.#first]
      if (frame === undefined || !isControl(headOf(frame))) return frame
      releaseFrame(this.shift()!)
    }
  }

  /** The first data frame, taken out. */
  shiftData(): Frame | undefined {
    return this.peekData() && this.shift()
  }

  /** The frames of the first whole message, taken out. */
  shiftMessage(): Frame[] {
    const frames: Frame[] = []
    for (let frame = this.shiftData(); frame !== undefined; frame = this.shiftData()) {
      frames.push(frame)
      if (frame.fin) break
    }
    return frames
  }

  /** Whether what comes next is the rest of a message whose beginning was taken out frame by frame. */
  get beginsInside(): boolean {
    const frame = this.peekData()
    return frame !== undefined && frame.opcode === Opcode.Continuation
  }

  /** Drops the beginning of a message that will not end. */
  dropCutOff(): void {
    for (let last = this.#frames.at(-1); last !== undefined && !this.isEmpty; last = this.#frames.at(-1)) {
      if (last.fin && !isControl(headOf(last))) return
      this.#frames.pop()
      this.#count(last, -1)
      releaseFrame(last)
    }
    this.#compact()
  }

  clear(): void {
    for (let frame = this.shift(); frame !== undefined; frame = this.shift()) releaseFrame(frame)
  }

  #compact(): void {
    if (this.#first === this.#frames.length) {
      this.#frames.length = 0
      this.#first = 0
    } else if (this.#first >= 1024) {
      this.#frames = this.#frames.slice(this.#first)
      this.#first = 0
    }
  }

  #count(frame: Frame, sign: 1 | -1): void {
    const head = headOf(frame)
    this.#memory += sign * heldBy(frame)
    if (isControl(head)) return
    this.#dataFrames += sign
    this.#bytes += sign * frame.length
    if ((head & FIN) !== 0) this.#wholeMessages += sign
  }
}
