// Hot: run benchmarks/e2e before and after any edit. The naive twin is the ordinary way, through `Inbound` and `Delivery`:
// test/conn/plain-run.test.ts holds both equal.
import type { FrameDecoder } from '../frame/decoder.js'
import { type Frame, fillFrame } from '../frame/frame.js'
import { FIN, headerSize, readInt32 } from '../frame/header.js'
import { LOOK_LATER_FROM, maskBlindly, maskUnchecked, UNSEEN } from '../frame/mask.js'
import { Opcode } from '../frame/opcode.js'
import { plainEnd, plainHead, plainStart } from '../frame/plain.js'
import { unmaskInto } from '../frame/unmask-into.js'
import { isPlainAscii, isUtf8 } from '../frame/utf8.js'
import type { Arrivals } from './arrivals.js'
import type { Delivery } from './delivery.js'
import { lendMessage } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { checkIn, checkOut, MAX_STAGED, roomAhead, stagingSlab } from './staging.js'

/** What is staged, less the longest header that is needed for it. */
const LONGEST = MAX_STAGED - 4

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
  arrivals: Arrivals,
): boolean {
  const longest = Math.min(maxMessage, LONGEST)
  let any = false
  try {
    for (let handling = delivery.handlesNow; handling !== undefined; handling = delivery.handlesNow) {
      if (arrivals.watch !== undefined || !decoder.seesPlain(longest)) break
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
      arrivals.framesIn++
      arrivals.countData(plainHead)
      const message = lendMessage(isText, isAscii, slab, from, to)
      checkIn(message)
      handling.handleNow(message)
      checkOut()
    }
  } finally {
    if (any) checkOut() // else the room may be somebody else's, whose handler has brought these bytes in
  }
  return any
}

/** Whether the bytes of the message that `readPlain()` gave last are known to be ASCII. */
export let plainIsAscii = false

/** The next plain message as the payload of a frame, unmasked where it lies; false when something else comes next. */
export function readPlain(
  decoder: FrameDecoder,
  frame: Frame,
  { maxMessage, validateText }: ResolvedConnOptions,
  arrivals: Arrivals,
): boolean {
  if (!decoder.seesPlain(maxMessage)) return false
  const start = plainStart
  const end = plainEnd
  const { chunk } = decoder
  const key = readInt32(chunk, start - 4)
  const seen =
    end - start < LOOK_LATER_FROM
      ? maskUnchecked(chunk, start, end, key)
      : maskBlindly(chunk, start, end, key)
  const isText = plainHead === (FIN | Opcode.Text)
  const checks = isText && validateText
  plainIsAscii = checks && (seen < 0x80 || (seen === UNSEEN && isPlainAscii(chunk, start, end)))
  if (checks && !plainIsAscii && !isUtf8(chunk, start, end)) {
    maskBlindly(chunk, start, end, key) // as it was: the ordinary way is to find out what is wrong
    return false
  }
  decoder.skipPlain()
  arrivals.framesIn++
  arrivals.countData(plainHead)
  fillFrame(frame, plainHead, true, key, chunk, start, end, undefined)
  return true
}
