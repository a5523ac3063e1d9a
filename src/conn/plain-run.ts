// Hot: run benchmarks/e2e before and after any edit. The naive twin is the ordinary way, through `Inbound` and `Delivery`:
// test/conn/plain-run.test.ts holds both equal.
import { FAIR_SHARE, type FrameDecoder } from '../frame/decoder.js'
import { copyIntoFrame, Frame, fillFrame, lendToFrame, setFrame } from '../frame/frame.js'
import { FIN, headerSize, readInt32 } from '../frame/header.js'
import { LOOK_LATER_FROM, maskBlindly, maskUnchecked, UNSEEN } from '../frame/mask.js'
import { Opcode } from '../frame/opcode.js'
import { plainEnd, plainHead, plainStart } from '../frame/plain.js'
import { acquireFrame } from '../frame/pool.js'
import { unmaskInto } from '../frame/unmask-into.js'
import { isPlainAscii, isUtf8 } from '../frame/utf8.js'
import type { Arrivals } from './arrivals.js'
import type { Delivery } from './delivery.js'
import { keptIn, keptMessage, reserveKept } from './memory.js'
import { lendMessage, type Message } from './message.js'
import type { ResolvedConnOptions } from './options.js'
import { keepMessage } from './plain-message.js'
import { checkIn, checkOut, MAX_STAGED, roomAhead, stagingSlab } from './staging.js'

/** What is staged, less the longest header that is needed for it. */
const LONGEST = MAX_STAGED - 4

/** A message at hand, its payload lent; nothing looks at it any more once somebody else's code has been called. */
const current = new Frame()

/** Takes what is plain, one message or as many as come at once, for who waits for it or for nobody yet; false for none. */
export function takePlain(
  decoder: FrameDecoder,
  delivery: Delivery,
  options: ResolvedConnOptions,
  arrivals: Arrivals,
): boolean {
  if (delivery.handlesNow !== undefined && takeRun(decoder, delivery, options, arrivals)) return true
  if (delivery.wantsMessage) {
    const isAscii = readPlain(decoder, current, options, arrivals)
    if (isAscii !== undefined) delivery.handOver(current, isAscii, decoder.ownsPayload)
    return isAscii !== undefined
  }
  const frame = keepPlain(decoder, options, arrivals)
  if (frame !== undefined) delivery.pushData(frame)
  return frame !== undefined
}

/**
 * Takes plain messages, one after the other, as long as they come whole and are handled at once. Each is unmasked straight
 * to where it would be sent from: an echo, which is what many servers mostly do, is not copied at all. The bytes that came
 * in are left as they are, so that whatever is unusual, or wrong, can be left to the ordinary way at any point.
 *
 * Returns whether it took any.
 */
function takeRun(
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
      const isAscii = isAsciiBy(seen, isText, slab, from, to)
      if (isText && validateText && !isAscii && !isUtf8(slab, from, to)) break
      stepOver(decoder, arrivals)
      any = true
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

/** The next plain message, its own from now on; undefined when something else comes next. */
export function pullPlain(
  decoder: FrameDecoder,
  { maxMessage, validateText }: ResolvedConnOptions,
  arrivals: Arrivals,
): Message | undefined {
  if (!decoder.seesPlain(maxMessage)) return undefined
  const { chunk } = decoder
  const length = plainEnd - plainStart
  const isText = plainHead === (FIN | Opcode.Text)
  const checks = isText && validateText
  if (length >= FAIR_SHARE) {
    const isAscii = unmaskHere(chunk, checks)
    if (isAscii === undefined) return undefined
    stepOver(decoder, arrivals)
    return keepMessage(isText, isAscii, chunk, plainStart, plainEnd, decoder.ownsPayload)
  }
  // Too little to hold on to all that it came with: it is moved while it is unmasked.
  const at = reserveKept(length, plainStart & 3)
  const kept = keptIn()
  const end = at + length
  const isAscii = isAsciiBy(unmaskInto(chunk, plainStart, plainEnd, kept, at), checks, kept, at, end)
  if (checks && !isAscii && !isUtf8(kept, at, end)) return undefined
  stepOver(decoder, arrivals)
  return keptMessage(isText, isAscii, at, end)
}

/**
 * The next plain message as the payload of a frame, unmasked where it lies: whether it is known to be ASCII; undefined when
 * something else comes next.
 */
export function readPlain(
  decoder: FrameDecoder,
  frame: Frame,
  options: ResolvedConnOptions,
  arrivals: Arrivals,
): boolean | undefined {
  const isAscii = takeHere(decoder, options, arrivals)
  if (isAscii === undefined) return undefined
  const { chunk } = decoder
  fillFrame(frame, plainHead, true, readInt32(chunk, plainStart - 4), chunk, plainStart, plainEnd, undefined)
  return isAscii
}

/** The same as a frame from the pool, which owns its payload. */
function keepPlain(
  decoder: FrameDecoder,
  options: ResolvedConnOptions,
  arrivals: Arrivals,
): Frame | undefined {
  if (takeHere(decoder, options, arrivals) === undefined) return undefined
  const frame = acquireFrame()
  const { chunk } = decoder
  setFrame(frame, plainHead, true, readInt32(chunk, plainStart - 4))
  if (decoder.ownsPayload) lendToFrame(frame, chunk, plainStart, plainEnd)
  else copyIntoFrame(frame, chunk, plainStart, plainEnd)
  return frame
}

/** Takes the next plain message, unmasked where it lies: whether it is known to be ASCII. */
function takeHere(
  decoder: FrameDecoder,
  { maxMessage, validateText }: ResolvedConnOptions,
  arrivals: Arrivals,
): boolean | undefined {
  if (!decoder.seesPlain(maxMessage)) return undefined
  const isAscii = unmaskHere(decoder.chunk, validateText && plainHead === (FIN | Opcode.Text))
  if (isAscii !== undefined) stepOver(decoder, arrivals)
  return isAscii
}

function stepOver(decoder: FrameDecoder, arrivals: Arrivals): void {
  decoder.skipPlain()
  arrivals.framesIn++
  arrivals.countData(plainHead)
}

/** Unmasks the message that was just seen where it lies; undefined when it `checks` and finds no UTF-8. */
function unmaskHere(chunk: Buffer, checks: boolean): boolean | undefined {
  const start = plainStart
  const end = plainEnd
  const key = readInt32(chunk, start - 4)
  const seen =
    end - start < LOOK_LATER_FROM
      ? maskUnchecked(chunk, start, end, key)
      : maskBlindly(chunk, start, end, key)
  const isAscii = isAsciiBy(seen, checks, chunk, start, end)
  if (!checks || isAscii || isUtf8(chunk, start, end)) return isAscii
  maskBlindly(chunk, start, end, key) // as it was: the ordinary way is to find out what is wrong
  return undefined
}

/** Whether bytes are known to be ASCII: by what was `seen` of them, or by a look, if that is worth it. */
const isAsciiBy = (seen: number, looks: boolean, bytes: Buffer, start: number, end: number): boolean =>
  seen < 0x80 || (seen === UNSEEN && looks && isPlainAscii(bytes, start, end))
