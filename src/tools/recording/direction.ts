import { isUtf8 } from '../../frame/index.js'
import type { FrameDirection } from '../annotate.js'
import { Inflater, type Way } from '../check/deflate.js'
import type { FrameEvent, Whole } from './events.js'
import { faultsOf } from './faults.js'
import { FrameScanner, type Scanned, type Stop } from './scanner.js'

/** What is known of a direction before its first frame. */
export interface DirectionSetup {
  /** Which way its bytes go. */
  readonly direction: FrameDirection
  /** How far its compressor looks back; undefined when permessage-deflate is not in use. */
  readonly deflate: Way | undefined
  /** A handshake was seen, or its outcome was told. */
  readonly isAgreed: boolean
  /** Another extension is in use. */
  readonly isExtended: boolean
  /** Payloads and messages beyond this many bytes are not kept. */
  readonly maxFrame: number
  /** Where the first byte stands. */
  readonly offset: number
}

/** A frame as this direction knows it; who passes it on knows the connection and the time. */
export type DirectionFrame = Omit<FrameEvent, 'conn' | 'at'>

/** The message that is under way. */
interface Begun {
  readonly isText: boolean
  readonly isCompressed: boolean
  /** RSV1 is set for a reason that is not known: nothing can be said about the bytes. */
  readonly isOpaque: boolean
  readonly parts: Buffer[]
  size: number
  /** Something of it is missing, and why. */
  lost: string | undefined
}

/** One direction of a connection: frames out of bytes, messages out of frames, and what is wrong with them. */
export class Direction {
  readonly #setup: DirectionSetup
  readonly #scanner: FrameScanner
  readonly #inflater: Inflater | undefined
  #begun: Begun | undefined
  #isClosed = false
  /** Why compressed messages cannot be inflated any more: they look back at one that is missing. */
  #lost: string | undefined

  constructor(setup: DirectionSetup) {
    this.#setup = setup
    this.#scanner = new FrameScanner(setup.maxFrame, setup.offset)
    this.#inflater = setup.deflate && new Inflater(setup.deflate, setup.maxFrame)
  }

  get stop(): Stop | undefined {
    return this.#scanner.stop
  }

  get pending(): FrameScanner['pending'] {
    return this.#scanner.pending
  }

  push(chunk: Buffer): DirectionFrame[] {
    return this.#scanner.push(chunk).map((scanned) => this.#see(scanned))
  }

  #see({ frame, offset, isSkipped }: Scanned): DirectionFrame {
    const { direction, deflate, isAgreed, isExtended, maxFrame } = this.#setup
    const faults = faultsOf(frame, {
      direction,
      isAgreed,
      isExtended,
      isDeflated: deflate !== undefined,
      isBegun: this.#begun !== undefined,
      isClosed: this.#isClosed,
    })
    if (isSkipped) faults.push(`The payload is not shown: the limit is ${maxFrame} bytes`)
    this.#isClosed ||= frame.isClose
    // Where nobody knows what RSV1 means, nobody knows whether it is still a text.
    const isText = frame.isContinuation && !this.#begun?.isOpaque ? this.#begun?.isText : undefined
    const base = { type: 'frame', direction, offset, frame, isSkipped } as const
    if (frame.isControl) return { ...base, faults }
    const begun = this.#collect({ frame, offset, isSkipped })
    if (!frame.fin || begun === undefined) return { ...base, faults, ...(isText && { isText }) }
    this.#begun = undefined
    const message = this.#end(begun, faults)
    const inflated = begun.isCompressed ? message?.data : undefined
    return { ...base, faults, message, ...(isText && { isText }), ...(inflated && { inflated }) }
  }

  #collect({ frame, isSkipped }: Scanned): Begun | undefined {
    if (!frame.isContinuation)
      this.#begun = {
        isText: frame.isText,
        isCompressed: frame.rsv1 && this.#inflater !== undefined,
        isOpaque: frame.rsv1 && this.#inflater === undefined,
        parts: [],
        size: 0,
        lost: undefined,
      }
    const begun = this.#begun
    if (begun === undefined) return undefined
    begun.size += frame.length
    if (isSkipped || begun.size > this.#setup.maxFrame)
      begun.lost = `it is longer than ${this.#setup.maxFrame} bytes`
    if (begun.lost !== undefined) begun.parts.length = 0
    // A payload is a view of all that came with it: what waits for more is copied.
    else if (frame.length > 0) begun.parts.push(frame.fin ? frame.payload : frame.copyPayload())
    return begun
  }

  #end({ isText, isCompressed, isOpaque, parts, lost }: Begun, faults: string[]): Whole | undefined {
    if (lost !== undefined) {
      if (isCompressed && this.#setup.deflate?.takeover === true) this.#lost ??= lost
      return undefined
    }
    if (isOpaque) return undefined
    const payload = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    const data = isCompressed ? this.#inflate(payload, faults) : payload
    if (data === undefined) return undefined
    if (isText && !isUtf8(data)) faults.push('A text is not UTF-8 (RFC 6455 §8.1)')
    return { isText, data }
  }

  #inflate(payload: Buffer, faults: string[]): Buffer | undefined {
    if (this.#lost !== undefined) {
      faults.push(`Cannot inflate: it looks back at a message that is missing: ${this.#lost}`)
      return undefined
    }
    try {
      return this.#inflater?.inflate(payload)
    } catch (error) {
      if (this.#setup.deflate?.takeover === true) this.#lost = 'it could not be inflated'
      faults.push(this.#whyNot(error as NodeJS.ErrnoException))
      return undefined
    }
  }

  #whyNot({ code, message }: NodeJS.ErrnoException): string {
    return code === 'ERR_BUFFER_TOO_LARGE'
      ? `The message is not shown: inflated it is longer than the limit of ${this.#setup.maxFrame} bytes`
      : `Cannot inflate: ${message} (RFC 7692 §7.2.2)`
  }
}
