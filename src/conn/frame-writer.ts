import { WebSocketError } from '../errors.js'
import { type Frame, headOf } from '../frame/frame.js'
import { acquireFrame, releaseFrame } from '../frame/pool.js'
import { checkHeader } from '../frame/rules.js'
import type { Framer } from './framer.js'
import type { Lane } from './lane.js'

/**
 * Data frames of the application's own. A message begun with them holds the lane until its last frame, as a stream
 * does; frames that come before the lane is free are kept.
 */
export class FrameWriter {
  readonly #framer: Framer
  readonly #lane: Lane
  readonly #allowedRsv: number
  /** The message under way: frames that wait for the lane, and what gives it back. */
  #message: { waiting: Frame[] | undefined; release: () => void } | undefined

  constructor(framer: Framer, lane: Lane, allowedRsv: number) {
    this.#framer = framer
    this.#lane = lane
    this.#allowedRsv = allowedRsv
  }

  /** Checks a frame against RFC 6455 and sends it; true when it ends a message. */
  write(frame: Frame): boolean {
    const rules = { expectMasked: undefined, allowedRsv: this.#allowedRsv, maxFrame: Infinity }
    checkHeader(headOf(frame), false, frame.length, rules)
    if (frame.isClose) throw new WebSocketError('WS_ERR_STATE', 'Cannot write a Close frame: use close()')
    if (frame.isControl) this.#framer.control(frame.opcode, frame.payload)
    else this.#writeData(frame)
    return frame.isData && frame.fin
  }

  #writeData(frame: Frame): void {
    if (frame.isContinuation !== (this.#message !== undefined))
      throw new WebSocketError(
        'WS_ERR_STATE',
        `Cannot write this frame: ${this.#message === undefined ? 'no message is' : 'a message is'} under way (RFC 6455 §5.4)`,
      )
    if (this.#message === undefined) this.#begin(frame)
    else this.#continue(frame)
  }

  #begin(frame: Frame): void {
    if (frame.fin && this.#lane.isFree) return this.#framer.frame(frame)
    const message = { waiting: [] as Frame[] | undefined, release: (): void => undefined }
    this.#message = message
    this.#lane.run(() => {
      for (const kept of message.waiting ?? []) this.#layKept(kept)
      message.waiting = undefined
      if (this.#message !== message) return undefined
      return new Promise<void>((resolve) => {
        message.release = resolve
      })
    })
    this.#continue(frame)
  }

  #continue(frame: Frame): void {
    const message = this.#message!
    if (frame.fin) this.#message = undefined
    if (message.waiting === undefined) this.#framer.frame(frame)
    else message.waiting.push(copyOf(frame))
    if (frame.fin) message.release()
  }

  #layKept(frame: Frame): void {
    this.#framer.frame(frame)
    releaseFrame(frame)
  }
}

function copyOf(frame: Frame): Frame {
  const copy = acquireFrame()
  frame.copyTo(copy)
  return copy
}
