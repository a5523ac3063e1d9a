// Hot: run benchmarks/e2e before and after any edit. Every read that brings several messages for a reader ends here.
import type { FrameDecoder } from '../frame/decoder.js'
import { holdTogether } from './together.js'

/** More is left for a moment than this but rarely: one read of a socket brings 64 KiB. */
export const ROOM_SIZE = 64 << 10

/**
 * Room for what a read has left, while readers come back for it in the same turn: nearly always they take all of it, and
 * no memory had to be made for it. Who takes anything out of here has to copy it.
 */
const room = holdTogether(Buffer.allocUnsafeSlow(ROOM_SIZE + 8))

/** Whose rest lies there, until its turn is over; others do without the room. */
let tenant: FrameDecoder | undefined

/** Copies what was left, so that it can stay. */
export function keepRest(decoder: FrameDecoder): void {
  decoder.keep()
  if (!decoder.isDry) holdTogether(decoder.chunk)
}

/**
 * Copies what was left, for this turn; then `settleRest()` has to be called. It was left at the end of `memory[0, end)`, behind
 * a whole frame.
 */
export function parkRest(decoder: FrameDecoder, memory: Buffer, end: number): void {
  const { buffered } = decoder
  if (tenant !== undefined || decoder.chunk !== memory || buffered > ROOM_SIZE) return keepRest(decoder)
  const start = end - buffered
  const begin = start & 7 // for speed alone: bytes are unmasked and copied by words where they lie alike
  memory.copy(room, begin, start, end)
  decoder.drop()
  decoder.append(room, begin, begin + buffered)
  tenant = decoder
}

/** Whether what was left lies where it can stay for this turn only. */
export const isParked = (decoder: FrameDecoder): boolean => decoder.chunk === room

/** Has what is still left in the room, if anything is, stay somewhere else. */
export function settleRest(decoder: FrameDecoder): void {
  if (tenant !== decoder) return
  tenant = undefined
  if (isParked(decoder)) keepRest(decoder)
}
