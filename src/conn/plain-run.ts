// Hot: run benchmarks/e2e before and after any edit. The naive twin is the ordinary way, through `Inbound` and `Delivery`:
// test/conn/plain-run.test.ts holds both equal.
import type { FrameDecoder } from '../frame/decoder.js'
import { FIN, headerSize } from '../frame/header.js'
import { UNSEEN } from '../frame/mask.js'
import { Opcode } from '../frame/opcode.js'
import { plainEnd, plainHead, plainStart } from '../frame/plain.js'
import { unmaskInto } from '../frame/unmask-into.js'
import { isPlainAscii, isUtf8 } from '../frame/utf8.js'
import type { Delivery } from './delivery.js'
import { lendMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { checkIn, checkOut, MAX_STAGED, roomAhead, stagingSlab } from './staging.js'

/** What is staged, less the longest header that is needed for it. */
const LONGEST = MAX_STAGED - 4

/** Who counts what came in. */
export interface RunCounter {
  framesIn: number
  messagesIn: number
  textIn: number
  /** Who wants to be shown every frame: then none is taken in a run. */
  readonly watch: unknown
}

/**
 * Takes plain messages, one after the other, as long as they come whole and are handled at once. Each is unmasked straight
 * to where it would be sent from: an echo, which is what many servers mostly do, is not copied at all. The bytes that came
 * in are left as they are, so that whatever is unusual, or wrong, can be left to the ordinary way at any point.
 *
 * Returns whether it took any.
 */
export function takePlainRun(
  decoder: FrameDecoder,
  delivery: Delivery,
  { maxMessage, validateText }: ResolvedConnOptions,
  counter: RunCounter,
): boolean {
  const longest = Math.min(maxMessage, LONGEST)
  let any = false
  try {
    for (let handling = delivery.handlesNow; handling !== undefined; handling = delivery.handlesNow) {
      if (counter.watch !== undefined || !decoder.seesPlain(longest)) break
      const start = plainStart
      const end = plainEnd
      const isText = plainHead === (FIN | Opcode.Text)
      const header = headerSize(end - start, false)
      const room = roomAhead(header + end - start)
      if (room < 0) break
      const slab = stagingSlab()
      const from = room + header
      const to = from + end - start
      const seen = unmaskInto(decoder.chunk, start, end, slab, from)
      const isAscii = seen < 0x80 || (isText && seen === UNSEEN && isPlainAscii(slab, from, to))
      if (isText && validateText && !isAscii && !isUtf8(slab, from, to)) break
      decoder.skipPlain()
      any = true
      counter.framesIn++
      counter.messagesIn++
      if (isText) counter.textIn++
      const message = lendMessage(isText, isAscii, slab, from, to)
      checkIn(message)
      handling.handleNow(message)
      checkOut()
    }
  } finally {
    checkOut()
  }
  return any
}
