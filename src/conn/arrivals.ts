import { FIN } from '../frame/header.js'
import { Opcode } from '../frame/opcode.js'
import type { WireWatch } from './wire-watch.js'

/** What has come in so far, and who looks at it meanwhile. */
export class Arrivals {
  bytesIn = 0
  framesIn = 0
  messagesIn = 0
  textIn = 0
  pingsIn = 0
  pongsIn = 0
  /** Pongs among them that we have asked for. */
  answersIn = 0
  /** Shown every frame, while somebody looks. */
  watch: WireWatch | undefined = undefined

  /** Counts a data frame by its first byte. */
  countData(head: number): void {
    if ((head & FIN) !== 0) this.messagesIn++
    if ((head & 0x0f) === Opcode.Text) this.textIn++
  }
}
