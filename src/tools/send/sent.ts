import type { Frame } from '../../frame/index.js'
import type { Agreed } from '../recording/agreement.js'
import { faultsOf } from '../recording/faults.js'

/** What the rules for our own frames depend on. */
export class SentState {
  #isBegun = false
  #isClosed = false
  #isText = false

  /** The message that is being sent is a text, as far as it is one. */
  get isText(): boolean {
    return this.#isText
  }

  /** Every rule that a frame breaks. */
  add(frame: Frame, agreed: Agreed | undefined): readonly string[] {
    const faults = faultsOf(frame, {
      direction: 'sent',
      isAgreed: true,
      isExtended: agreed?.isExtended ?? false,
      isDeflated: agreed?.deflate !== undefined,
      isBegun: this.#isBegun,
      isClosed: this.#isClosed,
    })
    this.#isClosed ||= frame.isClose
    if (frame.isControl) return faults
    if (!frame.isContinuation) this.#isText = frame.isText
    this.#isBegun = !frame.fin
    return faults
  }
}
