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
import { FIN } from '../frame/header.js'
import { isControl, Opcode } from '../frame/opcode.js'
import { acquireFrame } from '../frame/pool.js'
import { keepBytes, keptIn } from './memory.js'
import { type Message, ownMessage } from './message.js'

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

/** A message of its own, out of memory that is used again unless it is `owned` by nobody else. */
export function keepMessage(
  isText: boolean,
  ascii: boolean,
  bytes: Buffer,
  start: number,
  end: number,
  owned: boolean,
): Message {
  if (owned) return ownMessage(isText, ascii, bytes, start, end)
  const at = keepBytes(bytes, start, end)
  return ownMessage(isText, ascii, keptIn(), at, at + end - start)
}
