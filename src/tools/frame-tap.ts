import { type Frame, FrameDecoder, releaseFrame } from '../frame/index.js'
import type { FrameDirection, SeenFrame } from './annotate.js'
import { type Agreement, agreeAsClient, Inflater } from './check/deflate.js'
import type { Head } from './check/http-head.js'

/** Frames may be this long; whoever looks at frames wants to see long ones, too. */
const LONGEST = 1 << 30

/** What a tap tells. */
export interface TapListener {
  /** A frame that went by; it lives until this returns. */
  frame(seen: SeenFrame): void
  /** Bytes that cannot be cut into frames: nothing of this direction can be read any more. */
  broken(direction: FrameDirection, why: string): void
}

/** One direction: its frames, and the message that is under way. */
class Direction {
  readonly decoder = new FrameDecoder({ strict: false, maxFrame: LONGEST })
  inflater: Inflater | undefined
  #isText = false
  #parts: Buffer[] | undefined

  /** What is known of a frame from those before it. */
  look(frame: Frame): Pick<SeenFrame, 'isText' | 'inflated'> {
    if (frame.isControl) return {}
    if (!frame.isContinuation) {
      this.#isText = frame.isText
      this.#parts = frame.rsv1 && this.inflater !== undefined ? [] : undefined
    }
    const isText = this.#isText
    if (this.#parts === undefined) return { isText }
    this.#parts.push(frame.copyPayload())
    if (!frame.fin) return { isText }
    const payload = Buffer.concat(this.#parts)
    this.#parts = undefined
    return { isText, inflated: this.#inflate(payload) }
  }

  #inflate(payload: Buffer): Buffer | undefined {
    try {
      return this.inflater?.inflate(payload)
    } catch {
      this.inflater = undefined // what comes later builds on what could not be read
      return undefined
    }
  }
}

/** Cuts both directions of a connection into frames, and inflates what was compressed as was agreed. */
export class FrameTap {
  readonly #listener: TapListener
  readonly #since: () => number
  readonly #directions = { sent: new Direction(), received: new Direction() } as const
  readonly #broken = new Set<FrameDirection>()

  constructor(listener: TapListener, since: () => number) {
    this.#listener = listener
    this.#since = since
  }

  /** Takes note of what the server agreed to, as far as it is permessage-deflate. */
  agree(answer: Head): void {
    const agreement = agreeAsClient(answer, [{ noTakeover: false, windowBits: 0 }])
    if (agreement === undefined || typeof agreement === 'string') return
    const { ours, theirs }: Agreement = agreement
    this.#directions.sent.inflater = new Inflater(ours)
    this.#directions.received.inflater = new Inflater(theirs)
  }

  /** Bytes that went by; they belong to the tap from then on. */
  bytes(direction: FrameDirection, bytes: Buffer): void {
    if (this.#broken.has(direction)) return
    const one = this.#directions[direction]
    try {
      one.decoder.append(bytes)
      for (let frame = one.decoder.next(); frame !== undefined; frame = one.decoder.next()) {
        this.#listener.frame({ frame, direction, at: this.#since(), ...one.look(frame) })
        releaseFrame(frame)
      }
    } catch (error) {
      this.#broken.add(direction)
      this.#listener.broken(direction, error instanceof Error ? error.message : String(error))
    }
  }
}
