import { FIN } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import type { Incoming } from './message-watch.js'
import type { Pace } from './pace.js'
import type { WireWatch } from './wire-watch.js'

/** What has come in so far, how it goes on, and who looks at it meanwhile. */
export abstract class Arrivals implements Incoming {
  abstract readonly decoder: { readonly buffered: number }
  abstract readonly session: { readonly isInside: boolean }
  bytesIn = 0
  framesIn = 0
  messagesIn = 0
  textIn = 0
  pingsIn = 0
  pongsIn = 0
  /** Pongs among them that we have asked for. */
  answersIn = 0
  /** Bytes were left undecoded. */
  isStopped = false
  /** Why the peer was stopped, if it was: nobody makes room for what it sent, or it sends faster than it may. */
  pausedBy: 'reader' | 'rate' | undefined = undefined
  /** Holds the peer to its rates; most connections have none. */
  pace: Pace | undefined = undefined
  /** Frames are being decoded, further up in the stack. */
  isDecoding = false
  /** Bytes that came right where they belong, of which the decoder has not been told yet. */
  arrived = 0
  /** Is told when nothing is left undecoded: the peer sends no more. */
  whenTaken: (() => void) | undefined = undefined
  /** The size of what was to be read into when nothing was wanted any more: the transport has it until bytes come. */
  abandoned = 0
  /** Shown every frame, while somebody looks. */
  watch: WireWatch | undefined = undefined

  get isInside(): boolean {
    return this.decoder.buffered > 0 || this.session.isInside
  }

  get ratePauses(): number {
    return this.pace?.pauses ?? 0
  }

  get partial(): number {
    return this.isStopped ? 0 : this.decoder.buffered
  }

  get isExcused(): boolean {
    return this.pausedBy === 'reader' || (this.pausedBy === 'rate' && !this.session.isInside)
  }

  /** Takes in what was left for a reader who comes back, as far as there is room. */
  abstract takeRest(): void

  /** No more will come: calls back, or `waits` with that until all was taken in, be it for readers or for a rate. */
  finish(callback: () => void, waits: boolean): void {
    this.takeRest()
    if (!waits || !(this.isStopped || this.isDecoding)) return callback()
    const { whenTaken } = this
    this.whenTaken = () => {
      whenTaken?.()
      callback()
    }
  }

  /** Counts a data frame by its first byte. */
  countData(head: number): void {
    if ((head & FIN) !== 0) this.messagesIn++
    if ((head & 0x0f) === Opcode.Text) this.textIn++
  }

  /** Counts a control frame by its opcode. */
  countControl(opcode: number): void {
    if (opcode === Opcode.Ping) this.pingsIn++
    else if (opcode === Opcode.Pong) this.pongsIn++
  }
}
