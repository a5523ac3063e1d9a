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
