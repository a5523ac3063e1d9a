import { toError } from '../errors.js'
import { FrameDecoder } from '../frame/decoder.js'
import { bytesOf, endOf, type Frame, headOf, lendToFrame, setFrame, startOf } from '../frame/frame.js'
import { FIN, RSV } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { releaseFrame } from '../frame/pool.js'
import {
  type ConnContext,
  frames,
  isWireWatched,
  messages,
  type WireFrame,
  type WireMessage,
} from './channels.js'
import { keepFrame } from './plain-message.js'
import { holdTogether } from './together.js'

/** A frame that went over the wire. */
export interface TapFrame extends WireFrame {
  /** Tells it from a coding. */
  readonly kind: 'frame'
}

/**
 * What an extension made of one part of a message, usually all of it: permessage-deflate compresses what goes out, before
 * it is shown as frames, and inflates what came in, when somebody reads it.
 */
export interface TapCoding {
  /** Tells it from a frame. */
  readonly kind: 'coding'
  /** Which way it went. */
  readonly direction: 'in' | 'out'
  /** When, as a Unix time in milliseconds. */
  readonly time: number
  /** Bytes as the application has them. */
  readonly plainLength: number
  /** Bytes as they are on the wire. */
  readonly codedLength: number
}

/** What a tap is told, in order. */
export type TapEvent = TapFrame | TapCoding

/** What `conn.tap()` takes. */
export type TapListener = (event: TapEvent) => void

/** What the watch needs from the connection around it. */
export interface WatchHost extends ConnContext {
  /** A listener threw. */
  tapFailed(error: Error): void
}

const now = (): number => performance.timeOrigin + performance.now()

/**
 * Shows the frames of one connection to those who look: its taps, and subscribers of the channels. It exists only while
 * there are any. What comes in is shown as it is decoded; what goes out is read back from the very bytes that are written.
 */
export class WireWatch {
  readonly #host: WatchHost
  readonly #taps = new Set<TapListener>()
  /** Reads what goes out; undefined once that is no sequence of frames. */
  #written: FrameDecoder | undefined = new FrameDecoder({ strict: false, maxFrame: Infinity })
  readonly #in = new MessageCount('in')
  readonly #out = new MessageCount('out')

  constructor(host: WatchHost) {
    this.#host = host
  }

  /** Whether nobody looks any more. */
  get isIdle(): boolean {
    return this.#taps.size === 0 && !isWireWatched()
  }

  /** Adds a listener; returns what takes it away. */
  add(listener: TapListener): () => void {
    const tap: TapListener = (event) => listener(event) // the same function may tap twice
    this.#taps.add(tap)
    return () => void this.#taps.delete(tap)
  }

  /**
   * A frame came in, unmasked; its payload is lent, and the frame is one for all connections: it is as it was on return,
   * though listeners may have read from others meanwhile.
   */
  received(frame: Frame): void {
    const head = headOf(frame)
    const { masked, maskKey } = frame
    const bytes = bytesOf(frame)
    const start = startOf(frame)
    const end = endOf(frame)
    this.#showIn(frame, head)
    setFrame(frame, head, masked, maskKey)
    lendToFrame(frame, bytes, start, end)
  }

  #showIn(frame: Frame, head: number): void {
    const message = this.#in.add(head, frame.length)
    if (this.#showsFrames()) {
      const shown = keepFrame(frame, false) // whatever listeners do with it is not done to the connection
      this.#show('in', shown)
      if (!shown.isReleased) releaseFrame(shown)
    }
    this.#publish(message)
  }

  /** Bytes are about to be written: whole frames, or the next piece of one. */
  writing(bytes: Buffer): void {
    const decoder = this.#written
    if (decoder === undefined) return
    decoder.append(holdTogether(Buffer.from(bytes))) // decoding unmasks where the bytes lie
    try {
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) this.#onWritten(frame)
    } catch {
      this.#written = undefined // a frame that the application encoded wrongly: behind it nobody can tell what is what
    }
  }

  #onWritten(frame: Frame): void {
    const message = this.#out.add(headOf(frame), frame.length)
    if (this.#showsFrames()) this.#show('out', frame)
    if (!frame.isReleased) releaseFrame(frame)
    this.#publish(message)
  }

  /** An extension changed a part of a message. */
  coded(direction: 'in' | 'out', plainLength: number, codedLength: number): void {
    if (this.#taps.size > 0) this.#tell({ kind: 'coding', direction, time: now(), plainLength, codedLength })
  }

  #showsFrames(): boolean {
    return this.#taps.size > 0 || frames.hasSubscribers
  }

  #show(direction: 'in' | 'out', frame: Frame): void {
    const time = now()
    if (this.#taps.size > 0) this.#tell({ kind: 'frame', direction, time, frame })
    if (frames.hasSubscribers && !frame.isReleased) {
      const { conn, role } = this.#host
      frames.publish({ conn, role, direction, time, frame } satisfies ConnContext & WireFrame)
    }
  }

  #tell(event: TapEvent): void {
    for (const tap of this.#taps) {
      try {
        tap(event)
      } catch (thrown) {
        this.#taps.delete(tap) // it would throw for every frame
        this.#host.tapFailed(toError(thrown))
      }
    }
  }

  #publish(message: WireMessage | undefined): void {
    if (message === undefined || !messages.hasSubscribers) return
    const { conn, role } = this.#host
    messages.publish({ conn, role, ...message } satisfies ConnContext & WireMessage)
  }
}

/** Where a connection has its watch while there is one. */
interface Watched {
  watch: WireWatch | undefined
}

/** The watch from now on: a new one, the one there is, or none any more. */
export function lookAt(place: Watched, host: WatchHost): WireWatch | undefined {
  if (place.watch === undefined) place.watch = new WireWatch(host)
  else if (place.watch.isIdle) place.watch = undefined
  return place.watch
}

/** Adds a tap; returns what takes it away. What extensions do is of interest to taps alone. */
export function addTap(
  listener: TapListener,
  place: Watched,
  codecs: Watched | undefined,
  host: WatchHost,
): () => void {
  place.watch ??= new WireWatch(host)
  if (codecs !== undefined) codecs.watch = place.watch
  return place.watch.add(listener)
}

/** Adds the frames of one direction up to messages. One whose beginning was not seen is left out. */
class MessageCount {
  readonly #direction: 'in' | 'out'
  /** The first byte of its first frame; 0 when none is under way. */
  #head = 0
  #length = 0
  #frames = 0

  constructor(direction: 'in' | 'out') {
    this.#direction = direction
  }

  /** Gives the message that a frame completes. */
  add(head: number, length: number): WireMessage | undefined {
    if (isControl(head)) return undefined
    if ((head & 0x0f) !== Opcode.Continuation) this.#begin(head)
    else if (this.#head === 0) return undefined
    this.#length += length
    this.#frames++
    return (head & FIN) === 0 ? undefined : this.#end()
  }

  #begin(head: number): void {
    this.#head = head
    this.#length = this.#frames = 0
  }

  #end(): WireMessage {
    const head = this.#head
    this.#head = 0
    return {
      direction: this.#direction,
      isText: (head & 0x0f) === Opcode.Text,
      length: this.#length,
      frames: this.#frames,
      compressed: (head & RSV) !== 0,
    }
  }
}
