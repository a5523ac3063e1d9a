import { FAIR_SHARE } from '../frame/decoder.js'
import {
  bytesOf,
  copyIntoFrame,
  endOf,
  type Frame,
  headOf,
  lendToFrame,
  setFrame,
  startOf,
} from '../frame/frame.js'
import { FIN, MAX_HEADER } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame } from '../frame/pool.js'
import { keepBytes, keptMessage } from './memory.js'
import { lendMessage, type Message, ownMessage, textMessage } from './message.js'
import { MAX_STAGED } from './staging.js'

/** Text from a fair share of what it came with up to what goes out in one piece with others may be kept as a string. */
const LONGEST_TEXT = MAX_STAGED - MAX_HEADER

/** FIN with a data opcode and nothing else: a message of one frame, as it stands. */
export const isPlainMessage = (head: number): boolean =>
  head === (FIN | Opcode.Text) || head === (FIN | Opcode.Binary)

export const isData = (head: number): boolean => !isControl(head)

/** A frame from the pool like one that is only at hand; it owns its payload, if need be a copy. */
export function keepFrame(frame: Frame, owned: boolean): Frame {
  const kept = acquireFrame()
  setFrame(kept, headOf(frame), frame.masked, frame.maskKey)
  if (owned) lendToFrame(kept, bytesOf(frame), startOf(frame), endOf(frame))
  else copyIntoFrame(kept, bytesOf(frame), startOf(frame), endOf(frame))
  return kept
}

/** The message that a frame at hand is, lent as long as its memory unless that is `owned` by nobody else. */
export function lendFrame(frame: Frame, isAscii: boolean, owned: boolean): Message {
  const isText = (headOf(frame) & 0x0f) === Opcode.Text
  const make = owned ? ownMessage : lendMessage
  return make(isText, isAscii, bytesOf(frame), startOf(frame), endOf(frame))
}

/** The same, its own from now on. */
export function takeFrame(frame: Frame, isAscii: boolean, owned: boolean): Message {
  const isText = (headOf(frame) & 0x0f) === Opcode.Text
  return keepMessage(isText, isAscii, bytesOf(frame), startOf(frame), endOf(frame), owned)
}

/** Whether of such a message the string is kept, wherever it lies. */
const becomesText = (isText: boolean, isAscii: boolean, length: number): boolean =>
  isText && isAscii && length >= FAIR_SHARE && length <= LONGEST_TEXT

/** Whether one like this would hold its share of memory that nobody writes to again. */
export const isShare = (message: Frame, isAscii: boolean): boolean =>
  message.length >= FAIR_SHARE &&
  !becomesText((headOf(message) & 0x0f) === Opcode.Text, isAscii, message.length)

/**
 * A message of its own, out of memory that is used again unless it is `owned` by nobody else. Of longer ASCII text only
 * the string is kept: most ask for it, and it costs less than memory outside of the heap, even where it is only sent on.
 * Longer yet, it is sent on from where its bytes lie.
 */
export function keepMessage(
  isText: boolean,
  isAscii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
  owned: boolean,
): Message {
  if (owned) return ownMessage(isText, isAscii, bytes, start, end)
  const length = end - start
  if (becomesText(isText, isAscii, length)) return textMessage(bytes.toString('latin1', start, end))
  const at = keepBytes(bytes, start, end)
  return keptMessage(isText, isAscii, at, at + length)
}
