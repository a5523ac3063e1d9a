import { headOf } from '../frame/frame.js'
import type { Codecs } from './codecs.js'
import { Decoding, type DecodingHost } from './decoding.js'
import { Inbox } from './inbox.js'
import type { ResolvedConnOptions } from './options.js'
import { isPlainMessage } from './plain-message.js'
import type { Readers } from './readers.js'
import { Serving, type ServingHost } from './serving.js'

/**
 * What came in and was not handed over at once, with those who take from it. Most connections never have one: it is made
 * with the first frame that has to wait.
 */
export class Backlog {
  readonly inbox: Inbox
  readonly decoding: Decoding
  readonly serving: Serving

  constructor(
    codecs: Codecs | undefined,
    options: ResolvedConnOptions,
    readers: Readers,
    host: DecodingHost,
    servingHost: ServingHost,
  ) {
    this.inbox = new Inbox(options)
    this.decoding = new Decoding(this.inbox, codecs, options, host)
    this.serving = new Serving(this.inbox, this.decoding, readers, servingHost)
  }

  /** Bytes that all of it holds. */
  get memory(): number {
    return this.inbox.memory + this.decoding.memory
  }

  get isEmpty(): boolean {
    return this.inbox.isEmpty && this.decoding.isEmpty
  }

  /** Whether data is here that was not given to anybody yet. */
  get holdsData(): boolean {
    return this.inbox.holdsData || this.decoding.isBusy
  }

  /** Whether what comes next is a message that no extension has to change back, and all before it has been read. */
  get beginsPlain(): boolean {
    if (!this.decoding.isEmpty || this.decoding.isBusy) return false
    const first = this.inbox.peekData()
    return first !== undefined && isPlainMessage(headOf(first))
  }

  /** Whether what comes in has to wait behind what is here. */
  get isInTheWay(): boolean {
    return this.serving.isStreaming || !this.isEmpty || this.decoding.isBusy
  }

  /** Nobody will read any more. */
  abandon(): void {
    this.inbox.clear()
    this.decoding.abandon()
  }
}
